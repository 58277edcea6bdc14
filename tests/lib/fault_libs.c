/* fault_libs: what json-c and libyaml allocate fails like our own.
 * In:    their calls: tests/CMakeLists.txt links copies of them that ask here instead of libc.
 * Out:   memory, or none when fault.h says so. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern bool (*fault_of_libs)(void); /* set by fault.h */
bool (*fault_of_libs)(void);

void *fault_malloc(size_t size);
void *fault_calloc(size_t n, size_t size);
void *fault_realloc(void *p, size_t size);
char *fault_strdup(const char *s);

static bool allowed(void)
{
    return !fault_of_libs || !fault_of_libs();
}

void *fault_malloc(size_t size)
{
    return allowed() ? malloc(size) : NULL;
}

void *fault_calloc(size_t n, size_t size)
{
    return allowed() ? calloc(n, size) : NULL;
}

void *fault_realloc(void *p, size_t size)
{
    return allowed() ? realloc(p, size) : NULL;
}

char *fault_strdup(const char *s)
{
    return allowed() ? strdup(s) : NULL;
}
