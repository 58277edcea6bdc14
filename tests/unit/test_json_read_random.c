/* test_json_read_random: rows as the platform sends them, changed at random, read as json-c reads
 * them. The numbers behind it are fixed, so that a failure comes again.
 * In:    rows, and pieces that make trouble.
 * Out:   cmocka's verdict.
 * Never: more than a row; fuzz_json_read goes further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base.h"
#include "tests/lib/chance.h"
#include "tests/lib/json_oracle.h"

#define N_ROUNDS 60000
#define ROW_MAX  1024
#define DEPTH    6

static const char *const ROWS[] = {
    "{\"Name\":\"core\",\"DbId\":\"0eb771dd-6906-11ee-8553-eaa7715aeaf2\",\"Hostname\":"
    "\"core-acme.aws-eu-west-1.turso.io\",\"block_reads\":false,\"block_writes\":true,\"regions\":"
    "[\"aws-eu-west-1\"],\"primaryRegion\":\"aws-eu-west-1\",\"group\":\"eu\",\"parent\":{\"id\":"
    "\"d-1\",\"name\":\"base\",\"branched_at\":\"2026-01-01T00:00:00Z\"},\"sleeping\":false}",
    "{\"name\":\"eu\",\"uuid\":\"g-1\",\"primary\":\"lhr\",\"locations\":[\"lhr\",\"ams\"],"
    "\"delete_protection\":false,\"archived\":null,\"version\":\"v\"}",
    "{\"uuid\":\"d-1\",\"instances\":[{\"uuid\":\"i\",\"usage\":{\"rows_read\":3}}],\"total\":"
    "{\"rows_read\":3000000000,\"rows_written\":1,\"storage_bytes\":4096.5,\"x\":-1e-7}}",
    "{ \"code\" : \"db-delete\", \"message\": \"gone\\n\\u00e9\\ud83d\\ude00\xc3\xa9\", "
    "\"data\":{\"a\":[[1,2],[]],\"b\":{}} }",
};

static const struct {
    const char *text;
    size_t size;
} PIECES[] = {
#define PIECE(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    PIECE("\""),
    PIECE("\\"),
    PIECE("{"),
    PIECE("}"),
    PIECE("["),
    PIECE("]"),
    PIECE(","),
    PIECE(":"),
    PIECE("'"),
    PIECE(" \t\r\n"),
    PIECE("\\u0000"),
    PIECE("\0"),
    PIECE("\\ud83d"),
    PIECE("\\ude00"),
    PIECE("\\u00e9"),
    PIECE("\x7f"),
    PIECE("\xc2\x80"),
    PIECE("\xc0\x80"),
    PIECE("\xff"),
    PIECE("\xed\xa0\x80"),
    PIECE("\xf0\x9f"),
    PIECE("0"),
    PIECE("-"),
    PIECE("."),
    PIECE("e+"),
    PIECE("9223372036854775808"),
    PIECE("null"),
    PIECE("true"),
    PIECE("NaN"),
    PIECE("\"Name\":\"b\","),
    PIECE("\"a\":1,\"a\":2"),
    PIECE("/**/"),
    PIECE("[[[[[[["),
    PIECE("]]]]]]]"),
    PIECE("\x1f"),
    PIECE("\\/"),
    PIECE("\\x"),
};

static uint64_t random_state = 1;

static size_t below(size_t n)
{
    return chance_below(&random_state, (unsigned)n);
}

struct row {
    char text[ROW_MAX];
    size_t size;
};

/* Put s[0..n) in the place of row[at..at + gone). */
static void splice(struct row *r, size_t at, size_t gone, const char *s, size_t n)
{
    if (r->size - gone + n > ROW_MAX)
        return;
    memmove(r->text + at + n, r->text + at + gone, r->size - at - gone);
    memcpy(r->text + at, s, n);
    r->size = r->size - gone + n;
}

static void change(struct row *r)
{
    size_t at = below(r->size + 1);
    size_t most = r->size - at < 24 ? r->size - at : 24;
    size_t n = below(most + 1);
    size_t piece = below(ARRAY_SIZE(PIECES));
    char copy[24];
    char byte = (char)below(256);

    switch (below(4)) {
    case 0:
        splice(r, at, n > 0, &byte, 1);
        return;
    case 1:
        splice(r, at, below(2) ? n : 0, PIECES[piece].text, PIECES[piece].size);
        return;
    case 2:
        splice(r, at, n, "", 0);
        return;
    default:
        memcpy(copy, r->text + at, n);
        splice(r, below(r->size + 1), 0, copy, n);
        return;
    }
}

static void rows__changed_at_random__are_read_as_json_c_does(void **state)
{
    (void)state;
    for (size_t round = 0; round < N_ROUNDS; round++) {
        const char *from = ROWS[below(ARRAY_SIZE(ROWS))];
        struct row r = {.size = strlen(from)};
        const char *differs;
        char *exact;

        memcpy(r.text, from, r.size);
        for (size_t i = below(4); i > 0; i--)
            change(&r);
        exact = test_malloc(r.size + 1); /* so that reading past its end shows */
        memcpy(exact + 1, r.text, r.size);
        differs = json_oracle(exact + 1, r.size, DEPTH);
        if (differs)
            fail_msg("round %zu: they differ: %s\n%.*s", round, differs, (int)r.size, r.text);
        test_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows__changed_at_random__are_read_as_json_c_does),
    };

    return cmocka_run_group_tests_name("json_read_random", tests, NULL, NULL);
}
