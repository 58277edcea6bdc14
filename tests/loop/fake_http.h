/* fake_http: a small honest HTTP/1.1 server on the test's own loop. It does what its script says
 * and notes what it saw. In:    a script, a step for each request in the order of their arrival;
 * the last step goes for all that follow. Out:   what came, on how many connections. Never: any
 * kindness of its own. */
#ifndef TENANTD_TESTS_LOOP_FAKE_HTTP_H
#define TENANTD_TESTS_LOOP_FAKE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

enum fake_then {
    FAKE_KEEP,  /* the connection, for a next request */
    FAKE_CLOSE, /* with a FIN, when all has been sent */
    FAKE_HANG,  /* and do nothing more on this connection */
};

/* What happens once a request has come whole. */
struct fake_step {
    const char *send; /* status line, headers, body, as they go out; NULL: nothing */
    size_t send_size; /* 0: strlen */
    size_t times;     /* the last `repeat` bytes go out so many times more */
    size_t repeat;
    unsigned drip_ms; /* a byte each so many ms; 0: all at once */
    unsigned gather;  /* wait until so many requests wait here; then answer all. 0: none */
    enum fake_then then;
    bool greets; /* of the first step: do it once connected, whatever comes */
};

#define FAKE_REQUESTS_MAX 512

struct fake_http {
    uv_loop_t *loop;
    uv_tcp_t listener;
    const struct fake_step *script;
    size_t n_steps;
    unsigned port;
    char *requests[FAKE_REQUESTS_MAX]; /* head and body, as they came */
    size_t n_requests;
    unsigned n_connections; /* ever */
    unsigned n_open;
    unsigned peak_open;
    size_t sent_bytes;
    struct fake_connection *connections;
    bool is_closing;
    bool is_closed;
};

/* Listens on 127.0.0.1, on a port of the system's choice. */
void fake_http_open(struct fake_http *f, uv_loop_t *loop, const struct fake_step *script,
                    size_t n_steps);
/* Start to close; is_closed when done. */
void fake_http_close(struct fake_http *f);
void fake_http_free(struct fake_http *f);

/* End every connection now, with an RST. */
void fake_http_reset(struct fake_http *f);
/* "http://127.0.0.1:PORT" and path; overwritten by the eighth call from now. */
const char *fake_http_url(const struct fake_http *f, const char *path);

/* An answer with its length said. `status` as "200 OK". From a few buffers used in turn, as above.
 */
const char *fake_answer(const char *status, const char *headers, const char *body);

#endif
