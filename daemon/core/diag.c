/* diag: what is wrong with a file, where, and what was expected.
 * In:    places and printf formats, from whoever reads files.
 * Out:   a list with a ceiling; what is over it is counted.
 * Never: prints, logs. */
#include "core/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "lib/mem.h"

#define MESSAGE_BYTES 2048 /* a longer message is cut */

/* A file that is wrong in every line must not hide what is wrong with the next one, and many such
 * files must not fill the memory: so there is a ceiling for a run of one file, and one for all. */
static bool has_room(struct diags *d, enum diag_level level, const char *file)
{
    if (d->n == 0 || strcmp(d->items[d->n - 1].file, file) != 0)
        d->run[DIAG_ERROR] = d->run[DIAG_WARNING] = 0;
    if (d->run[level] >= LIMIT_ERRORS || d->kept[level] >= LIMIT_ERRORS_ALL_FILES)
        return false;
    return true;
}

static void add(struct diags *d, enum diag_level level, struct source at, const char *message)
{
    struct diag item = {
        .level = level, .line = at.line, .column = at.column, .order = d->n_errors + d->n_warnings};
    const char *file = at.file ? at.file : "";

    if (level == DIAG_ERROR)
        d->n_errors++;
    else
        d->n_warnings++;
    if (!has_room(d, level, file))
        return;
    item.file = mem_strdup(file);
    item.message = mem_strdup(message);
    if (!item.file || !item.message || !mem_grow(&d->items, &d->capacity, d->n + 1, sizeof(item))) {
        mem_free(item.file);
        mem_free(item.message);
        d->failed = true;
        return;
    }
    d->items[d->n++] = item;
    d->run[level]++;
    d->kept[level]++;
}

void diags_error(struct diags *d, struct source at, const char *fmt, ...)
{
    char text[MESSAGE_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    add(d, DIAG_ERROR, at, text);
}

void diags_warning(struct diags *d, struct source at, const char *fmt, ...)
{
    char text[MESSAGE_BYTES];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    add(d, DIAG_WARNING, at, text);
}

void diags_add_all(struct diags *d, const struct diags *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct diag *one = &from->items[i];

        add(d, one->level, (struct source){one->file, one->line, one->column}, one->message);
    }
}

static int compare_size(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare(const void *left, const void *right)
{
    const struct diag *a = left;
    const struct diag *b = right;
    int r = strcmp(a->file, b->file);

    if (r == 0)
        r = compare_size(a->line, b->line);
    if (r == 0)
        r = compare_size(a->column, b->column);
    return r ? r : compare_size(a->order, b->order);
}

void diags_sort(struct diags *d)
{
    if (d->n > 1)
        qsort(d->items, d->n, sizeof(*d->items), compare);
}

void diags_deinit(struct diags *d)
{
    for (size_t i = 0; i < d->n; i++) {
        mem_free(d->items[i].file);
        mem_free(d->items[i].message);
    }
    mem_free(d->items);
    *d = DIAGS_INIT;
}

char *diag_text(const struct diag *d)
{
    const char *level = d->level == DIAG_WARNING ? "warning: " : "";

    if (d->line == 0)
        return mem_printf("%s: %s%s", d->file, level, d->message);
    return mem_printf("%s:%u:%u: %s%s", d->file, d->line, d->column, level, d->message);
}
