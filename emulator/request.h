/* request: one HTTP request, taken apart.
 * In:    method, raw URI, body bytes.
 * Out:   decoded path segments, query values, the JSON body with keys in any case.
 * Never: decides anything. */
#ifndef TENANTD_EMULATOR_REQUEST_H
#define TENANTD_EMULATOR_REQUEST_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

#define REQUEST_SEGMENTS_MAX 16
#define REQUEST_BODY_MAX     ((size_t)1 << 20)
#define REQUEST_UPLOAD_MAX   ((size_t)256 << 20)
#define REQUEST_VALUE_MAX    1024 /* of a query parameter, decoded */

struct route;
struct org;
struct fault_rule;
struct api_token;

struct request {
    char method[16];
    char *uri;         /* as received */
    char *path;        /* as received, without the query */
    const char *query; /* behind the '?', as received; "" for none */
    char *decoded;     /* holds the segments */
    const char *segments[REQUEST_SEGMENTS_MAX];
    size_t n_segments; /* REQUEST_SEGMENTS_MAX + 1: more than any route has */
    struct buf body;
    struct json_object *json;   /* NULL: no body, or not parsed yet */
    char *bearer;               /* NULL: none */
    char *encryption_key;       /* the header of that name, a secret; NULL: none */
    char encryption_cipher[32]; /* the same; "" for none */
    char user_agent[64];        /* its beginning; "" for none */
    char host[256];             /* the Host header; "" for none */
    bool is_loopback;           /* the peer's address */
    bool body_too_large;
    const struct route *route;      /* NULL: no such */
    struct org *org;                /* of a route with {org}; else NULL */
    const struct api_token *caller; /* NULL where the route is open to all */
    const struct fault_rule *fault; /* that shapes the listing; else NULL */
    int64_t now_ms;                 /* the platform's clock as the request came */
    bool is_counted;                /* among those in flight */
};

/* False: no memory; the request is then empty, and may be deinited. */
bool request_init(struct request *rq, const char *uri) MUST_CHECK;
void request_deinit(struct request *rq);

/* The segment behind {name} of the route's template; NULL when it has none. */
const char *request_param(const struct request *rq, const char *name);
/* Decoded; false when absent or too long. "?x" and "?x=" are present and empty. */
bool request_query(const struct request *rq, const char *name, char out[REQUEST_VALUE_MAX]);

/* Members of a body, keys in any case (the last of two equal ones wins). */
enum member { MEMBER_ABSENT, MEMBER_NULL, MEMBER_OK, MEMBER_WRONG };
enum member member_string(struct json_object *o, const char *key, const char **out); /* borrowed */
enum member member_bool(struct json_object *o, const char *key, bool *out);
enum member member_object(struct json_object *o, const char *key, struct json_object **out);
enum member member_array(struct json_object *o, const char *key, struct json_object **out);
enum member member_any(struct json_object *o, const char *key, struct json_object **out);
/* How many keys of `o` are in no `known` (a NULL-terminated list, or NULL for none). */
unsigned members_unknown(struct json_object *o, const char *const *known);

#endif
