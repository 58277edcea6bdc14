/* absorb: what an answer says becomes facts. Nothing is decided here; after the facts are in, the
 * record and what hangs on it are considered again. */
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/buf.h"
#include "lib/text.h"

/* --- reading --- */

void rc_stranger(struct reconcile *rc, struct effects *fx, const struct resource *r,
                 const char *what)
{
    rc_count(rc, fx, "stranger", r);
    rc_event(rc, fx, r, "Stranger", 4, NULL, "%s; all removals wait for approval for an hour",
             what);
    rc->replan = true;
}

static bool is_owned(const struct database *d)
{
    return d->has_own && strcmp(d->own.state, "owned") == 0;
}

void rc_appeared(struct reconcile *rc, struct effects *fx, struct database *d, bool was_present)
{
    bool wanted = d->want && !d->want->absent && !d->want->observe;

    if (d->has_own &&
        (!d->own.id || strcmp(d->own.id, d->live.id) == 0 || strcmp(d->own.state, "creating") == 0))
        return; /* ours, or about to be */
    if (is_owned(d) && !rc_is_counted(rc, "stranger", &d->r))
        rc_stranger(rc, fx, &d->r, "it is ours, and somebody else's stands in its place");
    else if (!is_owned(d) && wanted && !was_present && rc->obs.ever && !d->taken)
        rc_stranger(rc, fx, &d->r, "somebody else made it");
}

/* A create whose answer was lost, and of which nothing is to be seen long after: it did not happen,
 * and what lives under its name some day is not from it. */
static void create_failed_after_all(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct parts p = rc_parts(r);

    if (!*p.has_own || strcmp(p.own->state, "creating") != 0)
        return;
    if (p.own->since > rc->wall_ms && doubt_clock_is_good(rc)) {
        p.own->since = rc->wall_ms; /* begun by a clock that was ahead: from now */
        rc_put_own(rc, fx, r);
    }
    if (rc->wall_ms - p.own->since < KNOWN_FOR_MS ||
        (p.live->written_ms && rc->now_ms - p.live->written_ms < KNOWN_FOR_MS))
        return;
    rc_unmake(rc, fx, r);
}

/* A 404 by name: whoever took the name has it no more. */
static void absent(struct reconcile *rc, struct live *l, int64_t *gone_ms, bool *taken)
{
    live_clear(l);
    l->read_ms = rc->now_ms;
    l->checked = true;
    *taken = false;
    if (!*gone_ms)
        *gone_ms = rc->now_ms;
}

/* A delete of ours, also of another life, may be why it is gone. */
static bool may_be_our_doing(const struct reconcile *rc, const struct database *d)
{
    return removal_may_be_sent(rc->config, d) || upload_is_refused_draft(d) ||
           (d->delete_sent_ms && d->live.read_ms < d->delete_sent_ms + LANDS_WITHIN_MS);
}

/* sent_ms: when it was asked; an answer from before our last change says nothing. */
static void read_database(struct reconcile *rc, struct effects *fx, struct database *d,
                          const struct answer *a, int64_t sent_ms)
{
    bool was_present = d->live.present;

    if (sent_ms < d->live.written_ms)
        return;
    d->r.look_now = false;
    if (a->outcome == OUTCOME_NOT_FOUND) {
        if (!d->gone_ms && is_owned(d) && !d->own.missing_since && !d->deleted_ms &&
            !may_be_our_doing(rc, d))
            rc_stranger(rc, fx, &d->r, "it is ours and gone from the platform");
        absent(rc, &d->live, &d->gone_ms, &d->taken);
        rc_guest_gone(rc, fx, d->r.name);
        create_failed_after_all(rc, fx, &d->r);
    } else if (!live_set_database(&d->live, &a->databases[0])) {
        fx->failed = true;
    } else {
        rc_appeared(rc, fx, d, was_present);
        d->gone_ms = 0;
        d->live.read_ms = rc->now_ms;
        d->live.checked = true;
    }
    rc_not_suspect(rc, fx, &d->r, &d->suspect, a->outcome == OUTCOME_OK);
}

static void read_group(struct reconcile *rc, struct effects *fx, struct group *g,
                       const struct answer *a, int64_t sent_ms)
{
    bool was = g->live.present;

    if (sent_ms < g->live.written_ms)
        return;
    g->r.look_now = false;

    if (a->outcome == OUTCOME_NOT_FOUND) {
        absent(rc, &g->live, &g->gone_ms, &g->taken);
        create_failed_after_all(rc, fx, &g->r);
    } else if (!live_set_group(g, &a->groups[0])) {
        fx->failed = true;
    } else {
        g->gone_ms = 0;
        g->live.read_ms = rc->now_ms;
        g->live.checked = true;
    }
    rc_not_suspect(rc, fx, &g->r, &g->suspect, a->outcome == OUTCOME_OK);
    if (was != g->live.present || g->r.phase != PHASE_READY)
        rc_replan_after(rc);
}

/* --- groups --- */

static void group_created(struct reconcile *rc, struct effects *fx, struct group *g,
                          const struct answer *a)
{
    if (!live_set_group(g, &a->groups[0]))
        fx->failed = true;
    g->live.read_ms = 0; /* ready once it reads back */
    g->live.made_ms = rc->now_ms;
    g->live.listed = false;
    if (!g->own.group_name)
        rc_set(fx, &g->own.group_name, g->live.place);
    rc_own_made(rc, fx, &g->r);
    rc_event(rc, fx, &g->r, "Created", 6, a, "created in %s, id %s",
             g->live.place ? g->live.place : "?", g->live.id);
}

/* Configured, woken, a location more or less. Seen when it is read; until then it is asked ever
 * more seldom. */
static void group_changed(struct reconcile *rc, struct effects *fx, const struct flight *f,
                          const struct answer *a)
{
    struct group *g = group_of(f->r);

    if (a->outcome != OUTCOME_OK) { /* 404 where it should be: look again */
        rc_failed(rc, fx, &g->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
        rc_observe(rc);
        return;
    }
    if (f->act == ACT_CONFIGURE) {
        if (!live_set_config(&g->live.config, &a->config))
            fx->failed = true;
        rc_event(rc, fx, &g->r, "Updated", 6, a, "delete_protection is %s",
                 g->live.config.value[CONFIG_DELETE_PROTECTION]);
        rc_flip(rc, fx, &g->r, CONFIG_FIELD[CONFIG_DELETE_PROTECTION].key);
        rc_replan_after(rc); /* it covers databases */
        return;
    }
    g->live.read_ms = 0;
    g->live.listed = false;
    rc_failed(rc, fx, &g->r, f->act, ACT[f->act].working, -1, "waiting until it shows");
    rc_event(rc, fx, &g->r, "Updated", 6, a, "%s done", ACT[f->act].text);
}

static void absorb_group(struct reconcile *rc, struct effects *fx, const struct flight *f,
                         const struct answer *a)
{
    struct group *g = group_of(f->r);

    switch (f->act) {
    case ACT_CREATE:
        if (a->outcome == OUTCOME_OK)
            group_created(rc, fx, g, a);
        else /* the name is taken: read who has it */
            rc_failed(rc, fx, &g->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
        return;
    case ACT_FIND_CLOSEST:
        if (a->outcome == OUTCOME_OK)
            rc_set(fx, &g->closest, a->location);
        else
            rc_failed(rc, fx, &g->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
        return;
    case ACT_DELETE:
        g->deleted_ms = rc->now_ms;
        return;
    case ACT_READ:
        read_group(rc, fx, g, a, f->sent_ms);
        return;
    default:
        group_changed(rc, fx, f, a);
    }
}

/* --- databases --- */

/* The answer confirms what was asked for: under that name, with that id, at that host. It says no
 * group, which the list shows later, and where it says no host either, it is read. */
static void database_created(struct reconcile *rc, struct effects *fx, struct database *d,
                             const struct answer *a)
{
    const struct live_db *made = &a->databases[0];

    if (!live_set_database(&d->live, made))
        fx->failed = true;
    if (!made->group)
        rc_set(fx, &d->live.place, d->own.group_name);
    d->live.read_ms = made->hostname ? rc->now_ms : 0;
    d->live.made_ms = rc->now_ms;
    d->live.listed = false;
    if (d->own.upload)
        rc_set(fx, &d->own.draft_id, d->live.id);
    rc_own_made(rc, fx, &d->r);
    if (rc->by_reason[REASON_WAITING_FOR_SEED])
        rc_replan_after(rc);
    rc_event(rc, fx, &d->r, "Created", 6, a, "created in %s, id %s", d->own.group_name, d->live.id);
}

static void say_changes(struct buf *b, const struct database *d, unsigned fields)
{
    for (int i = 0; i < CONFIG_N; i++) {
        const char *from = database_value(d, (enum config_field)i);

        if (fields & 1u << i)
            buf_printf(b, "%s%s %s -> %s", b->size ? ", " : "", CONFIG_FIELD[i].key,
                       from && *from ? from : "(none)",
                       d->sent.value[i] && *d->sent.value[i] ? d->sent.value[i] : "(none)");
    }
}

/* What was written, and what the platform made of it. */
static void remember(struct database *d, unsigned fields, const struct answer *a,
                     struct effects *fx)
{
    struct db_config written = {0};
    struct db_config read = {0};

    for (int i = 0; i < CONFIG_N; i++) {
        if (!(fields & 1u << i))
            continue;
        written.value[i] = d->sent.value[i];
        read.value[i] = a->config.value[i] ? a->config.value[i] : written.value[i];
    }
    if (!live_set_config(&d->applied, &written) || !live_set_config(&d->readback, &read) ||
        !rc_save_applied(d))
        fx->failed = true;
}

/* Of what was just read: all that was once written is as it was, or as it was answered then. What
 * the platform does not say is not known to be otherwise. */
static bool is_as_written(const struct database *d)
{
    for (int f = 0; f < CONFIG_N; f++) {
        const char *live = d->live.config.value[f];

        if (live && d->applied.value[f] && !text_is(live, d->applied.value[f]) &&
            !text_is(live, d->readback.value[f]))
            return false;
    }
    return true;
}

/* What a look under way shows of it may be older than this answer, which bears no id. */
static void note_set(const struct reconcile *rc, struct database *d)
{
    d->live.set_ms = rc->obs.stage == OBS_IDLE ? 0 : rc->now_ms;
}

static void configured(struct reconcile *rc, struct effects *fx, const struct flight *f,
                       const struct answer *a)
{
    struct database *d = database_of(f->r);
    struct buf text = BUF_INIT(600);
    unsigned drift;

    database_differs(d, &drift);
    drift &= f->fields;
    say_changes(&text, d, f->fields);
    remember(d, f->fields, a, fx);
    if (!live_set_config(&d->live.config, &a->config))
        fx->failed = true;
    d->live.config_read = true;
    note_set(rc, d);
    d->own.config_read = rc->wall_ms;
    rc_put_own(rc, fx, &d->r);
    rc_approval_done(rc, fx, "update", &d->r);
    fx->failed = fx->failed || text.nomem;
    rc_event(rc, fx, &d->r, drift ? "DriftCorrected" : "Updated", 6, a, "%s", buf_str(&text));
    for (int i = 0; i < CONFIG_N; i++)
        if (drift & 1u << i)
            rc_flip(rc, fx, &d->r, CONFIG_FIELD[i].key);
    buf_deinit(&text);
}

/* Nothing is left of what it was to be configured with after its create: what is edited from here
 * on is an update, also where nothing of that could be set. */
static void end_first_configuration(struct reconcile *rc, struct effects *fx, struct database *d)
{
    unsigned drift;

    if (d->own.config_read || database_differs(d, &drift) & ~d->refused_fields)
        return;
    d->own.config_read = CONFIG_IN_DOUBT;
    rc_put_own(rc, fx, &d->r);
}

/* The platform refused some field of several: the one that its text names, else they are sent one
 * by one. */
static void field_refused(struct reconcile *rc, struct effects *fx, const struct flight *f,
                          const struct answer *a)
{
    struct database *d = database_of(f->r);
    unsigned named = 0;

    for (int i = 0; i < CONFIG_N; i++)
        if (f->fields & 1u << i && strstr(a->error, CONFIG_FIELD[i].key))
            named |= 1u << i;
    if (!named && (f->fields & (f->fields - 1))) {
        d->one_field = true;
        return;
    }
    d->refused_fields |= named ? named : f->fields;
    d->r.refused_until_ms = rc->now_ms + REFUSED_AGAIN_MS;
    end_first_configuration(rc, fx, d);
    rc_approval_done(rc, fx, "update", &d->r);
    rc_set(fx, &d->r.refused_text, a->error);
    rc_event(rc, fx, &d->r, "Refused", 4, a, "%s", a->error);
}

static bool is_refusal(enum outcome o)
{
    return o == OUTCOME_INVALID || o == OUTCOME_PLAN || o == OUTCOME_CONFLICT;
}

static void fenced(struct reconcile *rc, struct effects *fx, const struct flight *f,
                   const struct answer *a)
{
    struct database *d = database_of(f->r);
    const char *reads = a->config.value[CONFIG_BLOCK_READS];
    const char *writes = a->config.value[CONFIG_BLOCK_WRITES];

    if (!live_set_config(&d->live.config, &a->config))
        fx->failed = true;
    /* Only what the platform confirms counts; else it is read. */
    d->live.checked = f->act == ACT_FENCE && reads && writes && strcmp(reads, "true") == 0 &&
                      strcmp(writes, "true") == 0;
    note_set(rc, d);
}

static void absorb_database(struct reconcile *rc, struct effects *fx, const struct flight *f,
                            const struct answer *a)
{
    struct database *d = database_of(f->r);
    bool found = a->outcome == OUTCOME_OK;

    switch (f->act) {
    case ACT_READ:
        read_database(rc, fx, d, a, f->sent_ms);
        return;
    case ACT_CREATE:
        if (found)
            database_created(rc, fx, d, a);
        else
            rc_failed(rc, fx, &d->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
        return;
    case ACT_DELETE:
        d->deleted_ms = rc->now_ms;
        return;
    case ACT_READ_CONFIG:
        if (found) {
            if (!live_set_config(&d->live.config, &a->config))
                fx->failed = true;
            d->live.config_read = true;
            d->config_asked = false;
            d->own.config_read = is_as_written(d) ? rc->wall_ms : -rc->wall_ms;
            rc_put_own(rc, fx, &d->r);
        }
        break;
    case ACT_CONFIGURE:
        if (found)
            configured(rc, fx, f, a);
        break;
    default:
        if (found)
            fenced(rc, fx, f, a);
    }
    if (!found) { /* 404 where it should be: look again, and before the next try */
        rc_failed(rc, fx, &d->r, f->act, REASON_REFUSED, a->retry_after_ms, a->error);
        d->r.look_now = true;
        rc_observe(rc);
    }
}

static void note_call(struct effects *fx, struct resource *r, const struct answer *a)
{
    rc_set(fx, &r->last.request, a->request);
    r->last.kind = a->kind;
    r->last.http_status = a->http_status;
    r->last.attempt = a->attempt;
    r->last.duration_ms = a->duration_ms;
}

void rc_absorb(struct reconcile *rc, struct effects *fx, const struct flight *f, struct answer *a)
{
    struct resource *r = f->r;
    bool opens = r->kind == KIND_TOKEN || r->kind == KIND_GROUP_TOKEN;

    if (ACT[f->act].write)
        note_call(fx, r, a);
    if (r->kind <= KIND_DATABASE && ACT[f->act].write)
        rc_parts(r).live->written_ms = rc->now_ms;
    if (r->kind <= KIND_DATABASE && (f->act == ACT_DELETE || f->act == ACT_DROP_DRAFT))
        rc_note_delete(r, a->outcome);
    if (f->act == ACT_CONFIGURE && r->kind == KIND_DATABASE)
        rc_note_configure(f, a->outcome);
    if (f->act == ACT_ROTATE)
        rc_absorb_rotation(rc, fx, f, a);
    if (f->act == ACT_PROBE) {
        rc_absorb_probe(rc, fx, f, a);
    } else if (rc_is_upload_act(f)) {
        rc_absorb_upload(rc, fx, f, a);
    } else if (r->kind == KIND_API_TOKEN) {
        rc_absorb_api_token(rc, fx, f, a);
    } else if (r->kind == KIND_MEMBER) {
        rc_absorb_member(rc, fx, f, a);
    } else if (opens) {
        rc_absorb_token(rc, fx, f, a);
    } else if (f->act == ACT_ROTATE) { /* it is not tried again, whatever came of it */
        if (a->outcome == OUTCOME_UNAUTHORIZED)
            rc_absorb_failure(rc, fx, f, a);
    } else if (f->act == ACT_CONFIGURE && r->kind == KIND_DATABASE && is_refusal(a->outcome)) {
        field_refused(rc, fx, f, a);
    } else if (!rc_absorb_failure(rc, fx, f, a)) {
        bool lingers = f->act == ACT_READ && r->phase == PHASE_DELETING &&
                       a->outcome == OUTCOME_OK && *rc_parts(r).deleted_ms;

        if (lingers)
            rc_failed(rc, fx, r, f->act, REASON_DELETING, -1, "the platform still shows it");
        else if (r->failed_act == (int)f->act && a->outcome == OUTCOME_OK)
            rc_succeeded(r);
        if (r->kind == KIND_GROUP)
            absorb_group(rc, fx, f, a);
        else
            absorb_database(rc, fx, f, a);
    }
    if (rc->replan && rc->has_desired && !rc->stopping) { /* it is, after the guard was asked */
        if (is_token(r) && token_of(r)->jwt)
            rc_consider(rc, fx, r); /* but what was minted is on its way to its file */
        return;
    }
    if (opens)
        rc_consider_all(rc, fx, f->target);
    else
        rc_consider_all(rc, fx, r);
}
