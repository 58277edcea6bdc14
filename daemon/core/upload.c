#include "core/upload.h"

#include <stdlib.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/guard.h"
#include "core/reconcile_private.h"
#include "lib/mem.h"

#define DROPPED_LATELY_MS (60 * 60 * 1000)
#define DRAFT_PREFIX      "draft/" /* of `meta`: the id of one that was deleted, and when */

void upload_forget(struct upload *u)
{
    if (!u)
        return;
    u->looked_ms = u->refused_until_ms = u->again_ms = 0;
    if (u->host != HOST_NONE)
        u->host = HOST_UNASKED;
    u->host_ms = u->host == HOST_NONE ? u->host_ms : 0;
}

void upload_drop_key(struct upload *u)
{
    mem_free_secret(u->key, u->key_size);
    u->key = NULL;
    u->key_size = 0;
}

void upload_restart(struct upload *u)
{
    if (!u)
        return;
    upload_drop_key(u);
    u->host = HOST_UNASKED;
    u->host_ms = u->again_ms = 0;
    u->may_drop = false;
}

void upload_free(struct upload *u)
{
    if (!u)
        return;
    mem_free_secret(u->key, u->key_size);
    mem_free(u->file_state);
    mem_free(u->file_error);
    mem_free(u->refused_text);
    mem_free(u->refused_state);
    mem_free(u->host_text);
    mem_free(u);
}

/* --- the guard --- */

static bool wants_drop(const struct database *d)
{
    return d->has_own && strcmp(d->own.state, "owned") == 0 && d->upload &&
           upload_is_refused_draft(d);
}

static bool is_begun(const struct reconcile *rc, const struct database *d)
{
    return dropped_drafts_has(&rc->drafts, d->own.draft_id);
}

/* All of them or none: platform trouble that refuses many files is nobody's reason to delete as
 * many drafts; nor is one file, again and again, a reason to delete more than one in the window. */
void rc_uploads_guard(struct reconcile *rc, size_t owned, size_t done, size_t wanted)
{
    size_t drafts = 0;
    bool allowed;

    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_whole(&rc->fleet, i);

        drafts += d && wants_drop(d) && !is_begun(rc, d); /* what is at rest is no draft */
    }
    allowed =
        guard_allows_removals(&rc->config->policy, owned, rc_removed(rc), done + wanted, drafts);
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct database *d = fleet_whole(&rc->fleet, i);

        if (d && d->upload)
            d->upload->may_drop =
                wants_drop(d) &&
                (is_begun(rc, d) || (allowed && !rc_is_counted(rc, "removal", &d->r)));
    }
}

/* --- drafts that were deleted --- */

bool dropped_drafts_has(const struct dropped_drafts *l, const char *id)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].id, id) == 0)
            return true;
    return false;
}

static bool add(struct dropped_drafts *l, const char *id, int64_t at_ms)
{
    char *copy = mem_strdup(id);

    if (!copy || !mem_grow(&l->items, &l->capacity, l->n + 1, sizeof(*l->items))) {
        mem_free(copy);
        return false;
    }
    l->items[l->n++] = (struct dropped_draft){copy, at_ms};
    return true;
}

void rc_drafts_load(struct reconcile *rc, const char *key, const char *value)
{
    size_t n = strlen(DRAFT_PREFIX);

    if (strncmp(key, DRAFT_PREFIX, n) == 0) /* without memory its name waits for an operator */
        (void)add(&rc->drafts, key + n, strtoll(value ? value : "", NULL, 10));
}

/* Of how long ago one was dropped, a wall clock that was set meanwhile may say anything: so all of
 * an hour, and of what lies ahead, may be of just now. */
void rc_drafts_start(struct reconcile *rc)
{
    for (size_t i = 0; i < rc->drafts.n; i++)
        if (rc->wall_ms - rc->drafts.items[i].at_ms < DROPPED_LATELY_MS)
            rc->drafts.late_until_ms = rc->now_ms + LANDS_WITHIN_MS;
}

void rc_draft_drop(struct reconcile *rc, struct effects *fx, const char *id)
{
    char *key = mem_printf(DRAFT_PREFIX "%s", id);
    char *value = mem_printf("%lld", (long long)rc->wall_ms);
    struct meta row = {key, value};

    if (!key || !value ||
        (!dropped_drafts_has(&rc->drafts, id) && !add(&rc->drafts, id, rc->wall_ms)))
        fx->failed = true;
    else
        effects_put(fx, LEDGER_META, &row);
    mem_free(key);
    mem_free(value);
}

void rc_drafts_expire(struct reconcile *rc, struct effects *fx)
{
    size_t kept = 0;

    for (size_t i = 0; i < rc->drafts.n; i++) {
        struct dropped_draft *it = &rc->drafts.items[i];
        char *key;
        struct meta row = {0};

        if (rc->wall_ms - it->at_ms <= 2 * RECENTLY_DELETED_MS) {
            rc->drafts.items[kept++] = *it;
            continue;
        }
        key = mem_printf(DRAFT_PREFIX "%s", it->id);
        row.key = key;
        if (key)
            effects_remove(fx, LEDGER_META, &row);
        else
            fx->failed = true;
        mem_free(key);
        mem_free(it->id);
    }
    rc->drafts.n = kept;
}

void dropped_drafts_deinit(struct dropped_drafts *l)
{
    for (size_t i = 0; i < l->n; i++)
        mem_free(l->items[i].id);
    mem_free(l->items);
    *l = (struct dropped_drafts){0};
}
