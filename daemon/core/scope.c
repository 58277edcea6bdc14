/* scope: what a platform API token may do.
 * In:    words of a manifest, or of the platform.
 * Out:   a set: "db:create,read", sorted, presets expanded.
 * Never: takes an unknown word for a known one. */
#include "core/scope.h"

#include <string.h>

#include "lib/mem.h"
#include "lib/search.h"

/* Sorted. */
static const char *const SCOPES[] = {"db:configure",     "db:create",          "db:delete",
                                     "db:mint-token",    "db:rotate-creds",    "group:configure",
                                     "group:mint-token", "group:rotate-creds", "read"};
static const char *const READ_ONLY[] = {"read"};

static const struct {
    const char *name;
    const char *const *scopes;
    size_t n;
} PRESETS[] = {
    {"full-access", SCOPES, ARRAY_SIZE(SCOPES)},
    {"read-only", READ_ONLY, ARRAY_SIZE(READ_ONLY)},
};

bool scope_is_word(const char *s, size_t n)
{
    (void)n;
    for (size_t i = 0; i < ARRAY_SIZE(SCOPES); i++)
        if (strcmp(s, SCOPES[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(PRESETS); i++)
        if (strcmp(s, PRESETS[i].name) == 0)
            return true;
    return false;
}

static size_t expand(const char *word, const char **out)
{
    for (size_t i = 0; i < ARRAY_SIZE(PRESETS); i++) {
        if (strcmp(word, PRESETS[i].name) != 0)
            continue;
        memcpy((void *)out, (const void *)PRESETS[i].scopes, PRESETS[i].n * sizeof(*out));
        return PRESETS[i].n;
    }
    *out = word;
    return 1;
}

bool scope_add_set(struct buf *out, const char *const *words, size_t n)
{
    const char **all = mem_alloc((n * ARRAY_SIZE(SCOPES) + 1) * sizeof(*all));
    size_t n_all = 0;
    bool ok = all != NULL;

    for (size_t i = 0; ok && i < n; i++)
        n_all += expand(words[i], all + n_all);
    search_sort((void *)all, n_all, sizeof(*all));
    for (size_t i = 0; ok && i < n_all; i++)
        if (i == 0 || strcmp(all[i], all[i - 1]) != 0)
            ok = buf_printf(out, "%s%s", i ? "," : "", all[i]);
    mem_free((void *)all);
    return ok;
}
