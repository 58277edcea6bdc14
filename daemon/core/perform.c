/* perform: an act becomes effects. What the ledger must know comes before what it is about; what is
 * only our own knowledge (adopting, releasing, a confirmed absence) is done at once. */
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"

/* --- acts that change our own knowledge alone --- */

static void set(struct effects *fx, char **member, const char *value)
{
    if (!ledger_set(member, value))
        fx->failed = true;
}

/* The group or database behind a record, as far as both are alike. */
struct parts {
    struct live *live;
    struct owned *own;
    bool *has_own;
    int64_t *gone_ms;
    int64_t *deleted_ms;
};

static struct parts parts_of(struct resource *r)
{
    if (r->kind == KIND_GROUP) {
        struct group *g = group_of(r);

        return (struct parts){&g->live, &g->own, &g->has_own, &g->gone_ms, &g->deleted_ms};
    }
    struct database *d = database_of(r);

    return (struct parts){&d->live, &d->own, &d->has_own, &d->gone_ms, &d->deleted_ms};
}

/* Start the row of a thing that was not ours. */
static void own_new(struct reconcile *rc, struct effects *fx, struct resource *r, const char *state,
                    const char *origin)
{
    struct parts p = parts_of(r);

    ledger_row_deinit(LEDGER_OWNED, p.own);
    *p.has_own = true;
    set(fx, &p.own->kind, KIND_NAME[r->kind]);
    set(fx, &p.own->name, r->name);
    set(fx, &p.own->state, state);
    set(fx, &p.own->origin, origin);
    p.own->since = rc->wall_ms;
    p.own->wanted_since = r->source.line ? rc->wall_ms : 0;
    *p.gone_ms = 0;
    *p.deleted_ms = 0;
    if (r->kind == KIND_GROUP)
        group_of(r)->create_lost = group_of(r)->taken = false;
    if (r->kind == KIND_DATABASE) {
        database_of(r)->create_lost = database_of(r)->taken = false;
        db_config_deinit(&database_of(r)->applied);
        db_config_deinit(&database_of(r)->readback);
    }
}

static void take_over(struct reconcile *rc, struct effects *fx, struct resource *r,
                      const char *origin)
{
    struct parts p = parts_of(r);

    own_new(rc, fx, r, "owned", origin);
    set(fx, &p.own->id, p.live->id);
    set(fx, &p.own->group_name, p.live->place);
    set(fx, &p.own->hostname, p.live->hostname);
    rc_put_own(rc, fx, r);
}

/* The create whose answer was lost did happen. */
static void created_after_all(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct parts p = parts_of(r);

    set(fx, &p.own->state, "owned");
    set(fx, &p.own->id, p.live->id);
    set(fx, &p.own->hostname, p.live->hostname);
    p.own->since = rc->wall_ms;
    rc_put_own(rc, fx, r);
    rc_approval_done(rc, fx, "create", r);
    rc_event(rc, fx, r, "Created", 6, NULL, "created; its answer had been lost, id %s", p.live->id);
    if (r->kind == KIND_GROUP)
        rc->replan = true;
}

static void forget(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct parts p;

    (void)rc;
    if (r->kind == KIND_TOKEN || r->kind == KIND_GROUP_TOKEN) {
        struct token *t = token_of(r);

        effects_remove(fx, LEDGER_TOKEN, &t->held);
        ledger_row_deinit(LEDGER_TOKEN, &t->held);
        t->has_held = false;
        t->file_asked = false;
        return;
    }
    p = parts_of(r);
    effects_remove(fx, LEDGER_OWNED, p.own);
    ledger_row_deinit(LEDGER_OWNED, p.own);
    *p.has_own = false;
}

/* Deleted, and read to be gone. The row stays, so that the name is not made again by itself. */
static void gone(struct reconcile *rc, struct effects *fx, struct resource *r)
{
    struct parts p = parts_of(r);

    rc_event(rc, fx, r, "Removed", 5, NULL, "deleted and gone, id %s", p.own->id);
    rc_approval_done(rc, fx, "delete", r);
    if (r->kind == KIND_GROUP) {
        forget(rc, fx, r);
    } else {
        set(fx, &p.own->state, "deleted");
        set(fx, &p.own->fence, NULL);
        p.own->since = rc->wall_ms;
        p.own->removal_since = p.own->fenced_since = p.own->grace_spent = 0;
        rc_put_own(rc, fx, r);
    }
    *p.deleted_ms = 0;
    rc->replan = true;
}

static void fence_stands(struct reconcile *rc, struct effects *fx, struct database *d)
{
    set(fx, &d->own.fence, "set");
    d->own.fenced_since = rc->wall_ms;
    d->own.grace_spent = 0;
    d->grace_mark_ms = rc->now_ms;
    rc_put_own(rc, fx, &d->r);
    rc_event(rc, fx, &d->r, "Fenced", 5, NULL,
             "reads and writes are blocked; deleted when its grace ends");
}

static void fence_is_down(struct reconcile *rc, struct effects *fx, struct database *d)
{
    set(fx, &d->own.fence, NULL);
    d->own.fenced_since = d->own.grace_spent = d->own.removal_since = 0;
    rc_put_own(rc, fx, &d->r);
    rc_event(rc, fx, &d->r, "Unfenced", 5, NULL, "it stays: reads and writes are as before");
}

static void fence_gone(struct reconcile *rc, struct effects *fx, struct database *d)
{
    set(fx, &d->own.fence, "lifted");
    d->removal_ok = false;
    rc_put_own(rc, fx, &d->r);
    rc_approval_done(rc, fx, "delete", &d->r);
    rc_event(rc, fx, &d->r, "FenceLifted", 4, NULL,
             "somebody lifted its fence; it is not deleted until that is approved");
}

static void missing(struct reconcile *rc, struct effects *fx, struct resource *r, int64_t since)
{
    parts_of(r).own->missing_since = since;
    rc_put_own(rc, fx, r);
    if (r->kind == KIND_GROUP)
        rc->replan = true;
}

/* A mint whose answer was lost: a token that nobody holds may live until it would expire. */
static void lose(struct reconcile *rc, struct effects *fx, struct token *t)
{
    int64_t life = t->want ? t->want->expiration_ms : t->held.expires - t->held.issued;
    struct leak leak = {.kind = t->held.kind,
                        .target = t->held.target,
                        .name = t->held.name,
                        .at = rc->wall_ms,
                        .until = life > 0 ? rc->wall_ms + life : 0};

    effects_put(fx, LEDGER_LEAK, &leak);
    if (!mem_grow(&rc->leaks, &rc->leaks_capacity, rc->n_leaks + 1, sizeof(leak)) ||
        !ledger_row_copy(LEDGER_LEAK, &rc->leaks[rc->n_leaks], &leak))
        fx->failed = true;
    else
        rc->n_leaks++;
    rc_event(rc, fx, &t->r, "MintLost", 4, NULL,
             "a mint's answer was lost: a token may live that nobody holds%s",
             life > 0 ? "; it expires by itself" : " and that never expires");
    t->r.resolve_now = false;
    mem_free_secret(t->jwt, t->jwt_size);
    t->jwt = NULL;
    if (t->held.hash && t->held.file) {
        set(fx, &t->held.state, "published");
        rc_put_token(rc, fx, t);
    } else {
        forget(rc, fx, &t->r);
        t->file_asked = true;
    }
}

bool rc_perform_local(struct reconcile *rc, struct effects *fx, struct resource *r,
                      const struct decision *d)
{
    switch (d->act) {
    case ACT_ADOPT:
        take_over(rc, fx, r, "adopted");
        rc_event(rc, fx, r, "Adopted", 5, NULL, "was live already, id %s", parts_of(r).own->id);
        rc->replan = rc->replan || r->kind == KIND_GROUP;
        return true;
    case ACT_RELEASE:
        rc_event(rc, fx, r, "Released", 5, NULL, "not ours any more (manage: observe), id %s",
                 database_of(r)->own.id ? database_of(r)->own.id : "none");
        forget(rc, fx, r);
        return true;
    case ACT_OURS:
        created_after_all(rc, fx, r);
        return true;
    case ACT_FENCED:
        fence_stands(rc, fx, database_of(r));
        return true;
    case ACT_FENCE_GONE:
        fence_gone(rc, fx, database_of(r));
        return true;
    case ACT_UNFENCED:
        fence_is_down(rc, fx, database_of(r));
        return true;
    case ACT_GONE:
        gone(rc, fx, r);
        return true;
    case ACT_MISS:
        missing(rc, fx, r, rc->wall_ms);
        return true;
    case ACT_FOUND:
        missing(rc, fx, r, 0);
        rc_event(rc, fx, r, "Found", 5, NULL, "it is back, under its own id");
        return true;
    case ACT_RETIME:
        token_of(r)->held.renews =
            rc_renewal(rc, token_of(r), token_of(r)->held.issued, token_of(r)->held.expires);
        rc_put_token(rc, fx, token_of(r));
        return true;
    case ACT_LOSE:
        lose(rc, fx, token_of(r));
        return true;
    case ACT_FORGET:
        forget(rc, fx, r);
        return true;
    default:
        return false;
    }
}

/* --- calls --- */

static struct call *text(struct call *c, char **member, const char *value)
{
    if (c && !ledger_set(member, value)) {
        call_free(c);
        return NULL;
    }
    return c;
}

static struct call *group_call(struct reconcile *rc, struct effects *fx, struct group *g,
                               const struct decision *d)
{
    static const enum call_kind KIND_OF[ACT_N] = {[ACT_READ] = CALL_GROUP_GET,
                                                  [ACT_CREATE] = CALL_GROUP_CREATE,
                                                  [ACT_CONFIGURE] = CALL_GROUP_CONFIGURE,
                                                  [ACT_UNARCHIVE] = CALL_GROUP_UNARCHIVE,
                                                  [ACT_FIND_CLOSEST] = CALL_LOCATION_CLOSEST,
                                                  [ACT_ADD_LOCATION] = CALL_LOCATION_ADD,
                                                  [ACT_REMOVE_LOCATION] = CALL_LOCATION_REMOVE,
                                                  [ACT_DELETE] = CALL_GROUP_DELETE};
    struct call *c = call_new(KIND_OF[d->act], d->act == ACT_FIND_CLOSEST ? NULL : g->r.name);

    if (d->act == ACT_CREATE) {
        if (!g->has_own || strcmp(g->own.state, "creating") != 0)
            own_new(rc, fx, &g->r, "creating", "created");
        set(fx, &g->own.group_name, d->place);
        set(fx, &g->own.create_digest, g->want->extensions);
        rc_put_own(rc, fx, &g->r);
        rc_approval_begin(rc, fx, "create", &g->r);
        c = text(c, c ? &c->location : NULL, d->place);
        c = text(c, c ? &c->extensions : NULL, g->want->extensions);
    } else if (d->act == ACT_CONFIGURE) {
        c = text(c, c ? &c->config[CONFIG_DELETE_PROTECTION] : NULL,
                 g->want->delete_protection ? "true" : "false");
    } else if (d->act == ACT_ADD_LOCATION || d->act == ACT_REMOVE_LOCATION) {
        c = text(c, c ? &c->location : NULL, d->place);
    } else if (d->act == ACT_DELETE) {
        rc_approval_begin(rc, fx, "delete", &g->r);
        rc_count(rc, fx, "removal", &g->r);
        rc_event(rc, fx, &g->r, "Deleting", 5, NULL, "deleting it, id %s", g->own.id);
    }
    return c;
}

static struct call *create_call(struct reconcile *rc, struct effects *fx, struct database *d,
                                const struct decision *dec, struct call *c)
{
    struct group *g = fleet_group(&rc->fleet, dec->place);

    if (!d->has_own || strcmp(d->own.state, "creating") != 0)
        own_new(rc, fx, &d->r, "creating", "created");
    set(fx, &d->own.group_name, dec->place);
    set(fx, &d->own.create_digest,
        d->want->engine_set && d->want->engine == ENGINE_TURSODB ? "tursodb" : "libsql");
    d->own.is_branch =
        d->want->seed_database && (d->want->expires_after_ms || d->want->expires_at_ms);
    rc_put_own(rc, fx, &d->r);
    rc_approval_begin(rc, fx, "create", &d->r);
    if (rc->config->policy.guard.max_creates != CONFIG_NO_LIMIT)
        rc_count(rc, fx, "create", &d->r);
    if (g && !d->placed)
        g->n_databases++;
    if (!c)
        return NULL;
    c->use_tursodb = d->want->engine_set && d->want->engine == ENGINE_TURSODB;
    c = text(c, &c->group, dec->place);
    c = text(c, c ? &c->seed_database : NULL, d->want->seed_database);
    return text(c, c ? &c->seed_timestamp : NULL, d->want->seed_timestamp);
}

static struct call *configure_call(struct reconcile *rc, struct effects *fx, struct database *d,
                                   struct flight *f, struct call *c)
{
    unsigned fields = f->fields;

    if (d->own.config_read || strcmp(d->own.origin, "created") != 0) {
        rc_count(rc, fx, "update", &d->r);
        rc_approval_begin(rc, fx, "update", &d->r);
    }
    if (d->one_field)
        fields &= ~(fields - 1); /* the lowest bit alone */
    f->fields = fields;
    for (int i = 0; c && i < CONFIG_N; i++)
        if (fields & 1u << i)
            c = text(c, &c->config[i], d->want->config.value[i]);
    return c;
}

static const char *flag_text(int64_t flag)
{
    return flag ? "true" : "false";
}

static struct call *fence_call(struct reconcile *rc, struct effects *fx, struct database *d,
                               struct call *c)
{
    const char *reads = d->live.config.value[CONFIG_BLOCK_READS];
    const char *writes = d->live.config.value[CONFIG_BLOCK_WRITES];

    if (!d->own.fence || strcmp(d->own.fence, "wanted") != 0) {
        d->own.fence_reads = reads && strcmp(reads, "true") == 0;
        d->own.fence_writes = writes && strcmp(writes, "true") == 0;
        set(fx, &d->own.fence, "wanted");
        rc_put_own(rc, fx, &d->r);
        rc_approval_begin(rc, fx, "delete", &d->r);
        if (!d->own.is_branch)
            rc_count(rc, fx, "removal", &d->r);
    }
    c = text(c, c ? &c->config[CONFIG_BLOCK_READS] : NULL, "true");
    return text(c, c ? &c->config[CONFIG_BLOCK_WRITES] : NULL, "true");
}

static struct call *unfence_call(struct reconcile *rc, struct effects *fx, struct database *d,
                                 struct call *c)
{
    const char *reads = d->want ? d->want->config.value[CONFIG_BLOCK_READS] : NULL;
    const char *writes = d->want ? d->want->config.value[CONFIG_BLOCK_WRITES] : NULL;

    set(fx, &d->own.fence, "lifting");
    rc_put_own(rc, fx, &d->r);
    c = text(c, c ? &c->config[CONFIG_BLOCK_READS] : NULL,
             reads ? reads : flag_text(d->own.fence_reads));
    return text(c, c ? &c->config[CONFIG_BLOCK_WRITES] : NULL,
                writes ? writes : flag_text(d->own.fence_writes));
}

static struct call *database_call(struct reconcile *rc, struct effects *fx, struct database *d,
                                  struct flight *f, const struct decision *dec)
{
    static const enum call_kind KIND_OF[ACT_N] = {
        [ACT_READ] = CALL_DATABASE_GET,        [ACT_READ_CONFIG] = CALL_DATABASE_CONFIG_GET,
        [ACT_CREATE] = CALL_DATABASE_CREATE,   [ACT_CONFIGURE] = CALL_DATABASE_CONFIGURE,
        [ACT_FENCE] = CALL_DATABASE_CONFIGURE, [ACT_UNFENCE] = CALL_DATABASE_CONFIGURE,
        [ACT_DELETE] = CALL_DATABASE_DELETE};
    struct call *c = call_new(KIND_OF[dec->act], d->r.name);

    switch (dec->act) {
    case ACT_CREATE:
        return create_call(rc, fx, d, dec, c);
    case ACT_CONFIGURE:
        return configure_call(rc, fx, d, f, c);
    case ACT_FENCE:
        return fence_call(rc, fx, d, c);
    case ACT_UNFENCE:
        return unfence_call(rc, fx, d, c);
    case ACT_DELETE:
        rc_event(rc, fx, &d->r, "Deleting", 5, NULL, "its grace is over; deleting it, id %s",
                 d->own.id);
        return c;
    default:
        return c;
    }
}

static struct call *mint_call(struct reconcile *rc, struct effects *fx, struct token *t,
                              struct resource *target, const char *cause, struct call *c)
{
    bool is_new = !t->has_held;
    char auth[16] = "";
    char expiration[64] = "";
    int at = 0;

    if (is_new) {
        t->has_held = true;
        set(fx, &t->held.kind, KIND_NAME[t->r.kind]);
        set(fx, &t->held.target, target->name);
        set(fx, &t->held.name, t->short_name);
    }
    if (!is_new && strcmp(t->held.state, "removed") == 0) {
        set(fx, &t->held.hash, NULL);
        set(fx, &t->held.file, NULL);
    }
    set(fx, &t->held.state, "minting");
    t->minting = true;
    t->cause = cause;
    rc_put_token(rc, fx, t);
    if (target->kind == KIND_DATABASE && !is_new &&
        (strcmp(cause, "changed") == 0 || strcmp(cause, "lost") == 0)) {
        rc_count(rc, fx, "update", target);
        rc_approval_begin(rc, fx, "update", target);
    }
    if (!c)
        return NULL;
    if (t->want) {
        c->authorization = t->want->authorization;
        c = text(c, &c->expiration, t->want->expiration);
        return text(c, c ? &c->permissions : NULL, t->want->permissions);
    }
    /* Nothing names it any more: as it was minted last. */
    sscanf(t->held.params ? t->held.params : "", "%15s %63s %n", auth, expiration, &at);
    c->authorization = strcmp(auth, "read-only") == 0 ? AUTH_READ_ONLY : AUTH_FULL_ACCESS;
    c = text(c, &c->expiration, expiration);
    return text(c, c ? &c->permissions : NULL,
                at && t->held.params[at] ? t->held.params + at : NULL);
}

static struct call *token_call(struct reconcile *rc, struct effects *fx, struct token *t,
                               struct flight *f, const struct decision *d)
{
    struct resource *target = token_target(&rc->fleet, t);
    bool is_group = target->kind == KIND_GROUP;

    f->target = target;
    if (d->act == ACT_READ_TARGET)
        return call_new(is_group ? CALL_GROUP_GET : CALL_DATABASE_GET, target->name);
    return mint_call(rc, fx, t, target, d->cause,
                     call_new(is_group ? CALL_GROUP_TOKEN : CALL_DATABASE_TOKEN, target->name));
}

void rc_perform_call(struct reconcile *rc, struct effects *fx, struct resource *r,
                     const struct decision *decided)
{
    struct decision copy = *decided;
    const struct decision *d = &copy;
    char place[2 * LIMIT_NAME_BYTES];
    struct flight *f = rc_flight(rc, r, d->act);
    struct call *c;

    if (!f) {
        fx->failed = true;
        return;
    }
    if (copy.place) { /* it may be a text of the very row that is written now */
        snprintf(place, sizeof(place), "%s", copy.place);
        copy.place = place;
    }
    f->fields = d->fields;
    if (r->kind == KIND_GROUP)
        c = group_call(rc, fx, group_of(r), d);
    else if (r->kind == KIND_DATABASE)
        c = database_call(rc, fx, database_of(r), f, d);
    else
        c = token_call(rc, fx, token_of(r), f, d);
    if (ACT[d->act].write && r->kind <= KIND_DATABASE)
        parts_of(r).live->checked = false;
    if (c) {
        c->id = f->id;
        c->attempt = r->attempts + 1;
        r->busy = true;
        schedule_started(&rc->schedule);
    }
    effects_call(fx, c);
}

/* --- token files --- */

static bool set_job(struct file_job *j, const struct token *t, const struct owned *own,
                    const struct world *w)
{
    j->format = t->want ? t->want->format : (enum token_format)t->held.format;
    j->mode = t->want ? token_mode(w, t->want) : (unsigned)t->held.mode;
    j->expires_ms = t->held.expires;
    if (t->r.kind == KIND_TOKEN && own->hostname &&
        !(j->url = mem_printf("libsql://%s", own->hostname)))
        return false;
    return !t->held.hash || ledger_set(&j->hash, t->held.hash);
}

static bool set_secret(struct file_job *j, const struct token *t)
{
    j->jwt = mem_strndup(t->jwt, t->jwt_size);
    j->jwt_size = t->jwt_size;
    return j->jwt != NULL;
}

static bool set_old(struct file_job *j, const struct token *t)
{
    j->old_format = (enum token_format)t->held.format;
    return ledger_set(&j->old_path, t->held.file);
}

void rc_perform_file(struct reconcile *rc, struct effects *fx, struct token *t,
                     const struct decision *d)
{
    static const enum file_job_kind KIND_OF[ACT_N] = {[ACT_ASK_FILE] = FILE_READ,
                                                      [ACT_WRITE_FILE] = FILE_PUBLISH,
                                                      [ACT_MOVE_FILE] = FILE_MOVE,
                                                      [ACT_REMOVE_FILE] = FILE_REMOVE};
    struct resource *target = token_target(&rc->fleet, t);
    char *path = d->act == ACT_REMOVE_FILE ? mem_strdup(t->held.file) : token_path(target->name, t);
    struct file_job *j = path ? file_job_new(KIND_OF[d->act], path) : NULL;
    struct flight *f = j ? rc_flight(rc, &t->r, d->act) : NULL;
    struct world w;

    mem_free(path);
    rc_world(rc, &w);
    if (!f || !set_job(j, t, parts_of(target).own, &w) ||
        (d->act == ACT_WRITE_FILE && !set_secret(j, t)) ||
        (d->act == ACT_MOVE_FILE && !set_old(j, t))) {
        file_job_free(j);
        fx->failed = true;
        return;
    }
    if (d->act == ACT_REMOVE_FILE)
        j->format = (enum token_format)t->held.format;
    j->id = f->id;
    t->r.busy = true;
    effects_job(fx, j);
    if (d->phase != PHASE_DELETING)
        rc_set_phase(rc, fx, &t->r, PHASE_WORKING, REASON_WRITING, NULL);
}
