/* fuzz_token_file: a token file as it is read back, in each format.
 * In:    the fuzzer's bytes.
 * Out:   nothing; a crash, a leak or a broken promise aborts. */
#include <string.h>

#include "io/token_file.h"
#include "lib/mem.h"
#include "tests/fuzz/fuzz.h"

/* A token that was found can be written, and is found there again. */
static void write_and_find(enum token_format format, const struct secret *token)
{
    const struct token_file f = {
        .format = format, .jwt = token->data, .jwt_size = token->size, .url = "libsql://a.b.c"};
    struct secret file = {0};
    struct secret again = {0};
    struct err err = ERR_INIT;

    promise(token_file_format(&f, &file, &err) == 0);
    promise(token_file_find(format, file.data, file.size, &again, &err) == 0);
    promise(again.size == token->size && memcmp(again.data, token->data, again.size) == 0);
    secret_deinit(&again);
    secret_deinit(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum token_format FORMATS[] = {TOKEN_JWT, TOKEN_ENV, TOKEN_JSON};

    for (size_t i = 0; i < ARRAY_SIZE(FORMATS); i++) {
        struct secret token = {0};
        struct err err = ERR_INIT;

        if (token_file_find(FORMATS[i], (const char *)data, size, &token, &err) == 0) {
            promise(token.size > 0 && strlen(token.data) == token.size);
            write_and_find(FORMATS[i], &token);
        } else {
            promise(err.code != ERR_OK && !token.data);
        }
        secret_deinit(&token);
    }
    promise(mem_live_blocks() == 0);
    return 0;
}
