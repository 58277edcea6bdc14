/* http_transfer_end: how a transfer ended, in our own words.
 * In:    curl's result, and what the transfer has seen.
 * Out:   one of a few ends, and a line for people.
 * Never: says that nothing was sent where something may have been. */
#include <stdio.h>

#include "io/http_transfer.h"

static const char *detail(const struct http_transfer *t, CURLcode code)
{
    return t->error[0] ? t->error : curl_easy_strerror(code);
}

static void explain(const struct http_transfer *t, CURLcode code, char *why)
{
    if (t->is_refused) {
        snprintf(why, HTTP_WHY_SIZE,
                 "the connection broke; not sent again, since it may have arrived");
        return;
    }
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        snprintf(why, HTTP_WHY_SIZE, "timed out: %s", detail(t, code));
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
        snprintf(why, HTTP_WHY_SIZE,
                 "TLS: the server's certificate is not trusted (%s); authorities are read from %s "
                 "(api.ca_file)",
                 detail(t, code), t->handle.ca_file);
        return;
    case CURLE_SSL_CACERT_BADFILE:
        snprintf(why, HTTP_WHY_SIZE, "TLS: the authorities in %s (api.ca_file) cannot be read",
                 t->handle.ca_file);
        return;
    case CURLE_SSL_CONNECT_ERROR:
        snprintf(why, HTTP_WHY_SIZE, "TLS: no handshake: %s", detail(t, code));
        return;
    case CURLE_OUT_OF_MEMORY: /* what curl also says of a line that is over its own limit */
        snprintf(why, HTTP_WHY_SIZE, "a line of the answer's head is too long, or out of memory");
        return;
    case CURLE_ABORTED_BY_CALLBACK:
        snprintf(why, HTTP_WHY_SIZE, "%s",
                 t->has_failed ? "the file changed, or could not be read, while it was being sent"
                               : detail(t, code));
        return;
    default:
        snprintf(why, HTTP_WHY_SIZE, "%s", detail(t, code));
    }
}

/* Bytes of the request that went out, over all of curl's tries. */
static bool was_sent(const struct http_transfer *t)
{
    long bytes = 0;

    curl_easy_getinfo(t->handle.easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

enum http_end http_transfer_end(struct http_transfer *t, CURLcode code, char *why)
{
    why[0] = '\0';
    t->is_ordinary = code == CURLE_OK && t->n_tries == 1 && !t->source.read;
    if (t->is_canceled) {
        snprintf(why, HTTP_WHY_SIZE, "canceled");
        return HTTP_CANCELED;
    }
    if (t->had_enough)
        return HTTP_ENOUGH;
    if (code == CURLE_OK && t->has_head)
        return HTTP_COMPLETE;
    if (t->head_bytes > HTTP_HEAD_BYTES)
        snprintf(why, HTTP_WHY_SIZE, "the answer's head is over %u bytes", HTTP_HEAD_BYTES);
    else
        explain(t, code, why);
    return was_sent(t) ? HTTP_LOST : HTTP_NOT_SENT;
}
