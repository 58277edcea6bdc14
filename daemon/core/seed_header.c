#include "core/seed_header.h"

#include <inttypes.h>
#include <string.h>

#include "core/cipher.h"

/* Where in the header what stands, in bytes; numbers are big-endian. */
enum {
    AT_MAGIC = 0,
    AT_PAGE_SIZE = 16,     /* 2 bytes; 1 means 65536 */
    AT_WRITE_VERSION = 18, /* 1 byte each; 2 is WAL, 1 a rollback journal */
    AT_READ_VERSION = 19,
    AT_RESERVED = 20,      /* 1 byte: kept free at the end of each page */
    AT_CHANGES = 24,       /* 4 bytes from here on */
    AT_PAGES = 28,         /* counts only while the two beside it agree */
    AT_SCHEMA_COOKIE = 40, /* 0: no table was ever made */
    AT_LARGEST_ROOT = 52,  /* 0: auto-vacuum is off */
    AT_ENCODING = 56,      /* 1: UTF-8, 2 and 3: UTF-16 */
    AT_PAGES_VALID_FOR = 92,
};
#define VERSION_WAL   2
#define ENCODING_UTF8 1

static uint32_t number(const unsigned char *h, int at, int bytes)
{
    uint32_t n = 0;

    for (int i = 0; i < bytes; i++)
        n = n << 8 | h[at + i];
    return n;
}

static int check_size(const unsigned char *h, uint64_t file_bytes, struct err *err)
{
    uint64_t pages = number(h, AT_PAGES, 4);
    bool counts = pages && number(h, AT_CHANGES, 4) == number(h, AT_PAGES_VALID_FOR, 4);

    if (file_bytes % SEED_PAGE_BYTES != 0)
        return err_set(err, ERR_INVALID,
                       "it ends in the middle of a page: it was cut, or is being written");
    if (counts && pages * SEED_PAGE_BYTES != file_bytes)
        return err_set(err, ERR_INVALID,
                       "it has %" PRIu64 " bytes, and its header says %" PRIu64
                       ": it was cut, or is being written",
                       file_bytes, pages * SEED_PAGE_BYTES);
    return 0;
}

static int check_cipher(const unsigned char *h, const char *cipher, struct err *err)
{
    unsigned wanted = 0;

    for (int i = 0; cipher && i < CIPHER_N; i++)
        if (strcmp(CIPHER_NAME[i], cipher) == 0)
            wanted = CIPHER_RESERVED_BYTES[i];
    if (cipher && h[AT_RESERVED] != wanted)
        return err_set(err, ERR_INVALID,
                       "it keeps %u bytes of each page free, and %s needs %u: "
                       "sqlite3 FILE '.filectrl reserve_bytes %u' VACUUM",
                       h[AT_RESERVED], cipher, wanted, wanted);
    return 0;
}

int seed_header_check(const unsigned char h[SEED_HEADER_BYTES], uint64_t file_bytes,
                      const char *cipher, struct err *err)
{
    static const char magic[] = "SQLite format 3"; /* its NUL too */
    uint32_t page = number(h, AT_PAGE_SIZE, 2);
    int rc;

    if (memcmp(h + AT_MAGIC, magic, sizeof(magic)) != 0)
        return err_set(err, ERR_INVALID, "it is not a SQLite database");
    if (page != SEED_PAGE_BYTES)
        return err_set(err, ERR_INVALID,
                       "its pages have %u bytes; the platform takes 4096: PRAGMA journal_mode = "
                       "delete; PRAGMA page_size = 4096; VACUUM; PRAGMA journal_mode = wal",
                       page == 1 ? 65536 : page);
    if (h[AT_WRITE_VERSION] != VERSION_WAL || h[AT_READ_VERSION] != VERSION_WAL)
        return err_set(err, ERR_INVALID, "its journal mode is not WAL: PRAGMA journal_mode = wal");
    if (number(h, AT_SCHEMA_COOKIE, 4) == 0)
        return err_set(err, ERR_INVALID, "there is nothing in it: no table was ever made");
    if (number(h, AT_LARGEST_ROOT, 4) != 0)
        return err_set(err, ERR_INVALID,
                       "its auto-vacuum is on: PRAGMA auto_vacuum = none; VACUUM");
    if (number(h, AT_ENCODING, 4) != ENCODING_UTF8)
        return err_set(err, ERR_INVALID,
                       "its text is not UTF-8, which is for ever: copy it into a new database "
                       "(PRAGMA encoding = 'UTF-8', then .dump and .read)");
    rc = check_size(h, file_bytes, err);
    return rc ? rc : check_cipher(h, cipher, err);
}
