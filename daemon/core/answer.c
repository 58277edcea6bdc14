/* answer: HTTP as an answer.
 * In:    status, the headers that matter, body bytes in pieces of any size.
 * Out:   a filled struct answer, its outcome saying how far to trust it.
 * Never: I/O, clocks; secrets in `error`. */
#include "core/answer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/answer_body.h"
#include "core/listing.h"
#include "core/refusal.h"
#include "core/report.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/text.h"

#define REFUSAL_MAX_BYTES  (64u << 10) /* of a refusal's body, the rest of which is not awaited */
#define SECRET_MAX_BYTES   (64u << 10) /* of a body that holds a token */
#define SECRET_FIRST_BYTES (4u << 10)

struct answer_reader {
    struct answer *into;
    struct answer_asked asked; /* texts in into's arena */
    const char *cursor;
    bool has_head;
    bool is_json;          /* or of no type at all */
    bool is_done;          /* the outcome stands */
    int64_t now_ms;        /* wall clock at the head */
    struct listing *list;  /* a success of a listing, from its first byte */
    struct report *report; /* the same of a report */
    struct buf body;
    struct err err; /* what ended the reading */
};

/* --- Birth and death ----------------------------------------------------------------------- */

static bool keep(struct arena *a, const char *s, const char **out)
{
    *out = s ? arena_strdup(a, s) : NULL;
    return !s || *out;
}

/* Growing moves, and what moved must not stay behind unwiped: so a body with a secret gets the room
 * that it mostly needs at once, and moves here where it is longer. */
static bool make_room(struct answer_reader *r, size_t more)
{
    struct buf *b = &r->body;
    size_t want = SECRET_FIRST_BYTES;
    char *data;

    if (!answer_body_is_secret(r->into->kind) || b->size + more < b->capacity)
        return true;
    while (want <= b->size + more)
        want *= 2;
    data = mem_alloc(want);
    if (!data)
        return false;
    if (b->size)
        memcpy(data, b->data, b->size);
    mem_free_secret(b->data, b->capacity);
    b->data = data;
    b->capacity = want;
    return true;
}

struct answer_reader *answer_reader_new(const struct call *c, struct answer *into)
{
    struct answer_reader *r = mem_alloc(sizeof(*r));

    assert(into->kind == c->kind);
    if (!r)
        return NULL;
    r->into = into;
    r->body = BUF_INIT(answer_body_is_secret(c->kind) ? SECRET_MAX_BYTES : LIMIT_ANSWER_BYTES);
    r->asked.authorization = c->authorization;
    if (!keep(&into->arena, c->name, &r->asked.name) ||
        !keep(&into->arena, c->expiration, &r->asked.expiration) ||
        !keep(&into->arena, c->cursor, &r->cursor) || !make_room(r, 0)) {
        answer_reader_free(r);
        return NULL;
    }
    return r;
}

void answer_reader_free(struct answer_reader *r)
{
    if (!r)
        return;
    buf_deinit_secret(&r->body);
    listing_free(r->list);
    report_free(r->report);
    mem_free(r);
}

/* --- The head ------------------------------------------------------------------------------ */

/* "application/json; charset=utf-8", "application/problem+json" */
static bool is_json_type(const char *type)
{
    size_t n = type ? strcspn(type, "; \t") : 0;

    return n == 0 || (n >= 4 && strncasecmp(type + n - 4, "json", 4) == 0);
}

static int64_t clamp_wait(int64_t ms)
{
    const int64_t most = (int64_t)LIMIT_RETRY_AFTER_MS;

    return ms < 0 ? 0 : ms > most ? most : ms;
}

/* Seconds, or a date, which is held against the platform's own clock where it told the time. */
static int64_t read_wait(const char *text, int64_t now_ms)
{
    uint64_t seconds;
    int64_t at_ms;

    if (text && text_parse_uint(text, UINT32_MAX, &seconds))
        return clamp_wait((int64_t)seconds * 1000);
    if (text && text_parse_http_date(text, &at_ms))
        return clamp_wait(at_ms - now_ms);
    return -1;
}

static bool is_success(int status)
{
    return status >= 200 && status <= 299;
}

void answer_reader_head(struct answer_reader *r, int status, const char *content_type,
                        const char *retry_after, const char *date, int64_t now_ms)
{
    assert(!r->has_head);
    r->has_head = true;
    r->is_json = is_json_type(content_type);
    r->into->http_status = status;
    if (date && !text_parse_http_date(date, &r->into->date_ms))
        r->into->date_ms = 0;
    r->asked.now_ms = r->into->date_ms ? r->into->date_ms : now_ms;
    r->into->retry_after_ms = read_wait(retry_after, r->asked.now_ms);
    if (!is_success(status))
        r->body.max = REFUSAL_MAX_BYTES;
}

/* --- The body ------------------------------------------------------------------------------ */

static int feed_listing(struct answer_reader *r, const char *data, size_t size)
{
    if (!r->is_json)
        return err_set(&r->err, ERR_INVALID, "it is not JSON by its type");
    if (!r->list && !(r->list = listing_new(r->into->kind, r->cursor, r->into)))
        return err_nomem(&r->err);
    return listing_feed(r->list, data, size, &r->err);
}

static int feed_report(struct answer_reader *r, const char *data, size_t size)
{
    if (!r->is_json)
        return err_set(&r->err, ERR_INVALID, "it is not JSON by its type");
    if (!r->report && !(r->report = report_new(r->into->kind, r->into)))
        return err_nomem(&r->err);
    return report_feed(r->report, data, size, &r->err);
}

/* As much as fits, for the beginning of a refusal tells enough. */
static int feed_body(struct answer_reader *r, const char *data, size_t size)
{
    size_t room = r->body.max - r->body.size;
    size_t fits = size < room ? size : room;

    if (!make_room(r, fits) || !buf_add(&r->body, data, fits))
        return err_nomem(&r->err);
    if (size > room)
        return err_set(&r->err, ERR_LIMIT, "it is over %zu bytes long", r->body.max);
    return 0;
}

bool answer_reader_data(struct answer_reader *r, const char *data, size_t size)
{
    bool is_wanted = is_success(r->into->http_status);
    enum answer_body_rule rule = answer_body_rule(r->into->kind);
    int rc;

    assert(r->has_head);
    if (r->err.code != ERR_OK)
        return false;
    if (is_wanted && rule == BODY_LISTED)
        rc = feed_listing(r, data, size);
    else if (is_wanted && rule == BODY_REPORT)
        rc = feed_report(r, data, size);
    else if (is_wanted && rule == BODY_IGNORED)
        rc = 0;
    else
        rc = feed_body(r, data, size);
    return rc == 0;
}

/* --- The outcome --------------------------------------------------------------------------- */

static void settle(struct answer_reader *r, enum outcome outcome, const char *text)
{
    assert(!r->is_done);
    r->is_done = true;
    r->into->outcome = outcome;
    answer_redact(text, strlen(text), r->into->error, sizeof(r->into->error));
}

static bool is_create(enum call_kind kind)
{
    return kind == CALL_GROUP_CREATE || kind == CALL_DATABASE_CREATE || kind == CALL_INVITE_SEND;
}

static enum outcome outcome_of(enum call_kind kind, int status, const struct refusal *said)
{
    switch (status) {
    case 401:
        return OUTCOME_UNAUTHORIZED;
    case 402:
        return OUTCOME_PLAN;
    case 404:
        return OUTCOME_NOT_FOUND;
    case 408:
        return OUTCOME_UNAVAILABLE;
    case 409:
        return is_create(kind) ? OUTCOME_CONFLICT : OUTCOME_INVALID;
    case 429:
        return OUTCOME_THROTTLED;
    case 403:
        return said->says_plan ? OUTCOME_PLAN : OUTCOME_FORBIDDEN;
    case 400:
    case 422:
        if (said->says_plan)
            return OUTCOME_PLAN;
        return said->says_taken && is_create(kind) ? OUTCOME_CONFLICT : OUTCOME_INVALID;
    default:
        break;
    }
    return status >= 500 ? OUTCOME_UNAVAILABLE : OUTCOME_INVALID;
}

static void settle_refusal(struct answer_reader *r)
{
    int status = r->into->http_status;
    struct refusal said;
    char text[LIMIT_ERROR_TEXT_BYTES];

    refusal_read(buf_str(&r->body), r->body.size, !answer_body_is_secret(r->into->kind), &said);
    if (r->into->retry_after_ms < 0)
        r->into->retry_after_ms = said.retry_after_ms;
    snprintf(text, sizeof(text), "HTTP status %d, and nothing said that could be shown", status);
    settle(r, outcome_of(r->into->kind, status, &said), said.text[0] ? said.text : text);
}

/* A body that is not what was due. No memory says nothing of the platform. */
static void settle_misread(struct answer_reader *r)
{
    err_wrap(&r->err, "answer");
    settle(r, r->err.code == ERR_NOMEM ? OUTCOME_UNKNOWN : OUTCOME_MALFORMED, r->err.msg);
}

static int read_success(struct answer_reader *r)
{
    enum answer_body_rule rule = answer_body_rule(r->into->kind);

    if (rule == BODY_IGNORED)
        return 0;
    if (r->err.code != ERR_OK)
        return -(int)r->err.code;
    if (rule == BODY_LISTED)
        return r->list ? listing_end(r->list, &r->err)
                       : err_set(&r->err, ERR_INVALID, "it is empty");
    if (rule == BODY_REPORT)
        return r->report ? report_end(r->report, &r->err)
                         : err_set(&r->err, ERR_INVALID, "it is empty");
    if (r->body.size == 0)
        return rule == BODY_OPTIONAL ? 0 : err_set(&r->err, ERR_INVALID, "it is empty");
    if (!r->is_json)
        return err_set(&r->err, ERR_INVALID, "it is not JSON by its type");
    return answer_body_read(r->body.data, r->body.size, &r->asked, r->into, &r->err);
}

static void settle_head(struct answer_reader *r)
{
    int status = r->into->http_status;
    char text[LIMIT_ERROR_TEXT_BYTES];

    if (status >= 400 && status <= 599) {
        settle_refusal(r);
        return;
    }
    snprintf(text, sizeof(text), "answer: HTTP status %d%s", status,
             status / 100 == 3 ? ", a redirect, which is not followed" : "");
    settle(r, OUTCOME_MALFORMED, text);
}

void answer_reader_end(struct answer_reader *r)
{
    assert(r->has_head);
    if (!is_success(r->into->http_status))
        settle_head(r);
    else if (read_success(r) < 0)
        settle_misread(r);
    else
        settle(r, OUTCOME_OK, "");
}

void answer_reader_fail(struct answer_reader *r, bool sent, const char *why)
{
    if (r->has_head && !is_success(r->into->http_status)) {
        settle_head(r); /* what matters of a refusal came first */
    } else if (r->has_head && answer_body_rule(r->into->kind) == BODY_IGNORED) {
        settle(r, OUTCOME_OK, "");
    } else if (r->has_head) {
        err_set(&r->err, ERR_INVALID, "it was cut: %s", why);
        settle_misread(r);
    } else {
        settle(r, sent ? OUTCOME_UNKNOWN : OUTCOME_NOT_SENT, why);
    }
}
