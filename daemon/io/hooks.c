/* hooks: the programs that an administrator wants told of token files, told.
 * In:    lines, each for a hook of the configuration.
 * Out:   children with a batch of lines on their standard input; for each line how that went.
 * Never: a secret; a shell; two children of one hook at a time; a retry, which is for who knows
 * why.
 *
 * A line: waits in its hook; the hook's debounce, begun by the first of them, ends: the hook is
 * due; there is room: the lines become a batch, told to one child; the child ends: done for each.
 * Fails: the child cannot be started or ends badly: done says so for the whole batch. Lines that
 * came meanwhile have a debounce of their own. */
#include "io/hooks.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "core/limits.h"
#include "io/hook_run.h"
#include "io/log.h"
#include "lib/json.h"
#include "lib/list.h"
#include "lib/mem.h"

struct line {
    struct list link;
    struct hooks_line is; /* owned texts */
};

struct hook {
    struct hooks *hooks;
    struct list link;
    char *name;
    const char **argv; /* owned, with its texts */
    int64_t timeout_ms;
    int64_t debounce_ms;
    uv_timer_t debounce; /* runs while lines wait that are not due */
    struct list waiting;
    struct list told; /* to the child that runs */
    struct hook_run *run;
    bool is_due;
    bool is_wanted; /* the configuration names it */
};

struct hooks {
    uv_loop_t *loop;
    uv_timer_t anchor; /* so that closing takes a turn also where there is no hook */
    bool is_anchored;
    char *organization;
    struct list hooks;
    unsigned n_running;
    size_t n_lines;
    hooks_done_fn done;
    void *arg;
    hooks_closed_fn closed;
    void *closed_arg;
};

static struct hook *hook_at(struct list *link)
{
    return container_of(link, struct hook, link);
}

/* --- Lines --------------------------------------------------------------------------------- */

static void free_text(const char *s)
{
    mem_free((void *)(uintptr_t)s);
}

static void line_free(struct line *l)
{
    free_text(l->is.kind);
    free_text(l->is.name);
    free_text(l->is.file);
    free_text(l->is.cause);
    mem_free(l);
}

static struct line *line_new(const struct hooks_line *from)
{
    struct line *l = mem_alloc(sizeof(*l));

    if (!l)
        return NULL;
    l->is = (struct hooks_line){.kind = mem_strdup(from->kind),
                                .name = mem_strdup(from->name),
                                .file = mem_strdup(from->file),
                                .cause = mem_strdup(from->cause)};
    if (l->is.kind && l->is.name && l->is.file && l->is.cause)
        return l;
    line_free(l);
    return NULL;
}

/* Report each line of the list, which is empty from the beginning: the receiver may add lines, and
 * close. */
static void report(struct hook *k, struct list *from, int rc, const char *text)
{
    struct hooks *h = k->hooks;
    struct list lines;

    list_init(&lines);
    list_append(from, &lines); /* the whole ring, and then without its old head */
    list_remove(from);
    list_init(from);
    while (!list_is_empty(&lines)) {
        struct line *l = container_of(lines.next, struct line, link);
        struct hooks_result result = {.hook = k->name, .line = l->is, .rc = rc, .text = text};

        list_remove(&l->link);
        h->n_lines--;
        h->done(h->arg, &result);
        line_free(l);
    }
}

static bool add_json(struct buf *b, const struct hooks_line *l)
{
    struct json_object *o = json_object_new_object();

    if (o && json_add_str(o, "kind", l->kind) && json_add_str(o, "name", l->name) &&
        json_add_str(o, "file", l->file) && json_add_str(o, "cause", l->cause) && json_print(o, b))
        buf_add_char(b, '\n');
    else
        b->failed = true;
    json_object_put(o);
    return !b->failed;
}

/* Move lines that wait to `told`, as many as one child is to read. False: no memory for the first.
 */
static bool make_batch(struct hook *k, struct buf *input)
{
    while (!list_is_empty(&k->waiting)) {
        struct line *l = container_of(k->waiting.next, struct line, link);
        size_t before = input->size;

        if (!add_json(input, &l->is)) {
            input->failed = false;
            input->size = before;
            break;
        }
        list_remove(&l->link);
        list_append(&k->told, &l->link);
    }
    return !list_is_empty(&k->told);
}

/* --- A hook's life ------------------------------------------------------------------------- */

static void free_argv(const char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free_text(argv[i]);
    mem_free((void *)(uintptr_t)argv);
}

static const char **copy_argv(const char **argv)
{
    const char **copy;
    size_t n = 0;

    while (argv[n])
        n++;
    copy = mem_alloc((n + 1) * sizeof(*copy));
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = mem_strdup(argv[i]);
        if (!copy[i]) {
            free_argv(copy);
            return NULL;
        }
    }
    return copy;
}

static void hook_free(struct hook *k)
{
    mem_free(k->name);
    free_argv(k->argv);
    mem_free(k);
}

static void maybe_closed(struct hooks *h)
{
    hooks_closed_fn closed = h->closed;
    void *arg = h->closed_arg;

    if (!closed || h->is_anchored || !list_is_empty(&h->hooks))
        return;
    mem_free(h->organization);
    mem_free(h);
    closed(arg);
}

static void on_hook_closed(uv_handle_t *handle)
{
    struct hook *k = container_of(handle, struct hook, debounce);
    struct hooks *h = k->hooks;

    if (h->closed)
        report(k, &k->waiting, -ERR_CANCELED, "tenantd is stopping");
    else
        report(k, &k->waiting, -ERR_NOT_FOUND, "there is no hook of that name any more");
    list_remove(&k->link);
    hook_free(k);
    maybe_closed(h);
}

/* End a hook that is not wanted any more, once nothing of it runs. */
static void maybe_end(struct hook *k)
{
    if (!k->is_wanted && !k->run && !uv_is_closing((uv_handle_t *)&k->debounce))
        uv_close((uv_handle_t *)&k->debounce, on_hook_closed);
}

/* --- Running ------------------------------------------------------------------------------- */

static void run_those_due(struct hooks *h);

static void on_run_done(void *arg, const char *error)
{
    struct hook *k = arg;
    struct hooks *h = k->hooks;

    k->run = NULL;
    h->n_running--;
    if (error && h->closed)
        report(k, &k->told, -ERR_CANCELED, error);
    else
        report(k, &k->told, error ? -ERR_IO : 0, error);
    maybe_end(k);
    run_those_due(h);
}

static int run_start(struct hook *k, struct err *err)
{
    struct buf input = BUF_INIT(LIMIT_HOOK_BATCH_BYTES);
    struct hook_run_options o = {.name = k->name,
                                 .argv = k->argv,
                                 .organization = k->hooks->organization,
                                 .timeout_ms = k->timeout_ms,
                                 .done = on_run_done,
                                 .arg = k};
    int rc;

    if (!make_batch(k, &input))
        rc = err_nomem(err);
    else
        rc = hook_run_start(k->hooks->loop, &o, &input, &k->run, err);
    buf_deinit(&input);
    return rc;
}

static void run(struct hook *k)
{
    struct hooks *h = k->hooks;
    struct err err = ERR_INIT;

    h->n_running++;
    if (run_start(k, &err) == 0) {
        k->is_due = !list_is_empty(&k->waiting); /* more than one batch */
        return;
    }
    h->n_running--;
    k->is_due = false;
    report(k, list_is_empty(&k->told) ? &k->waiting : &k->told, -ERR_IO, err.msg);
}

static struct hook *next_due(struct hooks *h)
{
    LIST_FOREACH (link, &h->hooks) {
        struct hook *k = hook_at(link);

        if (k->is_due && k->is_wanted && !k->run && !list_is_empty(&k->waiting))
            return k;
    }
    return NULL;
}

static void run_those_due(struct hooks *h)
{
    struct hook *k;

    while (!h->closed && h->n_running < LIMIT_HOOKS_RUNNING && (k = next_due(h))) {
        list_remove(&k->link); /* to the end: everybody gets a turn */
        list_append(&h->hooks, &k->link);
        run(k);
    }
}

static void on_debounced(uv_timer_t *timer)
{
    struct hook *k = container_of(timer, struct hook, debounce);

    k->is_due = true;
    run_those_due(k->hooks);
}

/* --- Configuration ------------------------------------------------------------------------- */

static struct hook *find(struct hooks *h, const char *name)
{
    LIST_FOREACH (link, &h->hooks) {
        struct hook *k = hook_at(link);

        if (strcmp(k->name, name) == 0 && !uv_is_closing((uv_handle_t *)&k->debounce))
            return k;
    }
    return NULL;
}

static struct hook *hook_new(struct hooks *h, const char *name)
{
    struct hook *k = mem_alloc(sizeof(*k));

    if (!k)
        return NULL;
    k->name = mem_strdup(name);
    if (!k->name) {
        hook_free(k);
        return NULL;
    }
    k->hooks = h;
    list_init(&k->waiting);
    list_init(&k->told);
    uv_timer_init(h->loop, &k->debounce);
    list_append(&h->hooks, &k->link);
    return k;
}

static bool configure_one(struct hooks *h, const struct config_hook *from)
{
    const char **argv = copy_argv(from->command);
    struct hook *k = argv ? find(h, from->name) : NULL;

    if (argv && !k)
        k = hook_new(h, from->name);
    if (!k) {
        free_argv(argv);
        return false;
    }
    free_argv(k->argv);
    k->argv = argv;
    k->timeout_ms = from->timeout_ms;
    k->debounce_ms = from->debounce_ms;
    k->is_wanted = true;
    return true;
}

static bool is_named(const char *name, const struct config_hook *hooks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(hooks[i].name, name) == 0)
            return true;
    return false;
}

int hooks_configure(struct hooks *h, const struct config_hook *hooks, size_t n, struct err *err)
{
    assert(!h->closed);
    for (size_t i = 0; i < n; i++)
        if (!configure_one(h, &hooks[i]))
            return err_nomem(err);
    LIST_FOREACH (link, &h->hooks) {
        struct hook *k = hook_at(link);

        k->is_wanted = k->is_wanted && is_named(k->name, hooks, n);
        maybe_end(k);
    }
    return 0;
}

/* --- In and out ---------------------------------------------------------------------------- */

int hooks_add(struct hooks *h, const char *hook, const struct hooks_line *line, struct err *err)
{
    struct hook *k = find(h, hook);
    struct line *l;

    if (h->closed)
        return err_set(err, ERR_CANCELED, "tenantd is stopping");
    if (!k || !k->is_wanted)
        return err_set(err, ERR_NOT_FOUND, "there is no hook %s", hook);
    if (h->n_lines >= LIMIT_HOOK_LINES)
        return err_set(err, ERR_LIMIT, "more than %u lines wait for hooks", LIMIT_HOOK_LINES);
    l = line_new(line);
    if (!l)
        return err_nomem(err);
    list_append(&k->waiting, &l->link);
    h->n_lines++;
    if (!k->is_due && !uv_is_active((uv_handle_t *)&k->debounce))
        uv_timer_start(&k->debounce, on_debounced, (uint64_t)k->debounce_ms, 0);
    return 0;
}

int hooks_open(uv_loop_t *loop, const struct hooks_options *o, struct hooks **out, struct err *err)
{
    struct hooks *h = mem_alloc(sizeof(*h));

    assert(o->done && o->organization);
    if (!h)
        return err_nomem(err);
    h->organization = mem_strdup(o->organization);
    if (!h->organization) {
        mem_free(h);
        return err_nomem(err);
    }
    h->loop = loop;
    h->done = o->done;
    h->arg = o->arg;
    list_init(&h->hooks);
    uv_timer_init(loop, &h->anchor);
    h->is_anchored = true;
    *out = h;
    return 0;
}

static void on_anchor_closed(uv_handle_t *handle)
{
    struct hooks *h = container_of(handle, struct hooks, anchor);

    h->is_anchored = false;
    maybe_closed(h);
}

void hooks_close(struct hooks *h, hooks_closed_fn closed, void *arg)
{
    assert(!h->closed && closed);
    h->closed = closed;
    h->closed_arg = arg;
    uv_close((uv_handle_t *)&h->anchor, on_anchor_closed);
    LIST_FOREACH (link, &h->hooks) {
        struct hook *k = hook_at(link);

        k->is_wanted = false;
        if (k->run)
            hook_run_stop(k->run);
        maybe_end(k);
    }
}
