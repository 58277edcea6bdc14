#include "io/varlink_lint.h"

#include <stdbool.h>
#include <string.h>

#include "core/limits.h"
#include "lib/json_read.h"

struct key {
    const char *s;
    size_t n;
    unsigned object; /* number of the object that it is in */
};

struct lint {
    unsigned n_objects;
    size_t n_keys;
    struct key keys[LIMIT_CONTROL_KEYS];
    const struct key *blame;
    const char *what;
    const char *at;
};

static bool wrong(struct lint *l, const char *what, const struct json_value *key)
{
    l->what = what;
    l->at = key->at + key->size;
    return false;
}

static bool remember(struct lint *l, const struct json_value *key, unsigned object)
{
    const struct key k = {key->at + 1, key->size - 2, object};

    if (memchr(k.s, '\\', k.n))
        return wrong(l, "a key is not a name", key);
    if (l->n_keys == LIMIT_CONTROL_KEYS)
        return wrong(l, "too many keys", key);
    for (size_t i = 0; i < l->n_keys; i++) {
        const struct key *other = &l->keys[i];

        if (other->object != object || other->n != k.n || memcmp(other->s, k.s, k.n) != 0)
            continue;
        l->blame = other;
        return wrong(l, "a key stands there twice", key);
    }
    l->keys[l->n_keys++] = k;
    return true;
}

/* All keys in it; as deep as json_read let it be. */
static bool visit(struct lint *l, const struct json_value *v)
{
    unsigned object = l->n_objects++;
    struct json_value item = {.kind = JSON_ABSENT};
    struct json_value key;

    while (json_next(v, &key, &item))
        if ((v->kind == JSON_OBJECT && !remember(l, &key, object)) || !visit(l, &item))
            return false;
    return true;
}

int varlink_lint(const char *s, size_t n, const char **out_key, size_t *out_size, struct err *err)
{
    struct lint l = {.n_objects = 0};
    struct json_value whole;
    int rc = json_read(s, n, LIMIT_JSON_DEPTH, NULL, &whole, err);

    *out_key = NULL;
    *out_size = 0;
    if (rc < 0 || visit(&l, &whole))
        return rc;
    if (l.blame) {
        *out_key = l.blame->s;
        *out_size = l.blame->n;
    }
    return err_set(err, ERR_INVALID, "not JSON as it should be: %s at byte %zu", l.what,
                   (size_t)(l.at - s));
}
