/* people: users, what they are in an organization, and who is invited to one.
 * In:    names, e-mail addresses, roles.
 * Out:   lookups, changes, a count of the mails that an invitation would have sent.
 * Never: judges who may change what. */
#ifndef TENANTD_EMULATOR_PEOPLE_H
#define TENANTD_EMULATOR_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base.h"

#define USER_NAME_MAX  64
#define USER_EMAIL_MAX 254
#define INVITES_MAX    10000 /* of an organization */

/* In rising order: who may do something is a comparison. */
enum role { ROLE_NONE, ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN, ROLE_OWNER };

struct user {
    char *name;
    char *email;
};
struct users {
    struct user **list; /* each stays where it is for as long as the platform lives */
    size_t n, capacity;
};

struct membership {
    const struct user *user;
    enum role role;
};
struct members {
    struct membership *list;
    size_t n, capacity;
};

struct invite {
    int64_t id;
    char *email;
    enum role role;
    int64_t created_ms, deleted_ms; /* deleted_ms 0: not */
    bool accepted;
    uint32_t n_mails;
};
struct invites {
    struct invite *list; /* oldest first; what was answered or withdrawn stays in it */
    size_t n, capacity;
    int64_t last_id;
    uint64_t n_mails; /* sent for this organization, ever */
};

/* "owner", "admin", "member", "viewer"; "none". */
const char *role_name(enum role role);
bool role_parse(const char *text, enum role *out) MUST_CHECK;

/* NULL: none. E-mail addresses match in any case. */
struct user *users_find(const struct users *u, const char *name);
struct user *users_find_email(const struct users *u, const char *email);
/* `email` NULL: NAME@example.com. NULL: no memory. */
struct user *users_add(struct users *u, const char *name, const char *email) MUST_CHECK;
void users_deinit(struct users *u);

/* Borrowed until the next change; NULL: no member. */
struct membership *members_find(const struct members *m, const struct user *user);
struct membership *members_find_name(const struct members *m, const char *name);
bool members_add(struct members *m, const struct user *user, enum role role) MUST_CHECK;
void members_remove(struct members *m, struct membership *member);
void members_deinit(struct members *m);

bool invite_is_pending(const struct invite *i);
/* The pending one; borrowed until the next change; NULL: none. */
struct invite *invites_find(const struct invites *i, const char *email);
/* A mail goes out, and an earlier one that is pending for that address is replaced. False: no
 * memory, or too many: nothing changed. */
bool invites_send(struct invites *i, const char *email, enum role role, int64_t now_ms) MUST_CHECK;
void invites_deinit(struct invites *i);

#endif
