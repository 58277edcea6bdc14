/* How it goes:
 *   1. A second connection watches events, only to be woken by them.
 *   2. Status, and the resource if there is one, are asked for and judged.
 *   3. Not at rest: wait for an event, or a second, and ask again. Questions keep a distance from
 *      each other that grows with what they cost the daemon. */
#include "ctl/settle.h"

#include <string.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "ctl/progress.h"
#include "lib/json.h"

#define ASK_AGAIN_MS    1000
#define MIN_DISTANCE_MS 50
#define DISTANCE_FACTOR 4 /* of what the last question took */
#define DEFAULT_MS      INT64_C(600000)

#define GO_ON (-1)

struct settling {
    const struct ctl *ctl;
    const struct settle_goal *goal;
    struct client *asking;
    struct client *watching;
    int64_t deadline;
    struct json_object *status;   /* the latest */
    struct json_object *resource; /* the latest; NULL: no goal, or it was not there */
    bool was_read;                /* the status before the latest said that its cycle was over */
    bool was_at_rest;             /* ... and that nothing worked */
    bool looks_again;             /* at once */
    struct err err;
};

/* --- Judging -------------------------------------------------------------------------------- */

/* The look that was waited for is over, and all was decided after it. */
static bool is_read(const struct settling *s)
{
    return get_number(get_object(s->status, "observation"), "cycle") >= s->goal->cycle;
}

static bool is_at_rest(const struct settling *s)
{
    struct json_object *o = get_object(s->status, "observation");
    const char *state = get_text(s->status, "state");

    if (!is_read(s))
        return false;
    if (!strcmp(state, "starting") || !strcmp(state, "working"))
        return false;
    /* The platform could not be read just now, and that is still being tried. */
    return strcmp(state, "settled") != 0 || get_flag(o, "complete");
}

static int at_rest(const struct settling *s)
{
    const char *state = get_text(s->status, "state");

    if (!strcmp(state, "held"))
        return EXIT_HELD;
    return strcmp(state, "degraded") ? EXIT_FINE : EXIT_DEGRADED;
}

static bool is_ready(struct json_object *r)
{
    return !strcmp(get_text(r, "phase"), "Ready");
}

/* What is in none of these will not become Ready by itself. */
static bool may_become_ready(struct json_object *r)
{
    static const char *const PHASES[] = {"Pending", "Working", "Retrying", "Unknown"};

    for (size_t i = 0; i < ARRAY_SIZE(PHASES); i++)
        if (!strcmp(get_text(r, "phase"), PHASES[i]))
            return true;
    return false;
}

/* The resource, or the first of its tokens, that is not Ready; NULL: all are. One that will not
 * become so by itself goes first. */
static struct json_object *hindrance(struct json_object *resource)
{
    struct json_object *tokens = get_array(resource, "tokens");
    struct json_object *found = is_ready(resource) ? NULL : resource;

    for (size_t i = 0; i < array_size(tokens); i++) {
        struct json_object *t = json_object_array_get_idx(tokens, i);

        if (!is_ready(t) && (!found || (may_become_ready(found) && !may_become_ready(t))))
            found = t;
    }
    return found;
}

static void say_why(struct json_object *r)
{
    note("%s/%s is %s: %s%s%s", get_text(r, "kind"), get_text(r, "name"), get_text(r, "phase"),
         get_text(r, "reason"), *get_text(r, "message") ? ": " : "", get_text(r, "message"));
}

static int judge_resource(struct settling *s)
{
    struct json_object *why;

    if (!is_read(s) || (!s->resource && !is_at_rest(s)))
        return GO_ON;
    if (!s->was_read) { /* what we saw of it may be from before that */
        s->looks_again = true;
        return GO_ON;
    }
    if (!s->resource) {
        note("%s", s->err.msg);
        return EXIT_FAILED;
    }
    why = hindrance(s->resource);
    if (!why)
        return EXIT_FINE;
    if (may_become_ready(why) && !is_at_rest(s))
        return GO_ON;
    if (may_become_ready(why) && !s->was_at_rest) { /* it may have become so between the two */
        s->looks_again = true;
        return GO_ON;
    }
    progress_clear(s->ctl);
    say_why(why);
    return at_rest(s) == EXIT_HELD ? EXIT_HELD : EXIT_DEGRADED;
}

static int judge(struct settling *s)
{
    int rc;

    if (s->goal->reference)
        return judge_resource(s);
    if (!is_at_rest(s))
        return GO_ON;
    rc = at_rest(s);
    progress_clear(s->ctl);
    if (rc == EXIT_HELD)
        note("held: %lld steps wait for approval (tenantctl plan)",
             (long long)get_number(get_object(s->status, "plan"), "held"));
    else if (rc == EXIT_DEGRADED)
        note("degraded (tenantctl status says why)");
    return rc;
}

/* --- Asking --------------------------------------------------------------------------------- */

/* One member of a reply's parameters, as ours. */
static enum exit_code ask_member(struct settling *s, const char *method,
                                 struct json_object *parameters, const char *key,
                                 struct json_object **out)
{
    struct json_object *reply = NULL;
    enum exit_code rc = client_call(s->asking, method, parameters, &reply, &s->err);

    if (rc == EXIT_FINE)
        rc = client_expect(reply, key, &s->err);
    if (rc == EXIT_FINE)
        *out = json_object_get(get_object(reply, key));
    json_object_put(reply);
    return rc;
}

static enum exit_code ask_resource(struct settling *s)
{
    struct json_object *parameters = ask_reference(s->goal->reference);
    enum exit_code rc = ask_member(s, "Describe", parameters, "resource", &s->resource);

    if (rc == EXIT_FAILED && !strcmp(client_error(s->asking), "NotFound"))
        return EXIT_FINE;
    return rc;
}

static enum exit_code ask_all(struct settling *s)
{
    enum exit_code rc = EXIT_FINE;

    s->was_read = !s->goal->cycle || (s->status && is_read(s));
    s->was_at_rest = s->status && is_at_rest(s);
    s->looks_again = false;
    json_put(&s->status);
    json_put(&s->resource);
    if (s->goal->reference) /* before the status: what that calls rest includes what we saw */
        rc = ask_resource(s);
    return rc == EXIT_FINE ? ask_member(s, "GetStatus", NULL, "status", &s->status) : rc;
}

static enum exit_code watch(struct settling *s)
{
    struct json_object *parameters = json_object_new_object();

    if (!json_add_bool(parameters, "follow", true))
        json_put(&parameters);
    return client_send(s->watching, "Watch", parameters, true, &s->err);
}

/* Events that have come, thrown away, until `until`. EXIT_TIMED_OUT: it is then. */
static enum exit_code drain(struct settling *s, int64_t until)
{
    struct json_object *event = NULL;
    enum exit_code rc;
    bool continues;

    do {
        rc = client_receive(s->watching, until, &event, &continues, &s->err);
        json_put(&event);
    } while (rc == EXIT_FINE && continues);
    return rc == EXIT_FINE ? EXIT_UNREACHABLE : rc; /* a Watch that ends: the daemon is going */
}

/* Until something happened and `distance` has gone by, or a second, or the time is up. */
static enum exit_code rest(struct settling *s, int64_t distance)
{
    int64_t now = client_clock();
    int64_t second = now + ASK_AGAIN_MS > s->deadline ? s->deadline : now + ASK_AGAIN_MS;
    enum exit_code rc = s->looks_again ? EXIT_FINE : client_wait(s->watching, second, &s->err);

    if (rc == EXIT_FINE)
        rc = drain(s, now + distance > s->deadline ? s->deadline : now + distance);
    return rc == EXIT_TIMED_OUT ? EXIT_FINE : rc;
}

static int step(struct settling *s, int64_t *out_distance)
{
    int64_t begun = client_clock();
    enum exit_code rc = ask_all(s);
    int verdict;

    *out_distance = MIN_DISTANCE_MS + DISTANCE_FACTOR * (client_clock() - begun);
    if (rc == EXIT_FINE) {
        verdict = judge(s);
        if (verdict == GO_ON)
            progress_show(s->ctl, s->status);
        return verdict;
    }
    progress_clear(s->ctl);
    note("%s", s->err.msg);
    return (int)rc;
}

static enum exit_code run(struct settling *s)
{
    for (;;) {
        int64_t distance;
        int verdict = step(s, &distance);
        enum exit_code rc;

        if (verdict != GO_ON)
            return (enum exit_code)verdict;
        if (client_clock() >= s->deadline) {
            progress_clear(s->ctl);
            note("timed out: the daemon is %s", get_text(s->status, "state"));
            return EXIT_TIMED_OUT;
        }
        rc = rest(s, distance);
        if (rc != EXIT_FINE) {
            progress_clear(s->ctl);
            note("%s", s->err.msg);
            return rc;
        }
    }
}

enum exit_code settle(const struct ctl *ctl, const struct settle_goal *goal,
                      struct json_object **out)
{
    struct settling s = {.ctl = ctl,
                         .goal = goal,
                         .deadline =
                             client_deadline(ctl->timeout_ms < 0 ? DEFAULT_MS : ctl->timeout_ms)};
    enum exit_code rc = ask_open(ctl, &s.asking);

    *out = NULL;
    if (rc == EXIT_FINE)
        rc = ask_open(ctl, &s.watching);
    if (rc == EXIT_FINE) {
        rc = watch(&s);
        if (rc == EXIT_FINE)
            rc = run(&s);
        else
            note("%s", s.err.msg);
    }
    *out = json_object_get(goal->reference ? s.resource : s.status);
    json_object_put(s.status);
    json_object_put(s.resource);
    client_close(s.asking);
    client_close(s.watching);
    return rc;
}
