/* jwt: tokens for databases and groups.
 * In:    claims as JSON, a key.
 * Out:   header.claims.signature, base64url, EdDSA.
 * Never: keeps what it minted. */
#include "jwt.h"

#include <stdint.h>
#include <string.h>

#include "key.h"
#include "lib/text.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void jwt_base64url(struct buf *b, const void *data, size_t size)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t word = (uint32_t)p[i] << 16;

        if (n > 1)
            word |= (uint32_t)p[i + 1] << 8;
        if (n > 2)
            word |= p[i + 2];
        for (size_t k = 0; k <= n; k++)
            buf_add_char(b, ALPHABET[word >> (18 - 6 * k) & 63]);
    }
}

bool jwt_mint(struct key *k, const char *claims, size_t claims_size, struct buf *out)
{
    static const char header[] = "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}";
    uint8_t signature[KEY_SIGNATURE_SIZE];
    size_t start = out->size;

    jwt_base64url(out, header, sizeof(header) - 1);
    buf_add_char(out, '.');
    jwt_base64url(out, claims, claims_size);
    if (out->failed || !key_sign(k, out->data + start, out->size - start, signature))
        return false;
    buf_add_char(out, '.');
    jwt_base64url(out, signature, sizeof(signature));
    return !out->failed;
}

bool jwt_is_signed_by(struct key *k, const char *token)
{
    const char *dot = strrchr(token, '.');
    uint8_t signature[KEY_SIGNATURE_SIZE + 2];
    size_t n = dot ? strlen(dot + 1) : 0;

    if (!dot || n * 3 / 4 > sizeof(signature) ||
        text_base64url_decode(dot + 1, n, signature) != KEY_SIGNATURE_SIZE)
        return false;
    return key_verify(k, token, (size_t)(dot - token), signature);
}
