/* manifest_check: the small grammars of the manifest's own texts.
 * In:    a text and its size.
 * Out:   whether it is of the form, and what it means.
 * Never: looks a name up; the system's tables are not asked, nor is the network. */
#include "core/manifest_check.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/limits.h"
#include "lib/text.h"

#define EXPIRATION_MIN_MS 60000
#define SEGMENT_BYTES     255
#define FILE_BYTES        1024
#define TABLE_BYTES       255
#define SIZE_DIGITS       18

const struct schema_ban MANIFEST_BANS[2] = {
    {MANIFEST_IN_CLASS, "a class", "it in the entry of the database itself"},
    {MANIFEST_FROM_TENANTS, "the directory of tenants", "it in a file of the manifest"},
};

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, words[i]) == 0)
            return true;
    return false;
}

bool manifest_is_size(const char *s, size_t n)
{
    static const char *const UNITS[] = {"", "b", "kb", "mb", "gb", "tb"};
    size_t digits = strspn(s, "0123456789");

    (void)n;
    return digits > 0 && digits <= SIZE_DIGITS && s[0] != '0' &&
           is_one_of(s + digits, UNITS, ARRAY_SIZE(UNITS));
}

bool manifest_is_cidr(const char *s, size_t n)
{
    const char *slash = memchr(s, '/', n);
    size_t size = slash ? (size_t)(slash - s) : n;
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    uint64_t bits;
    bool v4;

    if (size >= sizeof(address))
        return false;
    memcpy(address, s, size);
    address[size] = '\0';
    v4 = inet_pton(AF_INET, address, bytes) == 1;
    if (!v4 && inet_pton(AF_INET6, address, bytes) != 1)
        return false;
    return !slash || text_parse_uint(slash + 1, v4 ? 32 : 128, &bits);
}

static bool consists_of(const char *s, size_t n, const char *characters)
{
    return n > 0 && strspn(s, characters) == n;
}

#define SMALL_ALNUM "abcdefghijklmnopqrstuvwxyz0123456789"

bool manifest_is_vpc_endpoint(const char *s, size_t n)
{
    return n > 5 && n <= LIMIT_NAME_BYTES && memcmp(s, "vpce-", 5) == 0 &&
           consists_of(s + 5, n - 5, SMALL_ALNUM);
}

bool manifest_is_location(const char *s, size_t n)
{
    return n <= LIMIT_NAME_BYTES && consists_of(s, n, SMALL_ALNUM "-");
}

bool manifest_is_extension(const char *s, size_t n)
{
    static const char *const NAMES[] = {"vector", "crypto",  "fuzzy", "math",   "stats",
                                        "text",   "unicode", "uuid",  "regexp", "vec"};

    (void)n;
    return is_one_of(s, NAMES, ARRAY_SIZE(NAMES));
}

bool manifest_is_table(const char *s, size_t n)
{
    (void)s; /* any plain text, which it is already */
    return n > 0 && n <= TABLE_BYTES;
}

bool manifest_is_time(const char *s, size_t n)
{
    int64_t ms;

    (void)n;
    return text_parse_time(s, &ms);
}

bool manifest_is_file(const char *s, size_t n)
{
    if (n == 0 || n > FILE_BYTES || strchr(s, '\\'))
        return false;
    for (;;) {
        size_t size = strcspn(s, "/");

        if (size == 0 || size > SEGMENT_BYTES || s[0] == '.')
            return false;
        if (!s[size])
            return true;
        s += size + 1;
    }
}

bool manifest_expiration(const char *s, int64_t *out_ms)
{
    int64_t ms;

    if (strcmp(s, "never") == 0) {
        *out_ms = 0;
        return true;
    }
    for (const char *p = s; *p; p++) { /* one number and one letter each, so never "ms" */
        if (*p < '1' || *p > '9')
            return false;
        p += strspn(p, "0123456789");
        if (!*p || !strchr("wdhms", *p))
            return false;
    }
    if (!text_parse_duration(s, &ms) || ms < EXPIRATION_MIN_MS)
        return false;
    *out_ms = ms;
    return true;
}

bool manifest_mode(const char *s, unsigned *out)
{
    unsigned mode = 0;

    if (strlen(s) == 4 && s[0] == '0')
        s++;
    if (strlen(s) != 3 || strspn(s, "01234567") != 3)
        return false;
    for (int i = 0; i < 3; i++)
        mode = mode << 3 | (unsigned)(s[i] - '0');
    if ((mode & 0117) || !(mode & 0400))
        return false;
    *out = mode;
    return true;
}

bool manifest_parse_absent(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                           void *out)
{
    bool absent = true;

    (void)s;
    (void)k;
    if (strcmp(t->text, "absent") != 0)
        return false;
    memcpy(out, &absent, sizeof(absent));
    return true;
}
