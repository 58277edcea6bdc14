/* fleet_rest: databases at rest are kept packed, and opened when somebody asks for them.
 * Who asks by name gets the whole record, and it stays whole until the step ends. Who walks over
 * all opens and closes one after the other. A record is packed when it is closed, or when the step
 * ends, if nothing of it is under way or waits.
 * In:    places and names.
 * Out:   whole records.
 * Never: packs what somebody still holds: one that was whole before it was opened stays so until
 *        fleet_settle, unless who opened it says that nobody does (struct visit, `opened`). */
#ifndef TENANTD_CORE_FLEET_REST_H
#define TENANTD_CORE_FLEET_REST_H

#include "core/fleet.h"
#include "core/pack.h"

/* One on a walk, by its place. NULL: no memory, and the fleet has failed. Each that is opened is
 * closed, or kept: then it stays whole until the step ends. */
struct visit {
    struct database *d;
    bool opened;             /* for this visit, and nobody else holds it */
    int64_t stands_until_ms; /* it was decided about as it is, with all that is known: until it or
                                the world changes, and till then, that stands; monotonic; 0: not */
    bool is_first_seen;      /* all that is done to it is that it is seen, as the ledger tells */
};
struct visit fleet_open(const struct fleet *f, size_t at);
void fleet_close(const struct fleet *f, size_t at, struct visit v);
void fleet_keep(const struct fleet *f, struct visit v);
/* NULL: it is packed, and so nothing is to be done about it now. */
struct database *fleet_whole(const struct fleet *f, size_t at);

/* Of what is in one of the fleet's arrays: its name; the place of the first whose name is `name` or
 * comes behind it; the one of that name, packed or whole, NULL: none. */
const char *record_name(const struct resource *item);
size_t record_place(struct resource *const *items, size_t n, const char *name);
struct resource *record_find(struct resource *const *items, size_t n, const char *name);
/* Only to be shown: a copy, until the next one is looked at or fleet_unpeek, of what stays packed;
 * meanwhile fleet_database gives it, too. NULL: no memory. */
const struct database *fleet_peek(const struct fleet *f, size_t at);
void fleet_unpeek(const struct fleet *f);

const char *fleet_database_name(const struct fleet *f, size_t at);
static inline bool fleet_is_packed(const struct fleet *f, size_t at)
{
    return f->flags[at] != 0;
}
/* Its packed_flag bits, without opening it or so much as looking at what is packed: for a walk over
 * all. Those of a whole one are reckoned. */
unsigned fleet_flags(const struct fleet *f, size_t at);
/* Packed, and what a list says of it is what is known: nothing to take over. *place: its group, in
 * `buf`. */
bool fleet_shows(const struct fleet *f, size_t at, const struct live_db *row, const char **place,
                 char *buf);

/* --- fleet_look.c: a look at the platform, as it comes page by page --- */

/* Packed, and the row says just what is known, neither more nor less, or is that of many others
 * that are told of by the ledger alone: that is noted, and the row need not be kept. */
bool fleet_note_shown(const struct fleet *f, size_t at, const struct live_db *row);
/* PACKED_SHOWN, PACKED_TAKEN or 0. */
unsigned fleet_noted(const struct fleet *f, size_t at);
/* One that was noted and has to be taken over: it is known by the ledger alone, or was opened
 * since, and may be known better by now. What was shown of it then. False: it is none. */
bool fleet_shown_row(const struct fleet *f, size_t at, struct pack_row *out);
/* One that was noted, and that the platform has said nothing of before: taken over as the last such
 * one was, without opening it. False: it has to be opened. */
bool fleet_take_alike(const struct fleet *f, size_t at);
/* What the look shows of it is taken over, or that it shows nothing. */
void fleet_note_taken(const struct fleet *f, size_t at);
/* The look is over, or is thrown away. */
void fleet_forget_look(const struct fleet *f);

/* One out of the ledger, whose name comes behind all others: packed as it is, and neither kept nor
 * freed. False: it is not at rest, and has to be added as others are; *out_nomem: no memory. */
bool fleet_load(struct fleet *f, struct database *d, bool *out_nomem);

/* Of a database: record_place. */
size_t fleet_place(const struct fleet *f, const char *name);
/* The same, found at once where it is just there, as when names come in order. */
size_t fleet_place_near(const struct fleet *f, const char *name, size_t near);

/* The end of a step: pack what was touched and is at rest. */
void fleet_settle(const struct fleet *f);
/* What was decided stands of none of them any more: PACKED_STEADY is said of nobody. */
void fleet_unsteady(struct fleet *f);
/* It was decided about: see whether it is at rest when the step ends. */
void fleet_touch(const struct fleet *f, struct database *d);
/* Open those that are due by then, so that they are in the heap; of very many, so many. */
void fleet_wake(struct fleet *f, int64_t now_ms, size_t most);
/* When the first of those that are packed is due, or was; INT64_MAX: never. */
int64_t fleet_next_wake(const struct fleet *f);

#endif
