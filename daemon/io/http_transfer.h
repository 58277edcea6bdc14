/* http_transfer: one request as a curl handle, and what curl says of it as our own words.
 * In:    a request; bytes from curl.
 * Out:   callbacks; how it ended.
 * Never: the loop, the multi handle. */
#ifndef TENANTD_IO_HTTP_TRANSFER_H
#define TENANTD_IO_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "io/http.h"

#define HTTP_WHY_SIZE 512

struct http_transfer {
    struct http_callbacks cb;
    CURL *easy; /* borrowed */
    char *ca_file;
    char *body;
    size_t body_size;
    struct http_source source; /* read: NULL: there is none */
    uint64_t source_at;
    bool has_failed; /* the source has */
    struct curl_slist *headers;
    bool once;
    bool was_tried;   /* curl was about to send it */
    bool is_refused;  /* and was once more */
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

/* Reset `easy` and give it all that the request needs. `t` must not move until
 * http_transfer_deinit, which is due in any case. -ERR_INVALID or -ERR_NOMEM. */
int http_transfer_init(struct http_transfer *t, CURL *easy, const struct http_request *r,
                       const struct http_callbacks *cb, const char *ca_file,
                       struct err *err) MUST_CHECK;
/* What curl's result means. Writes one line into why[0..HTTP_WHY_SIZE). */
enum http_end http_transfer_end(const struct http_transfer *t, CURLcode code, char *why);
/* Leaves `easy` reset. */
void http_transfer_deinit(struct http_transfer *t);

#endif
