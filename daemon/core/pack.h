/* pack: the record of a database and its tokens, in as few bytes as they need.
 *
 *   name NUL, number of tokens, then a section for the database and for each token:
 *   its shape (which texts it has, and where each is to be found), its form (which words of the
 *   struct are not zero, and how each is kept), then the texts and words that are its own.
 *
 * Texts that many records share are numbers of a table, as are shapes and forms. What is no pointer
 * goes by its bytes, so that a member that is added to a record is kept without a word here; a
 * pointer to a text has to be in the tables of pack_private.h.
 * In: a record in which nothing is under way. Out: bytes, and the same record. Never: what the
 * manifest says, which it is pointed at anew. */
#ifndef TENANTD_CORE_PACK_H
#define TENANTD_CORE_PACK_H

#include "core/fleet.h"
#include "core/pack_store.h"
#include "core/texts.h"

enum packed_flag {
    PACKED_PRESENT = 1u << 0, /* live.present */
    PACKED_LISTED = 1u << 1,
    PACKED_ARCHIVED = 1u << 2,
    PACKED_OWNED = 1u << 3,  /* its row says "owned" */
    PACKED_NAMED = 1u << 4,  /* it stands in some phase */
    PACKED_TOKENS = 1u << 5, /* it has some */
    PACKED_ENDS = 1u << 6,   /* a branch, or one that expires */
    PACKED_CONFIG_READ = 1u << 7,
    PACKED_KEPT = 1u << 8,     /* it has a row in the ledger */
    PACKED_STEADY = 1u << 9,   /* it was decided about as it is, and only time or the world change
                                  what would be decided now */
    PACKED_AT_REST = 1u << 10, /* it is packed: all of what is whole is reckoned */
    /* of the look at the platform that is under way: */
    PACKED_SHOWN = 1u << 11,   /* it is shown, just as it is known */
    PACKED_TAKEN = 1u << 12,   /* what is shown of it was taken over */
    PACKED_UNBOUND = 1u << 13, /* it has got its entry, and is bound to it when it is opened */
    PACKED_UNSEEN = 1u << 14,  /* the platform has said nothing of it yet */
    PACKED_STEP = 1u << 15     /* it, or a token of it, waits to be made, changed or removed */
};
#define PACKED_LOOK (unsigned)(PACKED_SHOWN | PACKED_TAKEN)

struct pack_room;

/* w: NULL: it does not. */
static inline bool want_expires(const struct db_want *w)
{
    return w && (w->expires_at_ms || w->expires_after_ms);
}

/* But PACKED_STEADY, PACKED_AT_REST, PACKED_UNBOUND, and those of a look. */
unsigned pack_flags(const struct database *d);
/* A piece of the store; wakes: a time when it is due is to be told (packed_set_wake), as its entry.
 * room: where it was opened, and its bytes of then are still there; NULL: elsewhere, or never.
 * NULL: it is too large for that, or t->failed. */
struct packed *pack_make(struct texts *t, struct pack_store *store, const struct database *d,
                         const struct pack_room *room, bool wakes) MUST_CHECK;
/* The caller's; without entry and wants, in no list, and not waiting in the heap: `place` of each
 * `wake` says whether it is to be put there, for `at`. NULL: no memory. */
struct database *pack_open(const struct texts *t, const struct packed *p,
                           struct pack_room *room) MUST_CHECK;

/* How a text lay in what it was opened from. */
struct text_as_packed {
    const unsigned char *entry; /* in the shape; NULL: it was none, or hangs on others */
    const unsigned char *own;
    uint16_t entry_size;
    uint16_t own_size;
};

/* pack_room.c: one record after the other is opened into the same memory, and not kept. */
#define PACK_ROOM_TOKENS 4
#define PACK_TEXTS_MAX   64 /* of a database, or of a token */
struct pack_room {
    char *texts; /* lent (mem.h); NULL: its texts get memory of their own */
    size_t texts_used;
    bool all_lent; /* all texts of the one that is opened: then an address tells a text */
    struct database *database; /* a spare one */
    struct token *tokens[PACK_ROOM_TOKENS];
    size_t n_tokens;
    /* As it was opened, as far as that is packed. */
    struct database before;
    struct token tokens_before[PACK_ROOM_TOKENS];
    const struct token *token_at[PACK_ROOM_TOKENS];
    struct text_as_packed texts_before[1 + PACK_ROOM_TOKENS][PACK_TEXTS_MAX];
};
void pack_room_init(struct pack_room *room);
void pack_room_deinit(struct pack_room *room);
void pack_room_begin(struct pack_room *room); /* another is about to be opened */
/* Remember it as it is, just opened. */
void pack_room_note(struct pack_room *room, const struct database *d);
/* It would be packed into the very bytes that it was opened from. May say no though it would. */
bool pack_room_is_as_noted(const struct pack_room *room, const struct database *d);
/* It stays, and others are opened after it: its texts become its own. False: no memory. */
bool pack_room_leave(struct pack_room *room, struct database *d) MUST_CHECK;
/* It is not needed any more. as_noted: and has no text that it did not have then, but the names of
 * tokens. */
void pack_room_return(struct pack_room *room, struct database *d, bool as_noted);

/* What is live of it is what a list says: to take that over would change nothing. whole: and the
 * list says all of it that lists may say. */
bool pack_shows(const struct texts *t, const struct packed *p, unsigned flags,
                const struct live_db *row, bool whole);
/* It is ours and not known to be live, and what the ledger tells of it is what the list says; but
 * for flags, of which the ledger tells nothing. */
bool pack_tells(const struct texts *t, const struct packed *p, unsigned flags,
                const struct live_db *row);
/* What such a list says; where it is not known to be live, without flags. flags: as it was packed
 * with. */
struct pack_row {
    struct live_db row; /* its texts are these: */
    char texts[4][LIMIT_LIVE_TEXT_BYTES + 1];
};
void pack_row(const struct texts *t, const struct packed *p, unsigned flags, struct pack_row *out);
/* The group it lives in, into `out`, which holds LIMIT_LIVE_TEXT_BYTES and a NUL. NULL: it does not
 * say. */
const char *pack_place(const struct texts *t, const struct packed *p, char *out);

#endif
