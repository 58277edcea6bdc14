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

static size_t inputs_of(const struct sim_manifest_files *m, struct manifest_input *out)
{
    for (size_t i = 0; i < m->n; i++)
        out[i] = (struct manifest_input){.path = m->items[i].path,
                                         .kind = m->items[i].kind,
                                         .data = m->items[i].text,
                                         .size = m->items[i].text ? strlen(m->items[i].text) : 0,
                                         .error = m->items[i].error};
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

static void keep_good(struct sim *s, const struct desired_keep *keep)
{
    struct sim_manifest_files good = {.n = keep->n};

    for (size_t i = 0; i < keep->n; i++) {
        snprintf(good.items[i].path, sizeof(good.items[i].path), "%s", keep->files[i]->path);
        good.items[i].kind = keep->files[i]->kind;
        good.items[i].text = strdup(keep->files[i]->data);
    }
    for (size_t i = 0; i < s->good_files.n; i++)
        input_deinit(&s->good_files.items[i]);
    s->good_files = good;
}

void sim_manifest(struct sim *s)
{
    struct manifest_input now[16];
    struct manifest_input good[16];
    size_t n_now = inputs_of(&s->now_files, now);
    size_t n_good = inputs_of(&s->good_files, good);
    const char *hooks[8];
    struct desired_options options = {.organization = "acme", .hooks = hooks};
    struct desired told = {0};
    struct desired_keep keep = {0};
    struct diags diags = DIAGS_INIT;
    int rv;

    for (; options.n_hooks < s->config->n_hooks; options.n_hooks++)
        hooks[options.n_hooks] = s->config->hooks[options.n_hooks].name;
    rv = desired_build(now, n_now, good, n_good, &options, &told, &keep, &diags);
    say_diags(s, &diags);
    if (rv == 0) {
        s->generation += !s->has_want || s->want.digest != told.digest;
        s->want = told; /* the reconciler's now, and its own until it is told of another */
        s->has_want = s->want_is_of_now = true;
        keep_good(s, &keep);
        sim_tell(s, (struct rc_event){
                        .kind = RC_DESIRED, .desired = &told, .generation = s->generation});
    }
    desired_keep_deinit(&keep);
    diags_deinit(&diags);
}

void sim_files_deinit(struct sim_manifest_files *m)
{
    for (size_t i = 0; i < m->n; i++)
        input_deinit(&m->items[i]);
    m->n = 0;
}
