/* chaos_known: what we made and what lives of it is in the ledger, in the end, and files open what
 * their rows say.
 * In:    a simulation that has settled. Out: the first thing that is not so. Never: changes
 * anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "tests/proof/chaos.h"

/* Its create was never answered, and before it was seen somebody deleted it: nothing tells whose it
 * is when somebody restores it. */
static bool is_nobodys(const struct platform_db *d)
{
    return d->deleted_ms && !d->was_ours;
}

/* A draft that we deleted, and that somebody restored, was never a database of ours. */
static bool was_dropped(const struct sim *s, const struct platform_db *d)
{
    char key[sizeof("draft/") + sizeof(d->id)];

    snprintf(key, sizeof(key), "draft/%s", d->id);
    for (size_t i = 0; d->is_draft && i < s->ledger.n; i++)
        if (s->ledger.rows[i].table == LEDGER_META &&
            text_is(((const struct meta *)s->ledger.rows[i].row)->key, key))
            return true;
    return false;
}

/* It came when another one of ours had been made and somebody had deleted that: a stranger in its
 * place, as far as anybody can tell. */
static bool is_in_anothers_place(const struct platform_db *d, const struct owned *own)
{
    return d->came_late && own && text_is(own->state, "owned");
}

/* No answer said that it was made, and some that it is not there. */
static bool was_denied(const struct platform_db *d)
{
    return d->was_hidden && !d->is_told;
}

/* What we made and still lives is ours in the ledger, unless it was released. */
static void check_ledger(struct sim *s)
{
    for (size_t i = 0; i < s->platform.n_databases; i++) {
        const struct platform_db *d = &s->platform.databases[i];
        const struct owned *own = sim_owned(&s->ledger, "database", d->name);

        if (d->live && d->by_daemon && !is_nobodys(d) && !was_denied(d) && !was_dropped(s, d) &&
            !sim_word_stands(s, "released", "database", d->name) && !is_in_anothers_place(d, own) &&
            !(own && text_is(own->id, d->id)))
            sim_break(s, "in the end database %s, %s, is ours and the ledger does not know",
                      d->name, d->id);
    }
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct owned *own = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_OWNED && text_is(own->state, "creating") &&
            !platform_db(&s->platform, own->name)) /* else it is a conflict */
            sim_break(s, "in the end nobody knows what became of %s/%s", own->kind, own->name);
    }
}

/* What lives of our making is known, by its id; but that one whose answer was lost can only be
 * found in a list. */
static void check_keys(struct sim *s)
{
    for (size_t i = 0; i < s->platform.n_api_tokens; i++) {
        const struct platform_api_token *t = &s->platform.api_tokens[i];
        bool known = !t->live || !t->by_daemon || t->was_hidden;

        for (size_t k = 0; k < s->ledger.n && !known; k++)
            known = s->ledger.rows[k].table == LEDGER_ISSUED &&
                    text_is(((const struct issued *)s->ledger.rows[k].row)->id, t->id);
        if (!known)
            sim_break(s, "in the end API token %s, %s, is ours and the ledger does not know",
                      t->name, t->id);
    }
}

/* A file is of the token whose row names it, or of nobody's. */
static void check_files(struct sim *s)
{
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct held_token *h = s->ledger.rows[i].row;
        const struct sim_file *f;
        const struct platform_token *t;

        if (s->ledger.rows[i].table != LEDGER_TOKEN || !text_is(h->state, "published"))
            continue;
        f = sim_find_file(s, h->file);
        t = f && text_is(h->hash, f->hash) ? platform_token(&s->platform, f->hash) : NULL;
        if (t && !text_is(h->target_id, t->target_id))
            sim_break(s, "in the end %s opens %s, and not %s", h->file, t->target_id, h->target_id);
    }
}

void chaos_check_known(struct sim *s)
{
    check_ledger(s);
    check_keys(s);
    check_files(s);
}
