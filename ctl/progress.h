/* progress: one line on a terminal's stderr that says what is being waited for, written over
 * itself.
 * In:    the daemon's status.
 * Out:   the line; nothing when stderr is no terminal.
 * Never: on stdout. */
#ifndef TENANTD_CTL_PROGRESS_H
#define TENANTD_CTL_PROGRESS_H

#include <json-c/json.h>

#include "ctl/ctl.h"

void progress_show(const struct ctl *ctl, struct json_object *status);
/* Take the line away, before anything else is written. */
void progress_clear(const struct ctl *ctl);

#endif
