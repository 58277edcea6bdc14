/* test_seed_source: the bytes of a file, read off the loop behind whatever else is done to files;
 * also where that is called off, or nobody wants them any more.
 * In:    a file of the test's own; a piece of work before it that ends when the test says so.
 * Out:   cmocka's verdict.
 * Never: a server; a sleep. */
#include "io/seed_source.h"

#include <fcntl.h>

#include "io/seed_look.h"
#include "lib/mem.h"
#include "tests/lib/fault.h"
#include "tests/loop/run.h"

#define FILE_BYTES 200000 /* some pieces */

struct held {
    struct seed_work work;
    uv_sem_t go;
    bool is_held;
    bool is_over;
};

struct test {
    uv_loop_t loop;
    struct seed_queue queue;
    struct held held; /* what goes before */
    char *dir;
    unsigned char data[FILE_BYTES];
    struct seed_file file;
    unsigned n_ready;
    bool is_ready;
};
static struct test t; /* too large for a stack */

static void wait_for_go(struct seed_work *work)
{
    uv_sem_wait(&container_of(work, struct held, work)->go);
}

static void note_over(struct seed_work *work, bool has_run)
{
    assert_true(has_run);
    container_of(work, struct held, work)->is_over = true;
}

static void hold(void)
{
    t.held.work = (struct seed_work){.run = wait_for_go, .done = note_over};
    assert_int_equal(uv_sem_init(&t.held.go, 0), 0);
    t.held.is_held = true;
    seed_queue_add(&t.queue, &t.held.work);
}

static void let_go(void)
{
    t.held.is_held = false;
    uv_sem_post(&t.held.go);
    run_until(&t.loop, &t.held.is_over);
    uv_sem_destroy(&t.held.go);
}

static void make_file(void)
{
    FILE *f;

    for (size_t i = 0; i < sizeof(t.data); i++)
        t.data[i] = (unsigned char)(i * 2654435761u >> 13);
    f = fopen(dir_path(t.dir, "base.db"), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(t.data, 1, sizeof(t.data), f), sizeof(t.data));
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    struct stat st;

    (void)state;
    memset(&t, 0, sizeof(t));
    t.dir = dir_new();
    make_file();
    uv_loop_init(&t.loop);
    seed_queue_init(&t.queue, &t.loop);
    t.file.fd = open(dir_path(t.dir, "base.db"), O_RDONLY | O_CLOEXEC);
    assert_true(t.file.fd >= 0);
    assert_int_equal(fstat(t.file.fd, &st), 0);
    t.file.identity = read_identity_of(&st);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (t.held.is_held) /* the test has failed */
        let_go();
    uv_run(&t.loop, UV_RUN_DEFAULT); /* what was being read comes back */
    run_close(&t.loop);
    seed_file_close(&t.file);
    dir_free(t.dir);
    assert_int_equal(mem_live_blocks(), 0);
    return 0;
}

static void on_ready(void *arg)
{
    (void)arg;
    t.n_ready++;
    t.is_ready = true;
}

static struct seed_source *source(void)
{
    struct seed_source *s = seed_source_new(&t.queue, &t.file, on_ready, NULL);

    assert_non_null(s);
    assert_int_equal(t.file.fd, -1); /* it was taken */
    assert_int_equal(seed_source_size(s), FILE_BYTES);
    return s;
}

/* What is to be had, once it is. */
static ssize_t next(struct seed_source *s, char *out, size_t size)
{
    ssize_t n = seed_source_read(s, out, size);

    while (n == SEED_SOURCE_LATER) {
        t.is_ready = false;
        run_until(&t.loop, &t.is_ready);
        n = seed_source_read(s, out, size);
    }
    return n;
}

static void source__read_in_bites_of_any_size__gives_every_byte_once(void **state)
{
    static const size_t SIZES[] = {1000, 65536, 16384, 1 << 20};
    static char all[FILE_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SIZES); i++) {
        struct seed_file again = t.file;
        struct seed_source *s;
        size_t at = 0;
        ssize_t n;

        again.fd = fcntl(t.file.fd, F_DUPFD_CLOEXEC, 0);
        s = seed_source_new(&t.queue, &again, on_ready, NULL);
        assert_non_null(s);
        while ((n = next(s, all + at, SIZES[i] < sizeof(all) - at ? SIZES[i] : sizeof(all) - at)) >
               0)
            at += (size_t)n;
        assert_int_equal(n, 0);
        assert_int_equal(at, FILE_BYTES);
        assert_memory_equal(all, t.data, FILE_BYTES);
        assert_int_equal(next(s, all, 1), 0);
        seed_source_free(s);
    }
}

static void source__behind_another__is_ready_once_when_that_is_over(void **state)
{
    struct seed_source *s;
    char byte;

    (void)state;
    hold();
    s = source();
    assert_int_equal(seed_source_read(s, &byte, 1), SEED_SOURCE_LATER);
    assert_int_equal(seed_source_read(s, &byte, 1), SEED_SOURCE_LATER);
    let_go();
    run_until(&t.loop, &t.is_ready);
    assert_int_equal(t.n_ready, 1);
    assert_int_equal(seed_source_read(s, &byte, 1), 1);
    assert_int_equal((unsigned char)byte, t.data[0]);
    seed_source_free(s);
}

static void source__that_waits_when_all_is_called_off__fails(void **state)
{
    struct seed_source *s;
    char byte;

    (void)state;
    hold();
    s = source();
    assert_int_equal(seed_source_read(s, &byte, 1), SEED_SOURCE_LATER);
    seed_queue_cancel(&t.queue);
    assert_int_equal(t.n_ready, 1);
    assert_int_equal(seed_source_read(s, &byte, 1), -1);
    assert_int_equal(seed_source_read(s, &byte, 1), -1);
    seed_source_free(s);
    let_go();
}

static void source__that_nobody_wants_while_it_waits__is_never_read(void **state)
{
    struct seed_source *s;
    char byte;

    (void)state;
    hold();
    s = source();
    assert_int_equal(seed_source_read(s, &byte, 1), SEED_SOURCE_LATER);
    seed_source_free(s);
    assert_true(list_is_empty(&t.queue.waiting));
    assert_int_equal(mem_live_blocks(), 0);
    let_go();
    assert_int_equal(t.n_ready, 0);
}

static void source__that_nobody_wants_while_it_is_read__is_gone_after_that(void **state)
{
    struct pool_hold busy;
    struct seed_source *s;
    char byte;

    (void)state;
    pool_hold(&t.loop, &busy);
    s = source();
    assert_non_null(t.queue.running);
    assert_int_equal(seed_source_read(s, &byte, 1), SEED_SOURCE_LATER);
    seed_source_free(s);
    assert_true(mem_live_blocks() > 0);
    pool_let_go(&busy);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    assert_int_equal(mem_live_blocks(), 0);
    assert_int_equal(t.n_ready, 0);
    assert_null(t.queue.running);
}

static void source__without_memory__has_closed_the_file(void **state)
{
    (void)state;
    for (long nth = 1; nth <= 2; nth++) {
        struct seed_file again = t.file;
        int fd = again.fd = fcntl(t.file.fd, F_DUPFD_CLOEXEC, 0);

        fault_arm(nth);
        assert_null(seed_source_new(&t.queue, &again, on_ready, NULL));
        assert_true(fault_disarm());
        assert_int_equal(again.fd, -1);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
    }
}

static void on_look(void *arg, int rv, struct seed_file *f, const struct err *err)
{
    unsigned *n = arg;

    assert_int_equal(rv, -ERR_CANCELED);
    assert_int_equal(f->fd, -1);
    assert_string_equal(err->msg, "tenantd is stopping");
    ++*n;
}

static void look__that_waits_when_all_is_called_off__says_so(void **state)
{
    struct err err = ERR_INIT;
    unsigned n = 0;

    (void)state;
    hold();
    assert_int_equal(seed_look(&t.queue, t.dir, "base.db", NULL, on_look, &n, &err), 0);
    assert_int_equal(n, 0);
    seed_queue_cancel(&t.queue);
    assert_int_equal(n, 1);
    let_go();
    assert_int_equal(n, 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(source__read_in_bites_of_any_size__gives_every_byte_once),
        CASE(source__behind_another__is_ready_once_when_that_is_over),
        CASE(source__that_waits_when_all_is_called_off__fails),
        CASE(source__that_nobody_wants_while_it_waits__is_never_read),
        CASE(source__that_nobody_wants_while_it_is_read__is_gone_after_that),
        CASE(source__without_memory__has_closed_the_file),
        CASE(look__that_waits_when_all_is_called_off__says_so),
    };

    setenv("UV_THREADPOOL_SIZE", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
