/* http: requests over HTTP/1.1 and TLS, many at once on one loop. The only room that knows curl and
 * libuv together.
 * In:    a request.
 * Out:   head, body in pieces, and how it ended.
 * Never: follows a redirect, asks a proxy, reads a credential from anywhere, sends a POST again
 *        that may have arrived. */
#ifndef TENANTD_IO_HTTP_H
#define TENANTD_IO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "core/limits.h"
#include "lib/base.h"
#include "lib/err.h"

#define HTTP_CONCURRENCY_MAX (LIMIT_CONCURRENCY + LIMIT_UPLOADS)

struct http;
struct http_call;

struct http_options {
    unsigned concurrency; /* requests in flight, at most; 1..HTTP_CONCURRENCY_MAX */
    const char *ca_file;  /* PEM; NULL: the system's; copied */
};

/* A body that is read as it is sent. `read`: up to n bytes; -1: there is an end of it, and what was
 * sent so far must never look whole; HTTP_LATER: none is there yet, and http_resume says when.
 * `sent`: so many bytes of it have gone. Both are called within curl, where nothing may be started,
 * canceled or resumed. */
#define HTTP_LATER (-2)
struct http_source {
    uint64_t size;
    ssize_t (*read)(void *arg, char *out, size_t n);
    void (*sent)(void *arg, uint64_t bytes);
    void *arg;
};

struct http_request {
    const char *method;
    const char *url;
    const char *authorization; /* the header's value; NULL: none is sent */
    const char *host;          /* another name for the server than the URL's; NULL: that */
    const char *key;           /* secret: what the database is encrypted with; NULL: not sent */
    const char *cipher;        /* its name, for a file that is to be so; NULL: not sent */
    const char *body;          /* JSON; NULL: none */
    const struct http_source *source; /* the body instead, of bytes; NULL: none. timeout_ms is then
                                         how long the connection may stand still, times ten */
    bool once;                        /* twice would be two deeds: never sent again by itself */
    bool is_long;       /* a large answer: timeout_ms is how long it may stand still */
    int64_t timeout_ms; /* for all of it */
};

struct http_head {
    int status;
    const char *content_type; /* these three: NULL when not sent; borrowed for the call */
    const char *retry_after;
    const char *date;
};

enum http_end {
    HTTP_COMPLETE, /* the answer came, whole as far as HTTP can tell */
    HTTP_ENOUGH,   /* data() had enough */
    HTTP_NOT_SENT, /* no byte of the request went out */
    HTTP_LOST,     /* it may have arrived; the answer did not, or not all of it */
    HTTP_CANCELED,
};

struct http_callbacks {
    void (*head)(void *arg, const struct http_head *head);
    bool (*data)(void *arg, const char *data, size_t size); /* decoded; false: enough */
    void (*done)(void *arg, enum http_end end,
                 const char *why); /* why: one line, "" when complete */
    void *arg;
};

/* -ERR_NOMEM, -ERR_INVALID (concurrency). */
int http_open(uv_loop_t *loop, const struct http_options *o, struct http **out,
              struct err *err) MUST_CHECK;

/* Everything is copied. On error nothing happened and no callback is ever called: -ERR_LIMIT (as
 * many as may be are in flight), -ERR_CANCELED (closing), -ERR_INVALID (curl refuses the URL or a
 * header), -ERR_NOMEM. On 0, done is called exactly once, from the loop, never inside http_start;
 * head at most once before it, data only after head. All three may cancel and
 * close, done may start too. *out is valid until done returns; NULL: not wanted. */
int http_start(struct http *h, const struct http_request *r, const struct http_callbacks *cb,
               struct http_call **out, struct err *err) MUST_CHECK;
/* done comes with HTTP_CANCELED, from the loop. Idempotent, also within the call's own callbacks.
 */
void http_cancel(struct http_call *c);

/* Its source has something to read, or an end. */
void http_resume(struct http_call *c);

/* New options for requests that start from now on; those in flight go on as they are. On error all
 * stays as it was: -ERR_NOMEM, -ERR_INVALID (concurrency). */
int http_configure(struct http *h, const struct http_options *o, struct err *err) MUST_CHECK;

/* Cancel what is in flight, then let go of every connection; `closed` is called once, from the
 * loop, when `h` is gone. */
void http_close(struct http *h, void (*closed)(void *arg), void *arg);

#endif
