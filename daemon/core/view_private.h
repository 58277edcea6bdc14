/* view_private: what the rooms of the view share. Nobody else includes it. */
#ifndef TENANTD_CORE_VIEW_PRIVATE_H
#define TENANTD_CORE_VIEW_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;
struct reconcile;
struct resource;

/* False: no memory. ms 0: it is left out. */
bool view_add_time(struct json_object *o, const char *key, int64_t ms);
/* A record as lists show it; the caller's. NULL: no memory. */
struct json_object *view_resource(const struct reconcile *rc, const struct resource *r);
/* The i-th token of a group or database; NULL: there are not so many. */
const struct resource *view_token_at(const struct resource *target, size_t i);

#endif
