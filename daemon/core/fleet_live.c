/* fleet_live: what the platform last said of a record, taken over from answers and lists. */
#include <string.h>

#include "core/fleet.h"
#include "lib/mem.h"

void db_config_deinit(struct db_config *c)
{
    for (int f = 0; f < CONFIG_N; f++)
        mem_free((void *)(uintptr_t)c->value[f]);
    *c = (struct db_config){0};
}

void live_clear(struct live *l)
{
    mem_free(l->id);
    mem_free(l->hostname);
    mem_free(l->place);
    mem_free(l->parent_id);
    db_config_deinit(&l->config);
    *l = (struct live){.read_ms = l->read_ms,
                       .written_ms = l->written_ms,
                       .made_ms = l->made_ms,
                       .checked = l->checked};
}

static bool set_text(char **to, const char *from)
{
    if (*to && from && strcmp(*to, from) == 0)
        return true;
    return ledger_set(to, from);
}

static bool set_flag(struct db_config *c, enum config_field f, int8_t flag)
{
    const char *text = flag ? "true" : "false";
    char *copy;

    if (flag < 0 || (c->value[f] && strcmp(c->value[f], text) == 0))
        return true;
    copy = mem_strdup(text);
    if (!copy)
        return false;
    mem_free((void *)(uintptr_t)c->value[f]);
    c->value[f] = copy;
    return true;
}

/* What was read by name to be gone, or to be another one, is not what is there now. */
static void note_present(struct live *l, const char *id)
{
    bool same = l->present && l->id && strcmp(l->id, id) == 0;

    l->checked = l->checked && same;
    if (l->id && !same)
        live_clear(l);
    l->present = true;
}

/* What is said of a flag is not what is known; -1: it is not said. */
static bool is_other(const struct live *l, enum config_field f, int8_t flag)
{
    const char *known = l->config.value[f];

    return flag >= 0 && known && (strcmp(known, "true") == 0) != (flag == 1);
}

bool live_set_database(struct live *l, const struct live_db *from)
{
    note_present(l, from->id);
    if (is_other(l, CONFIG_BLOCK_READS, from->block_reads) ||
        is_other(l, CONFIG_BLOCK_WRITES, from->block_writes) ||
        is_other(l, CONFIG_DELETE_PROTECTION, from->delete_protection))
        l->checked =
            false; /* a list may be old: it is read by name before anything is made of it */
    l->archived = from->archived == 1;
    return set_text(&l->id, from->id) &&
           (!from->hostname || set_text(&l->hostname, from->hostname)) &&
           (!from->group || set_text(&l->place, from->group)) &&
           (!from->parent_id || set_text(&l->parent_id, from->parent_id)) &&
           set_flag(&l->config, CONFIG_BLOCK_READS, from->block_reads) &&
           set_flag(&l->config, CONFIG_BLOCK_WRITES, from->block_writes) &&
           set_flag(&l->config, CONFIG_DELETE_PROTECTION, from->delete_protection);
}

static int8_t flag_of(const struct live *l, enum config_field f)
{
    const char *known = l->config.value[f];

    return (int8_t)(known ? strcmp(known, "true") == 0 : -1);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool live_is_row(const struct live *l, const struct live_db *row)
{
    return l->present && l->listed && l->archived == (row->archived == 1) && same(l->id, row->id) &&
           same(l->hostname, row->hostname) && same(l->place, row->group) &&
           same(l->parent_id, row->parent_id) &&
           flag_of(l, CONFIG_BLOCK_READS) == row->block_reads &&
           flag_of(l, CONFIG_BLOCK_WRITES) == row->block_writes &&
           flag_of(l, CONFIG_DELETE_PROTECTION) == row->delete_protection;
}

bool live_set_group(struct group *g, const struct live_group *from)
{
    char **locations = mem_alloc(from->n_locations * sizeof(char *));
    bool ok = locations != NULL;
    size_t n = 0;

    for (; ok && n < from->n_locations; n++)
        ok = (locations[n] = mem_strdup(from->locations[n])) != NULL;
    if (!ok) {
        for (size_t i = 0; locations && i < n; i++)
            mem_free(locations[i]);
        mem_free((void *)locations);
        return false;
    }
    for (size_t i = 0; i < g->n_locations; i++)
        mem_free(g->locations[i]);
    mem_free((void *)g->locations);
    g->locations = locations;
    g->n_locations = n;
    note_present(&g->live, from->id);
    g->live.archived = from->archived == 1;
    return set_text(&g->live.id, from->id) &&
           (!from->primary || set_text(&g->live.place, from->primary)) &&
           set_flag(&g->live.config, CONFIG_DELETE_PROTECTION, from->delete_protection);
}

bool live_set_config(struct db_config *to, const struct db_config *from)
{
    for (int f = 0; f < CONFIG_N; f++) {
        char *copy;

        if (!from->value[f] || (to->value[f] && strcmp(to->value[f], from->value[f]) == 0))
            continue;
        copy = mem_strdup(from->value[f]);
        if (!copy)
            return false;
        mem_free((void *)(uintptr_t)to->value[f]);
        to->value[f] = copy;
    }
    return true;
}
