/* answer: HTTP as an answer. Bytes of a listing are read as they arrive and never form one tree.
 * In:    status, the headers that matter, body bytes in pieces of any size.
 * Out:   a filled struct answer. Whatever the platform sends, the outcome says how far to trust it.
 * Never: I/O, clocks; secrets in `error`. */
#ifndef TENANTD_CORE_ANSWER_H
#define TENANTD_CORE_ANSWER_H

#include "core/call.h"
#include "lib/err.h"

struct answer_reader;

/* Starts reading the answer to `c`; `into` is borrowed until answer_reader_free. NULL: no memory.
 */
struct answer_reader *answer_reader_new(const struct call *c, struct answer *into) MUST_CHECK;
/* The status line and headers. `content_type`, `retry_after`, `date` as sent, or NULL. `now_ms`:
 * wall clock, for a Retry-After that is a date. */
void answer_reader_head(struct answer_reader *r, int status, const char *content_type,
                        const char *retry_after, const char *date, int64_t now_ms);
/* False: enough (over a limit, or not of the shape due); the transfer may be ended. */
bool answer_reader_data(struct answer_reader *r, const char *data, size_t size);
/* The body is complete: fill in `into`, outcome included. */
void answer_reader_end(struct answer_reader *r);
/* The transfer failed. `sent`: whether the platform may have acted on the request. */
void answer_reader_fail(struct answer_reader *r, bool sent, const char *why);
void answer_reader_free(struct answer_reader *r); /* wipes what may hold secrets */

/* Write `text` into out[0..size) as one line: control bytes become spaces, anything that looks like
 * a JWT or a long base64 run becomes "[hidden]", cut at size - 1. */
void answer_redact(const char *text, size_t n, char *out, size_t size);

#endif
