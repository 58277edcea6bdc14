#include "core/fleet_rest.h"

#include <string.h>

#include "core/fleet_private.h"
#include "core/pack.h"
#include "lib/mem.h"

bool fleet_init(struct fleet *f, struct heap *wakes)
{
    f->rest = mem_alloc(sizeof(*f->rest));
    if (!f->rest)
        return false;
    f->rest->wakes = wakes;
    list_init(&f->rest->touched);
    pack_room_init(&f->rest->room);
    return true;
}

bool fleet_failed(const struct fleet *f)
{
    return f->rest->failed || f->rest->texts.failed;
}

/* --- opening --- */

static bool wake_at(struct heap *wakes, struct heap_node *node)
{
    if (!node->place)
        return true;
    node->place = 0;
    return heap_set(wakes, node, node->at);
}

/* An entry that was taken for the one before it, by a digest that is no proof, may name other
 * tokens than the record has: then it is bound like any other. */
static bool point(struct database *d, unsigned flags)
{
    return (!(flags & PACKED_UNBOUND) && fleet_point(d, d->rest.entry)) ||
           fleet_bind_database(d, d->rest.entry);
}

static bool join(struct fleet_rest *rest, struct database *d, unsigned flags)
{
    bool ok = wake_at(rest->wakes, &d->r.wake);

    for (size_t i = 0; i < d->n_tokens; i++) /* all: `place` is theirs to clear */
        ok = wake_at(rest->wakes, &d->tokens[i]->r.wake) && ok;
    return ok && point(d, flags);
}

static int64_t first_wake(const struct database *d)
{
    int64_t first = d->r.wake.place ? d->r.wake.at : INT64_MAX;

    for (size_t i = 0; i < d->n_tokens; i++)
        if (d->tokens[i]->r.wake.place && d->tokens[i]->r.wake.at < first)
            first = d->tokens[i]->r.wake.at;
    return first;
}

static void leave(struct fleet_rest *rest, struct database *d)
{
    heap_remove(rest->wakes, &d->r.wake);
    for (size_t i = 0; i < d->n_tokens; i++)
        heap_remove(rest->wakes, &d->tokens[i]->r.wake);
}

void fleet_touch(const struct fleet *f, struct database *d)
{
    if ((!d->rest.link.next || list_is_empty(&d->rest.link)) && d != f->rest->peeked)
        list_append(&f->rest->touched, &d->rest.link);
}

/* room: NULL: it stays. */
static struct database *open(const struct fleet *f, size_t at, struct pack_room *room)
{
    struct packed *p = fleet_packed(f->databases[at]);
    struct fleet_rest *rest = f->rest;
    struct database *d;

    if (rest->failed)
        return NULL; /* its entry may be gone */
    d = pack_open(&rest->texts, p, room);
    if (d)
        d->rest.entry = p->entry ? rest->entries + (p->entry - 1) : NULL;
    if (d && room)
        pack_room_note(room, d);
    if (!d || !join(rest, d, f->flags[at])) {
        if (d)
            leave(rest, d);
        database_free(d);
        rest->failed = true;
        return NULL;
    }
    d->rest.was = p;
    d->rest.flags = f->flags[at];
    d->rest.world = rest->world;
    d->rest.look = f->flags[at] & PACKED_LOOK;
    d->rest.stands_until_ms = packed_wake(p) < first_wake(d) ? packed_wake(p) : INT64_MAX;
    f->databases[at] = &d->r;
    f->flags[at] = 0;
    return d;
}

struct database *fleet_rouse(const struct fleet *f, size_t at)
{
    struct database *d;

    if (!fleet_is_packed(f, at))
        return database_of(f->databases[at]);
    d = open(f, at, NULL);
    if (d)
        fleet_touch(f, d);
    return d;
}

void fleet_unpeek(const struct fleet *f)
{
    struct fleet_rest *rest = f->rest;

    if (!rest->peeked)
        return;
    if (rest->in_room == rest->peeked) {
        pack_room_return(&rest->room, rest->peeked, rest->room.all_lent);
        rest->in_room = NULL;
    } else {
        database_free(rest->peeked);
    }
    rest->peeked = NULL;
}

const struct database *fleet_peek(const struct fleet *f, size_t at)
{
    struct packed *p = fleet_packed(f->databases[at]);
    struct fleet_rest *rest = f->rest;
    struct database *d;

    if (!p)
        return database_of(f->databases[at]);
    fleet_unpeek(f);
    d = rest->failed ? NULL : pack_open(&rest->texts, p, rest->in_room ? NULL : &rest->room);
    if (!d)
        return NULL;
    if (!rest->in_room)
        rest->in_room = d;
    d->rest.entry = p->entry ? rest->entries + (p->entry - 1) : NULL;
    rest->peeked = d;
    return point(d, f->flags[at]) ? d : NULL;
}

struct database *fleet_database(const struct fleet *f, const char *name)
{
    struct database *d = f->rest->peeked;
    size_t at;

    if (!name)
        return NULL;
    if (d && strcmp(d->r.name, name) == 0)
        return d;
    d = f->rest->in_room;
    if (d && d != f->rest->peeked && strcmp(d->r.name, name) == 0) {
        fleet_touch(f, d);
        return d;
    }
    at = fleet_place(f, name);
    if (at == f->n_databases || strcmp(record_name(f->databases[at]), name) != 0)
        return NULL;
    d = fleet_rouse(f, at);
    if (d)
        fleet_touch(f, d);
    return d;
}

struct visit fleet_open(const struct fleet *f, size_t at)
{
    struct fleet_rest *rest = f->rest;

    if (!fleet_is_packed(f, at))
        return (struct visit){.d = database_of(f->databases[at])};
    if (rest->in_room) /* one within a visit */
        return (struct visit){.d = fleet_rouse(f, at), .opened = true};
    rest->in_room = open(f, at, &rest->room);
    return (struct visit){.d = rest->in_room, .opened = true};
}

struct database *fleet_whole(const struct fleet *f, size_t at)
{
    return fleet_packed(f->databases[at]) ? NULL : database_of(f->databases[at]);
}

/* --- packing --- */

/* Nothing of it is under way, waits for a turn, or was asked for. */
static bool is_idle(const struct resource *r)
{
    bool calm = r->phase == PHASE_READY || r->phase == PHASE_ORPHANED || r->phase == PHASE_NONE ||
                r->phase == PHASE_UNKNOWN || r->phase == PHASE_PENDING ||
                r->phase == PHASE_PAUSED; /* with all the others */

    return calm && (r->is_done || r->waits) && !r->held && r->reason != REASON_DRIFTED &&
           !r->busy && !r->queued && !r->pause && !r->attempts && !r->look_now && !r->resolve_now &&
           !r->rotate_until_ms && !r->is_rotating && r->refused == REASON_NONE;
}

static bool token_is_at_rest(const struct token *t)
{
    return is_idle(&t->r) && !t->jwt && !t->minting && !t->hook_busy && !t->hook_again &&
           !t->held.notify && (t->want || t->has_held);
}

static bool is_at_rest(const struct database *d)
{
    bool rests = is_idle(&d->r) && (!d->asks || !d->has_own) && !d->placed && !d->own.fence &&
                 !d->own.held && !d->upload && !d->own.upload && !d->own.draft_id &&
                 (d->want || d->has_own || d->live.present || d->n_tokens);

    for (size_t i = 0; rests && i < d->n_tokens; i++)
        rests = token_is_at_rest(d->tokens[i]);
    return rests;
}

/* What says nothing any more: what the platform said when something failed, which may be another
 * text each time; and of a token that is in its file, what was asked before. */
static void forget_past(struct database *d)
{
    if (!d->refused_fields)
        mem_free_string(&d->r.refused_text);
    for (size_t i = 0; i < d->n_tokens; i++) {
        struct token *t = d->tokens[i];

        mem_free_string(&t->r.refused_text);
        if (t->has_held && strcmp(t->held.state, "published") == 0)
            t->file_asked = false;
    }
}

/* It is visited no longer, and not packed. */
static void stay(const struct fleet *f, struct database *d)
{
    struct fleet_rest *rest = f->rest;

    if (rest->in_room != d)
        return;
    if (!pack_room_leave(&rest->room, d))
        rest->failed = true;
    rest->in_room = NULL;
    fleet_touch(f, d);
}

static void drop(struct fleet_rest *rest, struct database *d, bool as_noted)
{
    if (rest->in_room == d) {
        pack_room_return(&rest->room, d, as_noted);
        rest->in_room = NULL;
    } else {
        database_free(d);
    }
}

static bool is_same(const struct packed *a, const struct packed *b)
{
    return a == b || (b && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* entries: what its entry is one of; v: NULL: nobody visits it. */
static void pack(const struct fleet *f, size_t at, struct database *d,
                 const struct db_entry *entries, const struct visit *v)
{
    struct fleet_rest *rest = f->rest;
    const struct pack_room *room = rest->in_room == d ? &rest->room : NULL;
    struct packed *was = d->rest.was;
    int64_t stands_until_ms = v ? v->stands_until_ms : 0;
    int64_t until = stands_until_ms ? stands_until_ms : d->rest.stands_until_ms;
    int64_t was_wake = was ? packed_wake(was) : 0;
    int64_t first = first_wake(d);
    unsigned flags = PACKED_AT_REST;
    struct packed *p = NULL;
    bool wakes;

    if (until > first)
        until = first;
    wakes = first != INT64_MAX || (until != INT64_MAX && until);

    if (is_at_rest(d) && fleet_is_as_shown(f, d)) {
        forget_past(d);
        p = room && (was->wakes || !wakes) && pack_room_is_as_noted(room, d)
                ? was
                : pack_make(&rest->texts, &rest->store, d, room, wakes);
    }
    if (!p) {
        stay(f, d);
        return;
    }
    if (stands_until_ms || (d->rest.flags & PACKED_STEADY && d->rest.world == rest->world &&
                            is_same(p, was) && was_wake == until)) {
        flags |= PACKED_STEADY;
        first = until;
    }
    p->entry = d->rest.entry ? (uint32_t)(d->rest.entry - entries) + 1 : 0;
    packed_set_wake(p, first);
    if (first < rest->block_wakes[at / FLEET_BLOCK])
        rest->block_wakes[at / FLEET_BLOCK] = first;
    leave(rest, d);
    f->databases[at] = (struct resource *)((uintptr_t)p | PACKED_TAG);
    f->flags[at] = (uint16_t)(flags | pack_flags(d) | d->rest.look);
    if (v && v->is_first_seen && was && d->rest.flags & PACKED_UNSEEN)
        pack_change_learn(&rest->first_seen, was, p);
    if (p != was)
        pack_store_free(&rest->store, was);
    d->rest.was = NULL;
    drop(rest, d, p == was);
}

void fleet_close_bound(const struct fleet *f, size_t at, const struct visit *v,
                       const struct db_entry *entries)
{
    if (v->d && v->opened)
        pack(f, at, v->d, entries, v);
}

void fleet_close(const struct fleet *f, size_t at, struct visit v)
{
    fleet_close_bound(f, at, &v, f->rest->entries);
}

void fleet_keep(const struct fleet *f, struct visit v)
{
    if (v.d && v.opened)
        stay(f, v.d);
}

static bool move(const struct fleet *f, struct packed *p)
{
    struct fleet_rest *rest = f->rest;
    size_t at = fleet_place(f, p->bytes);
    struct packed *to = pack_store_take(&rest->store, p->size, p->wakes);

    if (!to)
        return false;
    to->entry = p->entry;
    memcpy(to->bytes, p->bytes, p->size);
    packed_set_wake(to, packed_wake(p));
    if (fleet_is_packed(f, at))
        f->databases[at] = (struct resource *)((uintptr_t)to | PACKED_TAG);
    else
        database_of(f->databases[at])->rest.was = to;
    pack_store_free(&rest->store, p);
    return true;
}

/* Of a store with many holes a page is laid anew: some hundred records, and no more in a step. */
static void tidy(const struct fleet *f)
{
    struct fleet_rest *rest = f->rest;
    struct packed *next;
    size_t page;

    if (rest->failed || !pack_store_loosest(&rest->store, &page))
        return;
    for (struct packed *p = pack_store_next(&rest->store, page, NULL); p; p = next) {
        next = pack_store_next(&rest->store, page, p);
        if (!move(f, p)) {
            rest->failed = true;
            return;
        }
    }
}

void fleet_settle(const struct fleet *f)
{
    struct list *touched = &f->rest->touched;

    if (f->rest->in_room && f->rest->in_room != f->rest->peeked)
        stay(f, f->rest->in_room); /* somebody has neither closed nor kept it */
    while (!list_is_empty(touched)) {
        struct database *d = container_of(touched->next, struct database, rest.link);

        list_remove(&d->rest.link);
        if (is_at_rest(d))
            pack(f, fleet_place(f, d->r.name), d, f->rest->entries, NULL);
    }
    tidy(f);
}

bool fleet_load(struct fleet *f, struct database *d, bool *out_nomem)
{
    struct fleet_rest *rest = f->rest;
    struct packed *p;

    if (f->n_databases && strcmp(fleet_database_name(f, f->n_databases - 1), d->r.name) >= 0)
        return false;
    p = is_at_rest(d) ? pack_make(&rest->texts, &rest->store, d, NULL, false) : NULL;
    *out_nomem = rest->texts.failed;
    if (!p)
        return false;
    if (fleet_append_packed(f, p, PACKED_AT_REST | pack_flags(d)))
        return true;
    pack_store_free(&rest->store, p);
    *out_nomem = true;
    return false;
}

void fleet_unsteady(struct fleet *f)
{
    f->rest->world++; /* of those that are whole */
    for (size_t i = 0; i < f->n_databases; i++)
        f->flags[i] &= (uint16_t)~PACKED_STEADY;
}

/* --- looking without opening --- */

unsigned fleet_flags(const struct fleet *f, size_t at)
{
    return f->flags[at] ? f->flags[at] : pack_flags(database_of(f->databases[at]));
}

bool fleet_shows(const struct fleet *f, size_t at, const struct live_db *row, const char **place,
                 char *buf)
{
    const struct packed *p = fleet_packed(f->databases[at]);

    if (!p || !pack_shows(&f->rest->texts, p, f->flags[at], row, false))
        return false;
    *place = pack_place(&f->rest->texts, p, buf);
    return true;
}

/* --- all of them --- */

/* What is packed is wanted, ours, live or has tokens. */
void fleet_sweep_databases(struct fleet *f, bool (*keep)(struct database *d, void *arg), void *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->n_databases; i++) {
        if (fleet_is_packed(f, i) || keep(database_of(f->databases[i]), arg)) {
            f->flags[kept] = f->flags[i];
            f->databases[kept++] = f->databases[i];
        } else {
            pack_store_free(&f->rest->store, database_of(f->databases[i])->rest.was);
            database_free(database_of(f->databases[i]));
        }
    }
    if (kept == f->n_databases)
        return;
    f->n_databases = kept;
    f->rest->n_blocks = (kept + FLEET_BLOCK - 1) / FLEET_BLOCK;
    fleet_reckon_wakes(f);
}

void fleet_rest_deinit(struct fleet *f)
{
    for (size_t i = 0; i < f->n_databases; i++)
        if (!fleet_is_packed(f, i))
            database_free(database_of(f->databases[i]));
    mem_free((void *)f->databases);
    mem_free(f->flags);
    if (!f->rest)
        return;
    fleet_unpeek(f);
    pack_room_deinit(&f->rest->room);
    pack_store_deinit(&f->rest->store);
    texts_deinit(&f->rest->texts);
    mem_free(f->rest->block_wakes);
    mem_free(f->rest);
}
