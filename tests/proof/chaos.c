/* chaos: one seeded schedule.
 * In:    a seed. Out: the first broken rule, a transcript, a tally. Never: chance that does not
 * come from the seed. */
#include "tests/proof/chaos.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/fleet_rest.h"
#include "core/plan.h"
#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "tests/proof/chaos_happen.h"

#define HAPPENINGS_MAX 40
#define ROUNDS         3 /* at least; until nothing is held or counted down any more */
#define ROUNDS_MAX     12
#define ROUND_MS       (40 * MINUTE_MS)
#define STEPS_MAX      100000
#define TURNS          11 /* each of some beginnings is had by one schedule in so many */

#define REACHED_TEXT(symbol, text) [REACHED_##symbol] = text,
const char *const REACHED_NAME[REACHED_N] = {REACHED(REACHED_TEXT)};
#undef REACHED_TEXT

/* --- chance --- */

/* splitmix64 (Steele, Lea, Flood 2014): neighbouring seeds give unlike schedules. */
static uint64_t next(struct chaos *c)
{
    uint64_t z = (c->random += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

unsigned chaos_pick(struct chaos *c, unsigned n)
{
    return (unsigned)(next(c) >> 32) % n;
}

bool chaos_once_in(struct chaos *c, unsigned n)
{
    return chaos_pick(c, n) == 0;
}

/* --- what the simulation asks --- */

static void note_event(struct sim *s, const struct event *e)
{
    struct chaos *c = s->arg;

    for (size_t i = REACHED_SETTLED + 1; i < REACHED_N; i++)
        if (*REACHED_NAME[i] == *e->what && strcmp(REACHED_NAME[i], e->what) == 0) {
            c->reached[i]++;
            return;
        }
}

void chaos_crash(struct chaos *c)
{
    static const int64_t DOWN_MS[] = {0, 0, 1000, 5 * MINUTE_MS, 2 * 60 * MINUTE_MS};

    c->reached[REACHED_CRASHES]++;
    sim_say(&c->s, "-- it crashes");
    sim_crash(&c->s, (enum sim_end)chaos_pick(c, SIM_HALF_DONE + 1),
              DOWN_MS[chaos_pick(c, ARRAY_SIZE(DOWN_MS))]);
}

void chaos_mind_loss(struct chaos *c)
{
    for (int i = 0; i < 3 && c->s.is_lost; i++)
        chaos_crash(c);
}

static void after_step(struct sim *s)
{
    struct chaos *c = s->arg;

    if (s->is_lost || (c->crash_one_in && chaos_once_in(c, c->crash_one_in)))
        chaos_crash(c);
    if (c->crash_one_in && chaos_once_in(c, 2 * c->crash_one_in))
        s->loses_step = true;
}

/* --- the schedule --- */

void chaos_wait(struct chaos *c)
{
    static const int64_t WAITS_MS[] = {
        0, 1, 50, 1000, 35 * 1000, 2 * MINUTE_MS, 15 * MINUTE_MS, 70 * MINUTE_MS};
    unsigned n = chaos_pick(c, 2 * ARRAY_SIZE(WAITS_MS));

    if (n < ARRAY_SIZE(WAITS_MS)) {
        sim_run(&c->s, WAITS_MS[n]);
        return;
    }
    for (n = chaos_pick(c, 6); n && !*c->s.broken; n--) /* in the middle of things */
        if (!sim_happen(&c->s, c->s.now_ms + 10 * MINUTE_MS))
            return;
}

/* In most schedules everything is looked at in slices, so small that anything comes between; and
 * the queue is short in half of them. */
static void cut(struct chaos *c, uint64_t seed)
{
    static const size_t SLICES[] = {0, 0, 1, 1, 2, 3};
    static const int64_t TURNS_MS[] = {0, 3, 30, 200};
    static const size_t QUEUES[] = {0, 1, 0, 2};
    size_t slice = SLICES[seed % ARRAY_SIZE(SLICES)];

    seed /= ARRAY_SIZE(SLICES);
    if (slice)
        sim_slice_passes(&c->s, slice, TURNS_MS[seed % ARRAY_SIZE(TURNS_MS)]);
    sim_queue(&c->s, QUEUES[seed / ARRAY_SIZE(TURNS_MS) % ARRAY_SIZE(QUEUES)]);
}

static void begin(struct chaos *c, uint64_t seed, bool quiet)
{
    static const unsigned CRASHES[] = {0, 0, 20, 200};
    static const size_t SLICES[] = {0, 1, 2, 3};
    const unsigned turn = (unsigned)(seed % TURNS); /* so that the others are as without it */
    char *settings = model_settings(c, MODEL_WRITES);
    const size_t slice = SLICES[chaos_pick(c, ARRAY_SIZE(SLICES))];

    c->bent = chaos_once_in(c, 2) ? BENT_NONE : (enum bent)chaos_pick(c, BENT_N);
    sim_init(&c->s, settings, next(c));
    free(settings);
    sim_slice(&c->s, slice);
    c->s.lags = chaos_once_in(c, 2);
    cut(c, seed);
    c->s.quiet = quiet;
    c->s.seldom_rereads = true;
    c->s.arg = c;
    c->s.after_step = after_step;
    c->s.on_event = note_event;
    c->crash_one_in = CRASHES[chaos_pick(c, ARRAY_SIZE(CRASHES))];
    c->s.platform.recovers = chaos_once_in(c, 2) || c->bent == BENT_RESTORES;
    if (c->bent == BENT_PLAN)
        sim_watch(&c->s);
    for (unsigned i = 0; i < MODEL_GROUPS; i++)
        if (chaos_once_in(c, 4))
            platform_make_group(&c->s.platform, model_group_name(i), "aws-eu-west-1");
    model_init(c);
    if (turn == 2)
        model_clear_group(c, MODEL_GROUP_GIVEN_UP);
    model_write(c);
    sim_manifest(&c->s);
    if (chaos_once_in(c, 2))
        sim_run(&c->s, MINUTE_MS);
    if (turn == 1)
        operator_frightened(c);
    if (turn == 2)
        operator_gives_up_group(c);
    if (turn == 3)
        operator_loses_delete_token(c);
}

/* Something expires so soon that it would begin to go in the midst of the last checks. */
static bool expires_soon(const struct sim *s)
{
    for (unsigned i = 0; i < MODEL_DATABASES; i++) {
        const struct owned *own = sim_owned(&s->ledger, "database", model_db_name(i));
        const struct db_entry *e = desired_database(&s->want, model_db_name(i));
        int64_t at = e ? db_entry_want(e)->expires_at_ms : 0;

        if (e && own && db_entry_want(e)->expires_after_ms)
            at = (own->since > own->expires_since ? own->since : own->expires_since) +
                 db_entry_want(e)->expires_after_ms;
        if (at > s->wall_ms - MINUTE_MS && at < s->wall_ms + 10 * MINUTE_MS)
            return true;
    }
    return false;
}

/* Something waits for somebody, or is on its way out. */
static bool is_unfinished(struct chaos *c, struct plan *plan)
{
    sim_tell(&c->s, (struct rc_event){.kind = RC_TICK});
    sim_plan(&c->s, plan);
    return plan->n_held || plan->n_delete || expires_soon(&c->s);
}

static bool is_well(const struct resource *r)
{
    return r->phase == PHASE_READY || r->phase == PHASE_NONE;
}

static bool are_well(struct token *const *tokens, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_well(&tokens[i]->r))
            return false;
    return true;
}

/* Whom to ask for. */
struct asked {
    char name[4 * MODEL_DATABASES][PLATFORM_NAME_BYTES];
    enum kind kind[4 * MODEL_DATABASES];
    size_t n;
};

static void add_asked(struct asked *a, const struct resource *r)
{
    assert_true(a->n < ARRAY_SIZE(a->kind));
    snprintf(a->name[a->n], sizeof(a->name[0]), "%s", r->name);
    a->kind[a->n++] = r->kind;
}

/* all: databases that are well, too: some of their fields are read seldom. */
static void gather(const struct fleet *f, bool all, struct asked *out)
{
    for (size_t i = 0; i < f->n_databases; i++) {
        struct visit v = fleet_open(f, i);

        if (v.d && (all || !is_well(&v.d->r) || !are_well(v.d->tokens, v.d->n_tokens)))
            add_asked(out, &v.d->r);
        fleet_close(f, i, v);
    }
    for (size_t i = 0; i < f->n_groups; i++)
        if (!is_well(&f->groups[i]->r) || !are_well(f->groups[i]->tokens, f->groups[i]->n_tokens))
            add_asked(out, &f->groups[i]->r);
    for (size_t i = 0; i < f->n_api_tokens; i++)
        if (!is_well(&f->api_tokens[i]->t.r))
            add_asked(out, &f->api_tokens[i]->t.r);
    for (size_t i = 0; i < f->n_members; i++)
        if (!is_well(&f->members[i]->r))
            add_asked(out, &f->members[i]->r);
}

/* What went wrong is tried again when it is asked for by name. */
static void ask(struct chaos *c, bool all)
{
    struct asked asked = {.n = 0};

    gather(&c->s.rc->fleet, all, &asked);
    for (size_t i = 0; i < asked.n; i++) {
        struct rc_event ev = {
            .kind = RC_SYNC, .resource_kind = KIND_NAME[asked.kind[i]], .name = asked.name[i]};
        struct err err = ERR_INIT;

        (void)sim_step(&c->s, &ev, &err);
    }
}

/* What waits for somebody finds somebody. */
static void attend(struct chaos *c, bool all)
{
    struct err err = ERR_INIT;
    struct plan plan;
    char id[17];

    (void)is_unfinished(c, &plan);
    snprintf(id, sizeof(id), "%s", plan.id);
    if (plan.n_held && sim_decide(&c->s, true, id, "seen", &err) != 0)
        sim_break(&c->s, "the plan cannot be approved: %s", err.msg);
    plan_deinit(&plan);
    ask(c, all);
}

/* For a minute it is left alone, and then it should have settled. */
static bool rests(struct chaos *c)
{
    struct plan plan;
    bool unfinished;

    sim_run(&c->s, MINUTE_MS);
    (void)sim_settle(&c->s, MINUTE_MS); /* a renewal may be under way */
    unfinished = is_unfinished(c, &plan);
    plan_deinit(&plan);
    return !unfinished;
}

static void end(struct chaos *c)
{
    unsigned writes;

    chaos_mend(c);
    for (unsigned i = 0; i < ROUNDS_MAX && !*c->s.broken && (i < ROUNDS || !rests(c)); i++) {
        sim_run(&c->s, ROUND_MS);
        attend(c, i + 1 >= ROUNDS);
    }
    if (*c->s.broken)
        return;
    chaos_check_end(c);
    writes = c->s.platform.writes - c->s.platform.mints; /* renewals go on */
    sim_tell(&c->s, (struct rc_event){.kind = RC_SYNC});
    sim_run(&c->s, MINUTE_MS);
    if (c->s.platform.writes - c->s.platform.mints != writes)
        sim_break(&c->s, "it has settled, and yet writes");
}

bool chaos_run(struct chaos *c, uint64_t seed, uint64_t *reached, struct buf *transcript, char *why,
               size_t size)
{
    bool holds;

    c->random = seed;
    c->reached = reached;
    begin(c, seed, !transcript);
    for (unsigned n = chaos_pick(c, HAPPENINGS_MAX); n && !*c->s.broken; n--) {
        chaos_happen(c);
        chaos_wait(c);
        if (c->s.steps > STEPS_MAX)
            sim_break(&c->s, "there is no end of it");
    }
    if (!*c->s.broken)
        end(c);
    holds = !*c->s.broken;
    snprintf(why, size, "%s", c->s.broken);
    if (transcript && !holds)
        sim_say_list(&c->s);
    if (transcript)
        buf_printf(transcript, "%s", buf_str(&c->s.out));
    reached[REACHED_SCHEDULES]++;
    reached[REACHED_SETTLED] += holds;
    reached[REACHED_STEPS] += c->s.steps;
    reached[REACHED_CALLS] += c->s.n_sent_ever;
    sim_deinit(&c->s);
    return holds;
}
