/* fault: a script of what goes wrong, rule by rule.
 * In:    JSON: an array of rules; then every request.
 * Out:   the rule that applies to a request, and its effect on the answer.
 * Never: waits or closes; it says so in the answer. */
#include "fault.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "emit.h"
#include "lib/mem.h"
#include "request.h"
#include "route.h"
#include "snapshot.h"

void faults_deinit(struct faults *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct fault_rule *rule = &f->rules[i];

        mem_free(rule->method);
        mem_free(rule->route);
        mem_free(rule->match);
        mem_free(rule->body);
        snapshot_free(rule->snapshot);
    }
    mem_free(f->rules);
    *f = FAULTS_INIT;
}

static bool route_matches(const struct fault_rule *rule, const struct request *rq)
{
    if (!rule->route)
        return true;
    if (strchr(rule->route, '{'))
        return rq->route && !strcmp(rule->route, rq->route->template);
    return fnmatch(rule->route, rq->path, 0) == 0;
}

static bool matches(const struct fault_rule *rule, const struct request *rq)
{
    if (rule->method && strcmp(rule->method, rq->method) != 0)
        return false;
    if (!route_matches(rule, rq))
        return false;
    return !rule->match || strstr(rq->uri, rule->match) ||
           memmem(buf_str(&rq->body), rq->body.size, rule->match, strlen(rule->match));
}

/* xorshift64: a number in [0, 1). */
static double throw_dice(struct fault_rule *rule)
{
    rule->dice ^= rule->dice << 13;
    rule->dice ^= rule->dice >> 7;
    rule->dice ^= rule->dice << 17;
    return (double)(rule->dice >> 11) / 9007199254740992.0;
}

static bool fires(struct fault_rule *rule)
{
    rule->n_matched++;
    if (rule->n_matched <= (uint64_t)rule->after)
        return false;
    if (rule->times >= 0 && rule->n_fired >= (uint64_t)rule->times)
        return false;
    if (rule->probability < 1 && throw_dice(rule) >= rule->probability)
        return false;
    rule->n_fired++;
    return true;
}

struct fault_rule *faults_pick(struct faults *f, const struct request *rq)
{
    for (size_t i = 0; i < f->n; i++) {
        if (matches(&f->rules[i], rq) && fires(&f->rules[i]))
            return &f->rules[i];
    }
    return NULL;
}

bool fault_lets_through(const struct fault_rule *rule)
{
    bool answers = rule->status || rule->body || rule->html || rule->hang;

    return rule->commit || rule->drop == DROP_AFTER || (!answers && rule->drop == DROP_NOT);
}

static void set_retry_after(const struct fault_rule *rule, int64_t now_ms, struct answer *a)
{
    if (rule->retry_after_s < 0)
        return;
    if (rule->retry_after_is_date)
        clock_http_date(now_ms + rule->retry_after_s * 1000, a->retry_after);
    else
        snprintf(a->retry_after, sizeof(a->retry_after), "%lld", (long long)rule->retry_after_s);
}

static void replace_body(const struct fault_rule *rule, struct answer *a)
{
    unsigned status = rule->status ? (unsigned)rule->status : rule->html ? 502 : 200;

    if (rule->html)
        answer_text(a, status, "text/html",
                    rule->body ? rule->body
                               : "<html><head><title>Bad Gateway</title></head>"
                                 "<body><h1>Bad Gateway</h1></body></html>\n");
    else if (rule->body)
        answer_text(a, status, "application/json", rule->body);
    else if (rule->status)
        answer_error(a, status, "scripted fault");
}

void fault_apply(const struct fault_rule *rule, int64_t now_ms, struct answer *a)
{
    replace_body(rule, a);
    set_retry_after(rule, now_ms, a);
    a->hold_ms += rule->delay_ms;
    if (rule->cut >= 0) {
        a->fate = ANSWER_CUT;
        a->cut_at = (size_t)rule->cut;
    }
    if (rule->drop != DROP_NOT)
        a->fate = ANSWER_DROP;
    if (rule->hang) {
        a->fate = ANSWER_DROP;
        a->hold_ms += FAULT_HANG_MS;
    }
}

static void write_effects(const struct fault_rule *rule, struct buf *out)
{
    static const char *const drops[] = {NULL, "before", "after"};
    static const char *const lists[] = {NULL, "short", "empty", "stale"};

    if (rule->status)
        emit_int(out, "status", rule->status);
    if (rule->delay_ms)
        emit_int(out, "delay_ms", rule->delay_ms);
    if (rule->retry_after_s >= 0)
        emit_int(out, rule->retry_after_is_date ? "retry_after_date" : "retry_after",
                 rule->retry_after_s);
    if (rule->cut >= 0)
        emit_int(out, "cut", rule->cut);
    if (rule->drop != DROP_NOT)
        emit_string(out, "drop", drops[rule->drop]);
    if (rule->list != LIST_WHOLE)
        emit_string(out, "list", lists[rule->list]);
    if (rule->body)
        emit_string(out, "body", rule->body);
    if (rule->repeat_cursor)
        emit_string(out, "cursor", "repeat");
    if (rule->html)
        emit_bool(out, "html", true);
    if (rule->hang)
        emit_bool(out, "hang", true);
    if (rule->commit)
        emit_bool(out, "commit", true);
}

static void write_rule(const struct fault_rule *rule, struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_string(out, "method", rule->method);
    emit_string(out, "route", rule->route);
    emit_string(out, "match", rule->match);
    emit_int(out, "matched", (int64_t)rule->n_matched);
    emit_int(out, "fired", (int64_t)rule->n_fired);
    emit_int(out, "remaining", rule->times < 0 ? -1 : rule->times - (int64_t)rule->n_fired);
    write_effects(rule, out);
    emit_close(out, '}');
}

void faults_write(const struct faults *f, struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_open(out, "rules", '[');
    for (size_t i = 0; i < f->n; i++)
        write_rule(&f->rules[i], out);
    emit_close(out, ']');
    emit_close(out, '}');
}
