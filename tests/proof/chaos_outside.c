/* chaos_outside: what everybody else does: in the dashboard, with scripts, in tokens_dir.
 * In:    chance, a simulation. Out: something that happened to it. Never: checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "tests/proof/chaos_happen.h"

void outside_db_deleted(struct chaos *c)
{
    struct platform_db *d = platform_db(&c->s.platform, chaos_any_db(c));

    c->s.platform.wall_ms = c->s.wall_ms;
    if (d)
        platform_drop_db(&c->s.platform, d);
}

void outside_db_made(struct chaos *c)
{
    const char *name = chaos_any_db(c);
    const char *group = chaos_any_group(c);

    if (platform_group(&c->s.platform, group) && !platform_db(&c->s.platform, name))
        platform_make_db(&c->s.platform, name, group);
}

void outside_db_remade(struct chaos *c)
{
    struct platform_db *d = platform_db(&c->s.platform, chaos_any_db(c));
    char group[PLATFORM_NAME_BYTES];

    if (!d)
        return;
    snprintf(group, sizeof(group), "%s", d->group);
    platform_drop_db(&c->s.platform, d);
    platform_make_db(&c->s.platform, d->name, group);
}

/* It comes back under its own id. */
void outside_db_restored(struct chaos *c)
{
    struct platform *p = &c->s.platform;
    const char *name = chaos_any_db(c);

    for (size_t i = p->n_databases; i-- && !platform_db(p, name);)
        if (strcmp(p->databases[i].name, name) == 0 && platform_group(p, p->databases[i].group))
            p->databases[i].live = p->databases[i].was_hidden = true;
}

void outside_db_reconfigured(struct chaos *c)
{
    static const enum config_field FIELDS[] = {CONFIG_SIZE_LIMIT, CONFIG_DELETE_PROTECTION,
                                               CONFIG_BLOCK_READS, CONFIG_BLOCK_WRITES};
    struct platform_db *d = platform_db(&c->s.platform, chaos_any_db(c));
    enum config_field f = FIELDS[chaos_pick(c, ARRAY_SIZE(FIELDS))];

    if (!d)
        return;
    d->moved[f] = true;
    platform_set(d, f,
                 f == CONFIG_SIZE_LIMIT ? (chaos_once_in(c, 2) ? "128mb" : "2gb")
                 : chaos_once_in(c, 2)  ? "true"
                                        : "false");
    if (f >= CONFIG_BLOCK_READS && !text_is(d->config[f], "true"))
        d->shut[f] = false;           /* they let its users in again */
    else if (f >= CONFIG_BLOCK_READS) /* they keep them out: what stands is theirs, whole */
        d->shut[CONFIG_BLOCK_READS] = d->shut[CONFIG_BLOCK_WRITES] = false;
}

/* Of anybody's. */
static struct platform_api_token *any_key(struct chaos *c)
{
    struct platform *p = &c->s.platform;
    struct platform_api_token *t =
        p->n_api_tokens ? &p->api_tokens[chaos_pick(c, (unsigned)p->n_api_tokens)] : NULL;

    return t && t->live ? t : NULL;
}

void outside_key_revoked(struct chaos *c)
{
    struct platform_api_token *t = any_key(c);

    if (t)
        t->live = false;
}

/* Of a name that the daemon would choose. */
void outside_key_made(struct chaos *c)
{
    char name[32];
    struct platform_api_token *t;

    if (c->s.platform.n_api_tokens > 30)
        return;
    snprintf(name, sizeof(name), "%s--g%u", model_key_name(chaos_pick(c, MODEL_KEYS)),
             1 + chaos_pick(c, 4));
    if (platform_api_token(&c->s.platform, name))
        return;
    t = platform_make_api_token(&c->s.platform, name, NULL, "db:delete");
    if (chaos_once_in(c, 2)) /* the user that the daemon is, too: but for what it never asks */
        snprintf(t->owner, sizeof(t->owner), "robot");
}

/* The daemon is given one of its own, or the first one back. It may not be told which it is. */
void outside_key_of_its_own(struct chaos *c)
{
    struct platform_api_token *t = chaos_once_in(c, 2) ? any_key(c) : NULL;
    bool tells = !chaos_once_in(c, 3);

    snprintf(c->s.self_id, sizeof(c->s.self_id), "%s", !tells ? "" : t ? t->id : "k-0");
    snprintf(c->s.self_hash, sizeof(c->s.self_hash), "%s", t ? t->hash : "self");
    reconcile_identify(c->s.rc, OWN_TOKEN, c->s.self_id, c->s.self_hash);
    sim_tell(&c->s, (struct rc_event){.kind = RC_CREDENTIAL});
}

/* Nobody knows, but where a database of the group is probed. */
void outside_keys_rotated(struct chaos *c)
{
    struct platform *p = &c->s.platform;
    const char *group = chaos_any_group(c);

    for (size_t i = 0; i < p->n_tokens; i++)
        p->tokens[i].was_killed = p->tokens[i].was_killed || !p->tokens[i].dead;
    if (platform_group(p, group))
        platform_rotate(p, group);
    for (size_t i = 0; i < p->n_tokens; i++)
        p->tokens[i].was_killed = p->tokens[i].was_killed && p->tokens[i].dead;
}

void outside_group_made(struct chaos *c)
{
    const char *name = chaos_any_group(c);

    if (!platform_group(&c->s.platform, name) && c->s.platform.n_groups < 14)
        platform_make_group(&c->s.platform, name,
                            chaos_once_in(c, 3) ? "aws-ap-south-1" : "aws-eu-west-1");
}

void outside_group_deleted(struct chaos *c)
{
    struct platform_group *g = platform_group(&c->s.platform, chaos_any_group(c));

    if (g && chaos_once_in(c, 3))
        platform_drop_group(&c->s.platform, g);
}

void outside_group_reconfigured(struct chaos *c)
{
    struct platform_group *g = platform_group(&c->s.platform, chaos_any_group(c));

    if (g && chaos_once_in(c, 2))
        g->protection = !g->protection;
    else if (g)
        g->archived = !g->archived;
}

void outside_file_of_token_gone(struct chaos *c)
{
    struct sim_file *f;

    if (!c->s.n_files)
        return;
    f = &c->s.files[chaos_pick(c, (unsigned)c->s.n_files)];
    if (chaos_once_in(c, 3)) {
        sim_put_file(&c->s, f->path, "", TOKEN_JWT);
        f->is_odd = true;
    } else {
        sim_drop_file(&c->s, f);
    }
}

/* Somebody writes another's token there, or no token at all. What never stood in a file nobody has.
 */
void outside_file_of_token_overwritten(struct chaos *c)
{
    const struct platform *p = &c->s.platform;
    const struct platform_token *t = NULL;
    struct sim_file *f;

    if (!c->s.n_files)
        return;
    f = &c->s.files[chaos_pick(c, (unsigned)c->s.n_files)];
    if (p->n_tokens && chaos_once_in(c, 2))
        t = &p->tokens[chaos_pick(c, (unsigned)p->n_tokens)];
    sim_put_file(&c->s, f->path, t && t->was_published ? t->hash : "", TOKEN_JWT);
    f->by_stranger = true;
}

/* Somebody else uploads to a draft. */
void outside_draft_filled(struct chaos *c)
{
    struct platform_db *d = platform_db(&c->s.platform, chaos_any_db(c));

    if (!d || !d->is_draft)
        return;
    d->is_draft = false;
    d->holds = 1000;
    d->filled_ms = c->s.now_ms;
}
