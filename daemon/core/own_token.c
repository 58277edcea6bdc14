#include "core/own_token.h"

#include <stdio.h>

#include "core/reconcile_private.h"
#include "lib/text.h"

#define DAY_MS   ((int64_t)24 * 3600 * 1000)
#define AGAIN_MS ((int64_t)3600 * 1000) /* where it could not be asked, and of refused deletes */
#define SOON_MS  (7 * DAY_MS)

static const struct {
    enum call_kind call;
    const char *name;
} OWN[OWN_N] = {
    [OWN_TOKEN] = {CALL_TOKEN_VALIDATE, "the API token that tenantd runs with"},
    [OWN_DELETE_TOKEN] = {CALL_DELETE_TOKEN_VALIDATE, "the token that tenantd deletes with"},
};

static bool is_there(const struct reconcile *rc, enum own which)
{
    return which == OWN_TOKEN || config_has_delete_token(rc->config);
}

/* --- asking --- */

void own_token_tick(struct reconcile *rc, struct effects *fx)
{
    struct own_tokens *own = &rc->own_tokens;

    if (rc->stopping)
        return;
    if (own->deletes_again_ms && rc->now_ms >= own->deletes_again_ms)
        own_token_retry_deletes(rc);
    for (int i = 0; own->is_on && i < OWN_N; i++) {
        struct own_token *t = &own->of[i];

        if (!is_there(rc, (enum own)i) || t->is_asked || rc->now_ms < t->next_ms)
            continue;
        t->is_asked = true;
        rc_ask(rc, fx, ASK_OWN_TOKEN, OWN[i].call, 0);
    }
}

int64_t own_token_wake(const struct reconcile *rc)
{
    const struct own_tokens *own = &rc->own_tokens;
    int64_t at = own->deletes_again_ms ? own->deletes_again_ms : INT64_MAX;

    for (int i = 0; own->is_on && i < OWN_N; i++)
        if (is_there(rc, (enum own)i) && !own->of[i].is_asked && own->of[i].next_ms < at)
            at = own->of[i].next_ms;
    return at;
}

void own_token_changed(struct reconcile *rc, enum own which)
{
    struct own_token *t = &rc->own_tokens.of[which];

    t->next_ms = rc->now_ms;
    t->expires_ms = 0;
    t->is_told = false;
    own_rights_changed(rc);
    if (which == OWN_DELETE_TOKEN)
        rc->own_tokens.refused[0] = '\0';
}

/* --- its end --- */

bool own_token_ends(const struct reconcile *rc, enum own which, char *out, size_t size)
{
    int64_t expires_ms = rc->own_tokens.of[which].expires_ms;
    char when[TEXT_TIME_SIZE];

    if (!is_there(rc, which) || !expires_ms || expires_ms - rc->wall_ms >= SOON_MS)
        return false;
    snprintf(out, size, "%s %s at %s: make another one, put it in its place and reload",
             OWN[which].name, expires_ms > rc->wall_ms ? "expires" : "expired",
             text_time(expires_ms, when));
    return true;
}

bool own_token_is_trouble(const struct reconcile *rc)
{
    char text[256];

    return own_token_ends(rc, OWN_TOKEN, text, sizeof(text)) ||
           own_token_ends(rc, OWN_DELETE_TOKEN, text, sizeof(text)) || own_token_refused(rc);
}

void own_token_absorb(struct reconcile *rc, struct effects *fx, struct answer *a)
{
    enum own which = a->kind == CALL_TOKEN_VALIDATE ? OWN_TOKEN : OWN_DELETE_TOKEN;
    struct own_token *t = &rc->own_tokens.of[which];
    bool ok = a->outcome == OUTCOME_OK;
    char text[256];

    own_token_look(rc, fx, a);
    t->is_asked = false;
    t->next_ms = rc->now_ms + (ok ? DAY_MS : AGAIN_MS);
    if (ok)
        t->expires_ms = a->token_ends_ms;
    answer_free(a);
    if (!own_token_ends(rc, which, text, sizeof(text))) {
        t->is_told = false;
        return;
    }
    if (!t->is_told)
        rc_event(rc, fx, NULL, "TokenExpires", 4, NULL, "%s", text);
    t->is_told = true;
}

/* --- deletes --- */

bool own_token_deletes_apart(const struct reconcile *rc, enum call_kind kind)
{
    return call_is_by_delete_token(kind) && is_there(rc, OWN_DELETE_TOKEN);
}

static void refuse(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    struct own_tokens *own = &rc->own_tokens;
    const struct config_secret *from = &rc->config->api.delete_token;
    bool is_new = !own->refused[0];

    snprintf(own->refused, sizeof(own->refused),
             "the platform refuses the token for deletes, api.delete_token (HTTP %d)%s%s; %s %.*s: "
             "put another one in its place",
             a->http_status, a->error[0] ? ": " : "", a->error,
             from->file ? "it stands in" : "it is the credential", LIMIT_ERROR_TEXT_BYTES,
             from->file ? from->file : from->credential);
    own->deletes_again_ms = rc->now_ms + AGAIN_MS;
    rc->replan = true;
    if (!is_new)
        return;
    own->refused_wall_ms = rc->wall_ms;
    rc_event(rc, fx, NULL, "DeleteUnauthorized", 3, a,
             "%s; nothing is deleted until it is accepted, and all else goes on", own->refused);
}

/* Only the token's own success ends it: that the organization can be read is the other one's. */
void own_token_look(struct reconcile *rc, struct effects *fx, const struct answer *a)
{
    struct own_tokens *own = &rc->own_tokens;

    if (!own_token_deletes_apart(rc, a->kind))
        return;
    if (a->outcome == OUTCOME_UNAUTHORIZED)
        refuse(rc, fx, a);
    if (a->outcome != OUTCOME_OK || !own->refused[0])
        return;
    rc_event(rc, fx, NULL, "DeleteAuthorized", 5, a, "the platform accepts the token for deletes");
    own->refused[0] = '\0';
    own_token_retry_deletes(rc);
}

bool own_token_holds_deletes(const struct reconcile *rc)
{
    return own_token_refused(rc) && rc->own_tokens.deletes_again_ms;
}

const char *own_token_refused(const struct reconcile *rc)
{
    return is_there(rc, OWN_DELETE_TOKEN) && rc->own_tokens.refused[0] ? rc->own_tokens.refused
                                                                       : NULL;
}

void own_token_retry_deletes(struct reconcile *rc)
{
    rc->replan = rc->replan || rc->own_tokens.deletes_again_ms;
    rc->own_tokens.deletes_again_ms = 0;
}
