/* jwt: the claims of a platform's SQL token, read without checking its signature (that is the
 * platform's business). RFC 7519; claims: exp, iat (seconds), jti (of the token), id (database),
 * gid (group), a ("ro" | "rw", absent: rw), p (fine-grained).
 * In:    the token.
 * Out:   what it says.
 * Never: keeps or prints the token. */
#ifndef TENANTD_CORE_JWT_H
#define TENANTD_CORE_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/err.h"

struct jwt_claims {
    int64_t issued_ms;   /* 0: not said */
    int64_t expires_ms;  /* 0: not said, which means never */
    char target_id[128]; /* id or gid; "": not said */
    bool is_group;
    bool read_only;
    char token_id[128]; /* jti: of the token itself; "": not said, or too long to be kept */
};

/* Whether it can be a token of the platform at all, of an SQL database or of its API. The alphabet
 * is RFC 6750's without ~: neither a header, nor a shell, nor systemd's EnvironmentFile=, nor JSON
 * sees anything but itself in it, so that what was minted can also be written. */
bool jwt_is_token(const char *s, size_t n) MUST_CHECK;

/* -ERR_INVALID: not three base64url parts with a JSON object in the second, or a claim of a wrong
 * type. */
int jwt_read(const char *jwt, size_t n, struct jwt_claims *out, struct err *err) MUST_CHECK;

#endif
