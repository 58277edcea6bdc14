/* token_file: what stands in a token file, and the token found in one.
 * In:    a token, or a file's bytes.
 * Out:   the file's bytes, or the token; both are secrets of the caller's.
 * Never: I/O; a token in an error text. */
#ifndef TENANTD_IO_TOKEN_FILE_H
#define TENANTD_IO_TOKEN_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/manifest.h"
#include "lib/base.h"
#include "lib/err.h"

/* Bytes that are wiped when they go. */
struct secret {
    char *data; /* NUL behind */
    size_t size;
};
void secret_deinit(struct secret *s);

struct token_file {
    enum token_format format;
    const char *url; /* NULL: a group's token; "libsql://HOST" */
    const char *jwt;
    size_t jwt_size;
    int64_t expires_ms; /* 0: never */
};

/* The bytes of such a file:
 *   jwt   the token and a newline
 *   env   TURSO_DATABASE_URL=... (left out for a group) and TURSO_AUTH_TOKEN=..., a line each
 *   json  {"url":...,"token":...,"expires":...}, null where there is none, and a newline
 * -ERR_INVALID: the token or the URL holds what such a file cannot carry; -ERR_NOMEM. */
int token_file_format(const struct token_file *f, struct secret *out, struct err *err) MUST_CHECK;

/* The token in such a file. -ERR_INVALID: there is none; -ERR_NOMEM. */
int token_file_find(enum token_format format, const char *data, size_t size, struct secret *out,
                    struct err *err) MUST_CHECK;

#endif
