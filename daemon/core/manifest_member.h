/* manifest_member: the mapping `members`.
 * In:    the tokens of YAML.
 * Out:   the manifest's array of struct member_spec, sorted by e-mail. */
#ifndef TENANTD_CORE_MANIFEST_MEMBER_H
#define TENANTD_CORE_MANIFEST_MEMBER_H

#include "core/schema.h"

/* For the table of the file; *out is the struct manifest. */
bool manifest_read_members(struct schema *s, const struct schema_key *k,
                           const struct yaml_token *first, void *out);

#endif
