/* cases: the files of a directory, each to be read and compared with what stands beside it.
 * In:    a directory, a function for each file.
 * Out:   failures that name the file and show both texts. */
#include "tests/lib/cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/mem.h"
#include "tests/lib/tree.h"

#define TEXT_MAX (1u << 20)

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s);

    return n >= strlen(end) && strcmp(s + n - strlen(end), end) == 0;
}

/* The file beside `name` with another ending; NULL: none. */
static const char *beside(const struct tree *t, const char *name, const char *ending)
{
    size_t stem = (size_t)(strrchr(name, '.') - name);

    for (size_t i = 0; i < t->n; i++) {
        const char *path = t->files[i].path;

        if (strncmp(path, name, stem) == 0 && strcmp(path + stem, ending) == 0)
            return t->files[i].data;
    }
    return NULL;
}

size_t cases_each(const char *directory, void (*run)(const struct case_file *c))
{
    struct tree t = tree_read(directory);
    size_t n = 0;

    for (size_t i = 0; i < t.n; i++) {
        const struct tree_file *f = &t.files[i];
        const char *expect = beside(&t, f->path, ".expect");
        char *exact;

        if (!ends_with(f->path, ".yaml") && !ends_with(f->path, ".json"))
            continue;
        exact = malloc(f->size ? f->size : 1);
        assert_non_null(exact);
        if (f->size)
            memcpy(exact, f->data, f->size);
        run(&(struct case_file){.name = f->path,
                                .data = exact,
                                .size = f->size,
                                .expect = expect ? expect : "",
                                .text = beside(&t, f->path, ".text")});
        free(exact);
        n++;
    }
    tree_deinit(&t);
    return n;
}

void cases_expect(const struct case_file *c, struct diags *d)
{
    struct buf got = BUF_INIT(TEXT_MAX);

    diags_sort(d);
    for (size_t i = 0; i < d->n; i++) {
        char *line = diag_text(&d->items[i]);

        assert_non_null(line);
        buf_printf(&got, "%s\n", line);
        mem_free(line);
    }
    if (strcmp(buf_str(&got), c->expect) != 0)
        fail_msg("%s: got\n%sbut expected\n%s", c->name, buf_str(&got), c->expect);
    buf_deinit(&got);
}
