#include "core/view.h"

#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define UNMANAGED "Unmanaged"

static bool add_time(struct json_object *o, const char *key, int64_t ms)
{
    char text[TEXT_TIME_SIZE];

    return !ms || json_add_str(o, key, text_time(ms, text));
}

static bool add_drift(struct json_object *o, const struct database *d)
{
    struct json_object *list = json_object_new_array();
    unsigned drift = 0;
    bool ok = list != NULL;

    if (d->want)
        database_differs(d, &drift);
    for (int f = 0; ok && f < CONFIG_N; f++)
        if (drift & 1u << f)
            ok = json_object_array_add(list, json_object_new_string(CONFIG_FIELD[f].key)) == 0;
    if (!ok)
        json_put(&list);
    return json_add(o, "drift", list);
}

static const char *id_of(const struct resource *r)
{
    const struct database *d = container_of(r, const struct database, r);
    const struct group *g = container_of(r, const struct group, r);

    if (r->kind == KIND_GROUP)
        return g->live.id ? g->live.id : g->own.id;
    if (r->kind == KIND_DATABASE)
        return d->live.id ? d->live.id : d->own.id;
    return NULL;
}

static bool add_token(struct json_object *o, const struct token *t)
{
    if (!t->has_held)
        return true;
    return add_time(o, "expires", t->held.expires) && add_time(o, "renews", t->held.renews) &&
           json_add_str(o, "file", t->held.file);
}

static const char *message_of(const struct reconcile *rc, const struct resource *r, char *text,
                              size_t size)
{
    if (r->phase != PHASE_PAUSED)
        return r->message ? r->message : REASON_TEXT[r->reason];
    rc_pause_text(rc, r, text, size);
    return text;
}

static struct json_object *resource_json(const struct reconcile *rc, const struct resource *r)
{
    struct json_object *o = json_object_new_object();
    char source[512];
    char text[512];
    bool ok;

    snprintf(source, sizeof(source), "%s:%u", r->source.file ? r->source.file : "", r->source.line);
    ok = o && json_add_str(o, "kind", KIND_NAME[r->kind]) && json_add_str(o, "name", r->name) &&
         json_add_str(o, "phase", r->phase == PHASE_NONE ? UNMANAGED : PHASE_NAME[r->phase]) &&
         json_add_str(o, "reason", REASON_NAME[r->reason]) &&
         json_add_str(o, "message", message_of(rc, r, text, sizeof(text))) &&
         add_time(o, "since", r->since_ms) && json_add_str(o, "id", id_of(r)) &&
         json_add_str(o, "source", r->source.line ? source : NULL) &&
         json_add_int(o, "attempts", r->attempts) &&
         add_time(o, "next_retry",
                  r->phase == PHASE_RETRYING && r->retry_ms
                      ? rc->wall_ms + (r->retry_ms - rc->now_ms)
                      : 0) &&
         add_time(o, "due", r->due_ms);
    if (ok && r->kind == KIND_DATABASE)
        ok = add_drift(o, container_of(r, const struct database, r));
    if (ok && r->kind >= KIND_TOKEN)
        ok = add_token(o, container_of(r, const struct token, r));
    if (!ok)
        json_put(&o);
    return o;
}

/* --- listing --- */

bool view_filter_is_valid(const struct view_filter *filter, struct err *err)
{
    bool kind = !filter->kind;
    bool phase = !filter->phase || strcmp(filter->phase, UNMANAGED) == 0;

    for (int i = 0; !kind && i < KIND_N; i++)
        kind = strcmp(filter->kind, KIND_NAME[i]) == 0;
    for (int i = PHASE_NONE + 1; !phase && i < PHASE_N; i++)
        phase = strcmp(filter->phase, PHASE_NAME[i]) == 0;
    if (!kind)
        err_set(err, ERR_INVALID,
                "there is no kind \"%s\"; expected group, database, token or group-token",
                filter->kind);
    else if (!phase)
        err_set(err, ERR_INVALID, "there is no phase \"%s\"", filter->phase);
    return kind && phase;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text);
    size_t m = strlen(end);

    return m <= n && strcmp(text + n - m, end) == 0;
}

static bool fits(const struct view_filter *f, const struct resource *r)
{
    const char *phase = r->phase == PHASE_NONE ? UNMANAGED : PHASE_NAME[r->phase];

    if (f->kind && strcmp(f->kind, KIND_NAME[r->kind]) != 0)
        return false;
    if (f->phase ? strcmp(f->phase, phase) != 0 : r->phase == PHASE_NONE)
        return false;
    if (r->phase == PHASE_NONE && r->kind >= KIND_TOKEN)
        return false;
    if (r->phase == PHASE_NONE &&
        !(r->kind == KIND_GROUP ? container_of(r, const struct group, r)->live.present
                                : container_of(r, const struct database, r)->live.present))
        return false;
    return !f->source || (r->source.line && ends_with(r->source.file, f->source));
}

void view_cursor_deinit(struct view_cursor *c)
{
    mem_free(c->name);
    *c = VIEW_CURSOR_INIT;
}

/* The first record whose name is `name` or comes behind it; `past`: behind it. */
static const struct resource *at_or_after(const struct reconcile *rc, enum kind kind,
                                          const char *name, bool past)
{
    struct resource *const *items = kind == KIND_GROUP
                                        ? (struct resource *const *)(void *)rc->fleet.groups
                                        : (struct resource *const *)(void *)rc->fleet.databases;
    size_t hi = kind == KIND_GROUP ? rc->fleet.n_groups : rc->fleet.n_databases;
    size_t n = hi;
    size_t lo = 0;

    while (name && lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(items[mid]->name, name);

        if (c < 0 || (past && c == 0))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n ? items[lo] : NULL;
}

static const struct resource *token_at(const struct resource *target, size_t i)
{
    const struct group *g = container_of(target, const struct group, r);
    const struct database *d = container_of(target, const struct database, r);
    size_t n = target->kind == KIND_GROUP ? g->n_tokens : d->n_tokens;

    if (i >= n)
        return NULL;
    return target->kind == KIND_GROUP ? &g->tokens[i]->r : &d->tokens[i]->r;
}

/* Step the cursor and return what it then stands on; NULL: the end, or no memory (*nomem). */
static const struct resource *advance(const struct reconcile *rc, struct view_cursor *c,
                                      bool *nomem)
{
    const struct resource *target = c->name ? at_or_after(rc, c->kind, c->name, false) : NULL;

    if (target && strcmp(target->name, c->name) == 0) {
        const struct resource *t = token_at(target, c->token++);

        if (t)
            return t;
    }
    for (;;) {
        target = at_or_after(rc, c->kind, c->name, true);
        if (target)
            break;
        if (c->kind == KIND_DATABASE)
            return NULL;
        view_cursor_deinit(c);
        c->kind = KIND_DATABASE;
    }
    c->token = 0;
    *nomem = !ledger_set(&c->name, target->name);
    return *nomem ? NULL : target;
}

int view_next(const struct reconcile *rc, const struct view_filter *filter,
              struct view_cursor *cursor, struct json_object **out)
{
    const struct resource *r;
    bool nomem = false;

    *out = NULL;
    while ((r = advance(rc, cursor, &nomem))) {
        if (!fits(filter, r))
            continue;
        *out = resource_json(rc, r);
        return *out ? 0 : -(int)ERR_NOMEM;
    }
    return nomem ? -(int)ERR_NOMEM : 0;
}

/* --- one --- */

static bool add_fields(struct json_object *o, const struct database *d)
{
    struct json_object *fields = json_object_new_object();
    bool ok = fields != NULL;

    for (int f = 0; ok && f < CONFIG_N; f++) {
        const char *live = database_value(d, (enum config_field)f);
        const char *want = d->want ? d->want->config.value[f] : NULL;
        struct json_object *pair;

        if (!live && !want)
            continue;
        pair = json_object_new_object();
        ok = pair && json_add_str(pair, "manifest", want) && json_add_str(pair, "live", live);
        ok = json_add(fields, CONFIG_FIELD[f].key, pair) && ok;
    }
    if (!ok)
        json_put(&fields);
    return json_add(o, "fields", fields);
}

static bool add_tokens(const struct reconcile *rc, struct json_object *o,
                       const struct resource *target)
{
    struct json_object *list = json_object_new_array();
    const struct resource *t;
    bool ok = list != NULL;

    for (size_t i = 0; ok && (t = token_at(target, i)); i++) {
        struct json_object *one = t->phase == PHASE_NONE ? NULL : resource_json(rc, t);

        ok = t->phase == PHASE_NONE || (one && json_object_array_add(list, one) == 0);
    }
    if (!ok)
        json_put(&list);
    return json_add(o, "tokens", list);
}

int view_describe(const struct reconcile *rc, const char *kind, const char *name,
                  struct json_object **out, struct err *err)
{
    const struct resource *r = fleet_find(&rc->fleet, kind, name);
    struct json_object *o;
    bool ok;

    if (!r || (r->phase == PHASE_NONE && r->kind >= KIND_TOKEN))
        return err_set(err, ERR_NOT_FOUND, "there is no %s/%s", kind, name);
    o = resource_json(rc, r);
    ok = o != NULL;
    if (ok && r->kind == KIND_DATABASE) {
        const struct database *d = container_of(r, const struct database, r);

        ok = json_add_str(o, "group", d->live.place ? d->live.place : d->own.group_name) &&
             json_add_str(o, "hostname", d->live.hostname ? d->live.hostname : d->own.hostname) &&
             json_add_str(o, "origin", d->has_own ? d->own.origin : NULL) && add_fields(o, d);
    } else if (ok && r->kind == KIND_GROUP) {
        const struct group *g = container_of(r, const struct group, r);

        ok = json_add_str(o, "location", g->live.place) &&
             json_add_str(o, "origin", g->has_own ? g->own.origin : NULL) &&
             json_add_int(o, "databases", (int64_t)g->n_databases);
    }
    if (ok && r->kind <= KIND_DATABASE)
        ok = add_tokens(rc, o, r);
    if (!ok)
        json_put(&o);
    *out = o;
    return ok ? 0 : err_nomem(err);
}

struct json_object *view_event(const struct event *e)
{
    struct json_object *o = json_object_new_object();
    bool ok = o && json_add_int(o, "seq", e->seq) && add_time(o, "at", e->at) &&
              json_add_str(o, "kind", e->kind) && json_add_str(o, "name", e->name) &&
              json_add_str(o, "what", e->what) && json_add_int(o, "level", e->level) &&
              json_add_str(o, "message", e->message) && json_add_str(o, "source", e->source) &&
              json_add_int(o, "generation", e->generation) &&
              (!e->http_status || json_add_int(o, "http_status", e->http_status)) &&
              (!e->attempt || json_add_int(o, "attempt", e->attempt)) &&
              (!e->duration_ms || json_add_int(o, "duration_ms", e->duration_ms)) &&
              (!e->request || json_add_str(o, "request", e->request));

    if (!ok)
        json_put(&o);
    return o;
}
