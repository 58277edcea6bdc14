/* route: which function answers which method and path.
 * In:    a request's method and segments.
 * Out:   a row of the one table of routes.
 * Never: answers. */
#ifndef TENANTD_EMULATOR_ROUTE_H
#define TENANTD_EMULATOR_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "access.h"

struct emulator;
struct request;
struct answer;

typedef void (*route_fn)(struct emulator *e, struct request *rq, struct answer *a);

enum route_body {
    BODY_IGNORED,  /* not even looked at */
    BODY_OPTIONAL, /* an object, or nothing */
    BODY_REQUIRED, /* an object */
    BODY_RAW       /* bytes */
};

struct route {
    const char *method;
    const char *template; /* "/v1/organizations/{org}/groups" */
    route_fn answer;
    const char *const *keys; /* of the body, NULL-terminated; others are counted as unknown */
    enum route_body body;
    enum access access;
};

extern const struct route ROUTES[];
extern const size_t N_ROUTES;

/* NULL when there is none; *out_path_known then says whether another method would do. */
const struct route *route_find(const struct request *rq, bool *out_path_known);
/* How many bytes of a body are taken. */
size_t route_body_max(const struct request *rq);
const char *route_param(const struct route *r, const struct request *rq, const char *name);
/* Is there a route with that template? */
bool route_has_template(const char *template);
size_t route_index(const struct route *r);

#endif
