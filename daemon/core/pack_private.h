/* pack_private: how a record lies in its bytes: what writing and reading share. Nobody else
 * includes it. */
#ifndef TENANTD_CORE_PACK_PRIVATE_H
#define TENANTD_CORE_PACK_PRIVATE_H

#include "core/pack.h"

#define UUID_BYTES 16
#define HASH_BYTES 32
#define SEEN_MAX   32 /* texts that others may be said to be the same as */

/* --- which texts a record has --- */

#define AT_INT(struct_, member)
#define AT_TEXT(struct_, member)        offsetof(struct struct_, member),
#define OWN_AT(row, member, type, key)  AT_##type(database, own.member)
#define HELD_AT(row, member, type, key) AT_##type(token, held.member)
#define LIVE_AT(symbol, key, type, listed)                                                         \
    offsetof(struct database, live.config.value[CONFIG_##symbol]),
#define APPLIED_AT(symbol, key, type, listed)                                                      \
    offsetof(struct database, applied.value[CONFIG_##symbol]),
#define READBACK_AT(symbol, key, type, listed)                                                     \
    offsetof(struct database, readback.value[CONFIG_##symbol]),
#define SENT_AT(symbol, key, type, listed) offsetof(struct database, sent.value[CONFIG_##symbol]),

/* What a list says comes first. */
enum { LIVE_ID, LIVE_HOSTNAME, LIVE_PLACE, LIVE_PARENT, LIVE_CONFIG };
/* And behind all that is live, applied, read back or sent: OWN_id, OWN_hostname, ... */
#define OWN_PLACE_INT(member)
#define OWN_PLACE_TEXT(member)            OWN_##member,
#define OWN_PLACE(row, member, type, key) OWN_PLACE_##type(member)
enum { OWN_BEFORE = LIVE_CONFIG + 4 * CONFIG_N - 1, OWNED_COLUMNS(OWN_PLACE) };
static const size_t DATABASE_TEXTS[] = {
    offsetof(struct database, live.id),
    offsetof(struct database, live.hostname),
    offsetof(struct database, live.place),
    offsetof(struct database, live.parent_id),
    CONFIG_FIELDS(LIVE_AT) CONFIG_FIELDS(APPLIED_AT) CONFIG_FIELDS(READBACK_AT)
        CONFIG_FIELDS(SENT_AT) OWNED_COLUMNS(OWN_AT) offsetof(struct database, probe_hash),
    offsetof(struct database, r.message),
    offsetof(struct database, r.refused_text),
    offsetof(struct database, r.last.request)};

/* The first is the token's own name, out of "DATABASE/TOKEN"; the last is no text of the token's.
 */
static const size_t TOKEN_TEXTS[] = {
    offsetof(struct token, r.name), TOKEN_COLUMNS(HELD_AT) offsetof(struct token, r.message),
    offsetof(struct token, r.refused_text), offsetof(struct token, r.last.request),
    offsetof(struct token, cause)};

#define N_DATABASE_TEXTS ARRAY_SIZE(DATABASE_TEXTS)
#define N_TOKEN_TEXTS    ARRAY_SIZE(TOKEN_TEXTS)
#define TEXTS_OF_ONE     (N_DATABASE_TEXTS > N_TOKEN_TEXTS ? N_DATABASE_TEXTS : N_TOKEN_TEXTS)
_Static_assert(TEXTS_OF_ONE <= PACK_TEXTS_MAX, "a text's place is a byte, and kept in a pack_room");
/* A member that was added, and is no pointer, goes by its bytes. A pointer to a text belongs into
 * the tables above; another one has to be NULL in what is at rest (fleet_rest.c). */
_Static_assert(sizeof(void *) != 8 ||
                   (sizeof(struct database) == 1088 && sizeof(struct token) == 544),
               "a member was added or went: is it a pointer?");
_Static_assert(sizeof(struct database) % 8 == 0 && sizeof(struct token) % 8 == 0, "whole words");

/* How a text is kept: its place in the table of texts and this, in the shape. */
enum text_kind {
    TEXT_SHARED, /* a number of the table of shared texts */
    TEXT_SAME,   /* as the n-th that was kept as bytes */
    TEXT_UUID,   /* 16 bytes */
    TEXT_HASH,   /* 32 bytes */
    TEXT_AROUND, /* the record's name between two shared texts */
    TEXT_PLAIN   /* its size and its bytes */
};

/* How a word that is not zero is kept: after how many that are, and this, in the form. Forms are
 * few, for the lengths of what is kept with the record are rounded. */
enum word_kind {
    WORD_HERE, /* how many bytes, and they, in the form: flags and choices */
    /* 1 to 8: as many bytes of the record's own */
    WORD_DIFFERENCE = 9, /* and up to 4 more: so many own bytes, of what it is more than the last
                            large one: most of these are times */
    WORD_AS_BEFORE = 14  /* which large one it is, in the form */
};
#define DIFFERENCE_MAX 4
#define LONG_GAP       15
#define LARGE_MAX      16 /* large words that others may be said to be the same as */

/* The large words so far, of all sections. */
struct large_words {
    uint64_t word[LARGE_MAX];
    size_t n; /* in all: the last ones are kept, each at n % LARGE_MAX */
};
static inline void note_large(struct large_words *l, uint64_t word)
{
    if (word >> 32)
        l->word[l->n++ % LARGE_MAX] = word;
}
static inline uint64_t last_large(const struct large_words *l)
{
    return l->n ? l->word[(l->n - 1) % LARGE_MAX] : 0;
}

/* What of a record is packed: not what it is pointed at, nor what links it. */
void pack_bare_database(const struct database *d, struct database *out);
void pack_bare_token(const struct token *t, struct token *out);

/* In a UUID: before its n-th byte. */
static inline bool has_dash_before(size_t n)
{
    return n == 4 || n == 6 || n == 8 || n == 10;
}

#endif
