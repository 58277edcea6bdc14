/* jwt: tokens for databases and groups.
 * In:    claims as JSON, a key.
 * Out:   header.claims.signature, base64url, EdDSA.
 * Never: keeps what it minted. */
#ifndef TENANTD_EMULATOR_JWT_H
#define TENANTD_EMULATOR_JWT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"
#include "lib/buf.h"

struct key;

/* Base64url without padding, as JWTs want it. */
void jwt_base64url(struct buf *b, const void *data, size_t size);

/* Appends the token; false (and `out` as it was, but for memory) when signing failed. */
bool jwt_mint(struct key *k, const char *claims, size_t claims_size, struct buf *out) MUST_CHECK;

/* Is the signature of `token` this key's? */
bool jwt_is_signed_by(struct key *k, const char *token) MUST_CHECK;

#endif
