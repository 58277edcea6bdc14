#include "core/effects.h"

#include "lib/mem.h"

static void op(struct effects *fx, enum ledger_table table, const void *row, bool is_delete)
{
    struct ledger_op *o;

    if (!mem_grow(&fx->ops, &fx->ops_capacity, fx->n_ops + 1, sizeof(*fx->ops))) {
        fx->failed = true;
        return;
    }
    o = &fx->ops[fx->n_ops];
    *o = (struct ledger_op){table, is_delete, ledger_row_whole(table, row)};
    if (o->row)
        fx->n_ops++;
    else
        fx->failed = true;
}

void effects_put(struct effects *fx, enum ledger_table table, const void *row)
{
    op(fx, table, row, false);
}

void effects_remove(struct effects *fx, enum ledger_table table, const void *row)
{
    op(fx, table, row, true);
}

void effects_call(struct effects *fx, struct call *takes)
{
    if (!takes ||
        !mem_grow(&fx->calls, &fx->calls_capacity, fx->n_calls + 1, sizeof(struct call *))) {
        call_free(takes);
        fx->failed = true;
        return;
    }
    fx->calls[fx->n_calls++] = takes;
}

void effects_job(struct effects *fx, struct file_job *takes)
{
    if (!takes ||
        !mem_grow(&fx->jobs, &fx->jobs_capacity, fx->n_jobs + 1, sizeof(struct file_job *))) {
        file_job_free(takes);
        fx->failed = true;
        return;
    }
    fx->jobs[fx->n_jobs++] = takes;
}

void effects_answer(struct effects *fx, struct answer *takes)
{
    if (!takes || !mem_grow(&fx->answers, &fx->answers_capacity, fx->n_answers + 1,
                            sizeof(struct answer *))) {
        answer_free(takes);
        fx->failed = true;
        return;
    }
    fx->answers[fx->n_answers++] = takes;
}

void hook_run_deinit(struct hook_run *h)
{
    mem_free(h->hook);
    mem_free(h->kind);
    mem_free(h->name);
    mem_free(h->file);
    mem_free(h->cause);
    *h = (struct hook_run){0};
}

void effects_hook(struct effects *fx, const struct held_token *t)
{
    struct hook_run run = {.hook = mem_strdup(t->notify),
                           .kind = mem_strdup(t->kind),
                           .name = mem_printf("%s%s%s", t->target, *t->target ? "/" : "", t->name),
                           .file = mem_strdup(t->file ? t->file : ""),
                           .cause = mem_strdup(t->cause ? t->cause : "published")};

    if (!run.hook || !run.kind || !run.name || !run.file || !run.cause ||
        !mem_grow(&fx->hooks, &fx->hooks_capacity, fx->n_hooks + 1, sizeof(run))) {
        hook_run_deinit(&run);
        fx->failed = true;
        return;
    }
    fx->hooks[fx->n_hooks++] = run;
}

void effects_deinit(struct effects *fx)
{
    for (size_t i = 0; i < fx->n_ops; i++)
        ledger_op_deinit(&fx->ops[i]);
    for (size_t i = 0; i < fx->n_calls; i++)
        call_free(fx->calls[i]);
    for (size_t i = 0; i < fx->n_jobs; i++)
        file_job_free(fx->jobs[i]);
    for (size_t i = 0; i < fx->n_answers; i++)
        answer_free(fx->answers[i]);
    for (size_t i = 0; i < fx->n_hooks; i++)
        hook_run_deinit(&fx->hooks[i]);
    mem_free(fx->ops);
    mem_free((void *)fx->calls);
    mem_free((void *)fx->jobs);
    mem_free((void *)fx->answers);
    mem_free(fx->hooks);
    *fx = EFFECTS_INIT;
}
