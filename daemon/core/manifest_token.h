/* manifest_token: the mapping `tokens` of a database, a class or a group.
 * In:    the tokens of YAML.
 * Out:   an array of struct token_spec in the arena, sorted by name. */
#ifndef TENANTD_CORE_MANIFEST_TOKEN_H
#define TENANTD_CORE_MANIFEST_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/schema.h"

struct token_spec;

/* What a token's file is, for the tables of all that have one. */
extern const struct schema_words MANIFEST_FORMAT_WORDS;
/* *out: unsigned */
bool manifest_parse_mode(struct schema *s, const struct schema_key *k, const struct yaml_token *t,
                         void *out);
#define MANIFEST_EXPECTED_FILE                                                                     \
    "a path below the directory of tokens: relative, no part empty or beginning with a dot, no "   \
    "backslash"
#define MANIFEST_EXPECTED_FORMAT "jwt, env or json"
#define MANIFEST_EXPECTED_MODE                                                                     \
    "an octal mode such as \"0640\": read for the owner, nothing for others, no execute"

#define MANIFEST_EXPECTED_TOKENS "a mapping of names to tokens"

/* False, reported, when `first` begins no mapping; *out then stays. */
bool manifest_tokens(struct schema *s, const struct schema_key *k, const struct yaml_token *first,
                     struct token_spec **out, size_t *n);

#endif
