/* fuzz_listing: a page of databases, whole and in pieces: both must be read alike.
 * In:    the fuzzer's bytes; the first one is the size of the pieces.
 * Out:   nothing; a crash, a leak or a broken promise aborts. */
#include <string.h>

#include "core/listing.h"
#include "lib/text.h"
#include "tests/fuzz/fuzz.h"

static struct answer *read_page(const char *text, size_t size, size_t piece)
{
    struct call c = {.kind = CALL_DATABASES_LIST};
    struct answer *a = answer_new(&c);
    struct listing *l = a ? listing_new(c.kind, "cursor", a) : NULL;
    struct err err = ERR_INIT;
    int rc = 0;

    promise(l != NULL);
    for (size_t at = 0; at < size && rc == 0; at += piece)
        rc = listing_feed(l, text + at, size - at < piece ? size - at : piece, &err);
    rc = rc == 0 ? listing_end(l, &err) : rc;
    promise((rc == 0) == (err.code == ERR_OK));
    promise(rc == 0 || (a->n_databases == 0 && !a->databases));
    a->outcome = rc == 0 ? OUTCOME_OK : OUTCOME_MALFORMED;
    listing_free(l);
    return a;
}

/* A name that is not of the manifest's grammar may be shown, but must be harmless in a path. */
static bool stands_for_itself(const char *name)
{
    return *name && *name != '.' && *name != '-' && text_is_plain(name, strlen(name)) &&
           !strpbrk(name, "/\\%?#& ");
}

static void check(const struct answer *a)
{
    for (size_t i = 0; i < a->n_databases; i++) {
        const struct live_db *db = &a->databases[i];

        promise(stands_for_itself(db->name));
        promise(db->id && *db->id);
        promise(!db->hostname || text_is_plain(db->hostname, strlen(db->hostname)));
    }
    promise(!a->next_cursor || strcmp(a->next_cursor, "cursor") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    struct answer *whole;
    struct answer *pieces;

    if (size < 2)
        return 0;
    whole = read_page(text, size - 1, size - 1);
    pieces = read_page(text, size - 1, (size_t)data[0] + 1);
    check(whole);
    promise(whole->outcome == pieces->outcome && whole->n_databases == pieces->n_databases);
    for (size_t i = 0; i < whole->n_databases; i++)
        promise(strcmp(whole->databases[i].id, pieces->databases[i].id) == 0);
    answer_free(whole);
    answer_free(pieces);
    return 0;
}
