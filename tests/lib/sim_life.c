/* sim_life: the reconciler's lives: how it is configured, begins, crashes, and begins again from
 * the ledger. In: settings, ends. Out: another life. Never: keeps anything that a process would
 * not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "tests/lib/sim_private.h"

#define BEGIN_WALL_MS  INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */
#define BEGIN_MS       1000000
#define REREADS_ONE_IN 4
#define FORGOTTEN_MS   ((int64_t)24 * 3600 * 1000)

/* --- the configuration --- */

static struct config *read_config(const char *settings)
{
    char text[4096];
    struct config_input in = {"tenantd.yaml", text, 0};
    struct diags diags = DIAGS_INIT;
    struct config *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    snprintf(text, sizeof(text), "organization: acme\n%s%s",
             strstr(settings, "api:") ? "" : "api: {rate: 0}\n", settings);
    in.size = strlen(text);
    if (config_parse(&in, 1, NULL, c, &diags) != 0)
        fail_msg("the settings are refused: %s\n%s", diags.n ? diags.items[0].message : "?", text);
    diags_deinit(&diags);
    for (size_t i = 0; i < c->n_keys; i++) /* as if they had been read: "k-16" is of 16 bytes */
        c->keys[i].bytes = strstr(c->keys[i].name, "-16") ? 16 : 32;
    return c;
}

static void free_config(struct config *c)
{
    if (c)
        config_deinit(c);
    free(c);
}

/* What has left the guard's window is not counted again in a longer one: but who has changed what
 * in it may be remembered, and lets that be changed once more. */
static void forget_deeds(struct sim *s)
{
    size_t kept = 0;

    for (size_t i = 0; s->config && i < s->n_deeds; i++) {
        struct sim_deed *d = &s->deeds[i];
        int64_t age = sim_true_ms(s) - d->true_ms;

        d->may_count = d->may_count || age >= s->config->policy.guard.window_ms;
        if (!d->may_count || (strcmp(d->what, "removal") != 0 && age < FORGOTTEN_MS))
            s->deeds[kept++] = *d;
    }
    s->n_deeds = kept;
}

void sim_move_clock(struct sim *s, int64_t by)
{
    s->wall_ms += by;
    s->ahead_ms += by;
}

static bool same_hooks(const struct config *a, const struct config *b)
{
    bool same = a->n_hooks == b->n_hooks;

    for (size_t i = 0; same && i < a->n_hooks; i++)
        same = strcmp(a->hooks[i].name, b->hooks[i].name) == 0;
    return same;
}

void sim_configure(struct sim *s, const char *settings)
{
    struct config *old = s->config;

    forget_deeds(s);
    s->config = read_config(settings);
    s->n_sent = 0; /* at another pace */
    if (!same_hooks(old, s->config))
        desired_keep_deinit(&s->kept); /* names in manifests mean something else */
    sim_tell(s, (struct rc_event){.kind = RC_CONFIG, .config = s->config});
    if (s->rc->config != old) {
        free_config(old);
        return;
    }
    assert_true(s->is_lost);
    s->lost_config = old;
}

static void end_life(struct sim *s)
{
    reconcile_free(s->rc);
    free_config(s->lost_config);
    s->lost_config = NULL;
}

/* --- beginning, ending, and what is between --- */

static void begin(struct sim *s)
{
    s->rc = reconcile_new(s->config, s->now_ms);
    assert_non_null(s->rc);
    reconcile_identify(s->rc, OWN_TOKEN, s->self_id, s->self_hash);
    reconcile_identify(s->rc, OWN_DELETE_TOKEN, "k-deleter", "deleter");
    if (s->watches)
        reconcile_watch(s->rc, true);
    reconcile_slice(s->rc, s->look_slice, s->pass_slice);
    reconcile_queue(s->rc, s->queue_most);
}

void sim_queue(struct sim *s, size_t most)
{
    s->queue_most = most;
    reconcile_queue(s->rc, most);
}

void sim_slice(struct sim *s, size_t n)
{
    s->look_slice = n;
    reconcile_slice(s->rc, s->look_slice, s->pass_slice);
}

void sim_slice_passes(struct sim *s, size_t n, int64_t turn_ms)
{
    s->pass_slice = n;
    s->turn_ms = turn_ms;
    reconcile_slice(s->rc, s->look_slice, s->pass_slice);
}

void sim_watch(struct sim *s)
{
    s->watches = true;
    reconcile_watch(s->rc, true);
}

void sim_init(struct sim *s, const char *settings, uint64_t random)
{
    memset(s, 0, sizeof(*s));
    s->out = BUF_INIT(1u << 22);
    s->now_ms = s->start_ms = BEGIN_MS;
    s->wall_ms = BEGIN_WALL_MS;
    s->latency_ms = 40;
    s->random = random;
    s->state_shown = -1;
    s->files_say = FILE_DONE;
    s->config = read_config(settings);
    snprintf(s->self_id, sizeof(s->self_id), "k-0");
    snprintf(s->self_hash, sizeof(s->self_hash), "self");
    begin(s);
    s->wake_ms = s->now_ms;
}

/* What the files would make again, one life takes over from the last. */
static bool take_want(struct sim *s, struct desired *out)
{
    struct reconcile *rc = s->rc;

    if (!s->seldom_rereads || !s->want_is_of_now || s->steps % REREADS_ONE_IN == 0 ||
        !rc->has_desired || rc->desired.databases != s->want.databases)
        return false;
    *out = rc->desired;
    rc->desired = (struct desired){0};
    rc->has_desired = false;
    return true;
}

/* want: taken over; NULL: it is read. */
static void start(struct sim *s, struct desired *want)
{
    begin(s);
    if (!want)
        desired_keep_deinit(&s->kept);
    s->wake_ms = s->now_ms;
    s->n_sent = 0;
    s->is_lost = s->loses_step = false;
    sim_told_clear(&s->told);
    for (size_t i = 0; i < s->ledger.n; i++)
        assert_true(reconcile_load(s->rc, s->ledger.rows[i].table, s->ledger.rows[i].row));
    if (want)
        sim_tell(
            s, (struct rc_event){.kind = RC_DESIRED, .desired = want, .generation = s->generation});
    else if (s->has_want || s->now_files.n)
        sim_manifest(s);
}

static void drop_waiting(struct sim_ledger *l)
{
    for (size_t i = 0; i < l->n_waiting; i++)
        ledger_op_deinit(&l->waiting[i]);
    l->n_waiting = 0;
}

/* Only what is late goes on. */
static void be_down(struct sim *s, int64_t ms)
{
    int64_t until = s->now_ms + ms;

    while (s->n_pending && s->pending[sim_first_pending(s)].at_ms <= until) {
        size_t i = sim_first_pending(s);
        struct sim_pending p = s->pending[i];

        sim_pass(s, p.at_ms);
        s->pending[i] = s->pending[--s->n_pending];
        sim_come_late(s, p.call, p.sent_ms);
        sim_pending_deinit(&p);
    }
    sim_pass(s, until);
}

void sim_crash(struct sim *s, enum sim_end end, int64_t down_ms)
{
    struct desired want;
    bool taken = take_want(s, &want);

    sim_forget_pending(s, end);
    drop_waiting(&s->ledger);
    end_life(s);
    be_down(s, down_ms);
    start(s, taken ? &want : NULL);
}

void sim_suspend(struct sim *s, int64_t ms)
{
    s->jumped_ms += ms;
    s->wall_ms += ms;
}

void sim_stall(struct sim *s, int64_t ms)
{
    sim_pass(s, s->now_ms + ms);
}

void sim_stop(struct sim *s)
{
    s->stopping = true;
    sim_tell(s, (struct rc_event){.kind = RC_STOP});
    while (sim_is_waited_for(s) && !*s->broken)
        sim_come_to_pass(
            s, (sim_pass(s, s->pending[sim_first_pending(s)].at_ms), sim_first_pending(s)));
    s->stopping = false;
    sim_crash(s, SIM_UNDONE, 0);
}

void sim_ledger_fails(struct sim *s, bool fails)
{
    s->ledger.fails = fails;
    if (fails)
        return;
    sim_ledger_commit(&s->ledger);
    sim_tell(s, (struct rc_event){.kind = RC_LEDGER_OK});
}

void sim_deinit(struct sim *s)
{
    sim_forget_pending(s, SIM_UNDONE);
    while (s->n_pending)
        sim_pending_deinit(&s->pending[--s->n_pending]);
    mem_free(s->pending);
    end_life(s);
    sim_ledger_deinit(&s->ledger);
    sim_told_deinit(&s->told);
    platform_deinit(&s->platform);
    sim_files_deinit(&s->now_files);
    sim_files_deinit(&s->good_files);
    desired_keep_deinit(&s->kept);
    sim_say_deinit(s);
    buf_deinit(&s->out);
    free_config(s->config);
}
