/* fleet_look: what a look at the platform shows of databases at rest, noted beside them. One that
 * is shown just as it is known is noted as that, and no row of it is kept: what it was packed into
 * says the same, and is kept with the record when that is opened. Likewise one of which nothing was
 * seen yet, as after a start, and which is shown just as the ledger tells of it: that is what is
 * taken over when the look is whole. */
#include <assert.h>
#include <string.h>

#include "core/fleet_private.h"
#include "core/fleet_rest.h"

static bool is_usual(const struct fleet_rest *rest, const struct live_db *row)
{
    return rest->usual.is_set && row->block_reads == rest->usual.block_reads &&
           row->block_writes == rest->usual.block_writes &&
           row->delete_protection == rest->usual.delete_protection;
}

/* What the first of them has is what nearly all have. */
static bool is_told(const struct fleet *f, size_t at, const struct live_db *row)
{
    struct fleet_rest *rest = f->rest;

    if (!pack_tells(&rest->texts, fleet_packed(f->databases[at]), f->flags[at], row))
        return false;
    if (!rest->usual.is_set) {
        rest->usual.is_set = true;
        rest->usual.block_reads = row->block_reads;
        rest->usual.block_writes = row->block_writes;
        rest->usual.delete_protection = row->delete_protection;
    }
    return is_usual(rest, row);
}

bool fleet_note_shown(const struct fleet *f, size_t at, const struct live_db *row)
{
    const struct packed *p = fleet_packed(f->databases[at]);

    if (!p || (!pack_shows(&f->rest->texts, p, f->flags[at], row, true) && !is_told(f, at, row)))
        return false;
    f->flags[at] |= PACKED_SHOWN;
    return true;
}

unsigned fleet_noted(const struct fleet *f, size_t at)
{
    return fleet_is_packed(f, at) ? f->flags[at] & PACKED_LOOK
                                  : database_of(f->databases[at])->rest.look;
}

/* flags: as it was packed with. */
static void read_row(const struct fleet *f, const struct packed *p, unsigned flags,
                     struct pack_row *out)
{
    pack_row(&f->rest->texts, p, flags, out);
    if (flags & PACKED_PRESENT)
        return;
    out->row.block_reads = f->rest->usual.block_reads;
    out->row.block_writes = f->rest->usual.block_writes;
    out->row.delete_protection = f->rest->usual.delete_protection;
}

static bool shown_row(const struct fleet *f, const struct database *d, struct pack_row *out)
{
    if (!(d->rest.look & PACKED_SHOWN))
        return false;
    assert(d->rest.was);
    read_row(f, d->rest.was, d->rest.flags, out);
    return true;
}

bool fleet_shown_row(const struct fleet *f, size_t at, struct pack_row *out)
{
    if (!fleet_is_packed(f, at))
        return shown_row(f, database_of(f->databases[at]), out);
    if ((f->flags[at] & (PACKED_SHOWN | PACKED_PRESENT)) != PACKED_SHOWN)
        return false;
    read_row(f, fleet_packed(f->databases[at]), f->flags[at], out);
    return true;
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What would be read of it were it packed as it is. */
static bool is_row(const struct fleet *f, const struct database *d, const struct live_db *row)
{
    if (d->live.present)
        return live_is_row(&d->live, row);
    return same(d->own.id, row->id) && same(d->own.hostname, row->hostname) &&
           same(d->own.group_name, row->group) && !row->parent_id && row->archived != 1 &&
           is_usual(f->rest, row);
}

bool fleet_is_as_shown(const struct fleet *f, const struct database *d)
{
    struct pack_row shown;

    return !shown_row(f, d, &shown) || is_row(f, d, &shown.row);
}

bool fleet_take_alike(const struct fleet *f, size_t at)
{
    struct fleet_rest *rest = f->rest;
    struct packed *p = fleet_packed(f->databases[at]);
    bool is_told =
        (f->flags[at] & (PACKED_SHOWN | PACKED_UNSEEN)) == (PACKED_SHOWN | PACKED_UNSEEN);

    p = p && is_told ? pack_change_make(&rest->first_seen, &rest->store, p) : NULL;
    if (!p)
        return false;
    f->databases[at] = (struct resource *)((uintptr_t)p | PACKED_TAG);
    f->flags[at] &= (uint16_t) ~(PACKED_UNSEEN | PACKED_STEADY | PACKED_LOOK);
    f->flags[at] |= PACKED_PRESENT | PACKED_LISTED | PACKED_TAKEN;
    return true;
}

static void note(const struct fleet *f, size_t at, unsigned look)
{
    struct database *d;

    if (fleet_is_packed(f, at)) {
        f->flags[at] = (uint16_t)((f->flags[at] & ~PACKED_LOOK) | look);
        return;
    }
    d = database_of(f->databases[at]);
    if (d->rest.look & PACKED_SHOWN)
        fleet_touch(f, d); /* it may have stayed whole for that alone */
    d->rest.look = look;
}

void fleet_note_taken(const struct fleet *f, size_t at)
{
    note(f, at, PACKED_TAKEN);
}

void fleet_forget_look(const struct fleet *f)
{
    if (f->rest) /* else the fleet is gone */
        f->rest->usual.is_set = f->rest->first_seen.is_known = false;
    for (size_t i = 0; i < f->n_databases; i++)
        note(f, i, 0);
}
