#include "io/digest.h"

#include <openssl/evp.h>

/* An opaque name for OpenSSL's context, so that its headers stay here. */
static EVP_MD_CTX *ctx_of(struct digest *d)
{
    return (EVP_MD_CTX *)(void *)d;
}

struct digest *digest_new(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1)
        return (struct digest *)(void *)ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}

bool digest_add(struct digest *d, const void *data, size_t size)
{
    return EVP_DigestUpdate(ctx_of(d), data, size) == 1;
}

bool digest_end(struct digest *d, char out[DIGEST_HEX_SIZE])
{
    static const char DIGITS[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool ok = EVP_DigestFinal_ex(ctx_of(d), raw, &n) == 1 && n * 2 + 1 == DIGEST_HEX_SIZE;

    for (size_t i = 0; ok && i < n; i++) {
        out[2 * i] = DIGITS[raw[i] >> 4];
        out[2 * i + 1] = DIGITS[raw[i] & 15];
    }
    if (ok)
        out[DIGEST_HEX_SIZE - 1] = '\0';
    digest_free(d);
    return ok;
}

void digest_free(struct digest *d)
{
    EVP_MD_CTX_free(ctx_of(d));
}

bool digest_hex(const void *data, size_t size, char out[DIGEST_HEX_SIZE])
{
    struct digest *d = digest_new();

    if (!d)
        return false;
    if (!digest_add(d, data, size)) {
        digest_free(d);
        return false;
    }
    return digest_end(d, out);
}
