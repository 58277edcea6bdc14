/* http_transfer: one request as a curl handle, and what curl says of it as our own words.
 * In:    a request; bytes from curl.
 * Out:   callbacks; how it ended.
 * Never: the loop, the multi handle. */
#ifndef TENANTD_IO_HTTP_TRANSFER_H
#define TENANTD_IO_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "io/http.h"

#define HTTP_WHY_SIZE   512
#define HTTP_HEADERS    10
#define HTTP_HEAD_BYTES (64u << 10) /* of an answer */

/* A curl handle, and what it has been told already, so that the next request need not say it again.
 * No request leaves anything else to the next: each says all that another may have said, and one
 * that did not go as most do leaves none of it. */
struct http_handle {
    CURL *easy;    /* NULL: made with the next request */
    CURLU *url;    /* taken apart already */
    char *ca_file; /* these two are told when they are other ones; NULL: not told */
    char *origin;  /* "https://HOST", what `url` is of */
};

struct http_transfer {
    struct http_callbacks cb;
    struct http_handle handle;
    char *body;
    size_t body_size;
    struct http_source source; /* read: NULL: there is none */
    uint64_t source_at;
    bool has_failed; /* the source has */
    struct curl_slist headers[HTTP_HEADERS];
    unsigned n_headers;
    char *lines[HTTP_HEADERS]; /* those of them that were made for it; wiped in the end */
    unsigned n_lines;
    bool once;
    unsigned n_tries; /* how often curl was about to send it */
    bool is_refused;  /* it was, once too often */
    bool is_ordinary; /* it went as most do: its handle is as good as new */
    bool is_canceled; /* curl is to end it at the next byte */
    bool has_head;
    bool had_enough;
    size_t head_bytes;
    int64_t timeout_ms;
    char content_type[128];
    char retry_after[64];
    char date[64];
    char error[CURL_ERROR_SIZE];
};

void http_handle_deinit(struct http_handle *h);

/* Give the handle, which goes into `t`, all that the request needs. `t` must not move until
 * http_transfer_deinit, which is due in any case. -ERR_INVALID or -ERR_NOMEM. */
int http_transfer_init(struct http_transfer *t, struct http_handle takes,
                       const struct http_request *r, const struct http_callbacks *cb,
                       const char *ca_file, struct err *err) MUST_CHECK;
void http_transfer_resume(struct http_transfer *t);
/* What curl's result means. Writes one line into why[0..HTTP_WHY_SIZE). */
enum http_end http_transfer_end(struct http_transfer *t, CURLcode code, char *why);
/* The handle for the next. */
struct http_handle http_transfer_deinit(struct http_transfer *t);

#endif
