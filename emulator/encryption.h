/* encryption: how an encrypted database is, as far as it matters here.
 * In:    a cipher's name, a key in base64.
 * Out:   the cipher, and a digest to know the key again by.
 * Never: keeps a key, or encrypts anything. */
#ifndef TENANTD_EMULATOR_ENCRYPTION_H
#define TENANTD_EMULATOR_ENCRYPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

#define ENCRYPTION_DIGEST_SIZE 32

struct encryption {
    const char *cipher; /* static text */
    uint8_t key_digest[ENCRYPTION_DIGEST_SIZE];
};

/* The bytes that keys of a cipher have; 0: no such cipher. */
size_t encryption_key_size(const char *cipher);
/* False: the key is not base64 of that size, or the cipher not known. */
bool encryption_read(const char *cipher, const char *key, struct encryption *out) MUST_CHECK;
bool encryption_is_same_key(const struct encryption *a, const struct encryption *b);

#endif
