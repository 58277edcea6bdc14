/* run: what every test on a real loop needs: run until something is so, with a bound; a directory
 * that goes away. Included by one test program each, so everything here is static. */
#ifndef TENANTD_TESTS_LOOP_RUN_H
#define TENANTD_TESTS_LOOP_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define RUN_BOUND_MS 20000
#define RUN_TICK_MS  5
#define RUN_UNUSED   __attribute__((unused))

static void run_on_tick(uv_timer_t *t)
{
    (void)t;
}

/* Turn the loop until *is_so, at most RUN_BOUND_MS. The tick is for what a timer has made so: a
 * turn runs the timers first, and would then wait for the next event. */
RUN_UNUSED static void run_until(uv_loop_t *loop, const bool *is_so)
{
    uint64_t end = uv_hrtime() + RUN_BOUND_MS * UINT64_C(1000000);
    uv_timer_t tick;
    bool in_time;

    uv_timer_init(loop, &tick);
    uv_timer_start(&tick, run_on_tick, RUN_TICK_MS, RUN_TICK_MS);
    while (!*is_so && uv_hrtime() < end)
        uv_run(loop, UV_RUN_ONCE);
    in_time = *is_so;
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    if (!in_time)
        fail_msg("waited %d ms for what did not come", RUN_BOUND_MS);
}

/* For a callback that says only that something is so: `arg` is its bool. */
RUN_UNUSED static void run_is_so(void *arg)
{
    *(bool *)arg = true;
}

/* Everything has been closed: the loop must end by itself and hold nothing. */
RUN_UNUSED static void run_close(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_NOWAIT);
    if (uv_loop_close(loop) != 0) {
        uv_print_all_handles(loop, stderr);
        fail_msg("handles are left in the loop");
    }
}

/* --- A pool that does nothing ------------------------------------------------------------------
 */

/* Keeps the only thread of the pool busy (UV_THREADPOOL_SIZE=1), so that no worker allocates while
 * allocations fail. */
struct pool_hold {
    uv_work_t work;
    uv_sem_t go;
};

static void pool_wait(uv_work_t *work)
{
    uv_sem_wait(&((struct pool_hold *)work)->go); /* its first member */
}

static void pool_waited(uv_work_t *work, int status)
{
    (void)status;
    uv_sem_destroy(&((struct pool_hold *)work)->go);
}

RUN_UNUSED static void pool_hold(uv_loop_t *loop, struct pool_hold *h)
{
    assert_int_equal(uv_sem_init(&h->go, 0), 0);
    assert_int_equal(uv_queue_work(loop, &h->work, pool_wait, pool_waited), 0);
}

/* It goes on; `h` is done with when the loop has been turned for what was queued behind it. */
RUN_UNUSED static void pool_let_go(struct pool_hold *h)
{
    uv_sem_post(&h->go);
}

/* --- A directory of the test's own ---------------------------------------------------------- */

RUN_UNUSED static char *dir_new(void)
{
    char *path = strdup("/tmp/tenantd-test-XXXXXX");

    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    return path;
}

static int dir_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

RUN_UNUSED static void dir_free(char *path)
{
    assert_int_equal(nftw(path, dir_unlink, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(path);
}

/* "DIR/NAME" in one of a few buffers that are used in turn. */
RUN_UNUSED static const char *dir_path(const char *dir, const char *name)
{
    static char buffers[8][512];
    static unsigned next;
    char *out = buffers[next++ % 8];

    snprintf(out, sizeof(buffers[0]), "%s/%s", dir, name);
    return out;
}

RUN_UNUSED static void dir_write(const char *dir, const char *name, const char *text)
{
    int fd = open(dir_path(dir, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(chmod(dir_path(dir, name), 0644), 0);
}

RUN_UNUSED static void dir_mkdir(const char *dir, const char *name)
{
    assert_int_equal(mkdir(dir_path(dir, name), 0755), 0);
    assert_int_equal(chmod(dir_path(dir, name), 0755), 0);
}

#endif
