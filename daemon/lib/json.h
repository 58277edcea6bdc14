/* json: json-c's objects, for what is built, and for what is read from all sides. json-c coerces
 * types, takes what is not JSON, lets the last of two equal keys win, and leaves out what it finds
 * no memory for; these do not.
 * In:    text, or an object that the caller owns.
 * Out:   values copied out or borrowed from the object.
 * Never: an object that outlives its caller. */
#ifndef TENANTD_LIB_JSON_H
#define TENANTD_LIB_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/err.h"

/* Parse one whole document of s[0..n): as json_read does, and no key twice in any object. The
 * caller puts *out. -ERR_INVALID (with the byte offset) or -ERR_NOMEM. */
int json_parse(const char *s, size_t n, int depth, struct json_object **out,
               struct err *err) MUST_CHECK;
/* The shortest text of it, behind what is there; NULL is null. False: `out` has failed.
 * json-c's own printer leaves holes where there is no memory: the daemon says nothing by it. */
bool json_print(struct json_object *o, struct buf *out);
/* For CLEANUP(json_put). */
void json_put(struct json_object **o);

/* A member of that very type; false when absent, null, or of another type. Strings must hold no NUL
 * and are borrowed from `o`. `o` may be NULL or no object: false. */
bool json_get_str(struct json_object *o, const char *key, const char **out) MUST_CHECK;
bool json_get_bool(struct json_object *o, const char *key, bool *out) MUST_CHECK;
bool json_get_int(struct json_object *o, const char *key, int64_t *out) MUST_CHECK;
bool json_get_obj(struct json_object *o, const char *key, struct json_object **out) MUST_CHECK;
bool json_get_arr(struct json_object *o, const char *key, struct json_object **out) MUST_CHECK;

/* Add a member; `v` NULL adds nothing, for json_add_str with s NULL too. False: no memory (and v is
 * put). */
bool json_add(struct json_object *o, const char *key, struct json_object *v);
bool json_add_str(struct json_object *o, const char *key, const char *s);
bool json_add_int(struct json_object *o, const char *key, int64_t v);
bool json_add_bool(struct json_object *o, const char *key, bool v);
/* The parts of a text that are joined by commas; "" has none. NULL: no memory. */
struct json_object *json_list_of_set(const char *set);
/* Append to an array. False: no memory (and v is put); v NULL is that, too. */
bool json_append(struct json_object *list, struct json_object *v);

#endif
