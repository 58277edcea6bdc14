/* search: by halves, in a list of structs that begin with a text, or of texts, sorted by it.
 * In:    the list, borrowed; a text.
 * Out:   where it is, or would go.
 * Never: sees more of a struct than its text. */
#ifndef TENANTD_LIB_SEARCH_H
#define TENANTD_LIB_SEARCH_H

#include <stddef.h>

/* Into that order, the equal ones in any. */
void search_sort(void *items, size_t n, size_t size);
/* One of that very text; NULL: there is none. */
void *search_find(const void *items, size_t n, size_t size, const char *text);
/* How many are before `text`: the place of the first one that is not. */
size_t search_place(const void *items, size_t n, size_t size, const char *text);

#endif
