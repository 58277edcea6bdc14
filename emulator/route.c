/* route: which function answers which method and path.
 * In:    a request's method and segments.
 * Out:   a row of the one table of routes.
 * Never: answers. */
#include "route.h"

#include <string.h>

#include "lib/base.h"
#include "request.h"
#include "routes.h"

#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define V1  "/v1/organizations/{org}"
#define GR  V1 "/groups/{group}"
#define DB  V1 "/databases/{db}"
#define V3  "/v3/organizations/{org_id}"
#define OWN "/v1/auth/api-tokens"
#define INV "/v2/organizations/{org}/invites"
#define ADM "/_emulator"

#define TOKEN_KEYS     KEYS("permissions", "fine_grained_permissions")
#define API_TOKEN_KEYS KEYS("organization", "group", "scopes")
#define INVITE_KEYS    KEYS("email", "username", "role")
#define CONFIG_KEYS                                                                                \
    KEYS("size_limit", "allow_attach", "block_reads", "block_writes", "delete_protection",         \
         "allowed_ips", "allowed_aws_vpc_ids")
#define CREATE_KEYS KEYS("name", "group", "seed", "size_limit", "remote_encryption", "use_tursodb")

const struct route ROUTES[] = {
    {"GET", "/", route_region_get, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"GET", "/v1/user", route_user_get, NULL, BODY_IGNORED, ACCESS_USER},
    {"GET", "/v1/current-user", route_current_user_get, NULL, BODY_IGNORED, ACCESS_USER},
    {"GET", "/v1/auth/validate", route_token_validate, NULL, BODY_IGNORED, ACCESS_USER},
    {"GET", OWN, route_own_token_list, NULL, BODY_IGNORED, ACCESS_OWN},
    {"POST", OWN "/{token}", route_own_token_create, API_TOKEN_KEYS, BODY_OPTIONAL, ACCESS_OWN},
    {"POST", "/v2/auth/api-tokens/{token}", route_own_token_create_v2, API_TOKEN_KEYS,
     BODY_OPTIONAL, ACCESS_OWN},
    {"DELETE", OWN "/{token}", route_own_token_remove, NULL, BODY_IGNORED, ACCESS_OWN},

    {"GET", "/v1/locations", route_location_list, NULL, BODY_IGNORED, ACCESS_USER},
    {"GET", "/v1/locations/{location}", route_location_get, NULL, BODY_IGNORED, ACCESS_USER},
    {"GET", "/v2/organizations/{org}/locations", route_org_location_list, NULL, BODY_IGNORED,
     ACCESS_READ},

    {"GET", "/v1/organizations", route_org_list, NULL, BODY_IGNORED, ACCESS_USER},
    {"GET", "/v2/organizations", route_org_list_v2, NULL, BODY_IGNORED, ACCESS_USER},
    {"GET", V1, route_org_get, NULL, BODY_IGNORED, ACCESS_READ},
    {"PATCH", V1, route_org_patch, KEYS("overages", "require_mfa", "restore_enabled"),
     BODY_REQUIRED, ACCESS_ADMIN},
    {"GET", "/v1/plans", route_org_plans, NULL, BODY_IGNORED, ACCESS_USER},
    {"GET", V1 "/plans", route_org_plans, NULL, BODY_IGNORED, ACCESS_ORG_READ},
    {"GET", V1 "/subscription", route_org_subscription, NULL, BODY_IGNORED, ACCESS_ORG_READ},
    {"GET", V1 "/usage", route_org_usage, NULL, BODY_IGNORED, ACCESS_ORG_READ},
    {"GET", V1 "/invoices", route_org_invoices, NULL, BODY_IGNORED, ACCESS_ORG_READ},

    {"GET", V1 "/api-tokens", route_org_token_list, NULL, BODY_IGNORED, ACCESS_ORG_READ},
    {"DELETE", V1 "/api-tokens/{token}", route_org_token_remove, NULL, BODY_IGNORED,
     ACCESS_ORG_READ},

    {"GET", V1 "/audit-logs", route_audit_list, NULL, BODY_IGNORED, ACCESS_ORG_READ},

    {"GET", V1 "/members", route_member_list, NULL, BODY_IGNORED, ACCESS_ADMIN},
    {"POST", V1 "/members", route_member_add, KEYS("username", "role"), BODY_REQUIRED,
     ACCESS_ADMIN},
    {"GET", V1 "/members/{username}", route_member_get, NULL, BODY_IGNORED, ACCESS_ADMIN},
    {"PATCH", V1 "/members/{username}", route_member_patch, KEYS("role"), BODY_REQUIRED,
     ACCESS_ORG_READ},
    {"DELETE", V1 "/members/{username}", route_member_remove, NULL, BODY_IGNORED, ACCESS_ORG_READ},
    {"GET", INV, route_invite_list, NULL, BODY_IGNORED, ACCESS_ADMIN},
    {"POST", INV, route_invite_send, INVITE_KEYS, BODY_REQUIRED, ACCESS_ADMIN},
    {"DELETE", INV "/{email}", route_invite_remove, NULL, BODY_IGNORED, ACCESS_ADMIN},
    {"GET", V1 "/invites", route_old_invite_list, NULL, BODY_IGNORED, ACCESS_ADMIN},
    {"POST", V1 "/invites", route_invite_send, INVITE_KEYS, BODY_REQUIRED, ACCESS_ADMIN},
    {"POST", V1 "/invite", route_invite_send, INVITE_KEYS, BODY_REQUIRED, ACCESS_ADMIN},
    {"DELETE", V1 "/invites/{email}", route_invite_remove, NULL, BODY_IGNORED, ACCESS_ADMIN},

    {"GET", V1 "/groups", route_group_list, NULL, BODY_IGNORED, ACCESS_READ},
    {"POST", V1 "/groups", route_group_create, KEYS("name", "location", "extensions", "version"),
     BODY_REQUIRED, ACCESS_ORG_WRITE},
    {"GET", GR, route_group_get, NULL, BODY_IGNORED, ACCESS_READ},
    {"DELETE", GR, route_group_remove, NULL, BODY_IGNORED, ACCESS_ORG_WRITE},
    {"GET", GR "/configuration", route_group_config_get, NULL, BODY_IGNORED, ACCESS_READ},
    {"PATCH", GR "/configuration", route_group_config_patch, KEYS("delete_protection"),
     BODY_REQUIRED, ACCESS_GROUP_CONFIGURE},
    {"POST", GR "/locations/{location}", route_group_location_add, NULL, BODY_IGNORED,
     ACCESS_GROUP_CONFIGURE},
    {"DELETE", GR "/locations/{location}", route_group_location_remove, NULL, BODY_IGNORED,
     ACCESS_GROUP_CONFIGURE},
    {"GET", GR "/locations/{location}/wait", route_group_location_wait, NULL, BODY_IGNORED,
     ACCESS_READ},
    {"POST", GR "/transfer", route_group_transfer, KEYS("organization"), BODY_REQUIRED,
     ACCESS_ORG_WRITE},
    {"POST", GR "/unarchive", route_group_unarchive, NULL, BODY_IGNORED, ACCESS_GROUP_CONFIGURE},
    {"POST", GR "/rename", route_group_rename_post, KEYS("name"), BODY_REQUIRED,
     ACCESS_GROUP_CONFIGURE},
    {"POST", GR "/auth/tokens", route_group_token, TOKEN_KEYS, BODY_OPTIONAL, ACCESS_GROUP_MINT},
    {"POST", GR "/auth/rotate", route_group_rotate_post, NULL, BODY_IGNORED, ACCESS_GROUP_ROTATE},

    {"GET", V1 "/databases", route_db_list, NULL, BODY_IGNORED, ACCESS_READ},
    {"POST", V1 "/databases", route_db_create, CREATE_KEYS, BODY_REQUIRED, ACCESS_DB_CREATE},
    {"GET", DB, route_db_get, NULL, BODY_IGNORED, ACCESS_READ},
    {"DELETE", DB, route_db_remove, NULL, BODY_IGNORED, ACCESS_DB_DELETE},
    {"GET", DB "/configuration", route_db_config_get, NULL, BODY_IGNORED, ACCESS_READ},
    {"PATCH", DB "/configuration", route_db_config_patch, CONFIG_KEYS, BODY_REQUIRED,
     ACCESS_DB_CONFIGURE},
    {"GET", DB "/instances", route_db_instances, NULL, BODY_IGNORED, ACCESS_READ},
    {"GET", DB "/instances/{instance}", route_db_instance, NULL, BODY_IGNORED, ACCESS_READ},
    {"GET", DB "/usage", route_db_usage, NULL, BODY_IGNORED, ACCESS_READ},
    {"GET", DB "/usage/queries", route_db_queries, NULL, BODY_IGNORED, ACCESS_READ},
    {"GET", DB "/stats", route_db_stats, NULL, BODY_IGNORED, ACCESS_READ},
    {"POST", DB "/auth/tokens", route_db_token, TOKEN_KEYS, BODY_OPTIONAL, ACCESS_DB_MINT},
    {"POST", DB "/auth/rotate", route_db_rotate, NULL, BODY_IGNORED, ACCESS_DB_ROTATE},
    {"POST", DB "/wakeup", route_db_wakeup, NULL, BODY_IGNORED, ACCESS_DB_CONFIGURE},

    {"GET", V3 "/databases", route_trash_database_list, NULL, BODY_IGNORED, ACCESS_ORG_READ},
    {"POST", V3 "/databases/{db_id}/restore", route_trash_database_restore, KEYS("name"),
     BODY_OPTIONAL, ACCESS_ADMIN},
    {"GET", V3 "/deleted-groups", route_trash_group_list, NULL, BODY_IGNORED, ACCESS_ORG_READ},
    {"POST", V3 "/groups/{group_id}/restore", route_trash_group_restore, NULL, BODY_IGNORED,
     ACCESS_ADMIN},

    {"POST", "/v2/pipeline", route_db_pipeline, KEYS("requests", "baton"), BODY_REQUIRED,
     ACCESS_OPEN},
    {"POST", "/v3/pipeline", route_db_pipeline, KEYS("requests", "baton"), BODY_REQUIRED,
     ACCESS_OPEN},
    {"POST", "/v1/upload", route_db_upload, NULL, BODY_RAW, ACCESS_OPEN},

    {"GET", ADM "/counters", route_admin_counters, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"GET", ADM "/requests", route_admin_requests, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"GET", ADM "/faults", route_admin_faults_get, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"POST", ADM "/faults", route_admin_faults_set, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"DELETE", ADM "/faults", route_admin_faults_clear, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"POST", ADM "/reset", route_admin_reset, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"GET", ADM "/state", route_admin_state, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"GET", ADM "/keys", route_admin_keys, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"GET", ADM "/switches", route_admin_switches_get, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"POST", ADM "/switches", route_admin_switches_set, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"GET", ADM "/clock", route_admin_clock_get, NULL, BODY_IGNORED, ACCESS_OPEN},
    {"POST", ADM "/clock", route_admin_clock_set, KEYS("advance"), BODY_REQUIRED, ACCESS_OPEN},
    {"POST", ADM "/users", route_admin_user_set,
     KEYS("username", "email", "organization", "role", "token"), BODY_REQUIRED, ACCESS_OPEN},
    {"POST", ADM "/accept", route_admin_invite_accept, KEYS("organization", "email", "username"),
     BODY_REQUIRED, ACCESS_OPEN},
    {"POST", ADM "/audit", route_admin_audit_add, KEYS("code", "organization", "author"),
     BODY_REQUIRED, ACCESS_OPEN},
    {"POST", ADM "/archive", route_admin_archive, KEYS("organization", "group"), BODY_REQUIRED,
     ACCESS_OPEN},
};
const size_t N_ROUTES = ARRAY_SIZE(ROUTES);

static bool fits(const char *template, const struct request *rq)
{
    const char *s = template;

    for (size_t i = 0; i < rq->n_segments; i++) {
        size_t n;

        if (*s != '/')
            return false;
        n = strcspn(++s, "/");
        if (*s == '{' ? !*rq->segments[i]
                      : strlen(rq->segments[i]) != n || strncmp(rq->segments[i], s, n) != 0)
            return false;
        s += n;
    }
    return !*s;
}

const struct route *route_find(const struct request *rq, bool *out_path_known)
{
    *out_path_known = false;
    if (rq->n_segments > REQUEST_SEGMENTS_MAX)
        return NULL;
    for (size_t i = 0; i < N_ROUTES; i++) {
        if (!fits(ROUTES[i].template, rq))
            continue;
        /* a thing's own path is known by its methods alone: GET .../api-tokens/validate is a 404 */
        if (ROUTES[i].template[strlen(ROUTES[i].template) - 1] != '}')
            *out_path_known = true;
        if (!strcmp(ROUTES[i].method, rq->method))
            return &ROUTES[i];
    }
    return NULL;
}

size_t route_body_max(const struct request *rq)
{
    bool path_known;
    const struct route *r = route_find(rq, &path_known);

    return r && r->body == BODY_RAW ? REQUEST_UPLOAD_MAX : REQUEST_BODY_MAX;
}

const char *route_param(const struct route *r, const struct request *rq, const char *name)
{
    size_t n_name = strlen(name);
    const char *s = r->template;

    for (size_t i = 0; i < rq->n_segments && *s == '/'; i++) {
        size_t n = strcspn(++s, "/");

        if (n == n_name + 2 && *s == '{' && !strncmp(s + 1, name, n_name))
            return rq->segments[i];
        s += n;
    }
    return NULL;
}

bool route_has_template(const char *template)
{
    for (size_t i = 0; i < N_ROUTES; i++) {
        if (!strcmp(ROUTES[i].template, template))
            return true;
    }
    return false;
}

size_t route_index(const struct route *r)
{
    return (size_t)(r - ROUTES);
}
