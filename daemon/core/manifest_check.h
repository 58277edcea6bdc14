/* manifest_check: the small grammars of the manifest's own texts, and the contexts in which not
 * every field is accepted.
 * In:    a text and its size; all are NUL-terminated besides.
 * Out:   whether it is of the form. */
#ifndef TENANTD_CORE_MANIFEST_CHECK_H
#define TENANTD_CORE_MANIFEST_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/schema.h"

#define MANIFEST_IN_CLASS     (1u << 0)
#define MANIFEST_FROM_TENANTS (1u << 1)
extern const struct schema_ban MANIFEST_BANS[2];

bool manifest_is_size(const char *s, size_t n) MUST_CHECK;         /* 268435456, 256mb */
bool manifest_is_cidr(const char *s, size_t n) MUST_CHECK;         /* 203.0.113.7, 2001:db8::/32 */
bool manifest_is_vpc_endpoint(const char *s, size_t n) MUST_CHECK; /* vpce-0a1b */
bool manifest_is_location(const char *s, size_t n) MUST_CHECK;     /* aws-eu-west-1 */
bool manifest_is_extension(const char *s, size_t n) MUST_CHECK;
bool manifest_is_table(const char *s, size_t n) MUST_CHECK; /* a table's name */
bool manifest_is_time(const char *s, size_t n) MUST_CHECK;  /* RFC 3339 */
/* Relative, stays below its directory, no dotfile, every segment a file name. */
bool manifest_is_file(const char *s, size_t n) MUST_CHECK;

/* The platform's grammar of a token's life: "never" (0), or "1w2d": weeks to seconds, each once,
 * descending, at least a minute. */
bool manifest_expiration(const char *s, int64_t *out_ms) MUST_CHECK;
/* "0640": no bits for others, no execute, the owner may read. */
bool manifest_mode(const char *s, unsigned *out) MUST_CHECK;

/* For tables: `state`, whose only value is absent; *out is a bool. */
bool manifest_parse_absent(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                           void *out);

#define MANIFEST_EXPECTED_NAME "a name of small letters, digits and inner dashes, at most 64"
#define MANIFEST_EXPECTED_NAME_OF(what)                                                            \
    "the name of a " what ", of small letters, digits and inner dashes, at most 64"
#define MANIFEST_EXPECTED_LOCATION "a location code such as aws-eu-west-1"
#define MANIFEST_EXPECTED_BOOL     "true or false, without quotes"

#endif
