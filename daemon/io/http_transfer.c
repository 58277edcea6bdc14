/* http_transfer: one request as a curl handle. How it ended is in http_transfer_end.c.
 * In:    a request; bytes from curl.
 * Out:   callbacks.
 * Never: the loop, the multi handle. */
#include "io/http_transfer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/mem.h"

#define CONNECT_TIMEOUT_MAX_MS 10000
#define STALLED_BYTES_PER_S    100L /* a long answer that is slower than this stands still */
#define TRUSTED_IDLE_S         30L /* a connection that lay idle for longer may be dead unnoticed */
#define LONG_TIMEOUTS          20  /* a long answer may take so many times timeout_ms */
#define SOURCE_TIMEOUTS        10  /* and an upload stand still, while the server digests it */
#define SOURCE_MAX_MS          (24L * 3600 * 1000)
#define IDLE_S                 118L /* curl's own limit */
#define PIECE_BYTES            4096L
#define LONG_PIECE_BYTES       16384L
#define SEND_BYTES             16384 /* curl copies what goes out through TLS into a buffer */

/* --- What comes ---------------------------------------------------------------------------- */

/* Keep the value of header `name`, if this line is one; too long a one is cut. */
static void keep_value(const char *line, size_t n, const char *name, char *out, size_t size)
{
    size_t at = strlen(name);

    if (n <= at || line[at] != ':' || strncasecmp(line, name, at) != 0)
        return;
    for (at++; at < n && (line[at] == ' ' || line[at] == '\t'); at++)
        ;
    while (n > at && strchr(" \t\r\n", line[n - 1]))
        n--;
    snprintf(out, size, "%.*s", (int)(n - at), line + at);
}

static const char *or_null(const char *s)
{
    return *s ? s : NULL;
}

/* An interim answer (1xx) has a head as well, which is not the one we wait for. */
static void finish_head(struct http_transfer *t)
{
    long status = 0;
    struct http_head head = {.content_type = or_null(t->content_type),
                             .retry_after = or_null(t->retry_after),
                             .date = or_null(t->date)};

    curl_easy_getinfo(t->handle.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return;
    t->has_head = true;
    head.status = (int)status;
    t->cb.head(t->cb.arg, &head);
}

static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
    struct http_transfer *t = arg;

    (void)one;
    t->head_bytes += n;
    if (t->is_canceled || t->head_bytes > HTTP_HEAD_BYTES)
        return 0;
    if (t->has_head) /* a trailer */
        return n;
    if (n >= 5 && strncmp(line, "HTTP/", 5) == 0)
        t->content_type[0] = t->retry_after[0] = t->date[0] = '\0';
    keep_value(line, n, "Content-Type", t->content_type, sizeof(t->content_type));
    keep_value(line, n, "Retry-After", t->retry_after, sizeof(t->retry_after));
    keep_value(line, n, "Date", t->date, sizeof(t->date));
    if (n <= 2 && (line[0] == '\r' || line[0] == '\n'))
        finish_head(t);
    return t->is_canceled ? 0 : n;
}

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
    struct http_transfer *t = arg;

    (void)one;
    if (t->is_canceled || !t->has_head)
        return 0;
    if (!t->cb.data(t->cb.arg, data, n)) {
        t->had_enough = true;
        return 0;
    }
    return t->is_canceled ? 0 : n;
}

/* --- What goes ----------------------------------------------------------------------------- */

static size_t on_source(char *out, size_t one, size_t n, void *arg)
{
    struct http_transfer *t = arg;
    ssize_t size = t->is_canceled ? -1 : t->source.read(t->source.arg, out, one * n);

    if (size == HTTP_LATER)
        return CURL_READFUNC_PAUSE;
    if (size < 0) {
        t->has_failed = true;
        return CURL_READFUNC_ABORT;
    }
    t->source_at += (uint64_t)size;
    t->source.sent(t->source.arg, t->source_at);
    return (size_t)size;
}

void http_transfer_resume(struct http_transfer *t)
{
    curl_easy_pause(t->handle.easy, CURLPAUSE_CONT);
}

/* When a connection from the pool turns out to be dead, curl sends the request again on another
 * one, though the server may have acted on it. It asks before every try, and where twice would be
 * two deeds the second is refused. */
static int on_try(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct http_transfer *t = arg;

    (void)to, (void)from, (void)to_port, (void)from_port;
    if (t->once && t->n_tries > 0)
        t->is_refused = true;
    t->n_tries++;
    return t->is_refused ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* --- Options ------------------------------------------------------------------------------- */

/* One option; the first failure stays. */
#define SET(rc, easy, option, value)                                                               \
    ((rc) = (rc) == CURLE_OK ? curl_easy_setopt(easy, option, value) : (rc))

static CURLcode set_constants(CURL *easy)
{
    static const struct {
        CURLoption option;
        long value;
    } NUMBERS[] = {
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_HTTP09_ALLOWED, 0},
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_PATH_AS_IS, 1}, /* ".." in a path must not climb */
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        {CURLOPT_QUICK_EXIT, 1}, /* else a slow name lookup is waited for, loop and all */
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_NOPROGRESS, 1},
        {CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES},
    };
    static const struct {
        CURLoption option;
        const char *value;
    } TEXTS[] = {
        {CURLOPT_PROTOCOLS_STR, "http,https"},
        {CURLOPT_REDIR_PROTOCOLS_STR, "http,https"},
        {CURLOPT_PROXY, ""}, /* whatever the environment says */
        {CURLOPT_NOPROXY, "*"},
        {CURLOPT_CAPATH, NULL}, /* with a directory, curl parses the file for every connection */
        {CURLOPT_ACCEPT_ENCODING, "gzip"},
    };
    CURLcode rc = CURLE_OK;

    for (size_t i = 0; i < ARRAY_SIZE(NUMBERS); i++)
        SET(rc, easy, NUMBERS[i].option, NUMBERS[i].value);
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++)
        SET(rc, easy, TEXTS[i].option, TEXTS[i].value);
    SET(rc, easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(rc, easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(rc, easy, CURLOPT_PREREQFUNCTION, on_try);
    return rc;
}

/* Keep a text that is mostly what it was. *anew: it is not. */
static CURLcode keep(char **kept, const char *text, size_t n, bool *anew)
{
    *anew = !*kept || strncmp(*kept, text, n) != 0 || (*kept)[n] != '\0';
    if (!*anew)
        return CURLE_OK;
    mem_free(*kept);
    *kept = mem_strndup(text, n);
    return *kept ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

static CURLcode set_ca_file(struct http_handle *h, const char *ca_file)
{
    bool anew;
    CURLcode rc = keep(&h->ca_file, ca_file, strlen(ca_file), &anew);

    return rc || !anew ? rc : curl_easy_setopt(h->easy, CURLOPT_CAINFO, ca_file);
}

static CURLcode set_callbacks(struct http_transfer *t)
{
    CURL *easy = t->handle.easy;
    CURLcode rc = CURLE_OK;

    SET(rc, easy, CURLOPT_ERRORBUFFER, t->error);
    SET(rc, easy, CURLOPT_HEADERDATA, t);
    SET(rc, easy, CURLOPT_WRITEDATA, t);
    SET(rc, easy, CURLOPT_PREREQDATA, t);
    return rc;
}

static CURLcode set_origin(struct http_handle *h, const char *url, size_t n)
{
    bool anew;
    CURLcode rc = keep(&h->origin, url, n, &anew);
    CURLUcode urc = CURLUE_OK;

    if (rc == CURLE_OK && anew)
        urc = curl_url_set(h->url, CURLUPART_URL, h->origin, CURLU_NON_SUPPORT_SCHEME);
    return rc                            ? rc
           : urc == CURLUE_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY
           : urc != CURLUE_OK            ? CURLE_URL_MALFORMAT
                                         : CURLE_OK;
}

/* Only the origin is curl's to take apart; the rest goes out as it is. */
static CURLcode set_url(struct http_transfer *t, const char *url)
{
    const char *scheme = strstr(url, "://");
    size_t host = scheme ? strcspn(scheme + 3, "/?") : 0;
    size_t n = host ? (size_t)(scheme - url) + 3 + host : strlen(url);
    const char *path = url[n] == '/' ? url + n : "/";
    CURLcode rc = set_origin(&t->handle, url, n);

    for (const char *at = path; *at; at++)
        if (*at <= ' ' || *at > '~')
            return CURLE_URL_MALFORMAT;
    return rc ? rc : curl_easy_setopt(t->handle.easy, CURLOPT_REQUEST_TARGET, path);
}

/* With the head in one segment, as curl does with fields and not with what it reads. */
static CURLcode set_body(struct http_transfer *t)
{
    CURLcode rc = CURLE_OK;

    SET(rc, t->handle.easy, CURLOPT_POSTFIELDS, t->body ? t->body : "");
    SET(rc, t->handle.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_size);
    return rc;
}

static CURLcode set_source(struct http_transfer *t)
{
    CURL *easy = t->handle.easy;
    CURLcode rc = CURLE_OK;

    SET(rc, easy, CURLOPT_POST, 1L);
    SET(rc, easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->source.size);
    SET(rc, easy, CURLOPT_READFUNCTION, on_source);
    SET(rc, easy, CURLOPT_READDATA, t);
    SET(rc, easy, CURLOPT_FRESH_CONNECT, 1L);
    return rc;
}

static CURLcode set_method(struct http_transfer *t, const struct http_request *r)
{
    CURL *easy = t->handle.easy;
    bool is_get = strcmp(r->method, "GET") == 0;
    bool is_post = strcmp(r->method, "POST") == 0;
    CURLcode rc = CURLE_OK;

    SET(rc, easy, CURLOPT_HTTPGET, 1L);
    if (rc == CURLE_OK && t->source.read)
        rc = set_source(t);
    else if (rc == CURLE_OK && (t->body || is_post))
        rc = set_body(t);
    SET(rc, easy, CURLOPT_CUSTOMREQUEST, is_get || is_post ? NULL : r->method);
    return rc;
}

/* A connection that may be dead is not for what must not be sent twice. A large answer comes in
 * large pieces. */
static CURLcode set_kind(struct http_transfer *t, const struct http_request *r)
{
    CURL *easy = t->handle.easy;
    CURLcode rc = CURLE_OK;

    SET(rc, easy, CURLOPT_MAXAGE_CONN, t->once ? TRUSTED_IDLE_S : IDLE_S);
    SET(rc, easy, CURLOPT_BUFFERSIZE, r->is_long ? LONG_PIECE_BYTES : PIECE_BYTES);
    return rc;
}

/* TIMEOUT_MS alone would cap how large a listing may be; low speed alone would let one drip for
 * ever. */
static CURLcode set_times(struct http_transfer *t, const struct http_request *r)
{
    CURL *easy = t->handle.easy;
    long all_ms = (long)r->timeout_ms;
    long stalled_s = 0;
    CURLcode rc = CURLE_OK;

    SET(rc, easy, CURLOPT_CONNECTTIMEOUT_MS,
        all_ms < CONNECT_TIMEOUT_MAX_MS ? all_ms : CONNECT_TIMEOUT_MAX_MS);
    if (r->source) {
        stalled_s = (all_ms * SOURCE_TIMEOUTS + 999) / 1000;
        all_ms = SOURCE_MAX_MS;
    } else if (r->is_long) {
        stalled_s = (all_ms + 999) / 1000;
        all_ms *= LONG_TIMEOUTS;
    }
    SET(rc, easy, CURLOPT_LOW_SPEED_LIMIT, stalled_s ? STALLED_BYTES_PER_S : 0L);
    SET(rc, easy, CURLOPT_LOW_SPEED_TIME, stalled_s);
    SET(rc, easy, CURLOPT_TIMEOUT_MS, all_ms);
    return rc;
}

/* `line`: as long as the transfer lives. Curl reads a list of such, and no more. */
static void add_header(struct http_transfer *t, char *line)
{
    struct curl_slist *h = &t->headers[t->n_headers];

    assert(t->n_headers < HTTP_HEADERS);
    *h = (struct curl_slist){.data = line};
    if (t->n_headers++)
        h[-1].next = h;
}

/* True too when there is no such value. */
static bool add_named(struct http_transfer *t, const char *name, const char *value)
{
    char *line = value ? mem_join(name, ": ", value) : NULL;

    if (!line)
        return !value;
    t->lines[t->n_lines++] = line;
    add_header(t, line);
    return true;
}

static CURLcode set_headers(struct http_transfer *t, const struct http_request *r)
{
    static char ACCEPT[] = "Accept: application/json";
    static char AGENT[] = "User-Agent: tenantd/" TENANTD_VERSION;
    static char BYTES[] = "Content-Type: application/octet-stream";
    static char JSON[] = "Content-Type: application/json";
    static char NOTHING[] = "Content-Type:";  /* else curl names one for a POST */
    static char PLAIN[] = "Accept-Encoding:"; /* packing is for what is large */
    static char AT_ONCE[] = "Expect:";        /* the body, without asking first */

    add_header(t, ACCEPT);
    add_header(t, AGENT);
    add_header(t, r->source ? BYTES : r->body ? JSON : NOTHING);
    if (!r->is_long)
        add_header(t, PLAIN);
    if (r->source)
        add_header(t, AT_ONCE);
    if (!add_named(t, "Authorization", r->authorization) || !add_named(t, "Host", r->host) ||
        !add_named(t, "x-turso-encryption-key", r->key) ||
        !add_named(t, "x-turso-encryption-cipher", r->cipher))
        return CURLE_OUT_OF_MEMORY;
    return curl_easy_setopt(t->handle.easy, CURLOPT_HTTPHEADER, t->headers);
}

/* --- The handle ---------------------------------------------------------------------------- */

void http_handle_deinit(struct http_handle *h)
{
    mem_free(h->ca_file);
    mem_free(h->origin);
    curl_easy_cleanup(h->easy);
    curl_url_cleanup(h->url);
    *h = (struct http_handle){0};
}

static CURLcode make(struct http_handle *h)
{
    CURLcode rc;

    h->easy = curl_easy_init();
    h->url = curl_url();
    if (!h->easy || !h->url)
        return CURLE_OUT_OF_MEMORY;
    rc = set_constants(h->easy);
    return rc ? rc : curl_easy_setopt(h->easy, CURLOPT_CURLU, h->url);
}

static CURLcode set_all(struct http_transfer *t, const struct http_request *r, const char *ca_file)
{
    struct http_handle *h = &t->handle;
    CURLcode rc = h->easy ? CURLE_OK : make(h);

    rc = rc ? rc : set_ca_file(h, ca_file);
    rc = rc ? rc : set_url(t, r->url);
    rc = rc ? rc : set_callbacks(t);
    rc = rc ? rc : set_method(t, r);
    rc = rc ? rc : set_kind(t, r);
    rc = rc ? rc : set_times(t, r);
    return rc ? rc : set_headers(t, r);
}

int http_transfer_init(struct http_transfer *t, struct http_handle takes,
                       const struct http_request *r, const struct http_callbacks *cb,
                       const char *ca_file, struct err *err)
{
    CURLcode rc;

    assert(r->timeout_ms > 0);
    *t = (struct http_transfer){
        .cb = *cb, .handle = takes, .once = r->once, .timeout_ms = r->timeout_ms};
    if (r->source)
        t->source = *r->source;
    t->body = mem_strdup(r->body);
    t->body_size = t->body ? strlen(t->body) : 0;
    if (r->body && !t->body)
        return err_nomem(err);
    rc = set_all(t, r, ca_file);
    if (rc == CURLE_OUT_OF_MEMORY)
        return err_nomem(err);
    if (rc != CURLE_OK)
        return err_set(err, ERR_INVALID, "curl: %s", curl_easy_strerror(rc));
    return 0;
}

/* Nothing of the transfer stays behind. A handle that has failed is not used again: only a new one
 * has forgotten how often curl has tried by itself, and curl leaves its buffer there, of which it
 * does not know the size any more after a reset. */
static void clear(struct http_transfer *t)
{
    CURL *easy = t->handle.easy;

    if (t->is_ordinary && curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL) == CURLE_OK)
        return;
    http_handle_deinit(&t->handle);
}

struct http_handle http_transfer_deinit(struct http_transfer *t)
{
    struct http_handle handle;

    clear(t);
    handle = t->handle;
    for (unsigned i = 0; i < t->n_lines; i++)
        mem_free_secret(t->lines[i], strlen(t->lines[i]));
    mem_free_secret(t->body, t->body_size); /* it may hold a key */
    *t = (struct http_transfer){0};
    return handle;
}
