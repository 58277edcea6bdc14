/* watch: says that something in the manifest's directories has changed.
 * In:    paths; events of the kernel; a look at all files every check_ms.
 * Out:   changed().
 * Never: opens a file; blocks the loop.
 *
 *   event ──▶ wait until it is quiet ──▶ scan on the pool ──▶ watch new directories ──▶ changed
 *     of files alone ──▶ wait ──▶ none is a directory ──▶ changed, there
 *   check ──▶ scan ──▶ the signature is another one ──▶ wait, scan ──▶ still that one ──▶ changed
 *
 * After changes that were told without a scan, the next check finds another signature and tells
 * once more, of everything.
 *
 * Fails: no events for a directory (limits, file system): watch_problem, and looks every poll_ms;
 * tried again with every scan. No memory in a scan: the next check tries again. A directory that
 * goes and comes, often with its old inode, is watched anew with the next scan. One that is new is
 * scanned once more after its handle stands, since what was made in it before that gave no event.
 */
#include "io/watch.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "io/watch_scan.h"
#include "lib/mem.h"

#define LONGEST_MS  2000
#define MANY_EVENTS 4096 /* at once: of 16384, unless told otherwise, the kernel drops the rest */

/* A directory with its event handle. */
struct watched {
    uv_fs_event_t event;
    struct watch *watch;
    struct watch_dir dir;
    bool
        is_stale; /* the directory was removed or moved; what is there now may have its old inode */
};

struct watch {
    uv_loop_t *loop;
    char *manifest; /* owned; options.files points to them */
    char *tenants_dir;
    struct watch_options options;

    uv_timer_t quiet; /* runs while a change waits to be reported */
    uv_timer_t check;
    unsigned n_handles; /* not yet closed */

    struct watched **watched; /* sorted as their dirs are */
    size_t n_watched;
    char problem[256];

    uv_work_t work;
    bool is_scanning;
    bool is_scan_due; /* asked for while another one ran */
    atomic_bool is_canceled;
    int scan_rc;
    struct watch_scan scanned;
    bool is_whole;      /* the scan that runs looks at everything */
    bool has_directory; /* else: what it found */

    uint64_t event_ms; /* uv_now of the last event */
    unsigned n_events; /* with that time: in one turn of the loop */

    struct manifest_spots dirty;         /* by events, since the last scan began */
    struct manifest_spots dirty_at_scan; /* what it was when the scan began */
    bool is_whole_due;      /* the next scan has to look at everything, whatever the events were */
    bool is_unsettled;      /* the last signature differed, and nobody has been told */
    uint64_t waiting_since; /* uv_now of the first change that is not reported; 0: none */
    uint64_t signature;

    watch_closed_fn closed;
    void *closed_arg;
};

static void scan_start(struct watch *w);

/* --- The end ------------------------------------------------------------------------------- */

static void watch_free(struct watch *w)
{
    mem_free(w->manifest);
    mem_free(w->tenants_dir);
    mem_free(w->watched);
    manifest_spots_deinit(&w->dirty);
    manifest_spots_deinit(&w->dirty_at_scan);
    mem_free(w);
}

static void maybe_closed(struct watch *w)
{
    watch_closed_fn closed = w->closed;
    void *arg = w->closed_arg;

    if (!closed || w->n_handles > 0 || w->is_scanning)
        return;
    watch_free(w);
    closed(arg);
}

static void on_watched_closed(uv_handle_t *handle)
{
    struct watched *d = container_of(handle, struct watched, event);
    struct watch *w = d->watch;

    mem_free(d->dir.path);
    mem_free(d);
    w->n_handles--;
    maybe_closed(w);
}

static void on_quiet_closed(uv_handle_t *handle)
{
    struct watch *w = container_of(handle, struct watch, quiet);

    w->n_handles--;
    maybe_closed(w);
}

static void on_check_closed(uv_handle_t *handle)
{
    struct watch *w = container_of(handle, struct watch, check);

    w->n_handles--;
    maybe_closed(w);
}

void watch_close(struct watch *w, watch_closed_fn closed, void *arg)
{
    assert(!w->closed && closed);
    w->closed = closed;
    w->closed_arg = arg;
    atomic_store(&w->is_canceled, true);
    if (w->is_scanning)
        (void)uv_cancel((uv_req_t *)&w->work); /* where it runs already, the flag ends it */
    uv_close((uv_handle_t *)&w->quiet, on_quiet_closed);
    uv_close((uv_handle_t *)&w->check, on_check_closed);
    for (size_t i = 0; i < w->n_watched; i++)
        uv_close((uv_handle_t *)&w->watched[i]->event, on_watched_closed);
    w->n_watched = 0;
}

/* --- Waiting until it is quiet ------------------------------------------------------------- */

static void on_quiet(uv_timer_t *timer)
{
    scan_start(container_of(timer, struct watch, quiet));
}

static uint64_t longest_ms(const struct watch *w)
{
    return w->options.debounce_ms > LONGEST_MS ? w->options.debounce_ms : LONGEST_MS;
}

/* Scan when nothing has come for debounce_ms, but not later than longest_ms after the first change.
 */
static void wait_for_quiet(struct watch *w)
{
    uint64_t now = uv_now(w->loop);
    uint64_t wait = w->options.debounce_ms;
    uint64_t end;

    if (w->waiting_since == 0)
        w->waiting_since = now;
    end = w->waiting_since + longest_ms(w);
    if (now + wait > end)
        wait = end > now ? end - now : 0;
    uv_timer_start(&w->quiet, on_quiet, wait, 0);
}

/* --- Events -------------------------------------------------------------------------------- */

/* An event about the directory itself carries its own name. */
static bool is_own_name(const struct watch_dir *dir, const char *name)
{
    const char *slash = strrchr(dir->path, '/');

    return strcmp(slash ? slash + 1 : dir->path, name) == 0;
}

static bool matters(const struct watch_dir *dir, const char *name)
{
    if (!name || strcmp(name, "..data") == 0 || is_own_name(dir, name))
        return true; /* "..data" is what a ConfigMap switches */
    return dir->only ? strcmp(name, dir->only) == 0 : manifest_walk_is_name(name);
}

static bool is_watched(const struct watch *w, const char *path)
{
    size_t low = 0;
    size_t high = w->n_watched;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(w->watched[mid]->dir.path, path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < w->n_watched && strcmp(w->watched[low]->dir.path, path) == 0;
}

/* An event of what can only be a file, as far as is known here. */
static void note(struct watch *w, const struct watch_dir *dir, const char *name)
{
    bool is_file =
        name && !dir->only && !is_own_name(dir, name) && manifest_walk_is_file_name(name);
    char *path = is_file ? mem_printf("%s/%s", dir->path, name) : NULL;

    if (path && !is_watched(w, path))
        manifest_spots_add(&w->dirty, dir->kind, path);
    else
        manifest_spots_add_anywhere(&w->dirty);
    mem_free(path);
}

/* So many waited that there may have been others; libuv does not tell. */
static bool may_have_lost(struct watch *w)
{
    uint64_t now = uv_now(w->loop);

    w->n_events = now == w->event_ms ? w->n_events + 1 : 1;
    w->event_ms = now;
    return w->n_events >= MANY_EVENTS;
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct watched *d = container_of(event, struct watched, event);
    bool is_all = may_have_lost(d->watch) || status != 0;

    if (!is_all && !matters(&d->dir, name))
        return;
    if (status != 0 || ((events & UV_RENAME) && (!name || is_own_name(&d->dir, name))))
        d->is_stale = true;
    note(d->watch, &d->dir, !is_all && !d->is_stale ? name : NULL);
    wait_for_quiet(d->watch);
}

static void say_problem(struct watch *w, const char *path, int uv_error)
{
    const char *hint = uv_error == UV_ENOSPC   ? "; raise fs.inotify.max_user_watches"
                       : uv_error == UV_EMFILE ? "; raise fs.inotify.max_user_instances"
                                               : "";

    snprintf(w->problem, sizeof(w->problem), "no events for %s: %s%s", path, uv_strerror(uv_error),
             hint);
}

/* A handle for `dir`, whose path it takes. NULL: without events this time. */
static struct watched *watched_new(struct watch *w, struct watch_dir *dir)
{
    struct watched *d = mem_alloc(sizeof(*d));
    int rc;

    if (!d) {
        say_problem(w, dir->path, UV_ENOMEM);
        return NULL;
    }
    uv_fs_event_init(w->loop, &d->event);
    w->n_handles++;
    d->watch = w;
    d->dir = *dir;
    dir->path = NULL;
    rc = uv_fs_event_start(&d->event, on_event, d->dir.path, 0);
    if (rc == 0)
        return d;
    if (rc !=
        UV_ENOENT) /* what has just gone is no problem: its parent says so, or the next look */
        say_problem(w, d->dir.path, rc);
    uv_close((uv_handle_t *)&d->event, on_watched_closed);
    return NULL;
}

/* --- After a scan -------------------------------------------------------------------------- */

static void drop(struct watched *d)
{
    uv_close((uv_handle_t *)&d->event, on_watched_closed);
}

/* A stale one goes before the directory that has taken its place. */
static int compare_watched(const struct watched *d, const struct watch_dir *dir)
{
    int order = watch_dir_compare(&d->dir, dir);

    return order == 0 && d->is_stale ? -1 : order;
}

/* Make the handles be those of the scan: a merge of two sorted lists. Returns how many are new. */
static size_t follow(struct watch *w, struct watch_scan *s, struct watched **into)
{
    size_t added = 0;
    size_t old = 0;
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        int order = -1;

        while (old < w->n_watched && (order = compare_watched(w->watched[old], &s->dirs[i])) < 0)
            drop(w->watched[old++]);
        if (old < w->n_watched && order == 0) {
            into[n++] = w->watched[old++];
        } else if (n >= LIMIT_WATCHED_DIRECTORIES) {
            say_problem(w, s->dirs[i].path, UV_E2BIG);
        } else if ((into[n] = watched_new(w, &s->dirs[i]))) {
            n++;
            added++;
        }
    }
    while (old < w->n_watched)
        drop(w->watched[old++]);
    mem_free(w->watched);
    w->watched = into;
    w->n_watched = n;
    return added;
}

static void on_check(uv_timer_t *timer)
{
    struct watch *w = container_of(timer, struct watch, check);

    w->is_whole_due = true;
    if (!uv_is_active(
            (uv_handle_t *)&w->quiet)) /* else a scan is coming, and not before it is quiet */
        scan_start(w);
}

/* Returns how many directories are newly watched. */
static size_t follow_scan(struct watch *w)
{
    struct watched **into = mem_alloc((w->scanned.n + 1) * sizeof(struct watched *));
    size_t added = 0;
    uint64_t next;

    w->problem[0] = '\0';
    if (into)
        added = follow(w, &w->scanned, into);
    else
        say_problem(w, w->options.files.manifest, UV_ENOMEM);
    next = w->problem[0] ? w->options.poll_ms : w->options.check_ms;
    uv_timer_start(&w->check, on_check, next, 0);
    return added;
}

static bool is_dirty(const struct manifest_spots *s)
{
    return s->anywhere || s->n > 0;
}

/* Whether it is time to tell: at once after events, which have been waited for; else when two scans
 * agree. */
static bool is_to_be_told(struct watch *w)
{
    bool differs = w->scanned.signature != w->signature;
    bool told = is_dirty(&w->dirty_at_scan) || (w->is_unsettled && !differs);

    w->signature = w->scanned.signature;
    if (!told && w->waiting_since && uv_now(w->loop) - w->waiting_since >= longest_ms(w))
        told = differs;
    w->is_unsettled = differs && !told;
    return told;
}

static void scan_failed(struct watch *w)
{
    manifest_spots_take(&w->dirty, &w->dirty_at_scan);
    w->is_whole_due = true;
    uv_timer_start(&w->check, on_check, w->options.poll_ms, 0);
}

static void tell(struct watch *w)
{
    struct manifest_spots where = w->dirty_at_scan;

    w->dirty_at_scan = (struct manifest_spots){0};
    w->options.changed(w->options.arg, &where);
    manifest_spots_deinit(&where);
}

static void whole_scan_ended(struct watch *w)
{
    size_t added = follow_scan(w);
    bool told = is_to_be_told(w);
    bool again = added > 0 || w->is_unsettled;

    if (told || !again)
        w->waiting_since = is_dirty(&w->dirty) ? uv_now(w->loop) : 0;
    if (again) {
        w->is_whole_due = true;
        wait_for_quiet(w);
    }
    manifest_spots_add_anywhere(&w->dirty_at_scan);
    if (told)
        tell(w);
}

static void scan_ended(struct watch *w)
{
    if (w->is_whole) {
        whole_scan_ended(w);
    } else if (w->has_directory) {
        manifest_spots_add_anywhere(&w->dirty);
        uv_timer_start(&w->quiet, on_quiet, 0, 0);
    } else {
        w->waiting_since = is_dirty(&w->dirty) ? uv_now(w->loop) : 0;
        tell(w);
    }
}

static void on_scan(uv_work_t *work)
{
    struct watch *w = container_of(work, struct watch, work);

    w->scan_rc = 0;
    if (w->is_whole)
        w->scan_rc = watch_scan(&w->options.files, &w->is_canceled, &w->scanned);
    else
        w->has_directory = watch_scan_has_directory(&w->dirty_at_scan);
}

static void on_scanned(uv_work_t *work, int status)
{
    struct watch *w = container_of(work, struct watch, work);
    struct watch_scan *s = &w->scanned;

    w->is_scanning = false;
    if (!w->closed && w->is_scan_due)
        uv_timer_start(&w->quiet, on_quiet, 0, 0);
    if (!w->closed && (status != 0 || w->scan_rc != 0))
        scan_failed(w);
    else if (!w->closed)
        scan_ended(w);
    watch_scan_deinit(s);
    maybe_closed(w);
}

/* Events of files alone are looked into by who is told, as long as there are events for all. */
static void scan_start(struct watch *w)
{
    if (w->is_scanning) {
        w->is_scan_due = true;
        return;
    }
    w->is_scan_due = false;
    w->is_whole = w->is_whole_due || w->dirty.anywhere || w->dirty.n == 0 || w->problem[0];
    w->is_whole_due = false;
    manifest_spots_deinit(&w->dirty_at_scan);
    manifest_spots_take(&w->dirty_at_scan, &w->dirty);
    w->is_scanning = uv_queue_work(w->loop, &w->work, on_scan, on_scanned) == 0;
    assert(w->is_scanning); /* refused only without a function to run */
}

/* --- The beginning ------------------------------------------------------------------------- */

static char *copy_path(const char *path)
{
    size_t n = path ? strlen(path) : 0;

    while (n > 1 && path[n - 1] == '/')
        n--;
    return path ? mem_strndup(path, n) : NULL;
}

int watch_open(uv_loop_t *loop, const struct watch_options *o, struct watch **out, struct err *err)
{
    struct watch *w = mem_alloc(sizeof(*w));

    assert(o->changed && o->files.manifest && o->check_ms > 0 && o->poll_ms > 0);
    if (!w)
        return err_nomem(err);
    w->loop = loop;
    w->options = *o;
    w->manifest = copy_path(o->files.manifest);
    w->tenants_dir = copy_path(o->files.tenants_dir);
    if (!w->manifest || (o->files.tenants_dir && !w->tenants_dir)) {
        watch_free(w);
        return err_nomem(err);
    }
    w->options.files.manifest = w->manifest;
    w->options.files.tenants_dir = w->tenants_dir;
    atomic_init(&w->is_canceled, false);
    uv_timer_init(loop, &w->quiet);
    uv_timer_init(loop, &w->check);
    w->n_handles = 2;
    manifest_spots_add_anywhere(&w->dirty);
    scan_start(w);
    *out = w;
    return 0;
}

const char *watch_problem(const struct watch *w)
{
    return w->problem;
}
