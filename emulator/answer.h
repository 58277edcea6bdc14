/* answer: what a route replies.
 * In:    status, body, the few headers that this platform sets.
 * Out:   a value that the server turns into HTTP.
 * Never: sends anything. */
#ifndef TENANTD_EMULATOR_ANSWER_H
#define TENANTD_EMULATOR_ANSWER_H

#include <stdint.h>

#include "clock.h"
#include "lib/base.h"
#include "lib/buf.h"

#define ANSWER_MAX_BYTES ((size_t)1 << 30)

enum answer_fate {
    ANSWER_SEND,
    ANSWER_CUT, /* `cut_at` bytes of the body, then the connection closes */
    ANSWER_DROP /* the connection closes without a byte */
};

struct answer {
    unsigned status;
    const char *content_type; /* static text */
    struct buf body;
    char retry_after[CLOCK_TEXT_SIZE]; /* "" for none */
    const char *reason;                /* X-Emulator-Reason, static text; NULL for none */
    int64_t hold_ms;                   /* send it this much later */
    enum answer_fate fate;
    size_t cut_at;
};

void answer_init(struct answer *a);
void answer_deinit(struct answer *a);
/* {"error": text} */
void answer_error(struct answer *a, unsigned status, const char *fmt, ...) PRINTF(3, 4);
/* {"error": text, "code": code} */
void answer_gated(struct answer *a, unsigned status, const char *code, const char *fmt, ...)
    PRINTF(4, 5);
/* Not JSON: what a router or a proxy says. */
void answer_text(struct answer *a, unsigned status, const char *content_type, const char *text);
/* {}: what has nothing to say. */
void answer_empty(struct answer *a);
void answer_no_memory(struct answer *a);

#endif
