/* people: users, what they are in an organization, and who is invited to one.
 * In:    names, e-mail addresses, roles.
 * Out:   lookups, changes, a count of the mails that an invitation would have sent.
 * Never: judges who may change what. */
#include "people.h"

#include <string.h>
#include <strings.h>

#include "lib/mem.h"

static const char *const ROLES[] = {
    [ROLE_NONE] = "none",   [ROLE_VIEWER] = "viewer", [ROLE_MEMBER] = "member",
    [ROLE_ADMIN] = "admin", [ROLE_OWNER] = "owner",
};

const char *role_name(enum role role)
{
    return ROLES[role];
}

bool role_parse(const char *text, enum role *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(ROLES); i++) {
        if (!strcmp(ROLES[i], text)) {
            *out = (enum role)i;
            return true;
        }
    }
    return false;
}

struct user *users_find(const struct users *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++) {
        if (!strcmp(u->list[i]->name, name))
            return u->list[i];
    }
    return NULL;
}

struct user *users_find_email(const struct users *u, const char *email)
{
    for (size_t i = 0; i < u->n; i++) {
        if (!strcasecmp(u->list[i]->email, email))
            return u->list[i];
    }
    return NULL;
}

static void user_free(struct user *user)
{
    if (!user)
        return;
    mem_free(user->name);
    mem_free(user->email);
    mem_free(user);
}

struct user *users_add(struct users *u, const char *name, const char *email)
{
    struct user *user = mem_alloc(sizeof(*user));

    if (user) {
        user->name = mem_strdup(name);
        user->email = email ? mem_strdup(email) : mem_printf("%s@example.com", name);
    }
    if (!user || !user->name || !user->email ||
        !mem_grow(&u->list, &u->capacity, u->n + 1, sizeof(struct user *))) {
        user_free(user);
        return NULL;
    }
    u->list[u->n++] = user;
    return user;
}

void users_deinit(struct users *u)
{
    for (size_t i = 0; i < u->n; i++)
        user_free(u->list[i]);
    mem_free(u->list);
    *u = (struct users){0};
}

struct membership *members_find(const struct members *m, const struct user *user)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->list[i].user == user)
            return &m->list[i];
    }
    return NULL;
}

struct membership *members_find_name(const struct members *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!strcmp(m->list[i].user->name, name))
            return &m->list[i];
    }
    return NULL;
}

bool members_add(struct members *m, const struct user *user, enum role role)
{
    if (!mem_grow(&m->list, &m->capacity, m->n + 1, sizeof(*m->list)))
        return false;
    m->list[m->n++] = (struct membership){.user = user, .role = role};
    return true;
}

void members_remove(struct members *m, struct membership *member)
{
    size_t at = (size_t)(member - m->list);

    m->n--;
    memmove(member, member + 1, (m->n - at) * sizeof(*member));
}

void members_deinit(struct members *m)
{
    mem_free(m->list);
    *m = (struct members){0};
}

bool invite_is_pending(const struct invite *i)
{
    return !i->accepted && !i->deleted_ms;
}

struct invite *invites_find(const struct invites *i, const char *email)
{
    for (size_t k = 0; k < i->n; k++) {
        if (invite_is_pending(&i->list[k]) && !strcasecmp(i->list[k].email, email))
            return &i->list[k];
    }
    return NULL;
}

bool invites_send(struct invites *i, const char *email, enum role role, int64_t now_ms)
{
    struct invite *invite = invites_find(i, email);

    if (!invite) {
        char *copy;

        if (i->n == INVITES_MAX || !mem_grow(&i->list, &i->capacity, i->n + 1, sizeof(*i->list)))
            return false;
        copy = mem_strdup(email);
        if (!copy)
            return false;
        invite = &i->list[i->n++];
        *invite = (struct invite){.email = copy};
    }
    invite->id = ++i->last_id;
    invite->role = role;
    invite->created_ms = now_ms;
    invite->n_mails++;
    i->n_mails++;
    return true;
}

void invites_deinit(struct invites *i)
{
    for (size_t k = 0; k < i->n; k++)
        mem_free(i->list[k].email);
    mem_free(i->list);
    *i = (struct invites){0};
}
