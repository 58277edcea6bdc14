/* status_all: how every instance on this host stands: tenantd.service and each tenantd@ORG.service.
 * In:    the directory of the socket: DIR/tenantd.sock, DIR/ORG/tenantd.sock.
 * Out:   a line, or an object, for each.
 * Never: lets one that does not answer hide the others. */
#ifndef TENANTD_CTL_STATUS_ALL_H
#define TENANTD_CTL_STATUS_ALL_H

#include "ctl/ctl.h"

/* The worst of what a `status` of each would end with. */
enum exit_code status_all(const struct ctl *ctl);

#endif
