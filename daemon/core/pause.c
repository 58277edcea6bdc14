/* pause: what operators have told us to leave alone for a while: one record, or everything. The
 * rows are the ledger's; a record under its own pause points to it. */
#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "lib/text.h"

#define PAUSE_MS ((int64_t)24 * 3600 * 1000) /* unless its end is said */

static bool is_whole(const struct pause *p)
{
    return !*p->kind && !*p->name;
}

static size_t find(const struct reconcile *rc, const struct resource *r)
{
    const char *kind = r ? KIND_NAME[r->kind] : "";
    const char *name = r ? r->name : "";
    size_t i = 0;

    while (i < rc->n_pauses &&
           (strcmp(rc->pauses[i]->kind, kind) != 0 || strcmp(rc->pauses[i]->name, name) != 0))
        i++;
    return i;
}

static struct pause *add(struct reconcile *rc)
{
    struct pause *p;

    if (!mem_grow(&rc->pauses, &rc->pauses_capacity, rc->n_pauses + 1, sizeof(struct pause *)))
        return NULL;
    p = mem_alloc(sizeof(*p));
    if (p)
        rc->pauses[rc->n_pauses++] = p;
    return p;
}

static void point(struct reconcile *rc, const struct pause *p, const struct pause *to)
{
    struct resource *r = is_whole(p) ? NULL : fleet_find(&rc->fleet, p->kind, p->name);

    if (is_whole(p))
        rc->paused = to;
    else if (r)
        r->pause = to;
}

static void look_for_end(struct reconcile *rc)
{
    rc->pause_ends_ms = INT64_MAX;
    for (size_t i = 0; i < rc->n_pauses; i++)
        if (rc->pauses[i]->until < rc->pause_ends_ms)
            rc->pause_ends_ms = rc->pauses[i]->until;
}

/* What was paused counted no grace, and its grace goes on from here. */
static void restart_grace(struct reconcile *rc, struct resource *r)
{
    if (r && r->kind == KIND_DATABASE)
        database_of(r)->grace_mark_ms = rc->now_ms;
    for (size_t i = 0; !r && i < rc->fleet.n_databases; i++)
        if (!fleet_is_packed(&rc->fleet, i)) /* no grace runs of what is at rest */
            fleet_open(&rc->fleet, i).d->grace_mark_ms = rc->now_ms;
}

static void drop(struct reconcile *rc, struct effects *fx, size_t i)
{
    struct pause *p = rc->pauses[i];

    if (is_whole(p))
        restart_grace(rc, NULL);
    else if (fleet_find(&rc->fleet, p->kind, p->name))
        restart_grace(rc, fleet_find(&rc->fleet, p->kind, p->name));
    point(rc, p, NULL);
    effects_remove(fx, LEDGER_PAUSE, p);
    ledger_row_deinit(LEDGER_PAUSE, p);
    mem_free(p);
    rc->pauses[i] = rc->pauses[--rc->n_pauses];
    look_for_end(rc);
}

int rc_pause(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
             struct err *err)
{
    int64_t until = c->until_ms ? c->until_ms : rc->wall_ms + PAUSE_MS;
    size_t i = find(rc, r);
    char text[TEXT_TIME_SIZE];
    struct pause *p;

    if (until <= rc->wall_ms)
        return err_set(err, ERR_INVALID, "a pause until %s would be over already",
                       text_time(until, text));
    p = i < rc->n_pauses ? rc->pauses[i] : add(rc);
    if (!p) {
        fx->failed = true;
        return 0;
    }
    rc_set(fx, &p->kind, r ? KIND_NAME[r->kind] : "");
    rc_set(fx, &p->name, r ? r->name : "");
    rc_set(fx, &p->reason, c->reason);
    p->until = until;
    p->at = rc->wall_ms;
    p->uid = c->uid;
    effects_put(fx, LEDGER_PAUSE, p);
    if (!fx->failed)
        point(rc, p, p);
    look_for_end(rc);
    snprintf(c->message, sizeof(c->message), "%spaused until %s",
             r ? "" : "the whole organization is ", text_time(until, text));
    return 0;
}

int rc_resume(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
              struct err *err)
{
    size_t i = find(rc, r);

    if (i == rc->n_pauses && r)
        return err_set(err, ERR_NOT_FOUND, "%s/%s is not paused by itself%s", KIND_NAME[r->kind],
                       r->name, rc->paused ? "; the whole organization is" : "");
    if (i == rc->n_pauses)
        return err_set(err, ERR_NOT_FOUND, "the organization as a whole is not paused");
    drop(rc, fx, i);
    snprintf(c->message, sizeof(c->message), "%sresumed", r ? "" : "the whole organization is ");
    if (!r && rc->n_pauses)
        snprintf(c->message, sizeof(c->message),
                 "the whole organization is resumed; %zu %s by itself", rc->n_pauses,
                 rc->n_pauses == 1 ? "resource stays paused" : "resources stay paused, each");
    return 0;
}

bool rc_pause_load(struct reconcile *rc, const struct pause *row)
{
    struct pause *p = add(rc);

    if (!p || !ledger_row_copy(LEDGER_PAUSE, p, row))
        return false;
    point(rc, p, p);
    look_for_end(rc);
    return true;
}

void rc_pauses_look(struct reconcile *rc, struct effects *fx)
{
    for (size_t i = rc->n_pauses; i-- > 0;) {
        const struct pause *p = rc->pauses[i];

        if (rc->wall_ms >= p->until) {
            rc_event(rc, fx, is_whole(p) ? NULL : fleet_find(&rc->fleet, p->kind, p->name),
                     "Resumed", 5, NULL, "the pause of %s%s%s has ended",
                     is_whole(p) ? "the whole organization" : p->kind, is_whole(p) ? "" : "/",
                     p->name);
            drop(rc, fx, i);
        } else {
            point(rc, p, p);
        }
    }
}

void rc_pauses_deinit(struct reconcile *rc)
{
    for (size_t i = 0; i < rc->n_pauses; i++) {
        ledger_row_deinit(LEDGER_PAUSE, rc->pauses[i]);
        mem_free(rc->pauses[i]);
    }
    mem_free((void *)rc->pauses);
}

static const struct pause *pause_of(const struct reconcile *rc, const struct resource *r)
{
    struct world w;

    rc_world(rc, &w);
    if (r)
        return decide_pause(&w, r);
    return rc->paused && rc->wall_ms < rc->paused->until ? rc->paused : NULL;
}

void rc_pause_text(const struct reconcile *rc, const struct resource *r, char *out, size_t size)
{
    const struct pause *p = pause_of(rc, r);
    char until[TEXT_TIME_SIZE];

    *out = '\0';
    if (!p)
        return;
    snprintf(out, size, "%s%s%s%spaused until %s by uid %lld%s%s",
             is_whole(p)     ? "the whole organization is "
             : r->pause == p ? ""
                             : p->kind,
             is_whole(p) || r->pause == p ? "" : "/", is_whole(p) || r->pause == p ? "" : p->name,
             is_whole(p) || r->pause == p ? "" : " is ", text_time(p->until, until),
             (long long)p->uid, p->reason ? ": " : "", p->reason ? p->reason : "");
}

int rc_refuse_paused(const struct reconcile *rc, const struct resource *r, struct err *err)
{
    char text[512];

    rc_pause_text(rc, r, text, sizeof(text));
    if (!*text)
        return 0;
    if (r)
        return err_set(err, ERR_PAUSED, "%s/%s: %s", KIND_NAME[r->kind], r->name, text);
    return err_set(err, ERR_PAUSED, "%s", text);
}
