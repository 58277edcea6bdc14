/* desired_text: a struct desired as stable text, a line a thing, for comparing with what is
 * expected. */
#ifndef TENANTD_TESTS_LIB_DESIRED_TEXT_H
#define TENANTD_TESTS_LIB_DESIRED_TEXT_H

#include "core/desired.h"

/* Appends to `out`: the whole, groups with their tokens, residencies, databases with theirs. */
void desired_text(const struct desired *d, struct buf *out);

#endif
