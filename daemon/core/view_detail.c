/* view_detail: one record with what hangs on it. */
#include "core/reconcile_private.h"
#include "core/view.h"
#include "core/view_private.h"
#include "lib/json.h"

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

static bool add_texts(struct json_object *o, const char *key, const char *const *items, size_t n)
{
    struct json_object *list = json_object_new_array();
    bool ok = list != NULL;

    for (size_t i = 0; ok && i < n; i++)
        ok = json_append(list, json_object_new_string(items[i]));
    if (!ok)
        json_put(&list);
    return json_add(o, key, list);
}

/* Where its data may live: its own residency, and those of what it is a copy of. */
static bool add_residencies(const struct reconcile *rc, struct json_object *o,
                            const struct database *d)
{
    struct json_object *list = json_object_new_array();
    bool ok = list != NULL;

    for (int i = 0; ok && d && d->want && i < COPIES_MAX; i++) {
        const struct residency_want *r = d->want->residency;
        struct json_object *one = r ? json_object_new_object() : NULL;

        ok = !r || (one && json_add_str(one, "name", r->name) &&
                    json_add_str(one, "database", d->r.name) &&
                    add_texts(one, "groups", r->groups, r->n_groups) &&
                    add_texts(one, "locations", r->locations, r->n_locations));
        if (!ok)
            json_put(&one);
        ok = !r || json_append(list, one);
        d = d->want->seed_database ? fleet_database(&rc->fleet, d->want->seed_database) : NULL;
    }
    if (!ok)
        json_put(&list);
    return json_add(o, "residencies", list);
}

static bool add_tokens(const struct reconcile *rc, struct json_object *o,
                       const struct resource *target)
{
    struct json_object *list = json_object_new_array();
    const struct resource *t;
    bool ok = list != NULL;

    for (size_t i = 0; ok && (t = view_token_at(target, i)); i++) {
        struct json_object *one = t->phase == PHASE_NONE ? NULL : view_resource(rc, t);

        ok = t->phase == PHASE_NONE || json_append(list, one);
    }
    if (!ok)
        json_put(&list);
    return json_add(o, "tokens", list);
}

static bool add_generations(struct json_object *o, const struct api_token *a)
{
    struct json_object *list = json_object_new_array();
    bool ok = list != NULL;

    for (size_t i = 0; ok && i < a->n_keys; i++) {
        const struct issued *row = &a->keys[i].row;
        struct json_object *one = json_object_new_object();

        ok = one && json_add_int(one, "generation", row->generation) &&
             json_add_str(one, "state", row->state) && json_add_str(one, "id", row->id) &&
             view_add_time(one, "since", row->since) && view_add_time(one, "retired", row->retired);
        if (!ok)
            json_put(&one);
        ok = json_append(list, one);
    }
    if (!ok)
        json_put(&list);
    return json_add(o, "generations", list);
}

int view_describe(const struct reconcile *rc, const char *kind, const char *name,
                  struct json_object **out, struct err *err)
{
    const struct resource *r = fleet_find(&rc->fleet, kind, name);
    struct json_object *o;
    bool ok;

    if (!r || (r->phase == PHASE_NONE && r->kind > KIND_DATABASE))
        return err_set(err, ERR_NOT_FOUND, "there is no %s/%s", kind, name);
    o = view_resource(rc, r);
    ok = o != NULL;
    if (ok && r->kind == KIND_DATABASE) {
        const struct database *d = container_of(r, const struct database, r);

        ok = json_add_str(o, "group", d->live.place ? d->live.place : d->own.group_name) &&
             json_add_str(o, "hostname", d->live.hostname ? d->live.hostname : d->own.hostname) &&
             json_add_str(o, "origin", d->has_own ? d->own.origin : NULL) && add_fields(o, d) &&
             add_residencies(rc, o, d);
    } else if (ok && r->kind == KIND_GROUP) {
        const struct group *g = container_of(r, const struct group, r);

        ok = json_add_str(o, "location", g->live.place) &&
             json_add_str(o, "origin", g->has_own ? g->own.origin : NULL) &&
             json_add_int(o, "databases", (int64_t)g->n_databases);
    } else if (ok && r->kind == KIND_API_TOKEN) {
        ok = add_generations(o, container_of(r, const struct api_token, t.r));
    } else if (ok && r->kind == KIND_MEMBER) {
        const struct member *m = container_of(r, const struct member, r);

        ok = json_add_str(o, "origin", m->has_own ? m->own.origin : NULL);
    }
    if (ok && r->kind <= KIND_DATABASE)
        ok = add_tokens(rc, o, r);
    if (!ok)
        json_put(&o);
    *out = o;
    return ok ? 0 : err_nomem(err);
}
