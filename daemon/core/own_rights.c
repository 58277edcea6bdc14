/* own_rights: what the tokens that the daemon runs with may do, and what of the manifest they may
 * not.
 *
 *   list of the user's tokens ─▶ group, scopes ─┐
 *   user ─▶ members ─▶ role ────────────────────┴─▶ look: the manifest against them */
#include "core/own_rights.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/reconcile_private.h"
#include "core/report.h"
#include "lib/buf.h"

#define DAY_MS   ((int64_t)24 * 3600 * 1000)
#define AGAIN_MS ((int64_t)3600 * 1000)

/* --- asking --- */

static void ask(struct reconcile *rc, struct effects *fx, enum call_kind kind)
{
    rc->own_rights.outstanding++;
    rc_ask(rc, fx, ASK_OWN_RIGHTS, kind, 0);
}

void own_rights_tick(struct reconcile *rc, struct effects *fx)
{
    struct own_rights *o = &rc->own_rights;

    if (!rc->own_tokens.is_on || o->outstanding || rc->now_ms < o->next_ms || rc->stopping)
        return;
    o->has_failed = false;
    ask(rc, fx, CALL_REPORT_OWN_TOKENS);
    ask(rc, fx, CALL_USER_GET);
}

int64_t own_rights_wake(const struct reconcile *rc)
{
    const struct own_rights *o = &rc->own_rights;

    return rc->own_tokens.is_on && !o->outstanding ? o->next_ms : INT64_MAX;
}

void own_rights_changed(struct reconcile *rc)
{
    struct own_rights *o = &rc->own_rights;

    o->token = o->delete_token = (struct own_right){0};
    o->username[0] = o->role[0] = o->lacks[0] = '\0';
    o->members_hidden = false;
    o->next_ms = rc->now_ms;
}

/* --- what the platform says --- */

static void take_token(struct own_right *r, const struct identity *self, const struct answer *a)
{
    *r = (struct own_right){0};
    for (size_t i = 0; *self->token_id && i < a->n_rows; i++) {
        const struct report_row *row = &a->rows[i];

        if (strcmp(report_text(row, REPORT_OWN_TOKEN_ID), self->token_id) != 0)
            continue;
        r->is_known = true;
        r->is_unrestricted = !*report_text(row, REPORT_OWN_TOKEN_ORGANIZATION);
        snprintf(r->group, sizeof(r->group), "%s", report_text(row, REPORT_OWN_TOKEN_GROUP));
        snprintf(r->scopes, sizeof(r->scopes), ",%s,", report_text(row, REPORT_OWN_TOKEN_SCOPES));
    }
}

static void take_role(struct own_rights *o, const struct answer *a)
{
    o->role[0] = '\0';
    o->members_hidden = false;
    for (size_t i = 0; i < a->n_rows; i++)
        if (strcmp(report_text(&a->rows[i], REPORT_MEMBER_USERNAME), o->username) == 0)
            snprintf(o->role, sizeof(o->role), "%s", report_text(&a->rows[i], REPORT_MEMBER_ROLE));
}

static void take(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    struct own_rights *o = &rc->own_rights;

    if (a->kind == CALL_REPORT_MEMBERS && a->outcome == OUTCOME_FORBIDDEN) {
        o->role[0] = '\0';
        o->members_hidden = true;
    } else if (a->outcome != OUTCOME_OK) {
        o->has_failed = true;
    } else if (a->kind == CALL_REPORT_OWN_TOKENS) {
        take_token(&o->token, &rc->self.token, a);
        take_token(&o->delete_token, &rc->self.delete_token, a);
    } else if (a->kind == CALL_REPORT_MEMBERS) {
        take_role(o, a);
    } else {
        snprintf(o->username, sizeof(o->username), "%s", a->username ? a->username : "");
        ask(rc, fx, CALL_REPORT_MEMBERS);
    }
}

void own_rights_absorb(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    struct own_rights *o = &rc->own_rights;

    take(rc, fx, a);
    answer_free(a);
    if (--o->outstanding)
        return;
    o->next_ms = rc->now_ms + (o->has_failed ? AGAIN_MS : DAY_MS);
    if (o->token.is_unrestricted)
        rc_event(rc, fx, NULL, "TokenUnrestricted", 4, NULL,
                 "the API token that tenantd runs with is good for every organization of its user: "
                 "make one for %s alone, put it in its place, and revoke this one",
                 rc->config->organization);
    o->lacks[0] = '\0'; /* said again each day */
    own_rights_look(rc, fx);
}

/* --- what the manifest asks for --- */

/* How much of the manifest needs what. */
struct needs {
    const char *group; /* the only one that the token is for; NULL: it is for all, and what
                          databases need is not counted */
    size_t elsewhere;  /* groups and databases out of its reach */
    size_t creates;
    size_t removals;
    size_t fields;
    size_t db_tokens;
    size_t group_fields;
    size_t group_tokens;
    size_t api_tokens; /* of one group */
    size_t members;
};

static bool is_within(const struct needs *n, const char *group)
{
    return !n->group || strcmp(n->group, group) == 0;
}

/* Some group that it may be in is within reach. */
static bool may_be_within(const struct needs *n, const struct db_want *w)
{
    if (w->group || !w->residency)
        return !w->group || is_within(n, w->group);
    for (size_t i = 0; i < w->residency->n_groups; i++)
        if (is_within(n, w->residency->groups[i]))
            return true;
    return false;
}

static void add_database(struct needs *n, const struct db_want *w, bool is_there)
{
    bool fields = false;

    if (w->absent && !is_there)
        return;
    if (w->observe || !may_be_within(n, w)) {
        n->elsewhere += !w->observe;
        return;
    }
    for (int f = 0; f < CONFIG_N; f++)
        fields = fields || w->config.value[f];
    n->creates += !w->absent && !is_there;
    n->fields += fields || w->absent; /* a removal is fenced first */
    n->removals += w->absent || w->expires_after_ms || w->expires_at_ms;
    n->db_tokens += w->absent ? 0 : w->n_tokens;
}

static void add_group(struct needs *n, const struct group_want *g)
{
    if (!is_within(n, g->name)) {
        n->elsewhere++;
        return;
    }
    n->group_fields += g->delete_protection_set || g->unarchive || g->locations_set;
    n->group_tokens += g->n_tokens;
}

/* Entries and records are both sorted by name, and every entry has a record. */
static void add_databases(const struct reconcile *rc, struct needs *n)
{
    const struct desired *d = &rc->desired;
    const struct fleet *f = &rc->fleet;

    for (size_t i = 0, at = 0; i < d->n_databases && at < f->n_databases; at++) {
        if (strcmp(fleet_database_name(f, at), d->databases[i].name) != 0)
            continue;
        add_database(n, db_entry_want(&d->databases[i]),
                     fleet_flags(f, at) & (PACKED_PRESENT | PACKED_KEPT));
        i++;
    }
}

static void count_needs(const struct reconcile *rc, struct needs *n)
{
    const struct desired *d = &rc->desired;

    for (size_t i = 0; i < d->n_groups; i++)
        add_group(n, &d->groups[i]);
    if (n->group)
        add_databases(rc, n);
    for (size_t i = 0; i < d->n_api_tokens; i++)
        n->api_tokens += !d->api_tokens[i].token.absent && d->api_tokens[i].group;
    n->members = d->n_members;
}

/* --- against what they may do --- */

static bool has(const struct own_right *r, const char *scope)
{
    char word[32];

    snprintf(word, sizeof(word), ",%s,", scope);
    return !*r->group || strstr(r->scopes, word);
}

static void PRINTF(2, 3) say(struct buf *out, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    buf_printf(out, "%s%s", out->size ? "; " : "", text);
}

static void say_scope(struct buf *out, const struct own_right *r, const char *scope, size_t n,
                      const char *what)
{
    if (n && !has(r, scope))
        say(out, "it has no %s, for %zu %s%s", scope, n, what, n == 1 ? "" : "s");
}

static void say_narrow(const struct reconcile *rc, const struct needs *n, struct buf *out)
{
    const struct own_right *r = &rc->own_rights.token;
    bool deletes_apart = config_has_delete_token(rc->config);

    if (n->elsewhere)
        say(out, "it is for group %s alone, and %zu of the groups and databases are elsewhere",
            r->group, n->elsewhere);
    if (n->api_tokens)
        say(out, "it makes no API tokens, and %zu are wanted", n->api_tokens);
    if (n->members)
        say(out, "it keeps no members, and %zu are wanted", n->members);
    say_scope(out, r, "db:create", n->creates, "database");
    say_scope(out, r, "db:configure", n->fields, "database");
    say_scope(out, r, "db:delete", deletes_apart ? 0 : n->removals, "removal");
    say_scope(out, r, "db:mint-token", n->db_tokens, "token");
    say_scope(out, r, "group:configure", n->group_fields, "group");
    say_scope(out, r, "group:mint-token", n->group_tokens, "group token");
}

/* Why it is no admin's, as far as that is known; NULL: it may be one. */
static const char *no_admin(const struct own_rights *o, char *out, size_t size)
{
    bool is_sure = strcmp(o->role, "member") == 0 || (o->members_hidden && o->token.is_known);

    if (*o->token.group || !(is_sure || o->members_hidden))
        return NULL;
    snprintf(out, size,
             is_sure ? "its user %s is no admin, and"
                     : "it is not shown the members: either it is for one group alone, "
                       "or its user %s is no admin. It",
             o->username);
    return out;
}

static void say_lacks(const struct reconcile *rc, struct buf *out)
{
    const struct own_rights *o = &rc->own_rights;
    struct needs n = {.group = *o->token.group ? o->token.group : NULL};
    char text[300];
    const char *why = no_admin(o, text, sizeof(text));

    if (!rc->has_desired || !rc->config->policy.writes || !rc->obs.ever)
        return;
    count_needs(rc, &n);
    if (strcmp(o->role, "viewer") == 0)
        say(out, "its user %s is a viewer, and may write nothing", o->username);
    else if (why && n.api_tokens)
        say(out, "%s may not make the %zu API token%s of a group", why, n.api_tokens,
            n.api_tokens == 1 ? "" : "s");
    if (why && n.members)
        say(out, "%s may not keep the %zu member%s", why, n.members, n.members == 1 ? "" : "s");
    if (n.group)
        say_narrow(rc, &n, out);
    if (*o->delete_token.group && config_has_delete_token(rc->config) &&
        !has(&o->delete_token, "db:delete"))
        say(out, "the one that it deletes with has no db:delete");
}

void own_rights_look(struct reconcile *rc, struct effects *fx)
{
    struct own_rights *o = &rc->own_rights;
    struct buf text = BUF_INIT(sizeof(o->lacks) - 1);
    char next[sizeof(o->lacks)] = "";

    say_lacks(rc, &text);
    fx->failed = fx->failed || text.nomem;
    if (text.size)
        snprintf(next, sizeof(next), "the API token that tenantd runs with is too narrow: %s",
                 buf_str(&text));
    buf_deinit(&text);
    if (fx->failed || strcmp(next, o->lacks) == 0)
        return;
    if (!o->lacks[0])
        o->lacks_wall_ms = rc->wall_ms;
    memcpy(o->lacks, next, sizeof(next));
    if (next[0])
        rc_event(rc, fx, NULL, "TokenTooNarrow", 4, NULL, "%s", next);
}
