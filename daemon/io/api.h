/* api: calls to the platform, carried by http.
 * In:    a call in our own words, the API token, and perhaps another for deletes.
 * Out:   an answer, always one for each call that started.
 * Never: retries, paces or queues: when to call is the core's business. Sends a token anywhere
 *        but to api.url's own scheme, host and port. */
#ifndef TENANTD_IO_API_H
#define TENANTD_IO_API_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/call.h"
#include "io/seed_file.h"
#include "io/seed_queue.h"
#include "lib/base.h"
#include "lib/err.h"

struct api;

struct api_options { /* texts are copied */
    const char
        *url; /* scheme, host and port alone; whether http is safe there is config's to say */
    const char *organization;
    const char *ca_file; /* NULL: the system's */
    int64_t timeout_ms;  /* of a call; a listing may stand still so long */
    unsigned concurrency;
    struct seed_queue *seeds; /* by which files to upload are read; lives longer */
};

/* From the loop. `a` is the callee's, to be freed by answer_free. May start calls, cancel and
 * close.
 */
typedef void (*api_done_fn)(void *arg, struct answer *a);

/* -ERR_INVALID (err says which option) or -ERR_NOMEM. */
int api_open(uv_loop_t *loop, const struct api_options *o, struct api **out,
             struct err *err) MUST_CHECK;

/* The token of calls that start from now on; copied, wiped at the end. -ERR_INVALID: it is empty or
 * holds what no token holds; the one before stays. -ERR_NOMEM. */
int api_set_token(struct api *api, const char *token, struct err *err) MUST_CHECK;

/* The same of the token that deletes go by from now on; NULL: by the other one, as the rest. */
int api_set_delete_token(struct api *api, const char *token, struct err *err) MUST_CHECK;

/* New options for calls that start from now on. On error all stays as it was: -ERR_INVALID,
 * -ERR_NOMEM. */
int api_configure(struct api *api, const char *ca_file, int64_t timeout_ms, unsigned concurrency,
                  struct err *err) MUST_CHECK;

/* On error nothing happened, `c` is still the caller's and done is never called: -ERR_INVALID (the
 * call cannot be made into a request), -ERR_PERMISSION (no token is set), -ERR_LIMIT (as many as
 * may be are in flight), -ERR_CANCELED (closing), -ERR_NOMEM. On 0 `c` is taken, and done is called
 * exactly once, from the loop, never inside api_start. */
int api_start(struct api *api, struct call *c, api_done_fn done, void *arg,
              struct err *err) MUST_CHECK;

/* A CALL_DATABASE_UPLOAD, which has a place beyond `concurrency`: one at a time. Its file is taken,
 * whatever comes of it. `sent` is told now and then, from within curl: it may start and cancel
 * nothing. Else as api_start. */
typedef void (*api_sent_fn)(void *arg, uint64_t bytes, uint64_t of);
int api_upload(struct api *api, struct call *c, struct seed_file *takes, api_sent_fn sent,
               api_done_fn done, void *arg, struct err *err) MUST_CHECK;

/* Each call in flight is done with OUTCOME_CANCELED, from the loop; `closed` is called once, from
 * the loop, when `api` is gone. */
void api_close(struct api *api, void (*closed)(void *arg), void *arg);

#endif
