/* rotate: new tokens before their time, on an operator's word. One token is minted anew and the old
 * one left to lapse; or the platform's keys are rotated, which ends every token of a group at once.
 *
 *   asked ─▶ list ─▶ read: still ours? ─▶ ledger ─▶ sent, once ─▶ answered ─▶ all minted anew
 *                                                               └▶ or not ─▶ so, and once more
 *                                                                  when it can no longer come
 *
 * The platform says that a database's keys end its own tokens, and elsewhere that they end its
 * whole group's: the latter is assumed. Nothing else in the daemon leads to these calls. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "lib/json.h"
#include "lib/text.h"

#define SEND_WITHIN_MS (10 * 60 * 1000) /* an order that comes later surprises people */
#define CLOCK_MS       (5 * 60 * 1000)  /* that the platform's may be behind ours */

/* Rows of `meta`: "rotation:KIND/NAME" is SENT while nobody knows, else when it was last done. */
#define KEY_PREFIX "rotation:"
#define SENT       "sent"

/* value NULL: there is none any more. */
static void put_row(struct effects *fx, const struct resource *r, const char *value)
{
    char key[320];
    char text[32];
    struct meta row = {key, text};

    snprintf(key, sizeof(key), KEY_PREFIX "%s/%s", KIND_NAME[r->kind], r->name);
    snprintf(text, sizeof(text), "%s", value ? value : "");
    if (value)
        effects_put(fx, LEDGER_META, &row);
    else
        effects_remove(fx, LEDGER_META, &row);
}

void rc_rotation_forget(struct effects *fx, const struct resource *r)
{
    if (r->kind <= KIND_DATABASE && r->rotated_wall_ms)
        put_row(fx, r, NULL);
}

/* --- whom it cuts off --- */

/* The group that the keys of a database or group are of; NULL: not known. */
static const char *group_of_keys(struct resource *r)
{
    struct parts p = rc_parts(r);

    if (r->kind == KIND_GROUP)
        return r->name;
    return p.live->place ? p.live->place : *p.has_own ? p.own->group_name : NULL;
}

typedef void (*token_fn)(void *arg, struct token *t, struct resource *target);

static void each_token(struct reconcile *rc, struct resource *r, token_fn visit, void *arg)
{
    const char *name = group_of_keys(r);
    struct group *g = name ? fleet_group(&rc->fleet, name) : NULL;

    for (size_t i = 0; g && i < g->n_tokens; i++)
        visit(arg, g->tokens[i], &g->r);
    for (size_t i = 0; i < rc->fleet.n_databases; i++) {
        struct visit v = fleet_open(&rc->fleet, i);
        const char *of = v.d ? group_of_keys(&v.d->r) : NULL;
        bool is_hit = v.d && (&v.d->r == r || (name && of && strcmp(name, of) == 0));

        for (size_t k = 0; is_hit && k < v.d->n_tokens; k++)
            visit(arg, v.d->tokens[k], &v.d->r);
        if (is_hit) /* it may be held by now */
            fleet_keep(&rc->fleet, v);
        else
            fleet_close(&rc->fleet, i, v);
    }
}

static bool is_removed(const struct token *t)
{
    return strcmp(t->held.state, "removed") == 0;
}

struct listing {
    struct json_object *list;
    size_t renewed; /* of them: minted anew afterwards */
    bool failed;
};

static void list_token(void *arg, struct token *t, struct resource *target)
{
    struct listing *l = arg;
    char text[400];

    (void)target;
    if (!t->has_held)
        return;
    snprintf(text, sizeof(text), "%s/%s", KIND_NAME[t->r.kind], t->r.name);
    l->renewed += !is_removed(t);
    if (!json_append(l->list, json_object_new_string(text)))
        l->failed = true;
}

/* --- minted anew --- */

struct remint {
    struct reconcile *rc;
    struct effects *fx;
    bool certain; /* the old ones are dead, that is known */
};

static void remint(struct reconcile *rc, struct effects *fx, struct token *t)
{
    t->held.renews = 1; /* at once, whatever becomes of the clock */
    t->minted_ms = 0;   /* however lately it was */
    t->r.refused = REASON_NONE;
    t->r.retry_ms = 0;
    rc_put_token(rc, fx, t);
}

static void remint_token(void *arg, struct token *t, struct resource *target)
{
    struct remint *m = arg;

    (void)target;
    if (!t->has_held)
        return;
    if (!is_removed(t)) {
        remint(m->rc, m->fx, t);
    } else if (m->certain) { /* nothing of it works any more */
        t->held.expires = m->rc->wall_ms;
        rc_put_token(m->rc, m->fx, t);
    }
}

/* When it was, so that nothing from before is taken for good: of what is found in files only the
 * platform says when it was minted, and our clock may be behind. */
static void note(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    char value[24];

    r->rotated_ms = rc->now_ms;
    r->rotated_wall_ms = doubt_latest_ms(rc);
    snprintf(value, sizeof(value), "%" PRId64, r->rotated_wall_ms);
    put_row(fx, r, value);
}

/* What was minted before it is not known to be good. */
static void remint_all(struct reconcile *rc, struct effects *fx, struct resource *r, bool certain)
{
    struct remint m = {rc, fx, certain};
    const char *name = group_of_keys(r);
    struct group *g = name ? fleet_group(&rc->fleet, name) : NULL;

    note(rc, fx, r);
    if (g && &g->r != r)
        note(rc, fx, &g->r);
    each_token(rc, r, remint_token, &m);
    rc->replan = true;
}

/* Nobody knows whether it was carried out, or will be: what is minted now may be dead in a minute.
 */
static void remint_twice(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    remint_all(rc, fx, r, false);
    put_row(fx, r, SENT); /* a restart begins anew */
    r->is_rotating = true;
    r->rotate_until_ms = rc->now_ms + LANDS_WITHIN_MS;
}

static const struct resource *keys_of(const struct reconcile *rc, struct resource *target)
{
    const char *name = group_of_keys(target);
    const struct group *g = name ? fleet_group(&rc->fleet, name) : NULL;

    return g ? &g->r : target;
}

bool rc_rotated_since(const struct reconcile *rc, struct resource *target, int64_t sent_ms)
{
    return sent_ms < target->rotated_ms || sent_ms < keys_of(rc, target)->rotated_ms;
}

bool rc_is_cut_off(const struct reconcile *rc, struct resource *target, int64_t issued_ms)
{
    int64_t by_target = target->rotated_wall_ms;
    int64_t by_group = keys_of(rc, target)->rotated_wall_ms;
    int64_t at = by_target > by_group ? by_target : by_group;

    return at && issued_ms <= at + CLOCK_MS;
}

/* --- the order --- */

static int check_keys(const struct reconcile *rc, struct resource *target, struct err *err)
{
    struct parts p = rc_parts(target);

    if (!rc->config->policy.writes)
        return err_set(err, ERR_INVALID, "policy.writes is off: nothing is rotated");
    if (!*p.has_own || strcmp(p.own->state, "owned") != 0 || !p.live->present ||
        strcmp(p.own->id, p.live->id) != 0)
        return err_set(err, ERR_INVALID, "%s/%s is not live, or not ours", KIND_NAME[target->kind],
                       target->name);
    if (target->rotate_until_ms || target->is_rotating)
        return err_set(err, ERR_NOT_READY, "the keys of %s/%s are being rotated",
                       KIND_NAME[target->kind], target->name);
    return rc->authorized
               ? 0
               : err_set(err, ERR_NOT_READY, "the platform refuses the API token just now");
}

static int invalidate(struct reconcile *rc, struct command *c, struct resource *target,
                      struct err *err)
{
    const char *group = group_of_keys(target);
    int rv = check_keys(rc, target, err);
    struct listing l = {0};

    if (rv != 0)
        return rv;
    l.list = json_object_new_array();
    if (l.list)
        each_token(rc, target, list_token, &l);
    if (!l.list || l.failed) {
        json_object_put(l.list);
        return err_nomem(err);
    }
    c->tokens = l.list;
    snprintf(
        c->message, sizeof(c->message),
        "the keys of %s/%s %s rotated%s%s; tokens of ours that stop working: %zu, of which minted "
        "anew: %zu; whatever else anybody minted there stops too",
        KIND_NAME[target->kind], target->name, c->look ? "would be" : "are being",
        target->kind == KIND_DATABASE ? ", which may end the tokens of its whole group " : "",
        target->kind == KIND_DATABASE && group ? group : "", json_object_array_length(l.list),
        l.renewed);
    if (!c->look)
        target->rotate_until_ms = rc->now_ms + SEND_WITHIN_MS;
    return 0;
}

/* One of the platform's API is not made anew when nobody wants it, or it is gone. */
static int check_api_token(const struct api_token *a, struct err *err)
{
    const struct api_key *current = api_token_current(a);

    if (!a->want || a->want->token.absent)
        return err_set(err, ERR_INVALID, "no entry wants api-token/%s", a->t.r.name);
    if (current && current->gone_ms)
        return err_set(err, ERR_INVALID,
                       "api-token/%s is gone from the platform: tenantctl recreate api-token/%s "
                       "makes it anew",
                       a->t.r.name, a->t.r.name);
    return 0;
}

/* How long the present one goes on working. */
static void say_until(const struct token *t, char *out, size_t size)
{
    char until[TEXT_TIME_SIZE];

    if (t->r.kind == KIND_API_TOKEN)
        snprintf(out, size, "is revoked when whoever uses it has had time to read the new one");
    else
        snprintf(out, size, "works until %s",
                 t->held.expires ? text_time(t->held.expires, until) : "its keys are rotated");
}

static int mint_anew(struct reconcile *rc, struct effects *fx, struct command *c, struct token *t,
                     struct err *err)
{
    char until[80];

    if (!t->has_held || is_removed(t))
        return err_set(err, ERR_INVALID, "%s/%s has no token that could be replaced",
                       KIND_NAME[t->r.kind], t->r.name);
    if (strcmp(t->held.state, "published") != 0)
        return err_set(err, ERR_NOT_READY, "%s/%s is being minted", KIND_NAME[t->r.kind],
                       t->r.name);
    say_until(t, until, sizeof(until));
    snprintf(c->message, sizeof(c->message), "%s minted anew; the present one %s",
             c->look ? "would be" : "is", until);
    if (!c->look)
        remint(rc, fx, t);
    return 0;
}

int rc_rotate(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
              struct err *err)
{
    struct resource *target = r->kind >= KIND_TOKEN ? token_target(&rc->fleet, token_of(r)) : r;
    int rv = rc_refuse_paused(rc, r, err);

    if (rv != 0)
        return rv;
    if (c->invalidate && !target)
        return err_set(err, ERR_INVALID,
                       "an API token is signed with no keys of ours that could be rotated: rotate "
                       "it without invalidate, or revoke it at the platform");
    if (c->invalidate)
        return invalidate(rc, c, target, err);
    if (r->kind < KIND_TOKEN)
        return err_set(err, ERR_INVALID,
                       "rotate is for one token; with invalidate for all of a database or group");
    if (r->kind == KIND_API_TOKEN)
        rv = check_api_token(api_token_of(r), err);
    return rv != 0 ? rv : mint_anew(rc, fx, c, token_of(r), err);
}

/* --- sent, once --- */

void rc_rotation_begin(struct effects *fx, struct resource *r)
{
    r->rotate_until_ms = 0;
    r->is_rotating = true;
    put_row(fx, r, SENT);
}

/* It may have been carried out. */
static bool may_have_rotated(enum outcome o)
{
    return o == OUTCOME_OK || o == OUTCOME_UNKNOWN || o == OUTCOME_MALFORMED ||
           o == OUTCOME_UNAVAILABLE || o == OUTCOME_CANCELED;
}

/* It was not done, and is as it was before. */
static void forget_intent(struct effects *fx, const struct resource *r)
{
    char value[24];

    snprintf(value, sizeof(value), "%" PRId64, r->rotated_wall_ms);
    put_row(fx, r, r->rotated_wall_ms ? value : NULL);
}

void rc_absorb_rotation(struct reconcile *rc, struct effects *fx, const struct flight *f,
                        const struct answer *a)
{
    struct resource *r = f->r;

    r->is_rotating = false;
    if (a->outcome == OUTCOME_OK)
        rc_event(rc, fx, r, "Rotated", 5, a, "its keys are new; every token of before is dead");
    else if (may_have_rotated(a->outcome))
        rc_event(
            rc, fx, r, "RotateUnknown", 4, a,
            "nobody knows whether its keys were rotated (%s), or will be; all tokens are minted "
            "anew, and again in two minutes",
            OUTCOME_INFO[a->outcome].text);
    else
        rc_event(rc, fx, r, "RotateFailed", 4, a,
                 "its keys were not rotated, and it is not tried again by itself: %s%s%s",
                 OUTCOME_INFO[a->outcome].text, a->error[0] ? ": " : "", a->error);
    if (a->outcome == OUTCOME_OK)
        remint_all(rc, fx, r, true);
    else if (may_have_rotated(a->outcome))
        remint_twice(rc, fx, r);
    else
        forget_intent(fx, r);
}

/* An order that could not be sent in time is void; one that was not answered is over. */
void rc_rotation_look(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    if (!r->rotate_until_ms || rc->now_ms < r->rotate_until_ms)
        return;
    r->rotate_until_ms = 0;
    if (r->is_rotating) {
        r->is_rotating = false;
        remint_all(rc, fx, r, false);
        return;
    }
    rc_event(rc, fx, r, "RotateFailed", 4, NULL,
             "its keys were not rotated: that could not be sent in time; ask again");
}

/* --- a restart in between --- */

void rc_rotation_load(struct reconcile *rc, const char *key, const char *value)
{
    char kind[32];
    const char *slash;
    struct resource *r;

    if (strncmp(key, KEY_PREFIX, strlen(KEY_PREFIX)) != 0)
        return;
    key += strlen(KEY_PREFIX);
    slash = strchr(key, '/');
    if (!slash || (size_t)(slash - key) >= sizeof(kind))
        return;
    snprintf(kind, sizeof(kind), "%.*s", (int)(slash - key), key);
    r = fleet_find(&rc->fleet, kind, slash + 1);
    if (r && strcmp(value ? value : "", SENT) == 0)
        r->is_rotating = true;
    else if (r)
        r->rotated_wall_ms = strtoll(value ? value : "", NULL, 10);
}

static void resolve(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    if (!r->is_rotating)
        return;
    rc_event(
        rc, fx, r, "RotateUnknown", 4, NULL,
        "nobody knows whether its keys were rotated before the restart, or will be; all tokens "
        "are minted anew, and again in two minutes");
    remint_twice(rc, fx, r);
}

void rc_rotation_start(struct reconcile *rc, struct effects *fx)
{
    for (size_t i = 0; i < rc->fleet.n_groups; i++)
        resolve(rc, fx, &rc->fleet.groups[i]->r);
    for (size_t i = 0; i < rc->fleet.n_databases; i++)
        if (!fleet_is_packed(&rc->fleet, i)) /* what is being rotated is not */
            resolve(rc, fx, &fleet_open(&rc->fleet, i).d->r);
}
