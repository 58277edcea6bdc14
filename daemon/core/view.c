#include "core/view.h"

#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "core/view_private.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define UNMANAGED   "Unmanaged"
#define GONE        "Gone"       /* remembered, but not there */
#define LEFT_BEHIND "LeftBehind" /* branches, in whatever phase */

bool view_add_time(struct json_object *o, const char *key, int64_t ms)
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
            ok = json_append(list, json_object_new_string(CONFIG_FIELD[f].key));
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
    if (r->kind == KIND_API_TOKEN) {
        const struct issued *newest =
            api_token_newest(container_of(r, const struct api_token, t.r));

        return newest ? newest->id : NULL;
    }
    if (r->kind == KIND_MEMBER) {
        const struct member *m = container_of(r, const struct member, r);

        return m->username ? m->username : m->own.username;
    }
    return NULL;
}

/* A set as a list; NULL: none. */
static bool add_set(struct json_object *o, const char *key, const char *set)
{
    return !set || json_add(o, key, json_list_of_set(set));
}

static bool add_api_token(struct json_object *o, const struct api_token *a)
{
    const struct issued *newest = api_token_newest(a);

    return json_add_str(o, "group",
                        newest    ? newest->group_name
                        : a->want ? a->want->group
                                  : NULL) &&
           add_set(o, "scopes",
                   newest    ? newest->scopes
                   : a->want ? a->want->scopes
                             : NULL) &&
           view_add_time(o, "created", newest ? newest->since : 0);
}

static bool add_member(struct json_object *o, const struct member *m)
{
    return json_add_str(o, "role",
                        m->is_member    ? m->role
                        : m->is_invited ? m->invite_role
                                        : NULL) &&
           view_add_time(o, "invited", m->own.invited_at);
}

static bool add_token(struct json_object *o, const struct token *t)
{
    if (!t->has_held)
        return true;
    return view_add_time(o, "expires", t->held.expires) &&
           view_add_time(o, "renews", t->held.renews) && json_add_str(o, "file", t->held.file);
}

static bool is_live(const struct resource *r)
{
    if (r->kind == KIND_GROUP)
        return container_of(r, const struct group, r)->live.present;
    return r->kind != KIND_DATABASE || container_of(r, const struct database, r)->live.present;
}

static const char *phase_of(const struct resource *r)
{
    if (r->phase != PHASE_NONE)
        return PHASE_NAME[r->phase];
    return is_live(r) ? UNMANAGED : GONE;
}

static const char *message_of(const struct reconcile *rc, const struct resource *r, char *text,
                              size_t size)
{
    if (r->phase != PHASE_PAUSED)
        return r->message ? r->message : REASON_TEXT[r->reason];
    rc_pause_text(rc, r, text, size);
    return text;
}

/* One out of the ledger stands where it does from the start on. */
static int64_t since_of(const struct reconcile *rc, const struct resource *r)
{
    return r->since_ms || r->phase == PHASE_NONE ? r->since_ms : rc->started_wall_ms;
}

struct json_object *view_resource(const struct reconcile *rc, const struct resource *r)
{
    struct json_object *o = json_object_new_object();
    char source[512];
    char text[512];
    bool ok;

    snprintf(source, sizeof(source), "%s:%u", r->source.file ? r->source.file : "", r->source.line);
    ok = o && json_add_str(o, "kind", KIND_NAME[r->kind]) && json_add_str(o, "name", r->name) &&
         json_add_str(o, "phase", phase_of(r)) &&
         json_add_str(o, "reason", REASON_NAME[r->reason]) &&
         json_add_str(o, "message", message_of(rc, r, text, sizeof(text))) &&
         view_add_time(o, "since", since_of(rc, r)) && json_add_str(o, "id", id_of(r)) &&
         json_add_str(o, "source", r->source.line ? source : NULL) &&
         json_add_int(o, "attempts", r->attempts) &&
         view_add_time(o, "next_retry",
                       r->phase == PHASE_RETRYING && r->retry_ms
                           ? rc->wall_ms + (r->retry_ms - rc->now_ms)
                           : 0) &&
         view_add_time(o, "due", r->due_ms);
    if (ok && r->kind == KIND_DATABASE)
        ok = add_drift(o, container_of(r, const struct database, r)) &&
             (!branch_is_left(rc, container_of(r, const struct database, r), text, sizeof(text)) ||
              json_add_str(o, "left_behind", text));
    if (ok && is_token(r))
        ok = add_token(o, container_of(r, const struct token, r));
    if (ok && r->kind == KIND_API_TOKEN)
        ok = add_api_token(o, container_of(r, const struct api_token, t.r));
    if (ok && r->kind == KIND_MEMBER)
        ok = add_member(o, container_of(r, const struct member, r));
    if (!ok)
        json_put(&o);
    return o;
}

/* --- listing --- */

bool view_filter_is_valid(const struct view_filter *filter, struct err *err)
{
    bool kind = !filter->kind;
    bool phase = !filter->phase || strcmp(filter->phase, UNMANAGED) == 0 ||
                 strcmp(filter->phase, LEFT_BEHIND) == 0;

    for (int i = 0; !kind && i < KIND_N; i++)
        kind = strcmp(filter->kind, KIND_NAME[i]) == 0;
    for (int i = PHASE_NONE + 1; !phase && i < PHASE_N; i++)
        phase = strcmp(filter->phase, PHASE_NAME[i]) == 0;
    if (!kind)
        err_set(err, ERR_INVALID,
                "there is no kind \"%s\"; expected group, database, token, group-token, api-token "
                "or member",
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

static bool fits_phase(const struct reconcile *rc, const char *phase, const struct resource *r)
{
    char unread[200];

    if (!phase)
        return r->phase != PHASE_NONE;
    if (strcmp(phase, LEFT_BEHIND) == 0)
        return r->kind == KIND_DATABASE &&
               branch_is_left(rc, container_of(r, const struct database, r), unread,
                              sizeof(unread));
    return strcmp(phase, phase_of(r)) == 0;
}

static bool fits(const struct reconcile *rc, const struct view_filter *f, const struct resource *r)
{
    if (f->kind && strcmp(f->kind, KIND_NAME[r->kind]) != 0)
        return false;
    if (!fits_phase(rc, f->phase, r))
        return false;
    if (r->phase == PHASE_NONE && (r->kind > KIND_DATABASE || !is_live(r)))
        return false;
    return !f->source || (r->source.line && ends_with(r->source.file, f->source));
}

void view_cursor_deinit(struct view_cursor *c)
{
    mem_free(c->name);
    *c = VIEW_CURSOR_INIT;
}

/* Those that hang on nothing, sorted by name. */
static struct resource *const *records(const struct reconcile *rc, enum kind kind, size_t *n)
{
    const struct fleet *f = &rc->fleet;

    switch (kind) {
    case KIND_GROUP:
        *n = f->n_groups;
        return (struct resource *const *)(void *)f->groups;
    case KIND_DATABASE:
        *n = f->n_databases;
        return (struct resource *const *)(void *)f->databases;
    case KIND_MEMBER:
        *n = f->n_members;
        return (struct resource *const *)(void *)f->members;
    default:
        *n = f->n_api_tokens;
        return (struct resource *const *)(void *)f->api_tokens;
    }
}

/* The first record whose name is `name` or comes behind it; `past`: behind it. */
static const struct resource *at_or_after(const struct reconcile *rc, enum kind kind,
                                          const char *name, bool past, bool *nomem)
{
    size_t hi;
    struct resource *const *items = records(rc, kind, &hi);
    size_t n = hi;
    size_t lo = 0;

    while (name && lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(record_name(items[mid]), name);

        if (c < 0 || (past && c == 0))
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == n)
        return NULL;
    if (kind == KIND_DATABASE) {
        const struct database *d = fleet_peek(&rc->fleet, lo);

        *nomem = !d;
        return d ? &d->r : NULL;
    }
    return items[lo];
}

const struct resource *view_token_at(const struct resource *target, size_t i)
{
    const struct group *g = container_of(target, const struct group, r);
    const struct database *d = container_of(target, const struct database, r);
    size_t n = target->kind == KIND_GROUP      ? g->n_tokens
               : target->kind == KIND_DATABASE ? d->n_tokens
                                               : 0;

    if (i >= n)
        return NULL;
    return target->kind == KIND_GROUP ? &g->tokens[i]->r : &d->tokens[i]->r;
}

/* Step the cursor and return what it then stands on; NULL: the end, or no memory (*nomem). */
static const struct resource *advance(const struct reconcile *rc, struct view_cursor *c,
                                      bool *nomem)
{
    static const enum kind NEXT[KIND_N] = {[KIND_GROUP] = KIND_DATABASE,
                                           [KIND_DATABASE] = KIND_API_TOKEN,
                                           [KIND_API_TOKEN] = KIND_MEMBER,
                                           [KIND_MEMBER] = KIND_N};
    const struct resource *target =
        c->name ? at_or_after(rc, c->kind, c->name, false, nomem) : NULL;

    if (target && strcmp(target->name, c->name) == 0) {
        const struct resource *t = view_token_at(target, c->token++);

        if (t)
            return t;
    }
    while (!*nomem && !(target = at_or_after(rc, c->kind, c->name, true, nomem))) {
        enum kind next = NEXT[c->kind];

        if (*nomem)
            return NULL;

        view_cursor_deinit(c);
        c->kind = next;
        if (next == KIND_N)
            return NULL;
    }
    if (*nomem)
        return NULL;
    c->token = 0;
    *nomem = !ledger_set(&c->name, target->name);
    return *nomem ? NULL : target;
}

static struct json_object *listed_json(const struct live_api_token *l)
{
    struct json_object *o = json_object_new_object();
    bool ok = o && json_add_str(o, "kind", KIND_NAME[KIND_API_TOKEN]) &&
              json_add_str(o, "name", l->name) && json_add_str(o, "phase", UNMANAGED) &&
              json_add_str(o, "message", "not ours") && json_add_str(o, "id", l->id) &&
              json_add_int(o, "attempts", 0) && json_add_str(o, "group", l->group) &&
              add_set(o, "scopes", l->scopes) && json_add_str(o, "owner", l->owner) &&
              json_add_str(o, "created", l->created);

    if (!ok)
        json_put(&o);
    return o;
}

static struct json_object *person_json(const struct live_member *m)
{
    struct json_object *o = json_object_new_object();
    bool ok =
        o && json_add_str(o, "kind", KIND_NAME[KIND_MEMBER]) &&
        json_add_str(o, "name", m->email ? m->email : m->username) &&
        json_add_str(o, "phase", UNMANAGED) &&
        json_add_str(o, "message", m->username ? "a member, not ours" : "invited, not by us") &&
        json_add_str(o, "id", m->username) && json_add_int(o, "attempts", 0) &&
        json_add_str(o, "role", m->role);

    if (!ok)
        json_put(&o);
    return o;
}

static bool asks_for(const struct view_filter *f, enum kind kind)
{
    return !f->kind || strcmp(f->kind, KIND_NAME[kind]) == 0;
}

/* API tokens, then members, that are none of ours; on request only. */
static int next_listed(const struct reconcile *rc, const struct view_filter *f,
                       struct view_cursor *c, struct json_object **out)
{
    size_t n_tokens = rc->n_listed_tokens;
    size_t n = n_tokens + rc->people.n_members + rc->people.n_invites;

    if (!f->phase || strcmp(f->phase, UNMANAGED) != 0 || f->source)
        return 0;
    while (c->token < n) {
        size_t i = c->token++;
        bool is_token_row = i < n_tokens;
        const struct live_member *m = is_token_row ? NULL : rc_person(rc, i - n_tokens);

        if (!asks_for(f, is_token_row ? KIND_API_TOKEN : KIND_MEMBER) ||
            (is_token_row ? rc_owns_token(rc, rc->listed_tokens[i].id)
                          : rc_keeps_member(rc, m->email)))
            continue;
        *out = is_token_row ? listed_json(&rc->listed_tokens[i]) : person_json(m);
        return *out ? 0 : -(int)ERR_NOMEM;
    }
    return 0;
}

static int next_shown(const struct reconcile *rc, const struct view_filter *filter,
                      struct view_cursor *cursor, struct json_object **out)
{
    const struct resource *r;
    bool nomem = false;

    *out = NULL;
    while (cursor->kind != KIND_N && (r = advance(rc, cursor, &nomem))) {
        if (!fits(rc, filter, r))
            continue;
        *out = view_resource(rc, r);
        return *out ? 0 : -(int)ERR_NOMEM;
    }
    return nomem ? -(int)ERR_NOMEM : next_listed(rc, filter, cursor, out);
}

int view_next(const struct reconcile *rc, const struct view_filter *filter,
              struct view_cursor *cursor, struct json_object **out)
{
    int rv = next_shown(rc, filter, cursor, out);

    fleet_unpeek(&rc->fleet);
    return rv;
}

struct json_object *view_event(const struct event *e)
{
    struct json_object *o = json_object_new_object();
    bool ok = o && json_add_int(o, "seq", e->seq) && view_add_time(o, "at", e->at) &&
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
