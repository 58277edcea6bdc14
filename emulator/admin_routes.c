/* admin_routes: what a test asks of the emulator itself, under /_emulator/.
 * In:    requests from this machine.
 * Out:   counters, requests, state, keys; faults, switches, clock set.
 * Never: counted, delayed or faulted like the platform's own routes. */
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "jwt.h"
#include "key.h"
#include "lib/json.h"
#include "lib/text.h"
#include "people.h"
#include "routes.h"
#include "shape.h"
#include "snapshot.h"

#define STATE_ROWS_MAX 10000

static void answer_invalid(const struct err *err, struct answer *a)
{
    answer_error(a, err->code == ERR_NOMEM ? 500 : 400, "%s", err->msg);
}

void route_admin_counters(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    record_write_counters(&e->record, &a->body);
}

void route_admin_requests(struct emulator *e, struct request *rq, struct answer *a)
{
    char text[REQUEST_VALUE_MAX];
    uint64_t since = 0;

    if (request_query(rq, "since", text) && !text_parse_uint(text, UINT64_MAX - 1, &since)) {
        answer_error(a, 400, "since: expected a number, got '%.64s'", text);
        return;
    }
    record_write_requests(&e->record, since, &a->body);
}

void route_admin_faults_get(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    faults_write(&e->faults, &a->body);
}

static int take_snapshots(struct emulator *e, struct faults *f, struct err *err)
{
    for (size_t i = 0; i < f->n; i++) {
        int rc;

        if (f->rules[i].list != LIST_STALE)
            continue;
        rc = snapshot_take(e, &f->rules[i].snapshot, err);
        if (rc)
            return err_wrap(err, "fault script: rule %zu", i + 1);
    }
    return 0;
}

void route_admin_faults_set(struct emulator *e, struct request *rq, struct answer *a)
{
    struct faults fresh = FAULTS_INIT;
    struct err err = ERR_INIT;
    int rc = faults_parse(&fresh, buf_str(&rq->body), rq->body.size, &err);

    if (!rc)
        rc = take_snapshots(e, &fresh, &err);
    if (rc) {
        faults_deinit(&fresh);
        answer_invalid(&err, a);
        return;
    }
    faults_deinit(&e->faults);
    e->faults = fresh;
    faults_write(&e->faults, &a->body);
}

void route_admin_faults_clear(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    faults_deinit(&e->faults);
    answer_empty(a);
}

void route_admin_reset(struct emulator *e, struct request *rq, struct answer *a)
{
    struct err err = ERR_INIT;

    (void)rq;
    if (!emulator_reset(e, &err)) {
        answer_empty(a);
        return;
    }
    answer_invalid(&err, a);
}

static void write_group_state(const struct emulator *e, const struct group *g, struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_string(out, "name", g->name);
    emit_uuid(out, "uuid", g->id);
    emit_string(out, "location", g->locations[0]);
    emit_int(out, "databases", (int64_t)db_list_count(&g->list));
    emit_int(out, "mints", g->n_mints);
    emit_int(out, "rotates", g->n_rotates);
    emit_bool(out, "delete_protection", g->delete_protection);
    emit_bool(out, "archived", shape_is_archived(e, g));
    emit_close(out, '}');
}

static void write_database_state(const struct database *db, struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_string(out, "name", db->name);
    emit_uuid(out, "id", db->id);
    emit_string(out, "group", db->group->name);
    emit_time(out, "created_at", db->created_ms);
    emit_int(out, "mints", db->n_mints);
    emit_int(out, "rotates", db->n_rotates);
    emit_raw(out, "configuration", "", 0);
    shape_database_config(db, out);
    emit_close(out, '}');
}

static void write_members(const struct org *org, struct buf *out)
{
    emit_open(out, "members", '[');
    for (size_t i = 0; i < org->members.n; i++) {
        emit_open(out, NULL, '{');
        emit_string(out, "username", org->members.list[i].user->name);
        emit_string(out, "email", org->members.list[i].user->email);
        emit_string(out, "role", role_name(org->members.list[i].role));
        emit_close(out, '}');
    }
    emit_close(out, ']');
}

static void write_invites(const struct org *org, struct buf *out)
{
    emit_open(out, "invites", '[');
    for (size_t i = 0; i < org->invites.n; i++) {
        const struct invite *invite = &org->invites.list[i];

        emit_open(out, NULL, '{');
        emit_string(out, "email", invite->email);
        emit_string(out, "role", role_name(invite->role));
        emit_string(out, "status",
                    invite->accepted     ? "accepted"
                    : invite->deleted_ms ? "withdrawn"
                                         : "pending");
        emit_int(out, "mails", invite->n_mails);
        emit_close(out, '}');
    }
    emit_close(out, ']');
}

static void write_org_state(const struct emulator *e, const struct org *org, struct buf *out)
{
    size_t n = 0;

    emit_open(out, NULL, '{');
    emit_string(out, "organization", org->slug);
    emit_uuid(out, "id", org->id);
    emit_int(out, "databases_total", (int64_t)db_list_count(&org->list));
    emit_int(out, "databases_created", (int64_t)org->n_created);
    emit_int(out, "databases_deleted", (int64_t)org->n_deleted);
    write_members(org, out);
    write_invites(org, out);
    emit_int(out, "mails_sent", (int64_t)org->invites.n_mails);
    emit_open(out, "groups", '[');
    for (const struct group *g = org->groups; g; g = g->hh.next)
        write_group_state(e, g, out);
    emit_close(out, ']');
    emit_open(out, "databases", '[');
    for (size_t i = 0; i < org->list.n && n < STATE_ROWS_MAX; i++) {
        if (!org->list.slots[i].db)
            continue;
        write_database_state(org->list.slots[i].db, out);
        n++;
    }
    emit_close(out, ']');
    emit_close(out, '}');
}

void route_admin_state(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    emit_open(&a->body, NULL, '{');
    emit_time(&a->body, "now", clock_now_ms(&e->clock));
    emit_open(&a->body, "organizations", '[');
    for (size_t i = 0; i < e->state.n_orgs; i++)
        write_org_state(e, &e->state.orgs[i], &a->body);
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}

static void write_key(const char *kind, const char *name, const uint8_t id[UUID_SIZE],
                      const struct key *k, struct buf *out)
{
    uint8_t public_half[KEY_PUBLIC_SIZE];
    struct buf text = BUF_INIT(64);

    key_public(k, public_half);
    jwt_base64url(&text, public_half, sizeof(public_half));
    emit_open(out, NULL, '{');
    emit_string(out, "kind", kind);
    emit_string(out, "name", name);
    emit_uuid(out, "id", id);
    emit_string(out, "kty", "OKP");
    emit_string(out, "crv", "Ed25519");
    emit_string(out, "x", buf_str(&text));
    emit_close(out, '}');
    buf_deinit(&text);
}

/* The keys in force: every group's, and those of databases that were rotated by themselves. */
void route_admin_keys(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "keys", '[');
    for (size_t i = 0; i < e->state.n_orgs; i++) {
        const struct org *org = &e->state.orgs[i];

        for (const struct group *g = org->groups; g; g = g->hh.next)
            write_key("group", g->name, g->id, g->key, &a->body);
        for (size_t k = 0; k < org->list.n; k++) {
            const struct database *db = org->list.slots[k].db;

            if (db && db->key)
                write_key("database", db->name, db->id, db->key, &a->body);
        }
    }
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}

void route_admin_switches_get(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    switches_write(&e->switches, &a->body);
}

void route_admin_switches_set(struct emulator *e, struct request *rq, struct answer *a)
{
    struct json_object *root CLEANUP(json_put) = NULL;
    struct err err = ERR_INIT;

    if (json_parse(buf_str(&rq->body), rq->body.size, 4, &root, &err)) {
        answer_invalid(&err, a);
        return;
    }
    if (!json_object_is_type(root, json_type_object)) {
        answer_error(a, 400, "switches: expected an object");
        return;
    }
    if (switches_set(&e->switches, root, &err)) {
        answer_invalid(&err, a);
        return;
    }
    e->allowance = (double)e->switches.burst;
    e->allowance_at_ns = clock_monotonic_ns();
    switches_write(&e->switches, &a->body);
}

void route_admin_clock_get(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    emit_open(&a->body, NULL, '{');
    emit_time(&a->body, "now", clock_now_ms(&e->clock));
    emit_int(&a->body, "shift_ms", e->clock.shift_ms);
    emit_close(&a->body, '}');
}

void route_admin_clock_set(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *text;
    int64_t ms;

    if (!routes_want_string(rq, "advance", &text, a))
        return;
    if (!text_parse_duration(text, &ms) || ms > INT64_MAX / 4 - e->clock.shift_ms) {
        answer_error(a, 400, "advance: expected a duration such as 2h, got '%.64s'", text);
        return;
    }
    e->clock.shift_ms += ms;
    route_admin_clock_get(e, rq, a);
}

void route_admin_archive(struct emulator *e, struct request *rq, struct answer *a)
{
    struct org *org = &e->state.orgs[0];
    const char *slug;
    const char *name;
    struct group *g;

    if (member_string(rq->json, "organization", &slug) == MEMBER_OK)
        org = state_org(&e->state, slug);
    if (!routes_want_string(rq, "group", &name, a))
        return;
    g = org ? group_find(org, name) : NULL;
    if (!g) {
        answer_error(a, 404, "group not found");
        return;
    }
    g->archived = true;
    g->awake_at_ms = INT64_MAX;
    answer_empty(a);
}
