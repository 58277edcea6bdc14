/* doubt: may things still be removed by what the ledger and the clock say? A ledger that is a copy,
 * or that ends long before the start, may call ours what no longer is; a clock that is wrong ends
 * graces and expiries too early. Private to the rooms of the reconciler.
 * In:    rows at the start, the platform's Date, an operator's approval.
 * Out:   doubts, that stand until they end.
 * Never: removes, or allows to remove. */
#ifndef TENANTD_CORE_DOUBT_H
#define TENANTD_CORE_DOUBT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reason, the key of `meta` by which it outlives a restart (NULL: it does not), and whether all
 * removals wait for approval while it stands. */
/* clang-format off: a table */
#define DOUBTS(X)                                                                                  \
    X(OLD, "LedgerOld", "old_truth", true)    /* the last entry was over a day old at start */     \
    X(COPY, "LedgerFromBackup", "copy", true) /* it was opened from a backup */                    \
    X(CLOCK, "ClockOff", NULL, true)          /* over 5 minutes from the platform's */             \
    X(LOST, "LedgerLost", "lost", false)      /* it was missing beside a last good manifest */
/* clang-format on */
#define DOUBT_ENUM(symbol, reason, key, holds) DOUBT_##symbol,
enum doubt { DOUBTS(DOUBT_ENUM) DOUBT_N };
#undef DOUBT_ENUM

struct doubt_info {
    const char *reason;
    const char *key;
    bool holds;
};
extern const struct doubt_info DOUBT[DOUBT_N];

struct doubt_state {
    bool stands;
    int64_t since_ms; /* wall clock */
    int64_t value; /* of what time the ledger is, wall clock; or by how much our clock is ahead */
};

#define DOUBT_TEXT_SIZE 256

struct reconcile;
struct effects;
struct answer;

/* Before the first step: a row of `meta`, and when something in the ledger happened. */
void doubt_load(struct reconcile *rc, const char *key, const char *value);
void doubt_load_entry(struct reconcile *rc, int64_t at_ms);
/* In the first step. Approvals from before an old truth are void. */
void doubt_start(struct reconcile *rc, struct effects *fx);
/* After a complete observation: the ledger is as true as now. */
void doubt_observed(struct reconcile *rc, struct effects *fx);
void doubt_clock(struct reconcile *rc, struct effects *fx, const struct answer *a);
/* The platform has agreed with it, and it has not jumped since. */
bool doubt_clock_is_good(const struct reconcile *rc);
/* The time of now, ours or the platform's, whichever is later. */
int64_t doubt_latest_ms(const struct reconcile *rc);
/* When something was done now that must not be forgotten too early: by the platform's clock where
 * ours is behind it, or it would be as soon as ours is put right. By one that is ahead it counts
 * from when that is right. */
int64_t doubt_noted_ms(const struct reconcile *rc);
/* One stands that an approval ends. */
bool doubt_can_end(const struct reconcile *rc);
/* An operator has approved removals, or a plan that holds nothing. The clock's stays. */
void doubt_end(struct reconcile *rc, struct effects *fx, int64_t uid, const char *reason);
void doubt_text(const struct reconcile *rc, enum doubt d, char *out, size_t size);

#endif
