/* seed_source: the bytes of a file to upload, as they are sent.
 * In:    an open file.
 * Out:   its bytes, a piece in memory at a time; or that they are still to come.
 * Never: waits for the file: it is read off the loop. */
#ifndef TENANTD_IO_SEED_SOURCE_H
#define TENANTD_IO_SEED_SOURCE_H

#include "io/seed_file.h"
#include "io/seed_queue.h"

#define SEED_SOURCE_LATER (-2)

struct seed_source;
typedef void (*seed_source_fn)(void *arg);

/* Takes `f` in any case. `ready`: called from the loop, once after every LATER. NULL: no memory. */
struct seed_source *seed_source_new(struct seed_queue *q, struct seed_file *takes,
                                    seed_source_fn ready, void *arg) MUST_CHECK;
/* As seed_file_read; or SEED_SOURCE_LATER. */
ssize_t seed_source_read(struct seed_source *s, char *out, size_t n);
uint64_t seed_source_size(const struct seed_source *s); /* of all of it; takes NULL */
const struct seed_file *seed_source_file(const struct seed_source *s); /* to know it by */
/* No more ready. What is being read ends by itself. Takes NULL. */
void seed_source_free(struct seed_source *s);

#endif
