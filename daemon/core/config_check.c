/* config_check: the grammars of the configuration's own texts, and what must hold between its keys.
 * In:    texts; a draft, which knows where each key stands.
 * Out:   whether they are of the form; errors in diags.
 * Never: looks whether a path exists. */
#include "core/config_check.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/config_draft.h"
#include "lib/text.h"

#define PATH_BYTES       4095
#define SOCKET_BYTES     107 /* sun_path, with its NUL */
#define CREDENTIAL_BYTES 255
#define GROUP_BYTES      32
#define HOST_BYTES       253

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool config_is_path(const char *s, size_t n)
{
    if (n < 2 || n > PATH_BYTES || s[0] != '/')
        return false;
    while (*s) {
        size_t size = strcspn(++s, "/");

        if (size == 0)
            return *s == '\0'; /* a slash at the end */
        if ((size == 1 && s[0] == '.') || (size == 2 && memcmp(s, "..", 2) == 0))
            return false;
        s += size;
    }
    return true;
}

bool config_is_socket(const char *s, size_t n)
{
    return n <= SOCKET_BYTES && config_is_path(s, n) && s[n - 1] != '/';
}

bool config_is_credential(const char *s, size_t n)
{
    return n > 0 && n <= CREDENTIAL_BYTES && s[0] != '.' && strspn(s, ALNUM "._-") == n;
}

bool config_is_group(const char *s, size_t n)
{
    return n > 0 && n <= GROUP_BYTES && s[0] != '-' && s[0] != '.' && strspn(s, ALNUM "._-") == n;
}

/* --- The address of the API ---------------------------------------------------------------- */

struct url {
    bool tls;
    char host[HOST_BYTES + 1]; /* of an IPv6 address without its brackets */
    bool is_v6;
};

/* The host at s, into u; what follows it, or NULL. */
static const char *take_host(const char *s, struct url *u)
{
    size_t size;

    u->is_v6 = *s == '[';
    s += u->is_v6 ? 1 : 0;
    size = u->is_v6 ? strcspn(s, "]") : strspn(s, ALNUM ".-");
    if (size == 0 || size > HOST_BYTES)
        return NULL;
    memcpy(u->host, s, size);
    u->host[size] = '\0';
    s += size;
    if (u->is_v6) {
        unsigned char bytes[sizeof(struct in6_addr)];

        if (*s != ']' || inet_pton(AF_INET6, u->host, bytes) != 1)
            return NULL;
        s++;
    }
    return s;
}

static bool split_url(const char *s, struct url *u)
{
    size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;
    char port[6] = "";
    uint64_t number = 1;
    size_t digits;

    u->tls = scheme == 8;
    s = scheme ? take_host(s + scheme, u) : NULL;
    if (!s)
        return false;
    if (*s == ':') {
        digits = strspn(++s, "0123456789");
        if (digits == 0 || digits >= sizeof(port))
            return false;
        memcpy(port, s, digits);
        s += digits;
        if (!text_parse_uint(port, 65535, &number) || number == 0)
            return false;
    }
    return *s == '\0' || strcmp(s, "/") == 0;
}

bool config_is_url(const char *s, size_t n)
{
    struct url u;

    (void)n;
    return split_url(s, &u);
}

static bool is_loopback(const struct url *u)
{
    unsigned char v4[sizeof(struct in_addr)];
    unsigned char v6[sizeof(struct in6_addr)];

    if (u->is_v6)
        return inet_pton(AF_INET6, u->host, v6) == 1 &&
               memcmp(v6, &in6addr_loopback, sizeof(v6)) == 0;
    return strcmp(u->host, "localhost") == 0 ||
           (inet_pton(AF_INET, u->host, v4) == 1 && v4[0] == 127);
}

bool config_url_is_safe(const char *url)
{
    struct url u;

    return split_url(url, &u) && (u.tls || is_loopback(&u));
}

bool config_url_is_remote(const char *url)
{
    struct url u;

    return split_url(url, &u) && !is_loopback(&u);
}

/* --- Between keys -------------------------------------------------------------------------- */

static void check_organization(const struct config_draft *d, struct diags *diags)
{
    const char *name = d->config.organization;

    if (!name)
        diags_error(diags, (struct source){.file = d->at[PLACE_ORGANIZATION].file},
                    "no organization; expected organization: and the organization's slug");
    else if (!text_is_name(name, strlen(name))) /* the instance's, which no table has checked */
        diags_error(diags, d->at[PLACE_ORGANIZATION],
                    "the instance is named \"%.64s\"; expected an organization's slug", name);
}

static void check_url(const struct config_draft *d, struct diags *diags)
{
    const struct config *c = &d->config;

    if (!c->api.insecure && !config_url_is_safe(c->api.url))
        diags_error(diags, d->at[PLACE_URL],
                    "api.url is \"%s\", where the API token would travel in the clear; expected "
                    "https, a loopback "
                    "address, or api.insecure: true beside it",
                    c->api.url);
}

static void check_backoff(const struct config_draft *d, struct diags *diags)
{
    if (d->config.reconcile.backoff_initial_ms > d->config.reconcile.backoff_max_ms)
        diags_error(
            diags, d->at[PLACE_BACKOFF],
            "reconcile.backoff.initial is more than reconcile.backoff.max; expected at most that");
}

static bool is_within(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

struct directory {
    const char *key;
    const char *path; /* NULL: none */
    struct source at;
};

/* Where a wrong pair is said: at the one that somebody wrote. */
static struct source place_of(const struct directory *a, const struct directory *b)
{
    return a->at.line ? a->at : b->at;
}

static void check_outside(const struct directory *inner, const struct directory *outer,
                          struct diags *diags)
{
    if (inner->path && outer->path && is_within(inner->path, outer->path))
        diags_error(diags, place_of(inner, outer),
                    "%s %s lies in %s %s; expected a place outside of it", inner->key, inner->path,
                    outer->key, outer->path);
}

/* Files of one directory must never be taken for files of another: token files for manifests,
 * tenants' files for trusted ones, or anything that less trusted programs can write for state. What
 * lies below seeds_dir can be sent out: neither tokens nor the ledger may. */
static void check_directories(const struct config_draft *d, struct diags *diags)
{
    const struct config *c = &d->config;
    const struct directory manifest = {"manifest", c->manifest, d->at[PLACE_MANIFEST]};
    const struct directory tenants = {"tenants_dir", c->tenants_dir, d->at[PLACE_TENANTS_DIR]};
    const struct directory state = {"state_dir", c->state_dir, d->at[PLACE_STATE_DIR]};
    const struct directory tokens = {"tokens_dir", c->tokens_dir, d->at[PLACE_TOKENS_DIR]};
    const struct directory seeds = {"seeds_dir", c->seeds_dir, d->at[PLACE_SEEDS_DIR]};

    check_outside(&tenants, &manifest, diags);
    if (c->tenants_dir && strcmp(c->manifest, c->tenants_dir) != 0)
        check_outside(&manifest, &tenants, diags);
    check_outside(&state, &manifest, diags);
    check_outside(&state, &tenants, diags);
    check_outside(&state, &tokens, diags);
    check_outside(&tokens, &manifest, diags);
    check_outside(&tokens, &tenants, diags);
    check_outside(&state, &seeds, diags);
    check_outside(&tokens, &seeds, diags);
    if (strcmp(c->seeds_dir, c->tokens_dir) != 0)
        check_outside(&seeds, &tokens, diags);
    check_outside(&seeds, &manifest, diags);
    check_outside(&seeds, &tenants, diags);
    check_outside(&manifest, &seeds, diags);
}

/* The everyday one is not to delete. */
static void check_delete_token(const struct config_draft *d, struct diags *diags)
{
    const struct config_secret *token = &d->config.api.token;
    const struct config_secret *deletes = &d->config.api.delete_token;
    const char *credential =
        token->credential || token->file ? token->credential : CONFIG_TOKEN_CREDENTIAL;

    if (text_is(credential, deletes->credential) || text_is(token->file, deletes->file))
        diags_error(diags, d->at[PLACE_DELETE_TOKEN],
                    "api.delete_token is where api.token is; expected another token, for deletes "
                    "alone");
}

void config_check(const struct config_draft *d, struct diags *diags)
{
    check_delete_token(d, diags);
    check_organization(d, diags);
    check_url(d, diags);
    check_backoff(d, diags);
    check_directories(d, diags);
}
