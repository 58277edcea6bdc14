#include "io/seed_source.h"

#include <string.h>

#include "lib/mem.h"

#define PIECE_BYTES ((size_t)64 * 1024)

struct seed_source {
    struct seed_work work;
    struct seed_queue *queue;
    struct seed_file file;
    seed_source_fn ready;
    void *arg;
    char *piece;
    ssize_t size; /* of what was read last; -1: it failed */
    size_t at;    /* how much of it was given away */
    bool is_reading;
    bool is_wanted; /* `ready` is due when that has ended */
    bool is_dropped;
};

static void destroy(struct seed_source *s)
{
    seed_file_close(&s->file);
    mem_free(s->piece);
    mem_free(s);
}

static void run(struct seed_work *work)
{
    struct seed_source *s = container_of(work, struct seed_source, work);

    s->size = seed_file_read(&s->file, s->piece, PIECE_BYTES);
}

static void done(struct seed_work *work, bool has_run)
{
    struct seed_source *s = container_of(work, struct seed_source, work);
    bool is_wanted = s->is_wanted;

    if (s->is_dropped) {
        destroy(s);
        return;
    }
    if (!has_run)
        s->size = -1;
    s->is_reading = s->is_wanted = false;
    s->at = 0;
    if (is_wanted)
        s->ready(s->arg);
}

static void read_on(struct seed_source *s)
{
    s->is_reading = true;
    seed_queue_add(s->queue, &s->work);
}

struct seed_source *seed_source_new(struct seed_queue *q, struct seed_file *takes,
                                    seed_source_fn ready, void *arg)
{
    struct seed_source *s = mem_alloc(sizeof(*s));
    char *piece = s ? mem_alloc(PIECE_BYTES) : NULL;

    if (!piece) {
        seed_file_close(takes);
        mem_free(s);
        return NULL;
    }
    *s = (struct seed_source){.work = {.run = run, .done = done},
                              .queue = q,
                              .file = *takes,
                              .ready = ready,
                              .arg = arg,
                              .piece = piece};
    *takes = SEED_FILE_INIT;
    read_on(s);
    return s;
}

ssize_t seed_source_read(struct seed_source *s, char *out, size_t n)
{
    size_t left;

    if (s->is_reading) {
        s->is_wanted = true;
        return SEED_SOURCE_LATER;
    }
    if (s->size <= 0)
        return s->size;
    left = (size_t)s->size - s->at;
    n = n < left ? n : left;
    memcpy(out, s->piece + s->at, n);
    s->at += n;
    if (n == left && s->file.at < s->file.identity.size)
        read_on(s);
    else if (n == left)
        s->size = 0;
    return (ssize_t)n;
}

uint64_t seed_source_size(const struct seed_source *s)
{
    return s ? s->file.identity.size : 0;
}

const struct seed_file *seed_source_file(const struct seed_source *s)
{
    return &s->file;
}

void seed_source_free(struct seed_source *s)
{
    if (s && s->is_reading && !seed_queue_withdraw(&s->work))
        s->is_dropped = true;
    else if (s)
        destroy(s);
}
