#include "io/token_file.h"

#include <string.h>

#include "core/jwt.h"
#include "core/limits.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define ENV_URL   "TURSO_DATABASE_URL="
#define ENV_TOKEN "TURSO_AUTH_TOKEN="

void secret_deinit(struct secret *s)
{
    mem_free_secret(s->data, s->data ? s->size : 0);
    *s = (struct secret){0};
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Neither a shell, nor systemd's EnvironmentFile=, nor JSON sees anything but itself in these. */
static bool is_url(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++)
        if (!is_alnum(s[i]) && !strchr("-_.:/", s[i]))
            return false;
    return n > 0 && n <= LIMIT_TOKEN_FILE_BYTES / 4;
}

static char *format_json(const struct token_file *f, int n)
{
    const char *quote = f->url ? "\"" : "";
    char expires[TEXT_TIME_SIZE + 2] = "null";

    if (f->expires_ms) {
        expires[0] = '"';
        text_time(f->expires_ms, expires + 1);
        memcpy(expires + strlen(expires), "\"", 2);
    }
    return mem_printf("{\"url\":%s%s%s,\"token\":\"%.*s\",\"expires\":%s}\n", quote,
                      f->url ? f->url : "null", quote, n, f->jwt, expires);
}

int token_file_format(const struct token_file *f, struct secret *out, struct err *err)
{
    int n = (int)f->jwt_size;

    if (!jwt_is_token(f->jwt, f->jwt_size))
        return err_set(err, ERR_INVALID, "what came as a token is none");
    if (f->url && !is_url(f->url))
        return err_set(err, ERR_INVALID, "the URL beside the token holds an odd character");
    switch (f->format) {
    case TOKEN_JWT:
        out->data = mem_printf("%.*s\n", n, f->jwt);
        break;
    case TOKEN_ENV:
        out->data = mem_printf("%s%s%s" ENV_TOKEN "%.*s\n", f->url ? ENV_URL : "",
                               f->url ? f->url : "", f->url ? "\n" : "", n, f->jwt);
        break;
    case TOKEN_JSON:
        out->data = format_json(f, n);
        break;
    }
    if (!out->data)
        return err_nomem(err);
    out->size = strlen(out->data);
    return 0;
}

static int copy_token(const char *s, size_t n, struct secret *out, struct err *err)
{
    if (!jwt_is_token(s, n))
        return err_set(err, ERR_INVALID, "the file holds no token");
    out->data = mem_strndup(s, n);
    if (!out->data)
        return err_nomem(err);
    out->size = n;
    return 0;
}

/* The length of the line at `s`, without its end. */
static size_t line_size(const char *s, size_t n)
{
    const char *end = memchr(s, '\n', n);

    return end ? (size_t)(end - s) : n;
}

static int find_line(const char *data, size_t size, struct secret *out, struct err *err)
{
    size_t n = line_size(data, size);

    if (n + 1 < size)
        return err_set(err, ERR_INVALID, "the file holds more than a token");
    return copy_token(data, n, out, err);
}

static int find_env(const char *data, size_t size, struct secret *out, struct err *err)
{
    const size_t name = strlen(ENV_TOKEN);
    size_t n;

    for (size_t at = 0; at < size; at += n + 1) {
        n = line_size(data + at, size - at);
        if (n > name && memcmp(data + at, ENV_TOKEN, name) == 0)
            return copy_token(data + at + name, n - name, out, err);
    }
    return err_set(err, ERR_INVALID, "the file holds no " ENV_TOKEN);
}

static int find_json(const char *data, size_t size, struct secret *out, struct err *err)
{
    struct json_object *o CLEANUP(json_put) = NULL;
    const char *token;
    int rc = json_parse(data, size, LIMIT_JSON_DEPTH, &o, NULL);

    if (rc)
        return rc == -ERR_NOMEM ? err_nomem(err)
                                : err_set(err, ERR_INVALID, "the file holds no JSON");
    if (!json_get_str(o, "token", &token))
        return err_set(err, ERR_INVALID, "the file holds no \"token\"");
    return copy_token(token, strlen(token), out, err);
}

int token_file_find(enum token_format format, const char *data, size_t size, struct secret *out,
                    struct err *err)
{
    switch (format) {
    case TOKEN_JWT:
        return find_line(data, size, out, err);
    case TOKEN_ENV:
        return find_env(data, size, out, err);
    case TOKEN_JSON:
        return find_json(data, size, out, err);
    }
    return err_set(err, ERR_INVALID, "no such format");
}
