/* desired_text: a struct desired as stable text.
 * In:    what is wanted.
 * Out:   lines; what is not set is not shown.
 * Never: digests, which are for telling things apart. */
#include "tests/lib/desired_text.h"

#include "lib/text.h"

static void at(struct buf *out, struct source s)
{
    buf_printf(out, " %s:%u:%u", s.file, s.line, s.column);
}

static void field(struct buf *out, const char *key, const char *value)
{
    if (value)
        buf_printf(out, " %s=%s", key, value);
}

static void flag(struct buf *out, const char *key, bool set, bool value)
{
    if (set)
        buf_printf(out, " %s=%s", key, value ? "true" : "false");
}

static void word(struct buf *out, const char *text, bool value)
{
    if (value)
        buf_printf(out, " %s", text);
}

static void list(struct buf *out, const char *key, const char *const *items, size_t n)
{
    buf_printf(out, " %s=[", key);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s", i ? "," : "", items[i]);
    buf_add_char(out, ']');
}

/* e: a database's; NULL: a group's. */
static void tokens(struct buf *out, enum token_of of, const char *target,
                   const struct token_want *t, size_t n, const struct db_entry *e)
{
    char renew[TEXT_DURATION_SIZE];

    for (size_t i = 0; i < n; i++, t++) {
        buf_printf(out, "  token %s", t->name);
        at(out, e ? desired_token_at(e, t) : t->at);
        if (t->absent) {
            buf_add_str(out, " absent\n");
            continue;
        }
        buf_printf(out, " %s %s renew=%s file=",
                   t->authorization == AUTH_READ_ONLY ? "read-only" : "full-access", t->expiration,
                   text_duration(t->renew_before_ms, renew));
        desired_token_file(out, of, target, t);
        word(out, "(named)", t->file);
        if (t->mode_set)
            buf_printf(out, " mode=%04o", t->mode);
        field(out, "notify", t->notify);
        field(out, "permissions", t->permissions);
        buf_add_char(out, '\n');
    }
}

static void group(struct buf *out, const struct group_want *g)
{
    buf_printf(out, "group %s", g->name);
    at(out, g->at);
    field(out, "location", g->location);
    field(out, "extensions", g->extensions);
    flag(out, "delete_protection", g->delete_protection_set, g->delete_protection);
    word(out, "unarchive", g->unarchive);
    if (g->locations_set)
        list(out, "locations", g->locations, g->n_locations);
    word(out, "absent", g->absent);
    word(out, "frozen", g->frozen);
    buf_add_char(out, '\n');
    tokens(out, TOKEN_OF_GROUP, g->name, g->tokens, g->n_tokens, NULL);
}

static void residency(struct buf *out, const struct residency_want *r)
{
    buf_printf(out, "residency %s", r->name);
    at(out, r->at);
    list(out, "groups", r->groups, r->n_groups);
    list(out, "locations", r->locations, r->n_locations);
    buf_add_char(out, '\n');
}

static void expires(struct buf *out, const struct db_want *w)
{
    char text[TEXT_DURATION_SIZE > TEXT_TIME_SIZE ? TEXT_DURATION_SIZE : TEXT_TIME_SIZE];

    if (w->expires_after_ms)
        field(out, "expires", text_duration(w->expires_after_ms, text));
    if (w->expires_at_ms)
        field(out, "expires", text_time(w->expires_at_ms, text));
}

static void database(struct buf *out, const struct db_entry *e)
{
    const struct db_want *w = db_entry_want(e);

    buf_printf(out, "database %s", e->name);
    at(out, db_entry_at(e));
    field(out, "group", w->group);
    field(out, "residency", w->residency ? w->residency->name : NULL);
    for (size_t i = 0; i < CONFIG_N; i++)
        field(out, CONFIG_FIELD[i].key, w->config.value[i]);
    if (w->engine_set)
        field(out, "engine", w->engine == ENGINE_TURSODB ? "tursodb" : "libsql");
    flag(out, "protect", w->protect_set, w->protect);
    flag(out, "probe", w->probe, true);
    word(out, "observe", w->observe);
    field(out, "seed", w->seed_database);
    field(out, "seed_at", w->seed_timestamp);
    field(out, "seed_upload", w->seed_upload);
    field(out, "cipher", w->encryption_key ? CIPHER_NAME[w->cipher] : NULL);
    field(out, "key", w->encryption_key);
    expires(out, w);
    word(out, "absent", w->absent);
    word(out, "from_tenants_dir", e->form->from_tenants_dir);
    word(out, "frozen", e->form->frozen);
    buf_add_char(out, '\n');
    tokens(out, TOKEN_OF_DATABASE, e->name, w->tokens, w->n_tokens, e);
}

static void api_token(struct buf *out, const struct api_token_want *t)
{
    char every[TEXT_DURATION_SIZE];

    buf_printf(out, "api-token %s", t->token.name);
    at(out, t->token.at);
    word(out, "frozen", t->frozen);
    if (t->token.absent) {
        buf_add_str(out, " absent\n");
        return;
    }
    field(out, "group", t->group);
    field(out, "scopes", t->scopes);
    if (t->rotate_every_ms)
        field(out, "rotate_every", text_duration(t->rotate_every_ms, every));
    buf_add_str(out, " file=");
    desired_token_file(out, TOKEN_OF_API, NULL, &t->token);
    if (t->token.mode_set)
        buf_printf(out, " mode=%04o", t->token.mode);
    field(out, "notify", t->token.notify);
    buf_add_char(out, '\n');
}

void desired_text(const struct desired *d, struct buf *out)
{
    buf_printf(out, "%s, %zu file%s\n", d->whole ? "whole" : "not whole", d->n_files,
               d->n_files == 1 ? "" : "s");
    for (size_t i = 0; i < d->n_groups; i++)
        group(out, &d->groups[i]);
    for (size_t i = 0; i < d->n_residencies; i++)
        residency(out, &d->residencies[i]);
    for (size_t i = 0; i < d->n_databases; i++)
        database(out, &d->databases[i]);
    for (size_t i = 0; i < d->n_api_tokens; i++)
        api_token(out, &d->api_tokens[i]);
    for (size_t i = 0; i < d->n_members; i++) {
        buf_printf(out, "member %s", d->members[i].email);
        at(out, d->members[i].at);
        word(out, "frozen", d->members[i].frozen);
        field(out, "role", MEMBER_ROLE_NAME[d->members[i].role]);
        buf_add_char(out, '\n');
    }
}
