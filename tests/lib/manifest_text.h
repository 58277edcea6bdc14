/* manifest_text: a struct manifest as stable text, a line a thing, for comparing with what is
 * expected. */
#ifndef TENANTD_TESTS_LIB_MANIFEST_TEXT_H
#define TENANTD_TESTS_LIB_MANIFEST_TEXT_H

#include "core/manifest.h"
#include "lib/buf.h"

void manifest_text(const struct manifest *m, struct buf *out);

#endif
