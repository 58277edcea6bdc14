/* cursor: where a listing goes on.
 * In:    the key of a page's last row.
 * Out:   opaque text, so that nobody builds one; and back.
 * Never: remembers a listing. */
#ifndef TENANTD_EMULATOR_CURSOR_H
#define TENANTD_EMULATOR_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"

void cursor_write(uint64_t key, struct buf *out);
bool cursor_read(const char *text, uint64_t *out) MUST_CHECK;

#endif
