/* diag: what is wrong with a file, where, and what was expected. All of it, not the first. */
#ifndef TENANTD_CORE_DIAG_H
#define TENANTD_CORE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"

/* A place in a file as people count: from 1; 0 when there is no line. `file` is borrowed. */
struct source {
    const char *file;
    unsigned line;
    unsigned column;
};

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
    enum diag_level level;
    char *file; /* owned */
    unsigned line;
    unsigned column;
    char *message; /* owned */
    size_t order;  /* in which it was reported */
};

struct diags {
    struct diag *items;
    size_t n;
    size_t capacity;
    size_t n_errors; /* counted also beyond LIMIT_ERRORS, where items are no longer kept */
    size_t n_warnings;
    size_t run[2];  /* kept of the last file, by level */
    size_t kept[2]; /* kept of all files, by level */
    bool failed;    /* no memory: something is missing from items */
};
#define DIAGS_INIT ((struct diags){0})

void diags_error(struct diags *d, struct source at, const char *fmt, ...) PRINTF(3, 4);
void diags_warning(struct diags *d, struct source at, const char *fmt, ...) PRINTF(3, 4);
/* All that `from` holds, said again. */
void diags_add_all(struct diags *d, const struct diags *from);
/* By file, then line, then column; equal places keep their order. */
void diags_sort(struct diags *d);
void diags_deinit(struct diags *d);

/* "FILE:LINE:COLUMN: MESSAGE", a warning with "warning: " before the message; without a line "FILE:
 * MESSAGE". The caller's; NULL: no memory. */
char *diag_text(const struct diag *d) MUST_CHECK;

#endif
