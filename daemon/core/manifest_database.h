/* manifest_database: the mappings `databases` and `classes`, which have nearly the same fields.
 * In:    the tokens of YAML.
 * Out:   arrays of struct db_spec. */
#ifndef TENANTD_CORE_MANIFEST_DATABASE_H
#define TENANTD_CORE_MANIFEST_DATABASE_H

#include <stdbool.h>

#include "core/schema.h"

/* The `read` functions of the two; *out is a struct manifest, whose arrays are from mem. */
bool manifest_read_databases(struct schema *s, const struct schema_key *k,
                             const struct yaml_token *first, void *out);
bool manifest_read_classes(struct schema *s, const struct schema_key *k,
                           const struct yaml_token *first, void *out);

#endif
