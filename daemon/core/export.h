/* export: a manifest of what is live, a line a thing. Every entry is read back by the manifest's
 * own parser before it is given away; what that refuses becomes a comment that says why.
 * In:    the fleet as last observed; configurations that were read.
 * Out:   YAML.
 * Never: tokens, keys, what the platform cannot tell. */
#ifndef TENANTD_CORE_EXPORT_H
#define TENANTD_CORE_EXPORT_H

#include "core/call.h"
#include "core/reconcile.h"
#include "lib/buf.h"

/* The head and all groups. */
void export_begin(const struct reconcile *rc, struct buf *out);
/* The first live database behind `after` (NULL: of all), borrowed until the next step; NULL: no
 * more. *needs_config: its configuration is not known and has to be read. */
const char *export_next(const struct reconcile *rc, const char *after, bool *needs_config);
/* Its entry. `read`: the answer to a read of its configuration; NULL: none was needed. One that has
 * gone meanwhile leaves nothing. */
void export_database(const struct reconcile *rc, const char *name, const struct answer *read,
                     struct buf *out);

/* The members but the owner, and who is invited. Either answer may be a refusal, which is said. */
void export_members(const struct answer *members, const struct answer *invites, struct buf *out);

#endif
