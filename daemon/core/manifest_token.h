/* manifest_token: the mapping `tokens` of a database, a class or a group.
 * In:    the tokens of YAML.
 * Out:   an array of struct token_spec in the arena, sorted by name. */
#ifndef TENANTD_CORE_MANIFEST_TOKEN_H
#define TENANTD_CORE_MANIFEST_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/schema.h"

struct token_spec;

#define MANIFEST_EXPECTED_TOKENS "a mapping of names to tokens"

/* False, reported, when `first` begins no mapping; *out then stays. */
bool manifest_tokens(struct schema *s, const struct schema_key *k, const struct yaml_token *first,
                     struct token_spec **out, size_t *n);

#endif
