/* manifest_text: a struct manifest as stable text.
 * In:    a manifest.
 * Out:   lines; what an entry does not name is not shown. */
#include "tests/lib/manifest_text.h"

#include "lib/text.h"

static void head(struct buf *out, const char *kind, const char *name, struct source at)
{
    buf_printf(out, "%s %s %s:%u:%u", kind, name, at.file, at.line, at.column);
}

static void field(struct buf *out, bool set, const char *key, const char *value)
{
    if (set)
        buf_printf(out, " %s=%s", key, value ? value : "none");
}

static void flag(struct buf *out, bool set, const char *key, bool value)
{
    field(out, set, key, value ? "true" : "false");
}

static void list(struct buf *out, bool set, const char *key, const char *const *items, size_t n)
{
    if (!set)
        return;
    buf_printf(out, " %s=[", key);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%s", i ? " " : "", items[i]);
    buf_add_char(out, ']');
}

static void duration(struct buf *out, bool set, const char *key, int64_t ms)
{
    char text[TEXT_DURATION_SIZE];

    field(out, set, key, text_duration(ms, text));
}

static void tokens(struct buf *out, const struct token_spec *t, size_t n)
{
    static const char *const FORMATS[] = {"jwt", "env", "json"};

    for (; n > 0; n--, t++) {
        head(out, "  token", t->name, t->at);
        field(out, t->set & TOKEN_SET_AUTHORIZATION, "authorization",
              t->authorization == AUTH_READ_ONLY ? "read-only" : "full-access");
        field(out, t->set & TOKEN_SET_EXPIRATION, "expiration", t->expiration);
        duration(out, t->set & TOKEN_SET_EXPIRATION, "life", t->expiration_ms);
        duration(out, t->set & TOKEN_SET_RENEW_BEFORE, "renew_before", t->renew_before_ms);
        field(out, t->set & TOKEN_SET_PERMISSIONS, "permissions", t->permissions);
        field(out, t->set & TOKEN_SET_FILE, "file", t->file);
        field(out, t->set & TOKEN_SET_FORMAT, "format", FORMATS[t->format]);
        if (t->set & TOKEN_SET_MODE)
            buf_printf(out, " mode=%04o", t->mode);
        field(out, t->set & TOKEN_SET_NOTIFY, "notify", t->notify);
        flag(out, t->set & TOKEN_SET_STATE, "absent", t->absent);
        buf_add_char(out, '\n');
    }
}

static void group(struct buf *out, const struct group_spec *g)
{
    head(out, "group", g->name, g->at);
    field(out, g->set & GROUP_SET_LOCATION, "location", g->location);
    field(out, g->set & GROUP_SET_EXTENSIONS, "extensions", g->extensions);
    flag(out, g->set & GROUP_SET_DELETE_PROTECTION, "delete_protection", g->delete_protection);
    flag(out, g->set & GROUP_SET_UNARCHIVE, "unarchive", g->unarchive);
    list(out, g->set & GROUP_SET_LOCATIONS, "locations", g->locations, g->n_locations);
    flag(out, g->set & GROUP_SET_STATE, "absent", g->absent);
    field(out, g->set & GROUP_SET_TOKENS, "tokens", "");
    buf_add_char(out, '\n');
    tokens(out, g->tokens, g->n_tokens);
}

static void database(struct buf *out, const char *kind, const struct db_spec *d)
{
    char at[TEXT_TIME_SIZE];

    head(out, kind, d->name, d->at);
    field(out, d->says->set & DB_SET_CLASS, "class", d->says->class_name);
    field(out, d->says->set & DB_SET_GROUP, "group", d->says->group);
    field(out, d->says->set & DB_SET_RESIDENCY, "residency", d->says->residency);
    for (int i = 0; i < CONFIG_N; i++)
        field(out, d->says->config.value[i], CONFIG_FIELD[i].key, d->says->config.value[i]);
    field(out, d->says->set & DB_SET_ENGINE, "engine",
          d->says->engine == ENGINE_LIBSQL ? "libsql" : "tursodb");
    flag(out, d->says->set & DB_SET_PROTECT, "protect", d->says->protect);
    flag(out, d->says->set & DB_SET_MANAGE, "observe", d->says->observe);
    flag(out, d->says->set & DB_SET_PROBE, "probe", d->says->probe);
    field(out, d->says->seed_database, "seed", d->says->seed_database);
    field(out, d->says->seed_timestamp, "timestamp", d->says->seed_timestamp);
    field(out, d->says->seed_upload, "upload", d->says->seed_upload);
    field(out, d->says->set & DB_SET_ENCRYPTION, "cipher", CIPHER_NAME[d->says->cipher]);
    field(out, d->says->set & DB_SET_ENCRYPTION, "key", d->says->encryption_key);
    duration(out, d->says->expires_after_ms, "expires_after", d->says->expires_after_ms);
    field(out, d->says->expires_at_ms, "expires_at", text_time(d->says->expires_at_ms, at));
    flag(out, d->says->set & DB_SET_STATE, "absent", d->says->absent);
    field(out, d->says->set & DB_SET_TOKENS, "tokens", "");
    buf_add_char(out, '\n');
    tokens(out, d->says->tokens, d->says->n_tokens);
}

static void api_token(struct buf *out, const struct api_token_spec *a)
{
    static const char *const FORMATS[] = {"jwt", "env", "json"};
    const struct token_spec *t = &a->token;

    head(out, "api-token", t->name, t->at);
    field(out, a->group, "group", a->group);
    field(out, a->scopes, "scopes", a->scopes);
    duration(out, a->rotate_every_ms, "rotate_every", a->rotate_every_ms);
    field(out, t->file, "file", t->file);
    field(out, t->format, "format", FORMATS[t->format]);
    if (t->set & TOKEN_SET_MODE)
        buf_printf(out, " mode=%04o", t->mode);
    field(out, t->notify, "notify", t->notify);
    flag(out, t->absent, "absent", t->absent);
    buf_add_char(out, '\n');
}

void manifest_text(const struct manifest *m, struct buf *out)
{
    buf_printf(out, "manifest %s %s\n", m->path, m->is_root ? "root" : "databases alone");
    if (m->organization) {
        head(out, "organization", m->organization, m->organization_at);
        buf_add_char(out, '\n');
    }
    for (size_t i = 0; i < m->n_groups; i++)
        group(out, &m->groups[i]);
    for (size_t i = 0; i < m->n_residencies; i++) {
        const struct residency_spec *r = &m->residencies[i];

        head(out, "residency", r->name, r->at);
        list(out, true, "groups", r->groups, r->n_groups);
        list(out, true, "locations", r->locations, r->n_locations);
        buf_add_char(out, '\n');
    }
    for (size_t i = 0; i < m->n_classes; i++)
        database(out, "class", &m->classes[i]);
    for (size_t i = 0; i < m->n_databases; i++)
        database(out, "database", &m->databases[i]);
    for (size_t i = 0; i < m->n_api_tokens; i++)
        api_token(out, &m->api_tokens[i]);
    for (size_t i = 0; i < m->n_members; i++) {
        head(out, "member", m->members[i].email, m->members[i].at);
        field(out, true, "role", MEMBER_ROLE_NAME[m->members[i].role]);
        buf_add_char(out, '\n');
    }
}
