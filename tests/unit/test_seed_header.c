/* test_seed_header: which files the platform may take, by their first 100 bytes.
 * In:    one good header, and one thing wrong with it at a time.
 * Out:   cmocka's verdict.
 * Never: a file. */
#include "core/seed_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PAGES 3

/* As SQLite writes it: PRAGMA journal_mode = wal; CREATE TABLE t (a). */
static void make(unsigned char h[SEED_HEADER_BYTES])
{
    memset(h, 0, SEED_HEADER_BYTES);
    memcpy(h, "SQLite format 3", 16);
    h[16] = 0x10;      /* pages of 4096 bytes */
    h[18] = h[19] = 2; /* WAL */
    h[21] = 64;
    h[22] = h[23] = 32;
    h[27] = h[95] = 7; /* changes, and what the size holds for */
    h[31] = PAGES;
    h[43] = 2; /* schema cookie */
    h[47] = 4; /* schema format */
    h[59] = 1; /* UTF-8 */
}

static const struct {
    const char *what;
    int at;
    unsigned char byte;
    uint64_t size;      /* 0: as the header says */
    const char *cipher; /* NULL: none */
    const char *says;   /* NULL: it is fine */
} ROWS[] = {
    {"as it should be", 0, 'S', 0, NULL, NULL},
    {"its size is not kept", 95, 6, 5 * SEED_PAGE_BYTES, NULL, NULL},
    {"its size is not known", 31, 0, 5 * SEED_PAGE_BYTES, NULL, NULL},
    {"no SQLite", 3, 'x', 0, NULL, "not a SQLite database"},
    {"SQLite of another time", 15, '4', 0, NULL, "not a SQLite database"},
    {"small pages", 16, 0x04, 0, NULL, "1024 bytes"},
    {"large pages", 16, 0x20, 0, NULL, "PRAGMA page_size = 4096"},
    {"a rollback journal", 18, 1, 0, NULL, "PRAGMA journal_mode = wal"},
    {"WAL, to writers alone", 19, 1, 0, NULL, "PRAGMA journal_mode = wal"},
    {"empty", 43, 0, 0, NULL, "no table"},
    {"auto-vacuum", 55, 1, 0, NULL, "PRAGMA auto_vacuum = none"},
    {"UTF-16le", 59, 2, 0, NULL, "UTF-8"},
    {"UTF-16be", 59, 3, 0, NULL, "UTF-8"},
    {"no encoding", 59, 0, 0, NULL, "UTF-8"},
    {"cut in a page", 0, 'S', PAGES *SEED_PAGE_BYTES - 1, NULL, "middle of a page"},
    {"a page too few", 0, 'S', (PAGES - 1) * SEED_PAGE_BYTES, NULL, "cut"},
    {"a page too many", 0, 'S', (PAGES + 1) * SEED_PAGE_BYTES, NULL, "its header says 12288"},
    {"room for a cipher that is not used", 20, 48, 0, NULL, NULL},
    {"room for its cipher", 20, 48, 0, "aegis256", NULL},
    {"room for another cipher", 20, 28, 0, "aegis128x2", "reserve_bytes 32"},
    {"no room for its cipher", 20, 0, 0, "aes256gcm", "aes256gcm needs 28"},
};

static void headers__each__are_taken_or_said_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        unsigned char h[SEED_HEADER_BYTES];
        struct err err = ERR_INIT;
        uint64_t size = ROWS[i].size ? ROWS[i].size : PAGES * SEED_PAGE_BYTES;
        int rc;

        make(h);
        h[ROWS[i].at] = ROWS[i].byte;
        rc = seed_header_check(h, size, ROWS[i].cipher, &err);
        if (rc != (ROWS[i].says ? -ERR_INVALID : 0) ||
            (ROWS[i].says && !strstr(err.msg, ROWS[i].says)))
            fail_msg("%s: %d, \"%s\"", ROWS[i].what, rc, err.msg);
    }
}

static void header__with_pages_of_65536_bytes__is_read_as_documented(void **state)
{
    unsigned char h[SEED_HEADER_BYTES];
    struct err err = ERR_INIT;

    (void)state;
    make(h);
    h[16] = 0;
    h[17] = 1;
    assert_int_equal(seed_header_check(h, PAGES * SEED_PAGE_BYTES, NULL, &err), -ERR_INVALID);
    assert_non_null(strstr(err.msg, "65536"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers__each__are_taken_or_said_what_is_wrong),
        cmocka_unit_test(header__with_pages_of_65536_bytes__is_read_as_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
