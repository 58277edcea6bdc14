/* tree: the files below a directory, as a test's input.
 * In:    a directory of tests/data.
 * Out:   its files, sorted; directories walked with fts.
 * Never: writes. */
#include "tests/lib/tree.h"

#include <fts.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char *tree_read_file(const char *path, size_t *out_size)
{
    FILE *f = fopen(path, "rb");
    char *data = NULL;
    size_t capacity = 0;
    size_t size = 0;

    if (!f)
        return NULL;
    do {
        capacity = capacity * 2 + 4096;
        data = realloc(data, capacity);
        assert_non_null(data);
        size += fread(data + size, 1, capacity - size - 1, f);
    } while (!feof(f) && !ferror(f));
    assert_int_equal(ferror(f), 0);
    fclose(f);
    data[size] = '\0';
    if (out_size)
        *out_size = size;
    return data;
}

static void add(struct tree *t, const char *root, const char *path)
{
    struct tree_file *f;

    t->files = realloc(t->files, (t->n + 1) * sizeof(*t->files));
    assert_non_null(t->files);
    f = &t->files[t->n++];
    f->path = strdup(path + strlen(root) + 1);
    f->data = tree_read_file(path, &f->size);
    assert_non_null(f->path);
    assert_non_null(f->data);
}

static int by_path(const void *left, const void *right)
{
    const struct tree_file *a = left;
    const struct tree_file *b = right;

    return strcmp(a->path, b->path);
}

struct tree tree_read(const char *directory)
{
    char *root = strdup(directory);
    char *paths[] = {root, NULL};
    struct tree t = {0};
    FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

    assert_non_null(fts);
    for (FTSENT *e = fts_read(fts); e; e = fts_read(fts))
        if (e->fts_info == FTS_F)
            add(&t, directory, e->fts_path);
    fts_close(fts);
    free(root);
    if (t.n > 1)
        qsort(t.files, t.n, sizeof(*t.files), by_path);
    return t;
}

void tree_deinit(struct tree *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->files[i].path);
        free(t->files[i].data);
    }
    free(t->files);
    *t = (struct tree){0};
}
