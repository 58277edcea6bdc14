/* group_routes: groups, their configuration, locations and life.
 * In:    checked requests.
 * Out:   answers, and a changed state.
 * Never: mints tokens. */
#include <stdio.h>
#include <string.h>

#include "emit.h"
#include "lib/json.h"
#include "location.h"
#include "plan.h"
#include "routes.h"
#include "shape.h"
#include "snapshot.h"
#include "trash.h"

static void answer_group(const struct emulator *e, const struct group *g, struct answer *a)
{
    emit_open(&a->body, NULL, '{');
    shape_group(e, g, "group", &a->body);
    emit_close(&a->body, '}');
}

/* Who has a token for one group sees that one. */
static void write_only(const struct emulator *e, const struct group *g, struct buf *out)
{
    emit_open(out, "groups", '[');
    shape_group(e, g, NULL, out);
    emit_close(out, ']');
}

/* The groups but the last half of them. */
static void write_short_list(const struct emulator *e, const struct org *org, struct buf *out)
{
    unsigned n = HASH_COUNT(org->groups) / 2;

    emit_open(out, "groups", '[');
    for (const struct group *g = org->groups; g && n; g = g->hh.next, n--)
        shape_group(e, g, NULL, out);
    emit_close(out, ']');
}

void route_group_list(struct emulator *e, struct request *rq, struct answer *a)
{
    enum fault_list list = rq->fault ? rq->fault->list : LIST_WHOLE;

    emit_open(&a->body, NULL, '{');
    if (list == LIST_EMPTY)
        emit_raw(&a->body, "groups", "[]", 2);
    else if (list == LIST_SHORT)
        write_short_list(e, rq->org, &a->body);
    else if (list == LIST_STALE) {
        const char *groups = snapshot_of(rq->fault->snapshot, rq->org)->groups;

        emit_raw(&a->body, "groups", groups, strlen(groups));
    } else if (access_only_group(rq))
        write_only(e, access_only_group(rq), &a->body);
    else
        shape_groups(e, rq->org, "groups", &a->body);
    emit_close(&a->body, '}');
}

static bool is_extension(struct json_object *v)
{
    static const char *const known[] = {"vector", "crypto",  "fuzzy", "math",   "stats",
                                        "text",   "unicode", "uuid",  "regexp", "vec"};

    if (!json_object_is_type(v, json_type_string))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (!strcmp(known[i], json_object_get_string(v)))
            return true;
    }
    return false;
}

/* "all", or a list of known ones. Nothing remembers them: they cannot be read back. */
static bool check_extensions(const struct request *rq, struct answer *a)
{
    struct json_object *v = NULL;
    const char *text;

    if (member_any(rq->json, "extensions", &v) != MEMBER_OK)
        return true;
    if (member_string(rq->json, "extensions", &text) == MEMBER_OK && !strcmp(text, "all"))
        return true;
    if (!json_object_is_type(v, json_type_array)) {
        answer_error(a, 400, "invalid extensions: expected \"all\" or a list");
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(v); i++) {
        struct json_object *item = json_object_array_get_idx(v, i);

        if (!is_extension(item)) {
            answer_error(a, 400, "invalid extension: %s", json_object_get_string(item));
            return false;
        }
    }
    return true;
}

static bool check_plan(const struct emulator *e, const struct org *org, struct answer *a)
{
    int64_t max = plan_max_groups(&e->switches);

    if (!max || HASH_COUNT(org->groups) < max)
        return true;
    answer_gated(a, 402, "feature_not_available_for_starter_plan",
                 "your plan allows %lld group(s), upgrade to create more", (long long)max);
    return false;
}

void route_group_create(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *name;
    const char *location;
    struct group *g;

    if (!routes_want_string(rq, "name", &name, a) ||
        !routes_check_name(rq->org, "group", name, a) ||
        !routes_want_string(rq, "location", &location, a) || !check_extensions(rq, a))
        return;
    if (!location_find(location, e->switches.legacy)) {
        answer_error(a, 400, "invalid location: %s", location);
        return;
    }
    if (group_find(rq->org, name)) {
        answer_error(a, 409, "group already exists");
        return;
    }
    if (!check_plan(e, rq->org, a))
        return;
    g = group_new(rq->org, &e->ids, rq->now_ms, name, location);
    if (!g) {
        answer_no_memory(a);
        return;
    }
    g->ready_at_ms = rq->now_ms + e->switches.group_ready_delay_ms;
    g->tech_preview = e->switches.new_engine;
    routes_audit(rq, AUDIT_GROUP_CREATE, "group", name);
    answer_group(e, g, a);
}

void route_group_get(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);

    if (g)
        answer_group(e, g, a);
}

static bool is_protected(const struct group *g)
{
    if (g->delete_protection)
        return true;
    for (size_t i = 0; i < g->list.n; i++) {
        if (g->list.slots[i].db && g->list.slots[i].db->delete_protection)
            return true;
    }
    return false;
}

void route_group_remove(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);

    if (!g)
        return;
    if (is_protected(g)) {
        answer_error(a, 400, "group %s or a database in it is protected from deletion", g->name);
        a->reason = "delete-protection";
        return;
    }
    answer_group(e, g, a);
    routes_audit(rq, AUDIT_GROUP_DELETE, "group", g->name);
    api_tokens_revoke_group(&e->api_tokens, g->id);
    if (routes_keeps_deleted(e, rq->org))
        trash_group(g, rq->now_ms);
    else
        group_delete(g);
}

static void answer_config(const struct group *g, struct answer *a)
{
    emit_open(&a->body, NULL, '{');
    emit_bool(&a->body, "delete_protection", g->delete_protection);
    emit_close(&a->body, '}');
}

void route_group_config_get(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);

    (void)e;
    if (g)
        answer_config(g, a);
}

void route_group_config_patch(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);
    bool was = g && g->delete_protection;

    (void)e;
    if (!g || !routes_want_bool(rq, "delete_protection", &g->delete_protection, a))
        return;
    if (g->delete_protection != was)
        routes_audit(rq, was ? AUDIT_GROUP_UNPROTECT : AUDIT_GROUP_PROTECT, "group", g->name);
    answer_config(g, a);
}

/* The location of the path, if this platform and this group take replicas. */
static const char *replica_location(const struct emulator *e, const struct request *rq,
                                    const struct group *g, struct answer *a)
{
    const char *location = request_param(rq, "location");

    if (!location_find(location, e->switches.legacy)) {
        answer_error(a, 400, "invalid location: %s", location);
        return NULL;
    }
    if (!e->switches.legacy || !strncmp(g->locations[0], "aws-", 4)) {
        answer_error(a, 400, "replication is not supported for AWS groups");
        return NULL;
    }
    return location;
}

void route_group_location_add(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);
    const char *location = g ? replica_location(e, rq, g, a) : NULL;

    if (!location)
        return;
    if (group_find_location(g, location) < 0) {
        if (g->n_locations == GROUP_LOCATIONS_MAX) {
            answer_error(a, 400, "group %s has too many locations", g->name);
            return;
        }
        snprintf(g->locations[g->n_locations++], LOCATION_SIZE, "%s", location);
        g->ready_at_ms = rq->now_ms + e->switches.group_ready_delay_ms;
        routes_audit(rq, AUDIT_INSTANCE_CREATE, "location", location);
    }
    answer_group(e, g, a);
}

void route_group_location_remove(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);
    const char *location = g ? replica_location(e, rq, g, a) : NULL;
    int at;

    if (!location)
        return;
    at = group_find_location(g, location);
    if (at < 0) {
        answer_error(a, 404, "location %s not found in group %s", location, g->name);
        return;
    }
    if (at == 0) {
        answer_error(a, 400, "the primary location cannot be removed");
        return;
    }
    routes_audit(rq, AUDIT_INSTANCE_DELETE, "location", location);
    g->n_locations--;
    memmove(g->locations[at], g->locations[at + 1], (size_t)(g->n_locations - at) * LOCATION_SIZE);
    answer_group(e, g, a);
}

void route_group_location_wait(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);
    const char *location = request_param(rq, "location");

    (void)e;
    if (!g)
        return;
    if (group_find_location(g, location) < 0) {
        answer_error(a, 404, "location %s not found in group %s", location, g->name);
        return;
    }
    if (g->ready_at_ms > rq->now_ms)
        a->hold_ms += g->ready_at_ms - rq->now_ms;
    answer_empty(a);
}

void route_group_transfer(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);
    const char *slug;
    struct org *to;

    if (!g || !routes_want_string(rq, "organization", &slug, a))
        return;
    to = state_org(&e->state, slug);
    if (!to) {
        answer_error(a, 404, "organization not found");
        return;
    }
    if (rq->caller->org || !members_find(&to->members, rq->caller->user)) {
        answer_error(a, 403, "not allowed to transfer a group to organization %s", slug);
        return;
    }
    if (to == rq->org || !group_move(g, to)) {
        answer_error(a, 409, "a group or database of that name exists in %s", slug);
        return;
    }
    api_tokens_revoke_group(&e->api_tokens, g->id);
    shape_group(e, g, NULL, &a->body);
}

void route_group_unarchive(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);

    if (!g)
        return;
    if (g->archived && g->awake_at_ms == INT64_MAX) {
        g->awake_at_ms = rq->now_ms + e->switches.unarchive_delay_ms;
        routes_audit(rq, AUDIT_GROUP_UNARCHIVE, "group", g->name);
    }
    answer_group(e, g, a);
}

void route_group_rename_post(struct emulator *e, struct request *rq, struct answer *a)
{
    struct group *g = routes_group(rq, a);
    const char *name;

    if (!g || !routes_want_string(rq, "name", &name, a) ||
        !routes_check_name(rq->org, "group", name, a))
        return;
    if (group_find(rq->org, name)) {
        answer_error(a, 409, "group already exists");
        return;
    }
    if (group_rename(&g, name))
        answer_group(e, g, a);
    else
        answer_no_memory(a);
}
