/* sim_people: the part of the platform that is about who may use it: API tokens, users, members.
 * In:    calls, in the order in which they arrive; what people do.
 * Out:   answers; the truth, for tests to look at.
 * Never: chance, clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/sim_platform.h"

#define SET(to, from) snprintf((to), sizeof(to), "%s", (from))
#define DAEMON_USER   "robot"

struct platform_api_token *platform_api_token(struct platform *p, const char *name)
{
    for (size_t i = 0; i < p->n_api_tokens; i++)
        if (p->api_tokens[i].live && strcmp(p->api_tokens[i].name, name) == 0)
            return &p->api_tokens[i];
    return NULL;
}

const struct platform_api_token *platform_api_secret(const struct platform *p, const char *hash)
{
    for (size_t i = 0; i < p->n_api_tokens; i++)
        if (strcmp(p->api_tokens[i].hash, hash) == 0)
            return &p->api_tokens[i];
    return NULL;
}

/* When all places are taken, that of one that is dead. */
static struct platform_api_token *free_place(struct platform *p)
{
    size_t i = 0;

    if (p->n_api_tokens < ARRAY_SIZE(p->api_tokens))
        return &p->api_tokens[p->n_api_tokens++];
    while (i < p->n_api_tokens - 1 && p->api_tokens[i].live)
        i++;
    assert_false(p->api_tokens[i].live);
    return &p->api_tokens[i];
}

struct platform_api_token *platform_make_api_token(struct platform *p, const char *name,
                                                   const char *group, const char *scopes)
{
    struct platform_api_token *t = free_place(p);
    const struct platform_group *g = group ? platform_group(p, group) : NULL;

    *t = (struct platform_api_token){.live = true};
    SET(t->name, name);
    SET(t->group, group ? group : "");
    SET(t->group_id, g ? g->id : "");
    SET(t->scopes, scopes ? scopes : "");
    SET(t->owner, "jo");
    snprintf(t->id, sizeof(t->id), "k-%u", ++p->next_id);
    if (t == &p->api_tokens[p->n_api_tokens - 1])
        snprintf(t->hash, sizeof(t->hash), "secret-%zu", p->n_api_tokens);
    else
        snprintf(t->hash, sizeof(t->hash), "secret-k%u", p->next_id);
    return t;
}

static void create(struct platform *p, const struct call *c, struct answer *a)
{
    struct platform_api_token *t = platform_api_token(p, c->name);

    if (t && strcmp(t->owner, DAEMON_USER) == 0) {
        a->outcome = OUTCOME_CONFLICT;
        return;
    }
    if (c->group && !platform_group(p, c->group)) {
        a->outcome = OUTCOME_NOT_FOUND;
        return;
    }
    t = platform_make_api_token(p, c->name, c->group, c->scopes);
    t->by_daemon = true;
    SET(t->owner, DAEMON_USER);
    a->api_tokens = arena_alloc(&a->arena, sizeof(*a->api_tokens));
    a->n_api_tokens = 1;
    *a->api_tokens = (struct live_api_token){.name = arena_strdup(&a->arena, t->name),
                                             .id = arena_strdup(&a->arena, t->id)};
    a->token = (struct live_token){
        .jwt = mem_strdup(t->hash), .jwt_size = strlen(t->hash), .issued_ms = p->wall_ms};
    SET(a->token.hash, t->hash);
}

static void list(struct platform *p, struct answer *a)
{
    a->api_tokens = arena_alloc(&a->arena, (p->n_api_tokens + 1) * sizeof(*a->api_tokens));
    for (size_t i = 0; i < p->n_api_tokens; i++) {
        struct platform_api_token *t = &p->api_tokens[i];
        bool hidden =
            p->lie == LIE_EMPTY || (p->lie == LIE_HIDE && strcmp(p->lie_name, t->name) == 0);

        t->was_hidden = t->was_hidden || hidden;
        if (!t->live || hidden)
            continue;
        a->api_tokens[a->n_api_tokens++] = (struct live_api_token){
            .name = arena_strdup(&a->arena, t->name),
            .id = arena_strdup(&a->arena, t->id),
            .group = *t->group ? arena_strdup(&a->arena, t->group) : NULL,
            .scopes = *t->scopes ? arena_strdup(&a->arena, t->scopes) : NULL,
            .owner = arena_strdup(&a->arena, t->owner)};
    }
}

static void revoke(struct platform *p, const struct call *c, struct answer *a)
{
    for (size_t i = 0; i < p->n_api_tokens; i++) {
        struct platform_api_token *t = &p->api_tokens[i];

        if (t->live && strcmp(t->id, c->target_id) == 0) {
            t->live = false;
            return;
        }
    }
    a->outcome = OUTCOME_NOT_FOUND;
}

/* --- members and invites --- */

static void begin(struct platform *p)
{
    if (p->n_people)
        return;
    p->n_people = 1;
    p->people[0] = (struct platform_person){.live = true};
    SET(p->people[0].email, DAEMON_USER "@example.com");
    SET(p->people[0].username, DAEMON_USER);
    SET(p->people[0].role, "owner");
}

struct platform_person *platform_person(struct platform *p, const char *email, bool invited)
{
    begin(p);
    for (size_t i = 0; i < p->n_people; i++)
        if (p->people[i].live && !*p->people[i].username == invited &&
            strcasecmp(p->people[i].email, email) == 0)
            return &p->people[i];
    return NULL;
}

struct platform_person *platform_make_person(struct platform *p, const char *email,
                                             const char *role, const char *username)
{
    struct platform_person *one;

    begin(p);
    assert_true(p->n_people < ARRAY_SIZE(p->people));
    one = &p->people[p->n_people++];
    *one = (struct platform_person){.live = true};
    SET(one->email, email);
    SET(one->role, role);
    SET(one->username, username);
    return one;
}

static struct platform_person *named(struct platform *p, const char *username)
{
    begin(p);
    for (size_t i = 0; i < p->n_people; i++)
        if (p->people[i].live && *username && strcmp(p->people[i].username, username) == 0)
            return &p->people[i];
    return NULL;
}

static void say_person(const struct platform_person *one, struct answer *a)
{
    a->members[a->n_members++] = (struct live_member){
        .email = arena_strdup(&a->arena, one->email),
        .username = *one->username ? arena_strdup(&a->arena, one->username) : NULL,
        .role = arena_strdup(&a->arena, one->role)};
}

static void list_people(struct platform *p, bool invited, struct answer *a)
{
    begin(p);
    a->members = arena_alloc(&a->arena, (p->n_people + 1) * sizeof(*a->members));
    for (size_t i = 0; i < p->n_people && p->lie != LIE_EMPTY; i++) {
        const struct platform_person *one = &p->people[i];
        bool hidden = p->lie == LIE_HIDE && strcasecmp(p->lie_name, one->email) == 0;

        p->people[i].was_hidden = one->was_hidden || hidden;
        if (one->live && !hidden && !*one->username == invited)
            say_person(one, a);
    }
}

/* What was pending is replaced, and a mail goes out. */
static void invite(struct platform *p, const struct call *c, struct answer *a)
{
    struct platform_person *one = platform_person(p, c->name, true);

    if (platform_person(p, c->name, false)) {
        a->outcome = OUTCOME_CONFLICT;
        return;
    }
    if (!one)
        one = platform_make_person(p, c->name, c->role, "");
    SET(one->role, c->role);
    one->by_daemon = true;
    p->mails++;
    a->members = arena_alloc(&a->arena, sizeof(*a->members));
    say_person(one, a);
}

static void change_person(struct platform *p, const struct call *c, struct answer *a)
{
    bool invited = c->kind == CALL_INVITE_REMOVE;
    struct platform_person *one = invited ? platform_person(p, c->name, true) : named(p, c->name);

    if (!one) {
        a->outcome = OUTCOME_NOT_FOUND;
    } else if (c->kind == CALL_MEMBER_ROLE) {
        SET(one->role, c->role);
        a->members = arena_alloc(&a->arena, sizeof(*a->members));
        say_person(one, a);
    } else {
        one->live = false;
    }
}

bool platform_people_call(struct platform *p, const struct call *c, struct answer *a)
{
    switch (c->kind) {
    case CALL_API_TOKENS_LIST:
        list(p, a);
        return true;
    case CALL_API_TOKEN_CREATE:
        create(p, c, a);
        return true;
    case CALL_API_TOKEN_REVOKE:
        revoke(p, c, a);
        return true;
    case CALL_INVITES_LIST:
    case CALL_MEMBERS_LIST:
        list_people(p, c->kind == CALL_INVITES_LIST, a);
        return true;
    case CALL_INVITE_SEND:
        invite(p, c, a);
        return true;
    case CALL_INVITE_REMOVE:
    case CALL_MEMBER_ROLE:
    case CALL_MEMBER_REMOVE:
        change_person(p, c, a);
        return true;
    case CALL_TOKEN_VALIDATE:
        a->token_ends_ms = p->own_token_ends_ms;
        return true;
    case CALL_DELETE_TOKEN_VALIDATE:
        return true;
    case CALL_USER_GET:
        a->username = DAEMON_USER;
        return true;
    default:
        return false;
    }
}
