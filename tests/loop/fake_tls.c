/* fake_tls: a TLS server with a certificate that it made itself, on a thread of its own.
 * In:    one answer, given to every request.
 * Out:   its port, and the certificate as a file.
 * Never: more than one connection at a time. */
#include "tests/loop/fake_tls.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define DAY_S     86400L
#define TIMEOUT_S 20

/* As assert, in every kind of build. */
static void must(bool is_so)
{
    if (!is_so)
        abort();
}

static void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    must(e && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);

    must(X509_set_version(x, X509_VERSION_3) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(x), DAY_S);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"fake", -1, -1, 0);
    must(X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1);
    add_extension(x, NID_subject_alt_name, "IP:127.0.0.1");
    add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
    must(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static void set_certificate(SSL_CTX *context, const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = make_certificate(key);
    FILE *file = fopen(path, "we");

    must(file && PEM_write_X509(file, x) == 1);
    fclose(file);
    must(SSL_CTX_use_certificate(context, x) == 1);
    must(SSL_CTX_use_PrivateKey(context, key) == 1);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void answer_one(struct fake_tls *f, SSL *ssl)
{
    char request[8192] = "";
    size_t size = 0;

    while (!strstr(request, "\r\n\r\n") && size < sizeof(request) - 1) {
        int n = SSL_read(ssl, request + size, (int)(sizeof(request) - 1 - size));

        if (n <= 0)
            return;
        size += (size_t)n;
    }
    (void)SSL_write(ssl, f->answer, (int)strlen(f->answer));
    (void)SSL_shutdown(ssl);
}

static void serve(struct fake_tls *f, int fd)
{
    SSL *ssl = SSL_new(f->context);
    struct timeval bound = {.tv_sec = TIMEOUT_S};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    must(ssl && SSL_set_fd(ssl, fd) == 1);
    if (SSL_accept(ssl) == 1) {
        atomic_fetch_add(&f->n_handshakes, 1);
        answer_one(f, ssl);
    }
    SSL_free(ssl);
}

static void run(void *arg)
{
    struct fake_tls *f = arg;

    while (!atomic_load(&f->is_ending)) {
        int fd = accept(f->listener, NULL, NULL);

        if (fd < 0)
            return;
        if (!atomic_load(&f->is_ending))
            serve(f, fd);
        close(fd);
    }
}

void fake_tls_open(struct fake_tls *f, const char *answer, const char *certificate_path)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int rc;

    *f = (struct fake_tls){.answer = answer};
    f->context = SSL_CTX_new(TLS_server_method());
    must(f->context);
    set_certificate(f->context, certificate_path);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rc = bind(f->listener, (struct sockaddr *)&address, size);
    rc = rc ? rc : listen(f->listener, 8);
    rc = rc ? rc : getsockname(f->listener, (struct sockaddr *)&address, &size);
    rc = rc ? rc : uv_thread_create(&f->thread, run, f);
    must(rc == 0);
    f->port = ntohs(address.sin_port);
}

/* Shutting a listening socket down wakes who waits in accept. */
void fake_tls_close(struct fake_tls *f)
{
    atomic_store(&f->is_ending, true);
    shutdown(f->listener, SHUT_RDWR);
    uv_thread_join(&f->thread);
    close(f->listener);
    SSL_CTX_free(f->context);
}
