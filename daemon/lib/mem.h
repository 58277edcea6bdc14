/* mem: allocation with a seam, so that a test can fail the n-th one and count what is live.
 * Everything in daemon/ allocates through here; what libraries allocate is theirs. */
#ifndef TENANTD_LIB_MEM_H
#define TENANTD_LIB_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"

void *mem_alloc(size_t size) MUST_CHECK;            /* zeroed; NULL when there is none */
void *mem_realloc(void *p, size_t size) MUST_CHECK; /* the grown part is not zeroed */
char *mem_strdup(const char *s) MUST_CHECK;         /* NULL in, NULL out */
char *mem_strndup(const char *s, size_t n) MUST_CHECK;
char *mem_join(const char *a, const char *b, const char *c) MUST_CHECK;
char *mem_printf(const char *fmt, ...) PRINTF(1, 2) MUST_CHECK;
void mem_free(void *p);         /* takes NULL */
void mem_free_string(char **p); /* for CLEANUP */

/* Wipe `size` bytes in a way that the compiler keeps, then free. Takes NULL. */
void mem_free_secret(void *p, size_t size);

/* A stretch for what comes and goes together, lent as a whole and to one at a time (NULL: somebody
 * has it). Its pieces are nobody's to free: mem_free lets them be. mem_lent_end: it is given back.
 */
#define MEM_LENT_BYTES ((size_t)64 * 1024)
char *mem_lend(void) MUST_CHECK;
void mem_lent_end(void);
bool mem_is_lent(const void *p);
/* Until it is said to be none (false), nobody looks at what is there; the address sanitizer sees to
 * that. */
void mem_void(void *p, size_t size, bool is_void);

/* What is in memory of mem_alloc, from `from` to `to`, is not needed any more: whole pages of it
 * are the system's. What is read there then is undefined. */
void mem_forget(void *p, size_t from, size_t to);

/* Make room for at least `need` elements of `size` bytes in *items, doubling.
 * *capacity is updated; what is there is kept. False when there is no memory. */
bool mem_grow(void *items, size_t *capacity, size_t need, size_t size) MUST_CHECK;

/* At the start of a program that frees much of what it had at its height: keep no more of it than
 * is of use. mem_give_back: now that it is idle, to the system. */
void mem_begin(void);
void mem_give_back(void);

/* For tests: `should_fail` is asked before each allocation. NULL: none fails. */
void mem_set_fault(bool (*should_fail)(void));
/* Blocks allocated and not yet freed, over all threads. */
size_t mem_live_blocks(void);

#endif
