/* manifest_api_token: the mapping `api_tokens`.
 * In:    the tokens of YAML.
 * Out:   the manifest's array of struct api_token_spec, sorted by name. */
#ifndef TENANTD_CORE_MANIFEST_API_TOKEN_H
#define TENANTD_CORE_MANIFEST_API_TOKEN_H

#include "core/schema.h"

/* For the table of the file; *out is the struct manifest. */
bool manifest_read_api_tokens(struct schema *s, const struct schema_key *k,
                              const struct yaml_token *first, void *out);

#endif
