/* sim_manifest: the manifest's files, as they are and as they were when last good.
 * In:    texts and errors by path. Out: what is wanted, told to the reconciler and kept for the
 * rules.
 * Never: real files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/mem.h"
#include "tests/lib/sim.h"

static struct sim_manifest_file *find_input(struct sim_manifest_files *m, const char *path)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->items[i].path, path) == 0)
            return &m->items[i];
    return NULL;
}

static void input_deinit(struct sim_manifest_file *f)
{
    free(f->text);
    free(f->error);
}

void sim_file(struct sim *s, const char *path, const char *text, const char *error)
{
    struct sim_manifest_files *m = &s->now_files;
    struct sim_manifest_file *f = find_input(m, path);

    s->want_is_of_now = false;
    if (!f && (text || error)) {
        assert_true(m->n < ARRAY_SIZE(m->items));
        f = &m->items[m->n++];
        *f = (struct sim_manifest_file){
            .kind = strncmp(path, "tenants/", 8) == 0 ? MANIFEST_TENANTS : MANIFEST_TRUSTED};
        snprintf(f->path, sizeof(f->path), "%s", path);
    } else if (f) {
        input_deinit(f);
        f->text = f->error = NULL;
    }
    if (text)
        f->text = strdup(text);
    else if (error)
        f->error = strdup(error);
    else if (f)
        *f = m->items[--m->n];
}

static int by_path(const void *left, const void *right)
{
    const struct manifest_input *a = left;
    const struct manifest_input *b = right;

    return strcmp(a->path, b->path);
}

static size_t inputs_of(const struct sim_manifest_files *m, struct manifest_input *out)
{
    for (size_t i = 0; i < m->n; i++)
        out[i] = (struct manifest_input){.path = m->items[i].path,
                                         .kind = m->items[i].kind,
                                         .data = m->items[i].text,
                                         .size = m->items[i].text ? strlen(m->items[i].text) : 0,
                                         .error = m->items[i].error};
    qsort(out, m->n, sizeof(*out), by_path);
    return m->n;
}

static void say_diags(struct sim *s, struct diags *d)
{
    diags_sort(d);
    for (size_t i = 0; i < d->n; i++) {
        char *text = d->items[i].level == DIAG_ERROR ? diag_text(&d->items[i]) : NULL;

        if (text)
            sim_say(s, "? %s", text);
        mem_free(text);
    }
    s->manifest_refused = d->n_errors > 0;
}

/* `kept` names root files by what is kept of them. */
static void keep_good(struct sim *s, const struct manifest_input *const *files, size_t n,
                      struct desired_keep *takes)
{
    struct sim_manifest_files good = {.n = n};

    for (size_t i = 0; i < n; i++) {
        snprintf(good.items[i].path, sizeof(good.items[i].path), "%s", files[i]->path);
        good.items[i].kind = files[i]->kind;
        good.items[i].text = strdup(files[i]->data);
    }
    for (size_t i = 0; i < s->good_files.n; i++)
        input_deinit(&s->good_files.items[i]);
    s->good_files = good;
    desired_keep_deinit(&s->kept);
    s->kept = *takes;
    *takes = (struct desired_keep){0};
    for (size_t i = 0; i < s->kept.n_roots; i++)
        s->kept.roots[i] = find_input(&s->good_files, s->kept.roots[i])->path;
}

/* As the daemon does: from the last build where that is possible, else anew. */
static int build(struct sim *s, const struct desired_options *options, struct desired *out,
                 struct diags *diags)
{
    struct manifest_input now[16];
    struct manifest_input good[16];
    const struct manifest_input *all[16];
    struct desired_keep keep = {0};
    struct desired_diff diff;
    struct desired_step step = {.last = reconcile_desired(s->rc),
                                .kept = &s->kept,
                                .then = good,
                                .n_then = inputs_of(&s->good_files, good),
                                .now = now,
                                .n_now = inputs_of(&s->now_files, now),
                                .options = options};
    int rc;

    for (size_t i = 0; i < step.n_now; i++)
        all[i] = &now[i];
    rc = s->kept.is_base ? desired_next(&step, out, &keep, &diff, diags) : DESIRED_WHOLE;
    if (rc == 0) {
        desired_diff_deinit(&diff);
        keep_good(s, all, step.n_now, &keep);
        return 0;
    }
    assert_int_equal(rc, DESIRED_WHOLE);
    rc = desired_build(now, step.n_now, good, step.n_then, options, out, &keep, diags);
    if (rc == 0) {
        const struct manifest_input **files = keep.files;
        size_t n = keep.n;

        keep.files = NULL;
        keep_good(s, files, n, &keep);
        mem_free((void *)files);
    } else {
        desired_keep_deinit(&s->kept);
    }
    desired_keep_deinit(&keep);
    return rc;
}

void sim_manifest(struct sim *s)
{
    const char *hooks[8];
    struct desired_options options = {.organization = "acme", .hooks = hooks};
    struct desired told = {0};
    struct diags diags = DIAGS_INIT;
    int rv;

    if (s->is_lost)
        return; /* the next life reads it */
    for (; options.n_hooks < s->config->n_hooks; options.n_hooks++)
        hooks[options.n_hooks] = s->config->hooks[options.n_hooks].name;
    rv = build(s, &options, &told, &diags);
    say_diags(s, &diags);
    if (rv == 0) {
        s->generation += !s->has_want || s->want.digest != told.digest;
        s->want = told; /* the reconciler's now, and its own until it is told of another */
        s->has_want = s->want_is_of_now = true;
        sim_tell(s, (struct rc_event){
                        .kind = RC_DESIRED, .desired = &told, .generation = s->generation});
    }
    diags_deinit(&diags);
}

void sim_files_deinit(struct sim_manifest_files *m)
{
    for (size_t i = 0; i < m->n; i++)
        input_deinit(&m->items[i]);
    m->n = 0;
}
