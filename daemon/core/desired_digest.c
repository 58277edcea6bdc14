/* desired_digest: what is asked for as one number, to see that it changed.
 * In:    a want.
 * Out:   a digest of what it says; where it says it does not count.
 * Never: anything that could differ between two readings of the same text. */
#include <string.h>

#include "core/desired_build.h"
#include "lib/text.h"

static uint64_t hash_text(uint64_t h, const char *s)
{
    return s ? text_hash(h, s, strlen(s) + 1) : text_hash(h, "\1", 2);
}

static uint64_t hash_number(uint64_t h, int64_t n)
{
    return text_hash(h, &n, sizeof(n));
}

static uint64_t hash_texts(uint64_t h, const char *const *s, size_t n)
{
    h = hash_number(h, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        h = hash_text(h, s[i]);
    return h;
}

static uint64_t hash_tokens(uint64_t h, const struct token_want *tokens, size_t n)
{
    h = hash_number(h, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct token_want *t = &tokens[i];

        h = hash_text(h, t->name);
        h = hash_number(h, t->absent);
        h = hash_number(h, t->authorization);
        h = hash_text(h, t->expiration);
        h = hash_number(h, t->renew_before_ms);
        h = hash_text(h, t->permissions);
        h = hash_text(h, t->file);
        h = hash_number(h, t->format);
        h = hash_number(h, t->mode_set ? (int64_t)t->mode : -1);
        h = hash_text(h, t->notify);
    }
    return h;
}

uint64_t desired_digest_database(const struct merged_db *m)
{
    const struct db_want *w = &m->want;
    uint64_t h = hash_text(TEXT_HASH_INIT, w->group);

    h = hash_text(h, m->residency);
    h = hash_texts(h, w->config.value, CONFIG_N);
    h = hash_number(h, w->engine_set ? (int64_t)w->engine : -1);
    h = hash_number(h, w->protect_set ? w->protect : -1);
    h = hash_number(h, w->observe);
    h = hash_number(h, w->absent);
    h = hash_text(h, w->seed_database);
    h = hash_text(h, w->seed_timestamp);
    if (w->encryption_key) /* an entry without one keeps its digest */
        h = hash_text(hash_number(h, (int64_t)w->cipher), w->encryption_key);
    if (w->seed_upload)
        h = hash_text(hash_text(h, "upload"), w->seed_upload);
    if (w->probe)
        h = hash_text(h, "probe");
    h = hash_number(h, w->expires_after_ms);
    h = hash_number(h, w->expires_at_ms);
    return hash_tokens(h, w->tokens, w->n_tokens);
}

uint64_t desired_digest_group(const struct group_want *g)
{
    uint64_t h = hash_text(TEXT_HASH_INIT, g->location);

    h = hash_text(h, g->extensions);
    h = hash_number(h, g->delete_protection_set ? g->delete_protection : -1);
    h = hash_number(h, g->unarchive);
    h = hash_number(h, g->locations_set);
    h = hash_texts(h, g->locations, g->n_locations);
    h = hash_number(h, g->absent);
    return hash_tokens(h, g->tokens, g->n_tokens);
}

uint64_t desired_digest_api_token(const struct api_token_want *t)
{
    uint64_t h = hash_text(TEXT_HASH_INIT, t->group);

    h = hash_text(h, t->scopes);
    h = hash_number(h, t->rotate_every_ms);
    return hash_tokens(h, &t->token, 1);
}

uint64_t desired_digest_member(const struct member_want *m)
{
    return hash_text(TEXT_HASH_INIT, MEMBER_ROLE_NAME[m->role]);
}

uint64_t desired_digest_all(const struct desired *d)
{
    uint64_t h = hash_number(TEXT_HASH_INIT, (int64_t)d->n_groups);

    for (size_t i = 0; i < d->n_groups; i++)
        h = hash_number(hash_text(h, d->groups[i].name), (int64_t)d->groups[i].digest);
    h = hash_number(h, (int64_t)d->n_residencies);
    for (size_t i = 0; i < d->n_residencies; i++) {
        const struct residency_want *r = &d->residencies[i];

        h = hash_texts(hash_text(h, r->name), r->groups, r->n_groups);
        h = hash_texts(h, r->locations, r->n_locations);
    }
    for (size_t i = 0; i < d->n_api_tokens; i++)
        h = hash_number(hash_text(h, d->api_tokens[i].token.name),
                        (int64_t)d->api_tokens[i].digest);
    for (size_t i = 0; i < d->n_members; i++)
        h = hash_number(hash_text(h, d->members[i].email), (int64_t)d->members[i].digest);
    h = hash_number(h, (int64_t)d->n_databases);
    for (size_t i = 0; i < d->n_databases; i++)
        h = hash_number(hash_text(h, d->databases[i].name),
                        (int64_t)db_entry_want(&d->databases[i])->digest);
    return h;
}

uint64_t desired_digest_key(uint64_t digest, const struct db_want *w)
{
    for (size_t i = 0; i < w->n_tokens; i++) {
        digest = hash_text(digest, w->tokens[i].at.file);
        digest = hash_number(digest, w->tokens[i].at.line);
        digest = hash_number(digest, w->tokens[i].at.column);
    }
    return digest;
}
