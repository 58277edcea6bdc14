/* api: calls to the platform, carried by http.
 * In:    a call in our own words, the API token, and perhaps another for deletes.
 * Out:   an answer, always one for each call that started.
 * Never: retries, paces or queues. Sends a token anywhere but to api.url's own origin.
 *
 *   api_start ─▶ request_build ─▶ http_start ─▶ head, data ─▶ answer_reader ─▶ done
 *
 * Fails: a call that cannot be a request, or has no token, is not started. Whatever happens after
 * that is in the answer: not sent, lost, refused, malformed, canceled. */
#include "io/api.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/answer.h"
#include "core/answer_body.h"
#include "core/config.h"
#include "core/request.h"
#include "io/clock.h"
#include "io/digest.h"
#include "io/http.h"
#include "io/origin.h"
#include "io/seed_source.h"
#include "lib/list.h"
#include "lib/mem.h"

/* The platform tells which location is closest at a host of its own, without a token. */
#define PLATFORM_HOST "api.turso.tech"
#define CLOSEST_URL   "https://region.turso.io/"

#define TOKEN_MAX_BYTES 16384
#define NS_PER_MS       UINT64_C(1000000)
#define SENT_EVERY_NS   (UINT64_C(500) * NS_PER_MS)
#define TIMEOUT_MAX_MS  3600000 /* of one call; a listing may take some times as long */

struct api_call {
    struct list link;
    struct api *api;
    struct call *call;
    struct answer *answer;
    struct answer_reader *reader;
    struct http_call *http;
    struct seed_source *source; /* of an upload */
    api_sent_fn sent;
    uint64_t sent_ns; /* when that was last told */
    uint64_t started_ns;
    api_done_fn done;
    void *arg;
};

struct api {
    struct http *http;
    struct seed_queue *seeds;
    struct origin origin;
    char *organization;
    int64_t timeout_ms;
    unsigned concurrency;
    unsigned n_uploads;         /* of the calls */
    char *authorization;        /* "Bearer TOKEN"; NULL: no token is set */
    char *delete_authorization; /* NULL: deletes go by the one above */
    struct list calls;
    unsigned n_calls;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* --- Birth and death ----------------------------------------------------------------------- */

/* Takes `next`. */
static void replace(char **authorization, char *next)
{
    mem_free_secret(*authorization, *authorization ? strlen(*authorization) : 0);
    *authorization = next;
}

static void api_free(struct api *api)
{
    replace(&api->authorization, NULL);
    replace(&api->delete_authorization, NULL);
    origin_deinit(&api->origin);
    mem_free(api->organization);
    mem_free(api);
}

static int check_options(int64_t timeout_ms, unsigned concurrency, struct err *err)
{
    if (timeout_ms < 1 || timeout_ms > TIMEOUT_MAX_MS)
        return err_set(err, ERR_INVALID, "api.timeout must be 1 ms to %d s", TIMEOUT_MAX_MS / 1000);
    if (concurrency < 1 || concurrency > LIMIT_CONCURRENCY)
        return err_set(err, ERR_INVALID, "api.concurrency must be 1 to %d", LIMIT_CONCURRENCY);
    return 0;
}

/* With a place for uploads, which stand in nobody's way. */
static struct http_options options_of(unsigned concurrency, const char *ca_file)
{
    return (struct http_options){.concurrency = concurrency + LIMIT_UPLOADS, .ca_file = ca_file};
}

static int init(struct api *api, uv_loop_t *loop, const struct api_options *o, struct err *err)
{
    struct http_options http = options_of(o->concurrency, o->ca_file);
    int rc = origin_parse(o->url, &api->origin, err);

    if (rc < 0) {
        err_wrap(err, "api.url");
        return rc;
    }
    api->organization = mem_strdup(o->organization);
    if (!api->organization)
        return err_nomem(err);
    return http_open(loop, &http, &api->http, err);
}

int api_open(uv_loop_t *loop, const struct api_options *o, struct api **out, struct err *err)
{
    struct api *api;
    int rc = check_options(o->timeout_ms, o->concurrency, err);

    if (rc < 0)
        return rc;
    api = mem_alloc(sizeof(*api));
    if (!api)
        return err_nomem(err);
    list_init(&api->calls);
    api->timeout_ms = o->timeout_ms;
    api->concurrency = o->concurrency;
    api->seeds = o->seeds;
    rc = init(api, loop, o, err);
    if (rc < 0) {
        api_free(api);
        return rc;
    }
    *out = api;
    return 0;
}

int api_configure(struct api *api, const char *ca_file, int64_t timeout_ms, unsigned concurrency,
                  struct err *err)
{
    struct http_options http = options_of(concurrency, ca_file);
    int rc = check_options(timeout_ms, concurrency, err);

    if (rc == 0)
        rc = http_configure(api->http, &http, err);
    if (rc < 0)
        return rc;
    api->timeout_ms = timeout_ms;
    api->concurrency = concurrency;
    return 0;
}

static void on_http_closed(void *arg)
{
    struct api *api = arg;
    void (*closed)(void *arg) = api->closed;
    void *closed_arg = api->closed_arg;

    assert(api->n_calls == 0);
    api_free(api);
    closed(closed_arg);
}

void api_close(struct api *api, void (*closed)(void *arg), void *arg)
{
    assert(!api->closed && closed);
    api->closed = closed;
    api->closed_arg = arg;
    http_close(api->http, on_http_closed, api);
}

/* A header's value: what a line break in it could add is kept out. */
static int set_token(char **authorization, const char *token, struct err *err)
{
    size_t size = strlen(token);
    char *next;

    for (size_t i = 0; i < size; i++)
        if (token[i] <= ' ' || token[i] > '~')
            return err_set(err, ERR_INVALID,
                           "the API token holds a character that no token holds, "
                           "at byte %zu",
                           i);
    if (size == 0 || size > TOKEN_MAX_BYTES)
        return err_set(err, ERR_INVALID, "the API token is empty or too long");
    next = mem_printf("Bearer %s", token);
    if (!next)
        return err_nomem(err);
    replace(authorization, next);
    return 0;
}

int api_set_token(struct api *api, const char *token, struct err *err)
{
    return set_token(&api->authorization, token, err);
}

int api_set_delete_token(struct api *api, const char *token, struct err *err)
{
    if (token)
        return set_token(&api->delete_authorization, token, err);
    replace(&api->delete_authorization, NULL);
    return 0;
}

static bool is_upload(const struct call *c)
{
    return c->kind == CALL_DATABASE_UPLOAD;
}

/* --- A call that ends ---------------------------------------------------------------------- */

static void call_drop(struct api_call *c)
{
    seed_source_free(c->source);
    answer_reader_free(c->reader);
    answer_free(c->answer);
    call_free(c->call);
    mem_free(c);
}

static void on_head(void *arg, const struct http_head *head)
{
    struct api_call *c = arg;

    answer_reader_head(c->reader, head->status, head->content_type, head->retry_after, head->date,
                       clock_wall_ms());
}

static bool on_data(void *arg, const char *data, size_t size)
{
    struct api_call *c = arg;

    return answer_reader_data(c->reader, data, size);
}

static void read_end(struct api_call *c, enum http_end end, const char *why)
{
    switch (end) {
    case HTTP_COMPLETE:
    case HTTP_ENOUGH:
        answer_reader_end(c->reader);
        return;
    case HTTP_NOT_SENT:
    case HTTP_LOST:
        answer_reader_fail(c->reader, end == HTTP_LOST, why);
        return;
    case HTTP_CANCELED:
        c->answer->outcome = OUTCOME_CANCELED;
        snprintf(c->answer->error, sizeof(c->answer->error), "%s", why);
    }
}

static void note_hash(struct answer *a)
{
    if (!a->token.jwt || digest_hex(a->token.jwt, a->token.jwt_size, a->token.hash))
        return;
    /* UNTESTED: OpenSSL without SHA-256. A token that cannot be known again is of no use. */
    a->outcome = OUTCOME_UNKNOWN;
    snprintf(a->error, sizeof(a->error), "the token's hash cannot be computed");
}

static void on_done(void *arg, enum http_end end, const char *why)
{
    struct api_call *c = arg;
    struct answer *a = c->answer;
    api_done_fn done = c->done;
    void *done_arg = c->arg;

    read_end(c, end, why);
    a->duration_ms = (int64_t)((uv_hrtime() - c->started_ns) / NS_PER_MS);
    note_hash(a);
    list_remove(&c->link);
    c->api->n_calls--;
    c->api->n_uploads -= is_upload(c->call);
    c->answer = NULL;
    call_drop(c);
    done(done_arg, a);
}

/* --- A call that starts -------------------------------------------------------------------- */

static bool is_elsewhere(const struct api *api, const struct call *c)
{
    return c->kind == CALL_LOCATION_CLOSEST && strcmp(api->origin.host, PLATFORM_HOST) == 0;
}

/* What names every database is large, and how long it takes to send says nothing. */
static bool is_long(const struct call *c)
{
    return answer_body_rule(c->kind) == BODY_LISTED || c->kind == CALL_REPORT_USAGE;
}

/* A platform on this very machine, or in the clear, has its databases at its own address; a real
 * one has them at hosts of theirs. */
static bool is_local(const struct api *api)
{
    return strncmp(api->origin.text, "https://", 8) != 0 || !config_url_is_remote(api->origin.text);
}

/* Where it goes. The caller's; NULL: no memory. */
static char *url_of(const struct api *api, const struct call *call, const char *target)
{
    if (is_elsewhere(api, call))
        return mem_strdup(CLOSEST_URL);
    if (request_is_of_host(call->kind) && !is_local(api))
        return mem_printf("https://%s%s", call->host, target);
    return mem_join(api->origin.text, target, "");
}

static const char *token_for(const struct api *api, const struct call *call)
{
    return call_is_by_delete_token(call->kind) && api->delete_authorization
               ? api->delete_authorization
               : api->authorization;
}

/* What it is allowed with: the platform's tokens go to the platform alone. The caller's, wiped;
 * NULL: nothing, or no memory, as *fine says. */
static char *authorization_of(const struct api *api, const struct call *call, bool *fine)
{
    char *text = is_elsewhere(api, call)          ? NULL
                 : request_is_of_host(call->kind) ? mem_printf("Bearer %s", call->jwt)
                                                  : mem_strdup(token_for(api, call));

    *fine = text || is_elsewhere(api, call);
    return text;
}

static ssize_t on_read(void *arg, char *out, size_t n)
{
    ssize_t size = seed_source_read(((struct api_call *)arg)->source, out, n);

    return size == SEED_SOURCE_LATER ? HTTP_LATER : size;
}

static void on_ready(void *arg)
{
    http_resume(((struct api_call *)arg)->http);
}

static void on_sent(void *arg, uint64_t bytes)
{
    struct api_call *c = arg;
    uint64_t now_ns = uv_hrtime();

    if (now_ns - c->sent_ns < SENT_EVERY_NS && bytes < seed_source_size(c->source))
        return;
    c->sent_ns = now_ns;
    c->sent(c->arg, bytes, seed_source_size(c->source));
}

static int send_request(struct api_call *c, const struct request *r, struct err *err)
{
    struct api *api = c->api;
    bool fine;
    char *authorization = authorization_of(api, c->call, &fine);
    CLEANUP(mem_free_string) char *url = url_of(api, c->call, r->target);
    const struct http_source source = {seed_source_size(c->source), on_read, on_sent, c};
    struct http_request request = {
        .method = r->method,
        .url = url,
        .authorization = authorization,
        .host = request_is_of_host(c->call->kind) && is_local(api) ? c->call->host : NULL,
        .key = request_is_of_host(c->call->kind) ? c->call->key : NULL,
        .cipher = is_upload(c->call) ? c->call->cipher : NULL,
        .body = r->body,
        .source = is_upload(c->call) ? &source : NULL,
        .once = CALL_INFO[c->call->kind].once,
        .is_long = is_long(c->call),
        .timeout_ms = api->timeout_ms,
    };
    const struct http_callbacks callbacks = {on_head, on_data, on_done, c};
    int rc;

    assert(r->target[0] == '/'); /* so that the host ends where it should */
    rc = url && fine ? http_start(api->http, &request, &callbacks, &c->http, err) : err_nomem(err);
    mem_free_secret(authorization, authorization ? strlen(authorization) : 0);
    return rc;
}

static struct api_call *call_make(struct api *api, const struct call *call, api_done_fn done,
                                  void *arg)
{
    struct api_call *c = mem_alloc(sizeof(*c));

    if (!c)
        return NULL;
    c->api = api;
    c->done = done;
    c->arg = arg;
    c->started_ns = uv_hrtime();
    c->answer = answer_new(call);
    c->reader = c->answer ? answer_reader_new(call, c->answer) : NULL;
    if (!c->reader) {
        call_drop(c);
        return NULL;
    }
    return c;
}

static int launch(struct api_call *c, struct call *call, struct err *err)
{
    struct request r;
    int rc = request_build(call, c->api->organization, &r, err);

    if (rc < 0)
        return rc;
    c->call = call;
    c->answer->request = mem_join(r.method, " ", r.target);
    rc = c->answer->request ? send_request(c, &r, err) : err_nomem(err);
    if (rc < 0)
        c->call = NULL; /* it stays the caller's */
    request_deinit(&r);
    return rc;
}

/* What has to be there before it can go anywhere, and a place for it. */
static int check_call(const struct api *api, const struct call *call, struct err *err)
{
    bool of_host = request_is_of_host(call->kind);
    unsigned others = api->n_calls - api->n_uploads;

    if (call->kind == CALL_SEED_LOOK)
        return err_set(err, ERR_INVALID, "%s: not of the platform", CALL_INFO[call->kind].name);
    if (of_host && !(call->jwt && call->host && origin_is_host(call->host)))
        return err_set(err, ERR_INVALID, "%s: without a token or a host",
                       CALL_INFO[call->kind].name);
    if (!api->authorization && !is_elsewhere(api, call) && !of_host)
        return err_set(err, ERR_PERMISSION, "there is no API token");
    if (is_upload(call) ? api->n_uploads >= LIMIT_UPLOADS : others >= api->concurrency)
        return err_set(err, ERR_LIMIT, "%u requests are in flight", api->n_calls);
    return 0;
}

static int begin(struct api_call *c, struct call *call, struct err *err)
{
    struct api *api = c->api;
    int rc = launch(c, call, err);

    if (rc < 0) {
        call_drop(c);
        return rc;
    }
    list_append(&api->calls, &c->link);
    api->n_calls++;
    api->n_uploads += is_upload(call);
    return 0;
}

int api_start(struct api *api, struct call *call, api_done_fn done, void *arg, struct err *err)
{
    struct api_call *c;
    int rc = check_call(api, call, err);

    assert(!is_upload(call));
    if (rc < 0)
        return rc;
    c = call_make(api, call, done, arg);
    return c ? begin(c, call, err) : err_nomem(err);
}

/* Which file it is, for whoever asks what was refused. */
static bool note_file(struct api_call *c)
{
    char state[SEED_STATE_SIZE];

    seed_file_state(seed_source_file(c->source), state);
    c->answer->seed_state = arena_strdup(&c->answer->arena, state);
    c->answer->seed_size = (int64_t)seed_source_size(c->source);
    return c->answer->seed_state;
}

int api_upload(struct api *api, struct call *call, struct seed_file *takes, api_sent_fn sent,
               api_done_fn done, void *arg, struct err *err)
{
    struct api_call *c;
    int rc = check_call(api, call, err);

    assert(is_upload(call) && takes->fd >= 0);
    c = rc == 0 ? call_make(api, call, done, arg) : NULL;
    if (!c) {
        seed_file_close(takes);
        return rc < 0 ? rc : err_nomem(err);
    }
    c->sent = sent;
    c->source = seed_source_new(api->seeds, takes, on_ready, c);
    if (!c->source || !note_file(c)) {
        call_drop(c);
        return err_nomem(err);
    }
    return begin(c, call, err);
}
