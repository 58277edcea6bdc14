/* sim_private: what the simulator's own files share. */
#ifndef TENANTD_TESTS_LIB_SIM_PRIVATE_H
#define TENANTD_TESTS_LIB_SIM_PRIVATE_H

#include "tests/lib/sim.h"

/* sim_pending.c. `one` is taken, and comes in the order of its time and then of its beginning. */
void sim_pend(struct sim *s, struct sim_pending one);
void sim_pending_deinit(struct sim_pending *p);
size_t sim_first_pending(const struct sim *s);
/* Time goes on until then, and nothing happens. */
void sim_pass(struct sim *s, int64_t until);
void sim_come_to_pass(struct sim *s, size_t i);
void sim_come_late(struct sim *s, const struct call *c, int64_t sent_ms);
/* A life ends: what is under way does too, but for what is late. */
void sim_forget_pending(struct sim *s, enum sim_end end);
bool sim_is_waited_for(const struct sim *s);

#endif
