/* upload_routes: a whole SQLite file for a database that was created to get one.
 * In:    the file, a token for the database, an encrypted one's key.
 * Out:   a database that holds it, or what is wrong with the file.
 * Never: takes a file twice. */
#include <string.h>

#include "content.h"
#include "data_plane.h"
#include "encryption.h"
#include "routes.h"

#define HEADER_SIZE 100
#define PAGE_SIZE   4096

static unsigned big_endian(const unsigned char *p, size_t n)
{
    unsigned value = 0;

    while (n--)
        value = value << 8 | *p++;
    return value;
}

/* What each page of a file has to keep free for a cipher. */
static unsigned reserved_for(const char *cipher)
{
    return strncmp(cipher, "aegis256", 8) == 0 ? 48 : strncmp(cipher, "aegis", 5) == 0 ? 32 : 28;
}

/* What the platform wants of a file's header (sqlite.org/fileformat2.html, 1.3). cipher: NULL: it
 * is not to be encrypted. */
static const char *fault_of(const unsigned char *p, size_t size, const char *cipher)
{
    static const char magic[] = "SQLite format 3"; /* its NUL too */

    if (size < HEADER_SIZE || memcmp(p, magic, sizeof(magic)) != 0)
        return "the file is not a SQLite database";
    if (big_endian(p + 16, 2) != PAGE_SIZE)
        return "the page size must be 4096";
    if (p[18] != 2 || p[19] != 2)
        return "the journal mode must be WAL";
    if (big_endian(p + 52, 4) != 0)
        return "auto-vacuum must be off";
    if (big_endian(p + 56, 4) != 1)
        return "the text encoding must be UTF-8";
    if (size % PAGE_SIZE != 0)
        return "the file ends in the middle of a page";
    if (cipher && p[20] != reserved_for(cipher))
        return "the reserved bytes do not match the cipher";
    return NULL;
}

/* The cipher may be left out: it is known. False: answered. */
static bool check_key(const struct database *db, const struct request *rq, struct answer *a)
{
    const char *cipher = rq->encryption_cipher;
    struct encryption given;

    if (!db->encryption) {
        if (!rq->encryption_key && !*cipher)
            return true;
        answer_error(a, 400, "the database is not encrypted");
        return false;
    }
    if (*cipher && strcmp(cipher, db->encryption->cipher) != 0)
        answer_error(a, 400, "the database is encrypted with %s", db->encryption->cipher);
    else if (!rq->encryption_key)
        answer_error(a, 400, "x-turso-encryption-key is missing");
    else if (!encryption_read(db->encryption->cipher, rq->encryption_key, &given) ||
             !encryption_is_same_key(&given, db->encryption))
        answer_error(a, 400, "x-turso-encryption-key is not the key of this database");
    else
        return true;
    return false;
}

static void take_file(struct emulator *e, struct database *db, const struct request *rq,
                      struct answer *a)
{
    const char *fault = fault_of((const unsigned char *)buf_str(&rq->body), rq->body.size,
                                 db->encryption ? db->encryption->cipher : NULL);
    struct err err = ERR_INIT;

    if (fault)
        answer_error(a, 400, "invalid database file: %s", fault);
    else if (content_replace(&e->content_store, &db->content, db->id, rq->body.data, rq->body.size,
                             &err))
        answer_error(a, err.code == ERR_INVALID ? 400 : 500, "invalid database file: %s", err.msg);
    else {
        db->is_draft = false;
        answer_text(a, 200, "text/plain", "");
    }
}

void route_db_upload(struct emulator *e, struct request *rq, struct answer *a)
{
    struct sql_grant grant;
    struct database *db = data_plane_enter(e, rq, true, &grant, a);

    if (!db)
        ; /* answered */
    else if (grant.read_only)
        answer_error(a, 403, "Operation was blocked: the token is read-only");
    else if (!db->is_draft)
        answer_error(a, 400, "database %s does not wait for an upload", db->name);
    else if (check_key(db, rq, a))
        take_file(e, db, rq, a);
    sql_grant_deinit(&grant);
}
