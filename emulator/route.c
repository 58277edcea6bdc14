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
#define ADM "/_emulator"

#define TOKEN_KEYS KEYS("permissions", "fine_grained_permissions")
#define CONFIG_KEYS                                                                                \
    KEYS("size_limit", "allow_attach", "block_reads", "block_writes", "delete_protection",         \
         "allowed_ips", "allowed_aws_vpc_ids")
#define CREATE_KEYS KEYS("name", "group", "seed", "size_limit", "remote_encryption", "use_tursodb")

const struct route ROUTES[] = {
    {"GET", "/", route_region_get, BODY_IGNORED, NULL, true},
    {"GET", "/v1/user", route_user_get, BODY_IGNORED, NULL, false},
    {"GET", "/v1/current-user", route_current_user_get, BODY_IGNORED, NULL, false},
    {"GET", "/v1/auth/validate", route_token_validate, BODY_IGNORED, NULL, false},

    {"GET", "/v1/locations", route_location_list, BODY_IGNORED, NULL, false},
    {"GET", "/v1/locations/{location}", route_location_get, BODY_IGNORED, NULL, false},
    {"GET", "/v2/organizations/{org}/locations", route_org_location_list, BODY_IGNORED, NULL,
     false},

    {"GET", "/v1/organizations", route_org_list, BODY_IGNORED, NULL, false},
    {"GET", "/v2/organizations", route_org_list_v2, BODY_IGNORED, NULL, false},
    {"GET", V1, route_org_get, BODY_IGNORED, NULL, false},
    {"PATCH", V1, route_org_patch, BODY_REQUIRED, KEYS("overages", "require_mfa"), false},
    {"GET", V1 "/plans", route_org_plans, BODY_IGNORED, NULL, false},
    {"GET", V1 "/subscription", route_org_subscription, BODY_IGNORED, NULL, false},
    {"GET", V1 "/usage", route_org_usage, BODY_IGNORED, NULL, false},
    {"GET", V1 "/invoices", route_org_invoices, BODY_IGNORED, NULL, false},

    {"GET", V1 "/groups", route_group_list, BODY_IGNORED, NULL, false},
    {"POST", V1 "/groups", route_group_create, BODY_REQUIRED,
     KEYS("name", "location", "extensions", "version"), false},
    {"GET", GR, route_group_get, BODY_IGNORED, NULL, false},
    {"DELETE", GR, route_group_remove, BODY_IGNORED, NULL, false},
    {"GET", GR "/configuration", route_group_config_get, BODY_IGNORED, NULL, false},
    {"PATCH", GR "/configuration", route_group_config_patch, BODY_REQUIRED,
     KEYS("delete_protection"), false},
    {"POST", GR "/locations/{location}", route_group_location_add, BODY_IGNORED, NULL, false},
    {"DELETE", GR "/locations/{location}", route_group_location_remove, BODY_IGNORED, NULL, false},
    {"GET", GR "/locations/{location}/wait", route_group_location_wait, BODY_IGNORED, NULL, false},
    {"POST", GR "/transfer", route_group_transfer, BODY_REQUIRED, KEYS("organization"), false},
    {"POST", GR "/unarchive", route_group_unarchive, BODY_IGNORED, NULL, false},
    {"POST", GR "/rename", route_group_rename_post, BODY_REQUIRED, KEYS("name"), false},
    {"POST", GR "/auth/tokens", route_group_token, BODY_OPTIONAL, TOKEN_KEYS, false},
    {"POST", GR "/auth/rotate", route_group_rotate_post, BODY_IGNORED, NULL, false},

    {"GET", V1 "/databases", route_db_list, BODY_IGNORED, NULL, false},
    {"POST", V1 "/databases", route_db_create, BODY_REQUIRED, CREATE_KEYS, false},
    {"GET", DB, route_db_get, BODY_IGNORED, NULL, false},
    {"DELETE", DB, route_db_remove, BODY_IGNORED, NULL, false},
    {"GET", DB "/configuration", route_db_config_get, BODY_IGNORED, NULL, false},
    {"PATCH", DB "/configuration", route_db_config_patch, BODY_REQUIRED, CONFIG_KEYS, false},
    {"GET", DB "/instances", route_db_instances, BODY_IGNORED, NULL, false},
    {"GET", DB "/instances/{instance}", route_db_instance, BODY_IGNORED, NULL, false},
    {"GET", DB "/usage", route_db_usage, BODY_IGNORED, NULL, false},
    {"GET", DB "/stats", route_db_stats, BODY_IGNORED, NULL, false},
    {"POST", DB "/auth/tokens", route_db_token, BODY_OPTIONAL, TOKEN_KEYS, false},
    {"POST", DB "/auth/rotate", route_db_rotate, BODY_IGNORED, NULL, false},
    {"POST", DB "/wakeup", route_db_wakeup, BODY_IGNORED, NULL, false},

    {"POST", "/v2/pipeline", route_db_pipeline, BODY_REQUIRED, KEYS("requests", "baton"), true},

    {"GET", ADM "/counters", route_admin_counters, BODY_IGNORED, NULL, true},
    {"GET", ADM "/requests", route_admin_requests, BODY_IGNORED, NULL, true},
    {"GET", ADM "/faults", route_admin_faults_get, BODY_IGNORED, NULL, true},
    {"POST", ADM "/faults", route_admin_faults_set, BODY_IGNORED, NULL, true},
    {"DELETE", ADM "/faults", route_admin_faults_clear, BODY_IGNORED, NULL, true},
    {"POST", ADM "/reset", route_admin_reset, BODY_IGNORED, NULL, true},
    {"GET", ADM "/state", route_admin_state, BODY_IGNORED, NULL, true},
    {"GET", ADM "/keys", route_admin_keys, BODY_IGNORED, NULL, true},
    {"GET", ADM "/switches", route_admin_switches_get, BODY_IGNORED, NULL, true},
    {"POST", ADM "/switches", route_admin_switches_set, BODY_IGNORED, NULL, true},
    {"GET", ADM "/clock", route_admin_clock_get, BODY_IGNORED, NULL, true},
    {"POST", ADM "/clock", route_admin_clock_set, BODY_REQUIRED, KEYS("advance"), true},
    {"POST", ADM "/archive", route_admin_archive, BODY_REQUIRED, KEYS("organization", "group"),
     true},
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
        *out_path_known = true;
        if (!strcmp(ROUTES[i].method, rq->method))
            return &ROUTES[i];
    }
    return NULL;
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
