#include "lib/search.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *text, const void *item)
{
    const char *const *s = item; /* what a struct begins with */

    return strcmp(text, *s);
}

void *search_find(const void *items, size_t n, size_t size, const char *text)
{
    return n ? bsearch(text, items, n, size, compare) : NULL;
}

size_t search_place(const void *items, size_t n, size_t size, const char *text)
{
    size_t low = 0;
    size_t high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (compare(text, (const char *)items + mid * size) > 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}
