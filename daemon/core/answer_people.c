/* answer_people: bodies about members and invites.
 * In:    the whole body, what was asked.
 * Out:   the answer's members, or what is wrong with the shape.
 * Never: fills in a part of what was due. */
#include "core/answer_people.h"

#include <string.h>

#include "core/email.h"
#include "core/live.h"
#include "lib/json_read.h"

static int read_people(const struct json_value *body, const char *key, bool are_invites,
                       struct answer *into, struct err *err)
{
    struct json_value list;
    struct json_value item = {.kind = JSON_ABSENT};
    struct live_member *people;
    size_t n = 0;
    int rc = json_want(body, key, JSON_LIST, &list, err);

    if (rc < 0)
        return rc;
    people = arena_alloc(&into->arena, (json_count(&list) + 1) * sizeof(*people));
    if (!people)
        return err_nomem(err);
    while (rc == 0 && json_next(&list, NULL, &item))
        rc = live_member_read(item.at, item.size, are_invites, &into->arena, &people[n++], err);
    if (rc < 0)
        return rc;
    into->members = people;
    into->n_members = n;
    return 0;
}

int answer_read_members(const struct json_value *body, const struct answer_asked *asked,
                        struct answer *into, struct err *err)
{
    (void)asked;
    return read_people(body, "members", false, into, err);
}

int answer_read_invites(const struct json_value *body, const struct answer_asked *asked,
                        struct answer *into, struct err *err)
{
    (void)asked;
    return read_people(body, "invites", true, into, err);
}

/* {KEY: {...}}, about whom was asked: of a member the name of a user, of an invite the address. */
static int read_one(const struct json_value *body, const char *key, bool is_invite,
                    const struct answer_asked *asked, struct answer *into, struct err *err)
{
    struct live_member *m = arena_alloc(&into->arena, sizeof(*m));
    struct json_value one;
    const char *about;
    bool same;
    int rc;

    if (!m)
        return err_nomem(err);
    rc = json_want(body, key, JSON_OBJECT, &one, err);
    if (rc == 0)
        rc = live_member_read(one.at, one.size, is_invite, &into->arena, m, err);
    if (rc < 0)
        return rc;
    about = is_invite ? m->email : m->username;
    same = !asked->name ||
           (is_invite ? email_same(about, asked->name) : strcmp(about, asked->name) == 0);
    if (!same)
        return err_set(err, ERR_INVALID, "it is about \"%s\", not \"%s\"", about, asked->name);
    into->members = m;
    into->n_members = 1;
    return 0;
}

int answer_read_member(const struct json_value *body, const struct answer_asked *asked,
                       struct answer *into, struct err *err)
{
    return read_one(body, "member", false, asked, into, err);
}

int answer_read_invited(const struct json_value *body, const struct answer_asked *asked,
                        struct answer *into, struct err *err)
{
    return read_one(body, "invited", true, asked, into, err);
}
