/* shape: the platform's objects as JSON.
 * In:    the state.
 * Out:   text in a buffer.
 * Never: changes anything. */
#include "shape.h"

#include <stdio.h>
#include <string.h>

#include "emit.h"
#include "emulator.h"
#include "encryption.h"
#include "plan.h"

static const char *version(const struct group *g)
{
    return g->tech_preview ? "tech-preview" : "v0.24.32";
}

/* The platform may leave the provider's name off: us-east-1 for aws-us-east-1. */
static const char *primary(const struct emulator *e, const struct group *g)
{
    const char *code = g->locations[0];
    const char *dash = strchr(code, '-');

    return dash && !e->switches.primary_prefix ? dash + 1 : code;
}

bool shape_is_archived(const struct emulator *e, const struct group *g)
{
    return g->archived && clock_now_ms(&e->clock) < g->awake_at_ms;
}

static void group_status(const struct emulator *e, const struct group *g, struct buf *out)
{
    const char *status = clock_now_ms(&e->clock) < g->ready_at_ms ? "pending"
                         : shape_is_archived(e, g)                ? "down"
                                                                  : "up";

    emit_open(out, "status", '{');
    emit_open(out, "locations", '[');
    for (int i = 0; i < g->n_locations; i++) {
        emit_open(out, NULL, '{');
        emit_string(out, "name", g->locations[i]);
        emit_string(out, "status", status);
        emit_close(out, '}');
    }
    emit_close(out, ']');
    emit_close(out, '}');
}

static void location_list(const struct group *g, const char *key, struct buf *out)
{
    emit_open(out, key, '[');
    for (int i = 0; i < g->n_locations; i++)
        emit_string(out, NULL, g->locations[i]);
    emit_close(out, ']');
}

void shape_group(const struct emulator *e, const struct group *g, const char *key, struct buf *out)
{
    emit_open(out, key, '{');
    emit_string(out, "name", g->name);
    emit_string(out, "version", version(g));
    emit_uuid(out, "uuid", g->id);
    location_list(g, "locations", out);
    emit_string(out, "primary", primary(e, g));
    emit_bool(out, "delete_protection", g->delete_protection);
    emit_bool(out, "archived", shape_is_archived(e, g));
    group_status(e, g, out);
    emit_close(out, '}');
}

void shape_groups(const struct emulator *e, const struct org *org, const char *key, struct buf *out)
{
    emit_open(out, key, '[');
    for (const struct group *g = org->groups; g; g = g->hh.next)
        shape_group(e, g, NULL, out);
    emit_close(out, ']');
}

void shape_hostname(const struct database *db, char out[HOSTNAME_SIZE])
{
    const struct org *org = db->group->org;

    if (org->host)
        snprintf(out, HOSTNAME_SIZE, "%s-%s.%s", db->name, org->slug, org->host);
    else
        snprintf(out, HOSTNAME_SIZE, "%s-%s.%s.turso.io", db->name, org->slug,
                 db->group->locations[0]);
}

static void parent(const struct database *db, struct buf *out)
{
    if (!db->parent) {
        emit_null(out, "parent");
        return;
    }
    emit_open(out, "parent", '{');
    emit_uuid(out, "id", db->parent->id);
    emit_string(out, "name", db->parent->name);
    emit_time(out, "branched_at", db->parent->branched_at_ms);
    emit_close(out, '}');
}

void shape_database(const struct emulator *e, const struct database *db, const char *key,
                    struct buf *out)
{
    const struct group *g = db->group;
    char hostname[HOSTNAME_SIZE];

    shape_hostname(db, hostname);
    emit_open(out, key, '{');
    emit_string(out, "Name", db->name);
    emit_uuid(out, "DbId", db->id);
    emit_string(out, "Hostname", hostname);
    emit_bool(out, "block_reads", db->block_reads);
    emit_bool(out, "block_writes", db->block_writes);
    emit_bool(out, "allow_attach", db->allow_attach);
    location_list(g, "regions", out);
    emit_string(out, "primaryRegion", g->locations[0]);
    emit_string(out, "type", "logical");
    emit_string(out, "database_type", db->tursodb ? "tursodb" : "libsql");
    emit_string(out, "version", version(g));
    emit_string(out, "group", g->name);
    emit_bool(out, "is_schema", false);
    emit_string(out, "schema", "");
    emit_bool(out, "sleeping", false);
    emit_bool(out, "archived", shape_is_archived(e, g));
    emit_bool(out, "delete_protection", db->delete_protection);
    if (db->encryption)
        emit_string(out, "encryption_cipher", db->encryption->cipher);
    parent(db, out);
    emit_close(out, '}');
}

static void allow_list(const struct allow_list *l, const char *key, struct buf *out)
{
    emit_open(out, key, '[');
    for (size_t i = 0; l && i < l->n; i++)
        emit_string(out, NULL, l->items[i]);
    emit_close(out, ']');
}

void shape_database_config(const struct database *db, struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_string(out, "size_limit", db->size_limit);
    emit_bool(out, "allow_attach", db->allow_attach);
    emit_bool(out, "block_reads", db->block_reads);
    emit_bool(out, "block_writes", db->block_writes);
    emit_bool(out, "delete_protection", db->delete_protection);
    allow_list(db->ips, "allowed_ips", out);
    allow_list(db->vpcs, "allowed_aws_vpc_ids", out);
    emit_close(out, '}');
}

static void organization(const struct emulator *e, const struct org *org, const char *key,
                         struct buf *out)
{
    emit_open(out, key, '{');
    emit_uuid(out, "id", org->id);
    emit_string(out, "name", org->slug);
    emit_string(out, "slug", org->slug);
    emit_string(out, "type", "team");
    emit_bool(out, "overages", org->overages);
    emit_bool(out, "require_mfa", org->require_mfa);
    emit_bool(out, "blocked_reads", false);
    emit_bool(out, "blocked_writes", false);
    emit_string(out, "plan_id", switches_profile(&e->switches));
    emit_string(out, "plan_timeline", "monthly");
    emit_string(out, "platform", "");
}

void shape_organization(const struct emulator *e, const struct org *org, const char *key,
                        struct buf *out)
{
    organization(e, org, key, out);
    emit_close(out, '}');
}

void shape_organization_whole(const struct emulator *e, const struct org *org, const char *key,
                              struct buf *out)
{
    organization(e, org, key, out);
    emit_bool(out, "restore_enabled",
              org->restore_enabled && plan_current(&e->switches)->has_restore);
    emit_close(out, '}');
}
