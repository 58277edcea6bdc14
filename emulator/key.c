/* key: the Ed25519 keys that sign tokens.
 * In:    32 random bytes.
 * Out:   a key pair, signatures, the public half.
 * Never: shows the private half. */
#include "key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/mem.h"

struct key {
    EVP_PKEY *pair;
    uint8_t public_half[KEY_PUBLIC_SIZE];
};

struct key *key_new(struct ids *ids)
{
    struct key *k = mem_alloc(sizeof(*k));
    uint8_t secret[32];
    size_t size = KEY_PUBLIC_SIZE;

    if (!k)
        return NULL;
    ids_random(ids, secret, sizeof(secret));
    k->pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
    OPENSSL_cleanse(secret, sizeof(secret));
    if (!k->pair || EVP_PKEY_get_raw_public_key(k->pair, k->public_half, &size) != 1) {
        key_free(k);
        return NULL;
    }
    return k;
}

void key_free(struct key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->pair);
    mem_free(k);
}

bool key_sign(struct key *k, const void *data, size_t size, uint8_t out[KEY_SIGNATURE_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = KEY_SIGNATURE_SIZE;
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pair) == 1 &&
              EVP_DigestSign(ctx, out, &n, data, size) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

bool key_verify(struct key *k, const void *data, size_t size, const uint8_t *signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->pair) == 1 &&
              EVP_DigestVerify(ctx, signature, KEY_SIGNATURE_SIZE, data, size) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

void key_public(const struct key *k, uint8_t out[KEY_PUBLIC_SIZE])
{
    memcpy(out, k->public_half, KEY_PUBLIC_SIZE);
}
