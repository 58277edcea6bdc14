/* sim_files: token files in memory, with the answers that real ones would give.
 * In:    file jobs. Out: results. Never: I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/sim.h"

struct sim_file *sim_find_file(struct sim *s, const char *path)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (strcmp(s->files[i].path, path) == 0)
            return &s->files[i];
    return NULL;
}

void sim_put_file(struct sim *s, const char *path, const char *hash, enum token_format format)
{
    struct sim_file *f = sim_find_file(s, path);

    if (!f) {
        assert_true(s->n_files < SIM_FILES_MAX);
        f = &s->files[s->n_files++];
        memset(f, 0, sizeof(*f));
        snprintf(f->path, sizeof(f->path), "%s", path);
    }
    snprintf(f->hash, sizeof(f->hash), "%s", hash);
    f->format = format;
    f->by_stranger = false;
    f->is_odd = false;
}

static void check(struct sim *s, const struct file_job *j, struct file_result *r)
{
    const struct sim_file *f = sim_find_file(s, j->path);

    r->outcome = !f ? FILE_ABSENT : f->is_odd ? FILE_OTHER : FILE_DONE;
    if (f && f->is_odd)
        snprintf(r->error, sizeof(r->error), "%s is a symbolic link", j->path);
}

void sim_drop_file(struct sim *s, struct sim_file *f)
{
    *f = s->files[--s->n_files];
}

/* The file at that path, if it holds the token of that hash in that format. */
static struct sim_file *holding(struct sim *s, const char *path, enum token_format format,
                                const char *hash, enum file_outcome *why)
{
    struct sim_file *f = sim_find_file(s, path);

    *why = f ? FILE_OTHER : FILE_ABSENT;
    return f && f->format == format && hash && strcmp(f->hash, hash) == 0 ? f : NULL;
}

/* It opens what the ledger calls ours by the name that its row bears. */
static void check_target(struct sim *s, const struct file_job *j, const struct platform_token *t)
{
    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct held_token *h = s->ledger.rows[i].row;

        if (s->ledger.rows[i].table == LEDGER_TOKEN && h->file && strcmp(h->file, j->path) == 0 &&
            strcmp(h->state, "minted") == 0 && strcmp(h->target_id, t->target_id) != 0)
            sim_break(s, "%s is to open %s, and its token opens %s", j->path, h->target_id,
                      t->target_id);
    }
}

static void publish(struct sim *s, const struct file_job *j, struct file_result *r)
{
    struct platform_token *t =
        (struct platform_token *)(uintptr_t)platform_token(&s->platform, j->jwt);

    const char *hash = t ? t->hash : j->jwt; /* an API token's secret is its own hash here */

    assert_true(t || platform_api_secret(&s->platform, j->jwt));
    if (t) {
        t->was_published = true;
        check_target(s, j, t);
    }
    sim_put_file(s, j->path, hash, j->format);
    sim_find_file(s, j->path)->mode = j->mode;
    snprintf(r->hash, sizeof(r->hash), "%s", hash);
}

static void move_file(struct sim *s, const struct file_job *j, struct file_result *r)
{
    struct sim_file *old = holding(s, j->old_path, j->old_format, j->hash, &r->outcome);
    enum file_outcome unused;

    if (!old && !holding(s, j->path, j->format, j->hash, &unused))
        return;
    r->outcome = FILE_DONE;
    snprintf(r->hash, sizeof(r->hash), "%s", j->hash);
    if (old && strcmp(j->old_path, j->path) != 0)
        sim_drop_file(s, old);
    sim_put_file(s, j->path, j->hash, j->format);
    sim_find_file(s, j->path)->mode = j->mode;
}

static void read_file(struct sim *s, const struct file_job *j, struct file_result *r)
{
    struct sim_file *f = sim_find_file(s, j->path);
    const struct platform_token *t =
        f && f->format == j->format ? platform_token(&s->platform, f->hash) : NULL;

    r->outcome = t ? FILE_DONE : f ? FILE_OTHER : FILE_ABSENT;
    if (!t)
        return;
    snprintf(r->hash, sizeof(r->hash), "%s", t->hash);
    snprintf(r->target_id, sizeof(r->target_id), "%s", t->target_id);
    r->issued_ms = t->issued_ms;
    r->expires_ms = t->expires_ms;
    r->read_only = t->authorization == AUTH_READ_ONLY;
}

struct file_result sim_do_job(struct sim *s, const struct file_job *j)
{
    struct file_result r = {.job_id = j->id, .kind = j->kind, .outcome = s->files_say};
    struct sim_file *f;

    if (s->files_say != FILE_DONE) {
        snprintf(r.error, sizeof(r.error), "%s: no space left", j->path);
        return r;
    }
    switch (j->kind) {
    case FILE_PUBLISH:
        publish(s, j, &r);
        break;
    case FILE_MOVE:
        move_file(s, j, &r);
        break;
    case FILE_REMOVE:
        f = holding(s, j->path, j->format, j->hash, &r.outcome);
        if (f) {
            r.outcome = FILE_DONE;
            sim_drop_file(s, f);
        }
        break;
    case FILE_READ:
        read_file(s, j, &r);
        break;
    case FILE_REVEAL: /* the shell's own */
    case FILE_CHECK:
        check(s, j, &r);
        break;
    }
    return r;
}
