/* answer_people: bodies about members and invites.
 * In:    the whole body, what was asked.
 * Out:   the answer's members, or what is wrong with the shape.
 * Never: fills in a part of what was due. */
#include "core/answer_people.h"

#include <string.h>

#include "core/email.h"
#include "core/live.h"
#include "lib/json.h"

static int read_people(struct json_object *o, const char *key, bool are_invites,
                       struct answer *into, struct err *err)
{
    struct json_object *list = NULL;
    struct live_member *people;
    size_t n;
    int rc = 0;

    if (!json_get_arr(o, key, &list))
        return err_set(err, ERR_INVALID, "\"%s\" is missing or no list", key);
    n = json_object_array_length(list);
    people = arena_alloc(&into->arena, (n + 1) * sizeof(*people));
    if (!people)
        return err_nomem(err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = live_member_read(json_object_array_get_idx(list, i), are_invites, &into->arena,
                              &people[i], err);
    if (rc < 0)
        return rc;
    into->members = people;
    into->n_members = n;
    return 0;
}

int answer_read_members(struct json_object *o, const struct answer_asked *asked,
                        struct answer *into, struct err *err)
{
    (void)asked;
    return read_people(o, "members", false, into, err);
}

int answer_read_invites(struct json_object *o, const struct answer_asked *asked,
                        struct answer *into, struct err *err)
{
    (void)asked;
    return read_people(o, "invites", true, into, err);
}

/* {KEY: {...}}, about whom was asked: of a member the name of a user, of an invite the address. */
static int read_one(struct json_object *o, const char *key, bool is_invite,
                    const struct answer_asked *asked, struct answer *into, struct err *err)
{
    struct json_object *one = NULL;
    struct live_member *m = arena_alloc(&into->arena, sizeof(*m));
    int rc = m ? 0 : err_nomem(err);
    const char *about;
    bool same;

    if (rc == 0 && !json_get_obj(o, key, &one))
        rc = err_set(err, ERR_INVALID, "\"%s\" is missing or no object", key);
    if (rc == 0)
        rc = live_member_read(one, is_invite, &into->arena, m, err);
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

int answer_read_member(struct json_object *o, const struct answer_asked *asked, struct answer *into,
                       struct err *err)
{
    return read_one(o, "member", false, asked, into, err);
}

int answer_read_invited(struct json_object *o, const struct answer_asked *asked,
                        struct answer *into, struct err *err)
{
    return read_one(o, "invited", true, asked, into, err);
}
