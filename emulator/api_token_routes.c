/* api_token_routes: platform tokens: one's own, and those of an organization.
 * In:    a name; perhaps an organization, a group, scopes.
 * Out:   tokens listed without their secrets, made, revoked.
 * Never: shows a secret twice. */
#include <string.h>

#include "api_token.h"
#include "emit.h"
#include "lib/json.h"
#include "people.h"
#include "routes.h"

#define DATE_SIZE 10 /* of 2026-01-02T03:04:05.678Z */

static void write_scopes(const struct api_token *t, struct buf *out)
{
    emit_open(out, "scopes", '[');
    for (unsigned i = 0; i < N_SCOPES; i++) {
        if (t->scopes & 1U << i)
            emit_string(out, NULL, scope_name((enum scope)i));
    }
    emit_close(out, ']');
}

static void write_token(const struct api_token *t, bool with_owner, struct buf *out)
{
    const struct group *g = t->has_group ? group_find_id(t->org, t->group_id) : NULL;
    char created[CLOCK_TEXT_SIZE];

    clock_rfc3339(t->created_ms, created);
    created[DATE_SIZE] = '\0';
    emit_open(out, NULL, '{');
    emit_string(out, "name", t->name);
    emit_string(out, "id", t->id);
    if (t->org)
        emit_string(out, "organization", t->org->slug);
    if (g) {
        emit_string(out, "group", g->name);
        write_scopes(t, out);
    }
    if (with_owner) {
        emit_open(out, "owner", '{');
        emit_string(out, "username", t->user->name);
        emit_string(out, "email", t->user->email);
        emit_close(out, '}');
    }
    emit_string(out, "created_at", created);
    emit_close(out, '}');
}

void route_own_token_list(struct emulator *e, struct request *rq, struct answer *a)
{
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "tokens", '[');
    for (const struct api_token *t = e->api_tokens.by_secret; t; t = t->hh.next) {
        if (t->user == rq->caller->user)
            write_token(t, false, &a->body);
    }
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}

/* Of an organization, admins see all tokens, others their own. */
static bool is_visible(const struct request *rq, const struct api_token *t)
{
    return t->org == rq->org && (t->user == rq->caller->user || access_is_admin(rq));
}

void route_org_token_list(struct emulator *e, struct request *rq, struct answer *a)
{
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "tokens", '[');
    for (const struct api_token *t = e->api_tokens.by_secret; t; t = t->hh.next) {
        if (is_visible(rq, t))
            write_token(t, true, &a->body);
    }
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
}

static bool check_name(const struct emulator *e, const struct request *rq, const char *name,
                       struct answer *a)
{
    size_t n = strlen(name);

    if (n > API_TOKEN_NAME_MAX)
        answer_error(a, 400, "invalid token name: at most %d characters", API_TOKEN_NAME_MAX);
    else if (api_tokens_find_name(&e->api_tokens, rq->caller->user, name))
        answer_error(a, 409, "api token with name %s already exists", name);
    else if (api_tokens_count(&e->api_tokens) == API_TOKENS_MAX)
        answer_error(a, 400, "at most %d api tokens are kept here", API_TOKENS_MAX);
    else
        return true;
    return false;
}

static bool read_scopes(const struct request *rq, struct api_token *t, struct answer *a)
{
    struct json_object *list = NULL;

    if (member_array(rq->json, "scopes", &list) != MEMBER_OK || !json_object_array_length(list)) {
        answer_error(a, 400, "scopes must be a list of at least one scope");
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        const char *text =
            json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
        unsigned scopes = scope_parse(text);

        if (!scopes) {
            answer_error(a, 400, "invalid scope: %.64s", text);
            return false;
        }
        t->scopes |= scopes;
    }
    return true;
}

/* For one group; only who runs the organization may give such tokens away. */
static bool read_group(const struct request *rq, enum role role, struct api_token *t,
                       struct answer *a)
{
    const struct group *g;
    const char *name;
    struct json_object *v;

    switch (member_string(rq->json, "group", &name)) {
    case MEMBER_OK:
        break;
    case MEMBER_WRONG:
        answer_error(a, 400, "group must be a string");
        return false;
    default:
        if (member_any(rq->json, "scopes", &v) != MEMBER_OK)
            return true;
        answer_error(a, 400, "scopes need a group");
        return false;
    }
    g = group_find(t->org, name);
    if (role < ROLE_ADMIN)
        answer_error(a, 403, "group tokens can only be created by an admin or owner");
    else if (!g)
        answer_error(a, 404, "group not found");
    else {
        t->has_group = true;
        memcpy(t->group_id, g->id, UUID_SIZE);
        return read_scopes(rq, t, a);
    }
    return false;
}

/* False: answered. */
static bool read_reach(struct emulator *e, const struct request *rq, struct api_token *t,
                       struct answer *a)
{
    const struct membership *m;
    struct json_object *v;
    const char *slug;

    switch (member_string(rq->json, "organization", &slug)) {
    case MEMBER_OK:
        break;
    case MEMBER_WRONG:
        answer_error(a, 400, "organization must be a string");
        return false;
    default:
        if (member_any(rq->json, "group", &v) == MEMBER_OK ||
            member_any(rq->json, "scopes", &v) == MEMBER_OK)
            answer_error(a, 400, "group and scopes need an organization");
        else if (rq->caller->org)
            answer_error(a, 403, "this token is for one organization");
        else
            return true;
        return false;
    }
    t->org = state_org(&e->state, slug);
    m = t->org ? members_find(&t->org->members, rq->caller->user) : NULL;
    if (!t->org)
        answer_error(a, 404, "organization not found");
    else if (!m)
        answer_error(a, 403, "user %s is not a member of organization %s", rq->caller->user->name,
                     slug);
    else if (rq->caller->org && rq->caller->org != t->org)
        answer_error(a, 403, "this token is for another organization");
    else
        return read_group(rq, m->role, t, a);
    return false;
}

static const struct api_token *create(struct emulator *e, struct request *rq, struct answer *a)
{
    struct api_token like = {.user = rq->caller->user, .created_ms = rq->now_ms, .expires_ms = -1};
    const char *name = request_param(rq, "token");
    const struct api_token *t;

    if (!check_name(e, rq, name, a) || !read_reach(e, rq, &like, a))
        return NULL;
    t = api_tokens_add(&e->api_tokens, &e->ids, name, &like, NULL);
    if (!t)
        answer_no_memory(a);
    else if (t->org)
        audit_add(&t->org->audit, rq, AUDIT_USER_TOKEN_CREATE, "token", name);
    return t;
}

void route_own_token_create(struct emulator *e, struct request *rq, struct answer *a)
{
    const struct api_token *t = create(e, rq, a);

    if (!t)
        return;
    emit_open(&a->body, NULL, '{');
    emit_string(&a->body, "name", t->name);
    emit_string(&a->body, "id", t->id);
    emit_string(&a->body, "token", t->secret);
    emit_close(&a->body, '}');
}

void route_own_token_create_v2(struct emulator *e, struct request *rq, struct answer *a)
{
    const struct api_token *t = create(e, rq, a);

    if (!t)
        return;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "token", '{');
    emit_string(&a->body, "name", t->name);
    emit_string(&a->body, "id", t->id);
    emit_string(&a->body, "value", t->secret);
    emit_close(&a->body, '}');
    emit_close(&a->body, '}');
}

static void remove_token(struct emulator *e, struct api_token *t, const char *word,
                         struct answer *a)
{
    emit_open(&a->body, NULL, '{');
    emit_string(&a->body, "token", word);
    emit_close(&a->body, '}');
    api_tokens_remove(&e->api_tokens, t);
}

void route_own_token_remove(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *name = request_param(rq, "token");
    struct api_token *t = api_tokens_find_name(&e->api_tokens, rq->caller->user, name);

    if (!t)
        answer_error(a, 404, "could not find api token with name %s", name);
    else if (rq->caller->org && rq->caller->org != t->org)
        answer_error(a, 403, "this token is for another organization");
    else
        remove_token(e, t, name, a);
}

void route_org_token_remove(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *id = request_param(rq, "token");
    struct api_token *t = api_tokens_find_id(&e->api_tokens, id);

    if (t && is_visible(rq, t))
        remove_token(e, t, id, a);
    else
        answer_error(a, 404, "could not find api token with id %s", id);
}
