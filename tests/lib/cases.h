/* cases: the files of a directory, each to be read and compared with what stands beside it. */
#ifndef TENANTD_TESTS_LIB_CASES_H
#define TENANTD_TESTS_LIB_CASES_H

#include <stddef.h>

#include "core/diag.h"

struct case_file {
    const char *name; /* "012-what.yaml" */
    const char *data; /* of exactly `size` bytes, so that reading beyond shows */
    size_t size;
    const char *expect; /* 012-what.expect: what is reported; "" without one */
    const char *text;   /* 012-what.text: what was read; NULL without one */
};

/* Run each *.yaml and *.json of the directory, in order of name. Returns how many there are. */
size_t cases_each(const char *directory, void (*run)(const struct case_file *c));
/* Fail unless `d`, sorted, reads as c->expect does. */
void cases_expect(const struct case_file *c, struct diags *d);

#endif
