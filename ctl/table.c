/* table: rows and columns by libsmartcols, which knows widths, terminals and what may be printed.
 */
#include <libsmartcols/libsmartcols.h>

#include "ctl/output.h"
#include "lib/mem.h"

struct table {
    struct libscols_table *scols; /* NULL: no memory; rows are then left out */
    size_t n_columns;
    size_t n_rows;
    bool is_broken;
};

static int flags_of(const struct ctl *ctl, const struct column *c)
{
    return (ctl->is_terminal && c->is_cut ? SCOLS_FL_TRUNC : 0) |
           (c->is_right ? SCOLS_FL_RIGHT : 0);
}

struct table *table_new(const struct ctl *ctl, const struct column *columns, size_t n)
{
    struct table *t = mem_alloc(sizeof(*t));

    if (!t)
        return NULL;
    t->n_columns = n;
    t->scols = scols_new_table();
    if (!t->scols) {
        t->is_broken = true;
        return t;
    }
    scols_table_enable_colors(t->scols, ctl->has_colour);
    if (!ctl->is_terminal)
        scols_table_set_termforce(t->scols, SCOLS_TERMFORCE_NEVER);
    for (size_t i = 0; i < n; i++)
        if (!scols_table_new_column(t->scols, columns[i].title, columns[i].is_cut ? 0.3 : 1,
                                    flags_of(ctl, &columns[i])))
            t->is_broken = true;
    return t;
}

void table_row(struct table *t, const char *const *cells, const char *colour)
{
    struct libscols_line *line;

    if (!t || t->is_broken)
        return;
    line = scols_table_new_line(t->scols, NULL);
    if (!line) {
        t->is_broken = true;
        return;
    }
    for (size_t i = 0; i < t->n_columns; i++)
        if (scols_line_set_data(line, i, cells[i] ? cells[i] : "") != 0)
            t->is_broken = true;
    if (colour)
        scols_line_set_color(line, colour);
    t->n_rows++;
}

size_t table_size(const struct table *t)
{
    return t ? t->n_rows : 0;
}

enum exit_code table_print(struct table *t)
{
    if (t && !t->is_broken && scols_print_table(t->scols) == 0)
        return EXIT_FINE;
    note("there is no memory for this table; -o ndjson needs none");
    return EXIT_FAILED;
}

void table_free(struct table *t)
{
    if (t && t->scols)
        scols_unref_table(t->scols);
    mem_free(t);
}
