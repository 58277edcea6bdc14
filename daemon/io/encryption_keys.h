/* encryption_keys: the keys that databases are encrypted with, from where the configuration says.
 * In:    their places.
 * Out:   how long each is; the key itself for the one call that needs it.
 * Never: in an error text, in the ledger, in the log; wiped when let go. */
#ifndef TENANTD_IO_ENCRYPTION_KEYS_H
#define TENANTD_IO_ENCRYPTION_KEYS_H

#include "core/config.h"
#include "io/credential.h"
#include "lib/err.h"

struct encryption_keys {
    struct encryption_key {
        char *name;
        struct credential text; /* base64, as the platform takes it */
    } * items;
    size_t n;
};

/* Read them all, and note in each keys[i].bytes how long it is. Whatever fails, *out and keys[] are
 * untouched: as credential_load, and -ERR_INVALID where it is no base64 of 16 or 32 bytes. */
int encryption_keys_load(struct config_key *keys, size_t n, struct encryption_keys *out,
                         struct err *err) MUST_CHECK;
/* The key of that name, borrowed. NULL: none. */
const char *encryption_keys_find(const struct encryption_keys *k, const char *name);
void encryption_keys_deinit(struct encryption_keys *k); /* takes a zeroed one */

#endif
