/* options: the command line as a struct ctl.
 * In:    argv and the environment.
 * Out:   which verb, and how it is asked; or what is wrong, on stderr.
 * Never: talks to the daemon. */
#ifndef TENANTD_CTL_OPTIONS_H
#define TENANTD_CTL_OPTIONS_H

#include "ctl/ctl.h"

/* -1 with *out_verb and *out filled, or the status to exit with (help was shown, usage was wrong).
 */
int options_parse(int argc, char **argv, const struct verb **out_verb, struct ctl *out) MUST_CHECK;

/* Usage of all, or of one verb, on stdout. */
void options_help(const struct verb *verb);
const struct verb *options_find_verb(const char *name); /* NULL: none of that name */

#endif
