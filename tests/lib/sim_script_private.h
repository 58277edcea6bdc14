/* sim_script_private: what the commands of scenarios share. */
#ifndef TENANTD_TESTS_LIB_SIM_SCRIPT_PRIVATE_H
#define TENANTD_TESTS_LIB_SIM_SCRIPT_PRIVATE_H

#include "tests/lib/sim.h"

struct script {
    struct sim *s;
    const char *name;
    unsigned line;
    const char *block; /* the command's text, its indent taken off; "" */
};

/* The scenario is wrong. */
void script_bad(const struct script *c, const char *fmt, ...) PRINTF(2, 3);
/* Take the next word off; "": none is left. */
const char *script_word(char **args);
int64_t script_duration(const struct script *c, const char *w);
/* Take a prefix off, and the blanks behind it. */
bool script_takes(char **args, const char *prefix);
enum config_field script_field(const struct script *c, const char *key);

/* sim_script_world.c: commands. */
void script_fault(struct script *c, char *args);
void script_lie(struct script *c, char *args);
void script_ledger(struct script *c, char *args);
void script_files(struct script *c, char *args);
void script_hooks(struct script *c, char *args);
void script_crash(struct script *c, char *args);
void script_stop(struct script *c, char *args);
void script_seed(struct script *c, char *args);
void script_progress(struct script *c, char *args);
void script_outside(struct script *c, char *args);

/* sim_script_look.c: commands. */
void script_plan(struct script *c, char *args);
void script_list(struct script *c, char *args);
void script_truth(struct script *c, char *args);
void script_rest(struct script *c, char *args);
void script_problems(struct script *c, char *args);
void script_rows(struct script *c, char *args);

#endif
