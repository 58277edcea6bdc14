/* encryption: how an encrypted database is, as far as it matters here.
 * In:    a cipher's name, a key in base64.
 * Out:   the cipher, and a digest to know the key again by.
 * Never: keeps a key, or encrypts anything. */
#include "encryption.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/text.h"

#define KEY_TEXT_MAX 128

static const struct {
    const char *name;
    size_t key_size;
} CIPHERS[] = {
    {"aes256gcm", 32}, {"aes128gcm", 16},  {"chacha20poly1305", 32},
    {"aegis128l", 16}, {"aegis128x2", 16}, {"aegis128x4", 16},
    {"aegis256", 32},  {"aegis256x2", 32}, {"aegis256x4", 32},
};

size_t encryption_key_size(const char *cipher)
{
    for (size_t i = 0; i < ARRAY_SIZE(CIPHERS); i++) {
        if (!strcmp(CIPHERS[i].name, cipher))
            return CIPHERS[i].key_size;
    }
    return 0;
}

static const char *static_name(const char *cipher)
{
    for (size_t i = 0; i < ARRAY_SIZE(CIPHERS); i++) {
        if (!strcmp(CIPHERS[i].name, cipher))
            return CIPHERS[i].name;
    }
    return NULL;
}

/* Base64 of either alphabet, padded or not. Returns the decoded size, or -1. */
static ptrdiff_t decode(const char *text, unsigned char out[KEY_TEXT_MAX])
{
    char url[KEY_TEXT_MAX];
    size_t n = strlen(text);
    ptrdiff_t size;

    if (n >= sizeof(url))
        return -1;
    while (n && text[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++)
        url[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    size = text_base64url_decode(url, n, out);
    explicit_bzero(url, sizeof(url));
    return size;
}

bool encryption_read(const char *cipher, const char *key, struct encryption *out)
{
    unsigned char bytes[KEY_TEXT_MAX];
    ptrdiff_t size = decode(key, bytes);
    bool ok = size > 0 && (size_t)size == encryption_key_size(cipher) &&
              EVP_Digest(bytes, (size_t)size, out->key_digest, NULL, EVP_sha256(), NULL) == 1;

    explicit_bzero(bytes, sizeof(bytes));
    out->cipher = static_name(cipher);
    return ok;
}

bool encryption_is_same_key(const struct encryption *a, const struct encryption *b)
{
    return !CRYPTO_memcmp(a->key_digest, b->key_digest, ENCRYPTION_DIGEST_SIZE);
}
