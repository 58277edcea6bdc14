/* digest: SHA-256, as hex.
 * In:    bytes.
 * Out:   64 digits and a NUL.
 * Never: keeps what it was shown. */
#ifndef TENANTD_IO_DIGEST_H
#define TENANTD_IO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"

#define DIGEST_HEX_SIZE 65

/* False: OpenSSL could not (no memory, or SHA-256 switched off by its configuration). */
bool digest_hex(const void *data, size_t size, char out[DIGEST_HEX_SIZE]) MUST_CHECK;

/* The same over several pieces. */
struct digest;
struct digest *digest_new(void) MUST_CHECK; /* NULL: as above */
bool digest_add(struct digest *d, const void *data, size_t size) MUST_CHECK;
/* Frees `d` in any case. */
bool digest_end(struct digest *d, char out[DIGEST_HEX_SIZE]) MUST_CHECK;
void digest_free(struct digest *d); /* takes NULL */

#endif
