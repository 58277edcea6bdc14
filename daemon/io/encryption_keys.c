/* encryption_keys: the keys that databases are encrypted with.
 * In:    files and credentials, each of one key in base64.
 * Out:   the keys, in memory that is wiped.
 * Never: a key in an error text, or kept longer than its configuration. */
#include "io/encryption_keys.h"

#include <string.h>

#include "lib/mem.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/* How many bytes that base64 (RFC 4648 §4, padded) stands for; 0: it is none of 16 or 32. */
static unsigned bytes_of(const struct credential *c)
{
    size_t digits = strspn(c->text, ALPHABET);

    if (c->size == 24 && digits == 22 && strcmp(c->text + digits, "==") == 0)
        return 16;
    if (c->size == 44 && digits == 43 && strcmp(c->text + digits, "=") == 0)
        return 32;
    return 0;
}

static int load_one(const struct config_key *key, struct encryption_key *out, unsigned *out_bytes,
                    struct err *err)
{
    int rc;

    out->name = mem_strdup(key->name);
    if (!out->name)
        return err_nomem(err);
    rc = credential_load_secret("encryption key", key->credential, key->file, &out->text, err);
    if (rc == 0 && !(*out_bytes = bytes_of(&out->text)))
        rc = err_set(err, ERR_INVALID,
                     "what is there is not 16 or 32 bytes in base64 (openssl rand -base64 32)");
    return rc == 0 ? 0 : err_wrap(err, "encryption_keys: %s", key->name);
}

int encryption_keys_load(struct config_key *keys, size_t n, struct encryption_keys *out,
                         struct err *err)
{
    struct encryption_keys read = {.items = mem_alloc(n * sizeof(*read.items))};
    unsigned *bytes = mem_alloc(n * sizeof(*bytes));
    int rc = read.items && bytes ? 0 : err_nomem(err);

    for (size_t i = 0; rc == 0 && i < n; i++) {
        read.n++; /* so that what was begun is let go, too */
        rc = load_one(&keys[i], &read.items[i], &bytes[i], err);
    }
    for (size_t i = 0; rc == 0 && i < n; i++)
        keys[i].bytes = bytes[i];
    mem_free(bytes);
    if (rc == 0)
        *out = read;
    else
        encryption_keys_deinit(&read);
    return rc;
}

const char *encryption_keys_find(const struct encryption_keys *k, const char *name)
{
    for (size_t i = 0; i < k->n; i++)
        if (strcmp(k->items[i].name, name) == 0)
            return k->items[i].text.text;
    return NULL;
}

void encryption_keys_deinit(struct encryption_keys *k)
{
    for (size_t i = 0; i < k->n; i++) {
        mem_free(k->items[i].name);
        credential_deinit(&k->items[i].text);
    }
    mem_free(k->items);
    *k = (struct encryption_keys){0};
}
