/* key: the Ed25519 keys that sign tokens.
 * In:    32 random bytes.
 * Out:   a key pair, signatures, the public half.
 * Never: shows the private half. */
#ifndef TENANTD_EMULATOR_KEY_H
#define TENANTD_EMULATOR_KEY_H

#include "ids.h"
#include "lib/base.h"

#define KEY_PUBLIC_SIZE    32
#define KEY_SIGNATURE_SIZE 64

struct key;

struct key *key_new(struct ids *ids) MUST_CHECK; /* the caller's; NULL: no memory */
void key_free(struct key *k);
bool key_sign(struct key *k, const void *data, size_t size,
              uint8_t out[KEY_SIGNATURE_SIZE]) MUST_CHECK;
bool key_verify(struct key *k, const void *data, size_t size, const uint8_t *signature) MUST_CHECK;
void key_public(const struct key *k, uint8_t out[KEY_PUBLIC_SIZE]);

#endif
