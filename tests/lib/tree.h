/* tree: the files below a directory, as a test's input. */
#ifndef TENANTD_TESTS_LIB_TREE_H
#define TENANTD_TESTS_LIB_TREE_H

#include <stddef.h>

struct tree_file {
    char *path; /* below the directory, "a/b.yaml" */
    char *data; /* with a NUL behind it */
    size_t size;
};
struct tree {
    struct tree_file *files; /* sorted by path */
    size_t n;
};

/* A directory that is not there has no files. Anything else that goes wrong fails the test. */
struct tree tree_read(const char *directory);
void tree_deinit(struct tree *t);

/* A whole file as a NUL-terminated text, to be freed with free(). NULL: it is not there. */
char *tree_read_file(const char *path, size_t *out_size);

#endif
