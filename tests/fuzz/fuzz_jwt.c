/* fuzz_jwt: a token's claims.
 * In:    the fuzzer's bytes; behind a '{', the claims themselves, which are put into a token first.
 * Out:   nothing; a crash, a leak or a broken promise aborts. */
#include <string.h>

#include "core/jwt.h"
#include "lib/buf.h"
#include "lib/text.h"
#include "tests/fuzz/fuzz.h"

static void encode(struct buf *b, const uint8_t *p, size_t n)
{
    static const char ALPHABET[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = (uint32_t)p[i] << 16;

        bits |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
        bits |= i + 2 < n ? (uint32_t)p[i + 2] : 0;
        for (size_t j = 0; j < (n - i >= 3 ? 4 : n - i + 1); j++)
            buf_add_char(b, ALPHABET[bits >> (18 - 6 * j) & 63]);
    }
}

static void read_token(const char *token, size_t size)
{
    struct jwt_claims claims;
    struct err err = ERR_INIT;

    if (jwt_read(token, size, &claims, &err) != 0) {
        promise(err.code != ERR_OK);
        return;
    }
    promise(claims.issued_ms >= 0 && claims.expires_ms >= 0);
    promise(strlen(claims.target_id) < sizeof(claims.target_id));
    promise(text_is_plain(claims.target_id, strlen(claims.target_id)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf b = BUF_INIT(65536);

    read_token((const char *)data, size);
    if (size > 0 && data[0] == '{') {
        buf_add_str(&b, "e30.");
        encode(&b, data, size);
        buf_add_str(&b, ".c2ln");
        read_token(buf_str(&b), b.size);
    }
    buf_deinit(&b);
    return 0;
}
