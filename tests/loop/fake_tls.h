/* fake_tls: a TLS server with a certificate that it made itself, on a thread of its own.
 * In:    one answer, given to every request.
 * Out:   its port, and the certificate as a file.
 * Never: more than one connection at a time. */
#ifndef TENANTD_TESTS_LOOP_FAKE_TLS_H
#define TENANTD_TESTS_LOOP_FAKE_TLS_H

#include <stdatomic.h>
#include <uv.h>

struct fake_tls {
    unsigned port;
    int listener;
    const char *answer; /* sent once a request's head has come; then the connection is closed */
    void *context;      /* of OpenSSL */
    uv_thread_t thread;
    atomic_uint n_handshakes; /* that succeeded */
    atomic_bool is_ending;
};

/* Listens on 127.0.0.1; writes the certificate, for "127.0.0.1", into `certificate_path`. */
void fake_tls_open(struct fake_tls *f, const char *answer, const char *certificate_path);
void fake_tls_close(struct fake_tls *f);

#endif
