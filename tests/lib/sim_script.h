/* sim_script: scenarios as text. A line is a command; indented lines below it are its text; lines
 * that begin with "|" are what it led to, and are not read but compared. docs:
 * tests/data/reconcile/ README. */
#ifndef TENANTD_TESTS_LIB_SIM_SCRIPT_H
#define TENANTD_TESTS_LIB_SIM_SCRIPT_H

#include "tests/lib/sim.h"

/* Run the commands of a scenario. `s` is the caller's to deinit; `slice`: as sim_slice's;
 * `after_step`: as sim's, or NULL. Returns the scenario as it would be written now, to be freed
 * with free(). */
char *sim_script_run(struct sim *s, const char *name, const char *text, size_t slice,
                     void (*after_step)(struct sim *s));

#endif
