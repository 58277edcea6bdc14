/* fault: a script of what goes wrong, rule by rule.
 * In:    JSON: an array of rules; then every request.
 * Out:   the rule that applies to a request, and its effect on the answer.
 * Never: waits or closes; it says so in the answer. */
#ifndef TENANTD_EMULATOR_FAULT_H
#define TENANTD_EMULATOR_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/err.h"

#define FAULT_RULES_MAX 1000
/* How long `hang` keeps a request before it closes the connection. */
#define FAULT_HANG_MS (INT64_C(600) * 1000)

struct request;
struct answer;
struct snapshot;

enum fault_drop { DROP_NOT, DROP_BEFORE, DROP_AFTER };
enum fault_list { LIST_WHOLE, LIST_SHORT, LIST_EMPTY, LIST_STALE };

struct fault_rule {
    char *method;  /* NULL: any */
    char *route;   /* a template, or a pattern over the path; NULL: any */
    char *match;   /* a part of URI or body; NULL: any */
    char *body;    /* sent instead; NULL: not */
    int64_t times; /* how often it fires; -1: always */
    int64_t after; /* so many matches pass first */
    double probability;
    uint64_t dice; /* state of its own generator */
    uint64_t n_matched, n_fired;
    int64_t status; /* 0: not given */
    int64_t delay_ms;
    int64_t retry_after_s; /* -1: none */
    int64_t cut;           /* -1: whole */
    enum fault_drop drop;
    enum fault_list list;
    struct snapshot *snapshot; /* of LIST_STALE */
    bool retry_after_is_date, repeat_cursor, html, hang;
    bool commit; /* the request is carried out, whatever is answered */
};

struct faults {
    struct fault_rule *rules;
    size_t n, capacity;
};
#define FAULTS_INIT ((struct faults){0})

/* Replaces `f` by the script; on error `f` stays as it was. -ERR_INVALID (the message names rule
 * and key), -ERR_LIMIT, -ERR_NOMEM. Rules with LIST_STALE still want their snapshot. */
int faults_parse(struct faults *f, const char *json, size_t size, struct err *err) MUST_CHECK;
void faults_deinit(struct faults *f);

/* The first rule that fires for this request, counted; NULL: none. Borrowed until the next parse.
 */
struct fault_rule *faults_pick(struct faults *f, const struct request *rq);
/* What the rule does to an answer: the route's own if `commit`, an untouched one if not. */
void fault_apply(const struct fault_rule *rule, int64_t now_ms, struct answer *a);
/* Does it leave the answering to the route? */
bool fault_lets_through(const struct fault_rule *rule);

void faults_write(const struct faults *f, struct buf *out);

#endif
