/* sim_seeds: files below seeds_dir, drafts that wait for one, and the hosts of databases.
 * In:    calls, in the order in which they arrive; what people do.
 * Out:   answers; the truth, for tests to look at.
 * Never: chance, clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sim_platform.h"

#define SET(to, from) snprintf((to), sizeof(to), "%s", (from))

struct platform_seed *platform_seed(struct platform *p, const char *path)
{
    for (size_t i = 0; i < p->n_seeds; i++)
        if (strcmp(p->seeds[i].path, path) == 0)
            return &p->seeds[i];
    return NULL;
}

struct platform_seed *platform_put_seed(struct platform *p, const char *path)
{
    struct platform_seed *s = platform_seed(p, path);

    if (!s) {
        assert_true(p->n_seeds < ARRAY_SIZE(p->seeds));
        s = &p->seeds[p->n_seeds++];
        *s = (struct platform_seed){0};
        SET(s->path, path);
    }
    s->is_gone = false;
    s->bad[0] = s->refused[0] = '\0';
    s->state = ++p->next_seed;
    return s;
}

/* What io would say of the file; NULL: it is not there, or not fit. */
static const struct platform_seed *look(struct platform *p, const struct call *c, struct answer *a)
{
    const struct platform_seed *s = platform_seed(p, c->seed_file);
    char state[24];

    if (!s || s->is_gone || *s->bad) {
        a->outcome = OUTCOME_SEED_FILE;
        snprintf(a->error, sizeof(a->error), "%s: %s", c->seed_file,
                 s && !s->is_gone ? s->bad : "No such file or directory");
        return NULL;
    }
    snprintf(state, sizeof(state), "s-%u", s->state);
    a->seed_state = arena_strdup(&a->arena, state);
    a->seed_size = 4096;
    return s;
}

static bool opens(struct platform *p, const struct call *c, const struct platform_db *d)
{
    const struct platform_token *t = c->jwt ? platform_token(p, c->jwt) : NULL;

    return t && !t->dead && strcmp(t->target_id, d->id) == 0 &&
           (!t->expires_ms || t->expires_ms > p->wall_ms);
}

static void upload(struct platform *p, const struct call *c, struct platform_db *d,
                   struct answer *a)
{
    const struct platform_seed *s = look(p, c, a);

    if (!s)
        return;
    if (!d->is_draft || *s->refused) {
        a->outcome = OUTCOME_INVALID;
        SET(a->error, d->is_draft ? s->refused : "it does not wait for an upload");
        return;
    }
    d->is_draft = false;
    d->holds = s->state;
}

bool platform_seeds_call(struct platform *p, const struct call *c, struct answer *a)
{
    struct platform_db *d = c->name ? platform_db(p, c->name) : NULL;

    if (c->kind == CALL_SEED_LOOK) {
        (void)look(p, c, a);
        return true;
    }
    if (c->kind != CALL_DATABASE_UPLOAD && c->kind != CALL_DATABASE_ASK)
        return false;
    if (!d || (d->is_draft && c->kind == CALL_DATABASE_ASK))
        a->outcome = OUTCOME_NOT_FOUND;
    else if (!opens(p, c, d))
        a->outcome = OUTCOME_UNAUTHORIZED;
    else if (c->kind == CALL_DATABASE_UPLOAD)
        upload(p, c, d, a);
    else
        a->holds_something = d->holds != 0;
    return true;
}
