/* fleet_member: the records of members. There are few, so they are put in one by one.
 * In:    entries, e-mail addresses, what the lists say.
 * Out:   records sorted by e-mail. */
#include <string.h>

#include "core/fleet_private.h"
#include "core/fleet_rest.h"
#include "lib/mem.h"

_Static_assert(offsetof(struct member, r) == 0, "records begin with their resource");

static void forget_live(struct member *m)
{
    mem_free(m->username);
    mem_free(m->role);
    mem_free(m->invite_role);
    mem_free(m->invite_email);
    m->username = m->role = m->invite_role = m->invite_email = NULL;
    m->is_member = m->is_invited = false;
}

static void member_free(struct member *m)
{
    if (!m)
        return;
    resource_deinit(&m->r);
    ledger_row_deinit(LEDGER_MEMBERSHIP, &m->own);
    forget_live(m);
    mem_free(m);
}

void fleet_free_members(struct fleet *f)
{
    for (size_t i = 0; i < f->n_members; i++)
        member_free(f->members[i]);
    mem_free((void *)f->members);
}

static struct resource *const *records(const struct fleet *f)
{
    return (struct resource *const *)(void *)f->members;
}

struct member *fleet_member(const struct fleet *f, const char *email)
{
    struct resource *r = record_find(records(f), f->n_members, email);

    return r ? member_of(r) : NULL;
}

struct member *fleet_add_member(struct fleet *f, const char *email)
{
    struct member *m = fleet_member(f, email);
    size_t at;

    if (m)
        return m;
    m = mem_alloc(sizeof(*m));
    if (!m || !resource_init(&m->r, KIND_MEMBER, mem_strdup(email)) ||
        !mem_grow(&f->members, &f->members_capacity, f->n_members + 1, sizeof(struct member *))) {
        member_free(m);
        return NULL;
    }
    at = record_place(records(f), f->n_members, email);
    memmove((void *)(f->members + at + 1), (void *)(f->members + at),
            (f->n_members - at) * sizeof(struct member *));
    f->members[at] = m;
    f->n_members++;
    return m;
}

bool member_set_live(struct member *m, const struct live_member *member,
                     const struct live_member *invite)
{
    bool ok = ledger_set(&m->username, member ? member->username : NULL) &&
              ledger_set(&m->role, member ? member->role : NULL) &&
              ledger_set(&m->invite_role, invite ? invite->role : NULL) &&
              ledger_set(&m->invite_email, invite ? invite->email : NULL);

    m->is_member = member != NULL;
    m->is_invited = invite != NULL;
    return ok;
}

bool fleet_bind_members(struct fleet *f, const struct desired *d)
{
    for (size_t i = 0; i < d->n_members; i++)
        if (!fleet_add_member(f, d->members[i].email))
            return false;
    for (size_t i = 0, j = 0; i < f->n_members; i++) {
        struct member *m = f->members[i];
        const struct member_want *w =
            j < d->n_members && strcmp(m->r.name, d->members[j].email) == 0 ? &d->members[j++]
                                                                            : NULL;

        if (w && (!m->want || m->r.digest != w->digest)) {
            m->is_contended = false;
            m->r.retry_ms = 0; /* an edit is tried at once */
        }
        m->want = w;
        bind_resource(&m->r, w ? &w->at : NULL, w ? w->digest : 0);
    }
    return true;
}

void fleet_sweep_members(struct fleet *f, void (*gone)(void *arg, struct resource *r), void *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->n_members; i++) {
        struct member *m = f->members[i];

        if (m->want || m->has_own || m->r.busy) {
            f->members[kept++] = m;
        } else {
            gone(arg, &m->r);
            member_free(m);
        }
    }
    f->n_members = kept;
}
