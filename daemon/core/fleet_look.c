/* fleet_look: what a look at the platform shows of databases at rest, noted beside them. One that
 * is shown just as it is known is noted as that, and no row of it is kept: what it was packed into
 * says the same, and is kept with the record when that is opened. */
#include <assert.h>

#include "core/fleet_private.h"
#include "core/fleet_rest.h"

bool fleet_note_shown(const struct fleet *f, size_t at, const struct live_db *row)
{
    const struct packed *p = fleet_packed(f->databases[at]);

    if (!p || !pack_shows(&f->rest->texts, p, f->flags[at], row, true))
        return false;
    f->flags[at] |= PACKED_SHOWN;
    return true;
}

unsigned fleet_noted(const struct fleet *f, size_t at)
{
    return fleet_is_packed(f, at) ? f->flags[at] & PACKED_LOOK
                                  : database_of(f->databases[at])->rest.look;
}

static bool shown_row(const struct fleet *f, const struct database *d, struct pack_row *out)
{
    if (!(d->rest.look & PACKED_SHOWN))
        return false;
    assert(d->rest.was);
    pack_row(&f->rest->texts, d->rest.was, d->rest.flags, out);
    return true;
}

bool fleet_shown_row(const struct fleet *f, size_t at, struct pack_row *out)
{
    return !fleet_is_packed(f, at) && shown_row(f, database_of(f->databases[at]), out);
}

bool fleet_is_as_shown(const struct fleet *f, const struct database *d)
{
    struct pack_row shown;

    return !shown_row(f, d, &shown) || live_is_row(&d->live, &shown.row);
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
    for (size_t i = 0; i < f->n_databases; i++)
        note(f, i, 0);
}
