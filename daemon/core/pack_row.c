/* pack_row: what a list says, and what is packed, held against each other without opening it. */
#include <string.h>

#include "core/pack_read.h"

static bool is_text(const struct pieces *p, const char *text)
{
    size_t n = strlen(text);

    if (n != pieces_size(p))
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (p->size[i] && memcmp(p->bytes[i], text, p->size[i]) != 0)
            return false;
        text += p->size[i];
    }
    return true;
}

static const char *flag_text(int8_t flag)
{
    return flag < 0 ? NULL : flag ? "true" : "false";
}

static bool is_listed(size_t place)
{
    return place < LIVE_CONFIG || CONFIG_FIELD[place - LIVE_CONFIG].listed;
}

bool pack_shows(const struct texts *t, const struct packed *p, unsigned flags,
                const struct live_db *row, bool whole)
{
    const char *said[LIVE_CONFIG + CONFIG_N] = {
        [LIVE_ID] = row->id,
        [LIVE_HOSTNAME] = row->hostname,
        [LIVE_PLACE] = row->group,
        [LIVE_PARENT] = row->parent_id,
        [LIVE_CONFIG + CONFIG_BLOCK_READS] = flag_text(row->block_reads),
        [LIVE_CONFIG + CONFIG_BLOCK_WRITES] = flag_text(row->block_writes),
        [LIVE_CONFIG + CONFIG_DELETE_PROTECTION] = flag_text(row->delete_protection)};
    struct pieces text;
    struct reader r;
    size_t place;

    if (!(flags & PACKED_PRESENT) || !(flags & PACKED_LISTED) ||
        !!(flags & PACKED_ARCHIVED) != (row->archived == 1))
        return false;
    reader_begin(&r, t, p, NULL);
    get_number(&r.at);
    reader_section(&r);
    while (reader_text(&r, &place, &text) && place < ARRAY_SIZE(said)) {
        if (said[place] ? !is_text(&text, said[place]) : whole && is_listed(place))
            return false;
        said[place] = NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(said); i++)
        if (said[i])
            return false; /* it is said, and was not known */
    return true;
}

/* Which of LIVE_ID to LIVE_PARENT that is; LIVE_CONFIG: none. */
static size_t told_as(size_t place)
{
    return place == OWN_id           ? LIVE_ID
           : place == OWN_hostname   ? LIVE_HOSTNAME
           : place == OWN_group_name ? LIVE_PLACE
                                     : LIVE_CONFIG;
}

bool pack_tells(const struct texts *t, const struct packed *p, unsigned flags,
                const struct live_db *row)
{
    const char *said[LIVE_CONFIG] = {[LIVE_ID] = row->id,
                                     [LIVE_HOSTNAME] = row->hostname,
                                     [LIVE_PLACE] = row->group,
                                     [LIVE_PARENT] = row->parent_id};
    struct pieces text;
    struct reader r;
    size_t place;

    if (flags & PACKED_PRESENT || !(flags & PACKED_OWNED) || row->archived == 1)
        return false;
    reader_begin(&r, t, p, NULL);
    get_number(&r.at);
    reader_section(&r);
    while (reader_text(&r, &place, &text)) {
        size_t as = told_as(place);

        if (as == LIVE_CONFIG)
            continue;
        if (!said[as] || !is_text(&text, said[as]))
            return false;
        said[as] = NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(said); i++)
        if (said[i])
            return false;
    return true;
}

/* Its texts: those that are live, or else what the ledger tells of them. */
static void read_row(struct reader *r, bool is_live, struct pack_row *out)
{
    const char **said[] = {[LIVE_ID] = &out->row.id,
                           [LIVE_HOSTNAME] = &out->row.hostname,
                           [LIVE_PLACE] = &out->row.group,
                           [LIVE_PARENT] = &out->row.parent_id};
    size_t end = is_live ? LIVE_CONFIG + CONFIG_N : N_DATABASE_TEXTS;
    struct pieces text;
    size_t place;

    while (reader_text(r, &place, &text) && place < end) {
        size_t as = is_live ? place : told_as(place);

        if (as == LIVE_CONFIG + CONFIG_BLOCK_READS)
            out->row.block_reads = is_text(&text, "true");
        else if (as == LIVE_CONFIG + CONFIG_BLOCK_WRITES)
            out->row.block_writes = is_text(&text, "true");
        else if (as == LIVE_CONFIG + CONFIG_DELETE_PROTECTION)
            out->row.delete_protection = is_text(&text, "true");
        else if (as < LIVE_CONFIG && pieces_size(&text) <= LIMIT_LIVE_TEXT_BYTES)
            *said[as] = pieces_write(&text, out->texts[as]);
    }
}

void pack_row(const struct texts *t, const struct packed *p, unsigned flags, struct pack_row *out)
{
    struct reader r;

    out->row = (struct live_db){.name = p->bytes,
                                .block_reads = -1,
                                .block_writes = -1,
                                .delete_protection = -1,
                                .archived = !!(flags & PACKED_ARCHIVED)};
    reader_begin(&r, t, p, NULL);
    get_number(&r.at);
    reader_section(&r);
    read_row(&r, flags & PACKED_PRESENT, out);
}

const char *pack_place(const struct texts *t, const struct packed *p, char *out)
{
    struct pieces text;
    struct reader r;
    size_t place;

    reader_begin(&r, t, p, NULL);
    get_number(&r.at);
    reader_section(&r);
    while (reader_text(&r, &place, &text) && place <= LIVE_PLACE) {
        if (place != LIVE_PLACE || pieces_size(&text) > LIMIT_LIVE_TEXT_BYTES)
            continue;
        pieces_write(&text, out);
        return out;
    }
    return NULL;
}
