/* parsed: a file of the manifest is parsed once, however often it is read.
 * In:    the bytes of a file.
 * Out:   what manifest_parse makes of them, the same each time: nobody changes what is in it.
 * Never: takes one file for another; forgets one that is being looked at. */
#include "tests/proof/parsed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/manifest.h"
#include "lib/text.h"

#define FILES_MAX 512 /* that are remembered */
#define LENT_MAX  64  /* that are looked at */

int __real_manifest_parse(const char *path, enum manifest_kind kind, const char *data, size_t size,
                          struct manifest_room *room, struct manifest *out, struct diags *diags);
void __real_manifest_deinit(struct manifest *m);
int __wrap_manifest_parse(const char *path, enum manifest_kind kind, const char *data, size_t size,
                          struct manifest_room *room, struct manifest *out, struct diags *diags);
void __wrap_manifest_deinit(struct manifest *m);

struct parsed {
    char *path; /* NULL: none is remembered here */
    enum manifest_kind kind;
    char *data;
    size_t size;
    int rc;
    struct manifest m;
    struct diags said;
    unsigned n_lent;
};

static struct parsed files[FILES_MAX];
static struct parsed *lent[LENT_MAX];
static size_t n_lent;
static bool each_anew;

void parsed_anew(bool anew)
{
    each_anew = anew;
}

static bool is_it(const struct parsed *p, const char *path, enum manifest_kind kind,
                  const char *data, size_t size)
{
    return p->path && p->kind == kind && p->size == size && strcmp(p->path, path) == 0 &&
           memcmp(p->data, data, size) == 0;
}

static void forget(struct parsed *p)
{
    if (p->path && p->rc == 0)
        __real_manifest_deinit(&p->m);
    diags_deinit(&p->said);
    free(p->path);
    free(p->data);
    *p = (struct parsed){0};
}

static void remember(struct parsed *p, const char *path, enum manifest_kind kind, const char *data,
                     size_t size)
{
    forget(p);
    p->path = strdup(path);
    p->data = malloc(size + 1);
    if (!p->path || !p->data)
        abort();
    memcpy(p->data, data, size);
    p->kind = kind;
    p->size = size;
    p->rc = __real_manifest_parse(path, kind, data, size, NULL, &p->m, &p->said);
}

int __wrap_manifest_parse(const char *path, enum manifest_kind kind, const char *data, size_t size,
                          struct manifest_room *room, struct manifest *out, struct diags *diags)
{
    struct parsed *p = &files[text_mix(text_mix(kind, path, strlen(path)), data, size) % FILES_MAX];
    bool known = is_it(p, path, kind, data, size);

    if (each_anew || n_lent == LENT_MAX || (!known && p->n_lent))
        return __real_manifest_parse(path, kind, data, size, room, out, diags);
    if (!known)
        remember(p, path, kind, data, size);
    diags_add_all(diags, &p->said);
    *out = p->m;
    if (p->rc == 0) {
        lent[n_lent++] = p;
        p->n_lent++;
    }
    return p->rc;
}

void __wrap_manifest_deinit(struct manifest *m)
{
    for (size_t i = 0; m->path && i < n_lent; i++) {
        if (lent[i]->m.path != m->path)
            continue;
        lent[i]->n_lent--;
        lent[i] = lent[--n_lent];
        *m = (struct manifest){0};
        return;
    }
    __real_manifest_deinit(m);
}
