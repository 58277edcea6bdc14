/* audit: what was done in an organization, by whom.
 * In:    a code of the platform's, words about what it was done to.
 * Out:   entries, newest first, page by page.
 * Never: holds a secret; keeps more than a fixed number. */
#include "audit.h"

#include <string.h>
#include <strings.h>

#include "api_token.h"
#include "emit.h"
#include "lib/mem.h"
#include "request.h"

#define CLI_AGENT "turso-cli"

struct audit_entry {
    int64_t created_ms;
    enum audit_code code;
    bool by_cli;
    const char *key; /* static text */
    char *author;
    char *value;
};

#define AUDIT_TEXT(name, text) [name] = text,
static const char *const CODES[] = {AUDIT_TABLE(AUDIT_TEXT)};
#undef AUDIT_TEXT

bool audit_code_parse(const char *text, enum audit_code *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(CODES); i++) {
        if (!strcmp(CODES[i], text)) {
            *out = (enum audit_code)i;
            return true;
        }
    }
    return false;
}

static void entry_free(struct audit_entry *entry)
{
    if (!entry)
        return;
    mem_free(entry->author);
    mem_free(entry->value);
    mem_free(entry);
}

/* The slot of the next entry, emptied; NULL when there is no memory for a new one. */
static struct audit_entry **next_slot(struct audit *audit)
{
    size_t at = (size_t)(audit->n % AUDIT_MAX);

    if (at == audit->n_slots) {
        if (!mem_grow(&audit->ring, &audit->capacity, at + 1, sizeof(struct audit_entry *)))
            return NULL;
        audit->ring[audit->n_slots++] = NULL;
    }
    entry_free(audit->ring[at]);
    audit->ring[at] = NULL;
    return &audit->ring[at];
}

void audit_add(struct audit *audit, const struct request *rq, enum audit_code code, const char *key,
               const char *value)
{
    struct audit_entry *entry = mem_alloc(sizeof(*entry));
    struct audit_entry **slot;

    if (entry) {
        *entry = (struct audit_entry){
            .created_ms = rq->now_ms,
            .code = code,
            .by_cli = !strncasecmp(rq->user_agent, CLI_AGENT, strlen(CLI_AGENT)),
            .key = key,
            .author = mem_strdup(rq->caller ? rq->caller->user->name : value),
            .value = mem_strdup(value),
        };
    }
    slot = entry && entry->author && entry->value ? next_slot(audit) : NULL;
    if (!slot) {
        entry_free(entry);
        return;
    }
    *slot = entry;
    audit->n++;
}

size_t audit_count(const struct audit *audit)
{
    return audit->n < AUDIT_MAX ? (size_t)audit->n : AUDIT_MAX;
}

static void write_entry(const struct audit_entry *entry, struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_string(out, "code", CODES[entry->code]);
    emit_string(out, "message", "");
    emit_string(out, "origin", entry->by_cli ? "cli" : "web");
    emit_string(out, "author", entry->author);
    emit_time(out, "created_at", entry->created_ms);
    emit_open(out, "data", '{');
    emit_string(out, entry->key, entry->value);
    emit_close(out, '}');
    emit_close(out, '}');
}

void audit_write(const struct audit *audit, size_t skip, size_t limit, struct buf *out)
{
    size_t n = audit_count(audit);

    for (size_t i = skip; i < n && i - skip < limit; i++)
        write_entry(audit->ring[(size_t)((audit->n - 1 - i) % AUDIT_MAX)], out);
}

void audit_deinit(struct audit *audit)
{
    for (size_t i = 0; i < audit->n_slots; i++)
        entry_free(audit->ring[i]);
    mem_free(audit->ring);
    *audit = (struct audit){0};
}
