#include "lib/search.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const void *item)
{
    const char *const *text = item; /* what a struct begins with */

    return *text;
}

static int compare_items(const void *a, const void *b)
{
    return strcmp(text_of(a), text_of(b));
}

static int compare(const void *text, const void *item)
{
    return strcmp(text, text_of(item));
}

void search_sort(void *items, size_t n, size_t size)
{
    if (n > 1)
        qsort(items, n, size, compare_items);
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
