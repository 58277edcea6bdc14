/* sim_check_api_token: the rules that hold for the platform's API tokens: only what is ours is
 * revoked, under an id that the ledger knows, never what is in use, and only if it is not wanted
 * and allowed. In:    calls as they go out. Out: the first broken rule. Never: repairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/limits.h"
#include "lib/text.h"
#include "tests/lib/sim.h"

/* The row of what is made, or revoked. */
static const struct issued *row_of(const struct sim *s, const struct call *c)
{
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct issued *row = s->ledger.rows[i].row;
        char name[LIMIT_NAME_BYTES + 1];

        if (s->ledger.rows[i].table != LEDGER_ISSUED)
            continue;
        snprintf(name, sizeof(name), "%s--g%lld", row->name, (long long)row->generation);
        if (c->kind == CALL_API_TOKEN_REVOKE
                ? text_is(row->id, c->target_id)
                : text_is(name, c->name) && text_is(row->state, "minting"))
            return row;
    }
    return NULL;
}

static const struct api_token_want *want_of(const struct sim *s, const char *name)
{
    for (size_t i = 0; s->has_want && i < s->want.n_api_tokens; i++)
        if (text_is(s->want.api_tokens[i].token.name, name))
            return &s->want.api_tokens[i];
    return NULL;
}

static bool is_held(const struct sim *s, const char *name)
{
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct issued *row = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_ISSUED && text_is(row->name, name) &&
            row->held & HELD_REMOVAL)
            return true;
    }
    return false;
}

static const struct held_token *held_of(const struct sim *s, const char *name)
{
    char key[LIMIT_NAME_BYTES + 16];

    snprintf(key, sizeof(key), "api-token//%s", name);
    return sim_row(&s->ledger, LEDGER_TOKEN, key);
}

/* Those who use it read it there. */
static bool stands_in_its_file(const struct sim *s, const char *name, const char *hash)
{
    const struct held_token *held = held_of(s, name);
    const struct sim_file *f;

    f = held && held->file ? sim_find_file((struct sim *)(uintptr_t)s, held->file) : NULL;
    return f && text_is(f->hash, hash);
}

/* One that nothing has taken the place of: its entry is gone, and all that has to be asked was. */
static void check_removal(struct sim *s, const char *name, const struct api_token_want *want)
{
    if (!s->has_want || (want && !want->token.absent))
        sim_break(s, "API token %s is revoked and wanted", name);
    else if (!want && (!s->want.whole || s->config->policy.prune == PRUNE_OFF))
        sim_break(s, "API token %s is revoked, and only not named", name);
    else if (!sim_told_all(s))
        sim_break(s, "API token %s is revoked without a complete observation", name);
    else if (is_held(s, name) && !sim_is_approved(s, "api-token", name))
        sim_break(s, "API token %s is revoked, and its removal is held", name);
    else
        sim_check_guard(s, "api-token", name, name);
}

static void check_revoke(struct sim *s, const struct call *c, const struct issued *row)
{
    const struct api_token_want *want = want_of(s, row->name);

    if (text_is(s->self_id, c->target_id))
        sim_break(s, "API token %s, which the daemon runs with, is revoked", row->name);
    for (size_t i = 0; i < s->platform.n_api_tokens; i++) {
        const struct platform_api_token *t = &s->platform.api_tokens[i];

        if (!text_is(t->id, c->target_id))
            continue;
        if (!t->by_daemon)
            sim_break(s, "API token %s, which is not ours, is revoked", t->name);
        if (text_is(t->hash, s->self_hash))
            sim_break(s, "API token %s, which the daemon runs with, is revoked", t->name);
        if (want && !want->token.absent && stands_in_its_file(s, row->name, t->hash))
            sim_break(s, "API token %s is revoked, and stands in its file", t->name);
    }
    if (!row->retired)
        check_removal(s, row->name, want);
}

/* Another one in place of one that is in its file: that goes on in a pause. */
static bool is_renewed(const struct sim *s, const struct call *c, const struct issued *row)
{
    const struct held_token *held = held_of(s, row->name);

    return c->kind == CALL_API_TOKEN_CREATE && held && held->hash;
}

void sim_check_api_token(struct sim *s, const struct call *c)
{
    const struct issued *row = row_of(s, c);
    const struct api_token_want *want = row ? want_of(s, row->name) : NULL;

    if (!row)
        sim_break(s, "%s %s: the ledger does not know of it", CALL_INFO[c->kind].name,
                  c->name ? c->name : c->target_id);
    else if (sim_is_paused(s, "api-token", row->name) && !row->retired && !is_renewed(s, c, row))
        sim_break(s, "%s %s is sent, and it is paused", CALL_INFO[c->kind].name, row->name);
    else if (c->kind == CALL_API_TOKEN_REVOKE)
        check_revoke(s, c, row);
    else if (!want || want->token.absent)
        sim_break(s, "API token %s is made, and nobody wants it", row->name);
}

bool sim_holds_api_tokens(const struct sim *s, const char *group)
{
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct issued *row = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_ISSUED && row->group_name &&
            text_is(row->group_name, group))
            return true;
    }
    return false;
}
