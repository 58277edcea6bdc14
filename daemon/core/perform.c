/* perform: an act becomes effects. What the ledger must know comes before what it is about; what is
 * only our own knowledge (adopting, releasing, a confirmed absence) is done at once. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"

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
                                                  [ACT_ROTATE] = CALL_GROUP_ROTATE,
                                                  [ACT_DELETE] = CALL_GROUP_DELETE};
    struct call *c = call_new(KIND_OF[d->act], d->act == ACT_FIND_CLOSEST ? NULL : g->r.name);

    if (d->act == ACT_CREATE) {
        if (!g->has_own || strcmp(g->own.state, "creating") != 0)
            rc_own_new(rc, fx, &g->r, "creating", "created");
        rc_set(fx, &g->own.group_name, d->place);
        rc_set(fx, &g->own.create_digest, g->want->extensions);
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
        rc_delete_begins(rc, &g->r);
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
    struct creation creation;
    struct world w;
    char *made_of;

    rc_world(rc, &w);
    database_creation(&w, d, &creation);
    made_of = database_creation_text(&creation);
    /* Where a tenant's data may live is looked at once more, with nothing left in between. */
    assert(g && (!d->want->residency || residency_allows(d->want->residency, g)) &&
           !residency_against(&w, d, g));
    if (!d->has_own || strcmp(d->own.state, "creating") != 0)
        rc_own_new(rc, fx, &d->r, "creating", "created");
    rc_set(fx, &d->own.group_name, dec->place);
    rc_set(fx, &d->own.create_digest, made_of);
    rc_set(fx, &d->own.upload, d->want->seed_upload ? UPLOAD_DUE : NULL);
    rc_set(fx, &d->own.draft_id, NULL);
    upload_restart(d->upload);
    fx->failed = fx->failed || !made_of;
    mem_free(made_of);
    d->own.is_branch =
        d->want->seed_database && (d->want->expires_after_ms || d->want->expires_at_ms);
    rc_put_own(rc, fx, &d->r);
    rc_approval_begin(rc, fx, "create", &d->r);
    if (rc->config->policy.guard.max_creates != CONFIG_NO_LIMIT)
        rc_count(rc, fx, "create", &d->r);
    if (!d->placed)
        g->n_databases++;
    if (!c)
        return NULL;
    c->as_draft = d->want->seed_upload != NULL;
    c->use_tursodb = d->want->engine_set && d->want->engine == ENGINE_TURSODB;
    c = text(c, &c->group, dec->place);
    c = text(c, c ? &c->seed_database : NULL, d->want->seed_database);
    c = text(c, c ? &c->key_name : NULL, *creation.key ? creation.key : NULL);
    c = text(c, c ? &c->cipher : NULL,
             d->want->encryption_key ? CIPHER_NAME[d->want->cipher] : NULL);
    return text(c, c ? &c->seed_timestamp : NULL, d->want->seed_timestamp);
}

/* It counts. One that was approved, and was not known when the guard was asked, takes the place of
 * what was let through then: all others hear anew. */
static void update_begins(struct reconcile *rc, struct effects *fx, struct database *d)
{
    if (!d->update_heard && !rc_is_counted(rc, "update", &d->r))
        rc->replan = true;
    rc_count(rc, fx, "update", &d->r);
    rc_approval_begin(rc, fx, "update", &d->r);
}

static struct call *configure_call(struct reconcile *rc, struct effects *fx, struct database *d,
                                   struct flight *f, struct call *c)
{
    unsigned fields = f->fields;

    if (d->own.config_read || strcmp(d->own.origin, "created") != 0)
        update_begins(rc, fx, d);
    if (d->one_field)
        fields &= ~(fields - 1); /* the lowest bit alone */
    f->fields = fields;
    if (!live_set_config(&d->sent, &d->want->config))
        fx->failed = true;
    f->config_read = d->own.config_read;
    if (f->config_read && f->config_read != CONFIG_IN_DOUBT) {
        d->own.config_read = CONFIG_IN_DOUBT; /* until it is answered; and after a crash */
        rc_put_own(rc, fx, &d->r);
    }
    for (int i = 0; c && i < CONFIG_N; i++)
        if (fields & 1u << i)
            c = text(c, &c->config[i], d->want->config.value[i]);
    return c;
}

static struct call *fence_call(struct reconcile *rc, struct effects *fx, struct database *d,
                               struct call *c)
{
    const char *reads = d->live.config.value[CONFIG_BLOCK_READS];
    const char *writes = d->live.config.value[CONFIG_BLOCK_WRITES];

    if (!d->own.fence || strcmp(d->own.fence, "wanted") != 0) {
        if (!d->own.fence ||
            strcmp(d->own.fence, "lifted") == 0) { /* else what stands is our own */
            d->own.fence_reads = reads && strcmp(reads, "true") == 0;
            d->own.fence_writes = writes && strcmp(writes, "true") == 0;
        }
        rc_set(fx, &d->own.fence, "wanted");
        rc_put_own(rc, fx, &d->r);
    }
    rc_approval_begin(rc, fx, "delete", &d->r); /* perhaps given since a try in vain */
    if (!d->own.is_branch)
        rc_count(rc, fx, "removal", &d->r); /* again at every try: it counts when it goes up */
    c = text(c, c ? &c->config[CONFIG_BLOCK_READS] : NULL, "true");
    return text(c, c ? &c->config[CONFIG_BLOCK_WRITES] : NULL, "true");
}

static struct call *unfence_call(struct reconcile *rc, struct effects *fx, struct database *d,
                                 struct call *c)
{
    rc_set(fx, &d->own.fence, "lifting");
    rc_put_own(rc, fx, &d->r);
    c = text(c, c ? &c->config[CONFIG_BLOCK_READS] : NULL, unfence_target(d, CONFIG_BLOCK_READS));
    return text(c, c ? &c->config[CONFIG_BLOCK_WRITES] : NULL,
                unfence_target(d, CONFIG_BLOCK_WRITES));
}

/* Which token is asked with; itself it joins the call at the last moment. */
static struct call *probe_call(const struct reconcile *rc, struct effects *fx, struct database *d,
                               struct call *c)
{
    const struct token *t = database_probe_token(d, rc->wall_ms);
    const char *host = d->live.hostname ? d->live.hostname : d->own.hostname;
    struct creation creation;

    database_creation_read(d->own.create_digest, &creation);
    rc_set(fx, &d->probe_hash, t->held.hash);
    if (c)
        c->token_format = (enum token_format)t->held.format;
    c = text(c, c ? &c->token_file : NULL, t->held.file);
    c = text(c, c ? &c->token_hash : NULL, t->held.hash);
    c = text(c, c ? &c->key_name : NULL, *creation.key ? creation.key : NULL);
    return text(c, c ? &c->host : NULL, host);
}

static struct call *database_call(struct reconcile *rc, struct effects *fx, struct database *d,
                                  struct flight *f, const struct decision *dec)
{
    static const enum call_kind KIND_OF[ACT_N] = {
        [ACT_READ] = CALL_DATABASE_GET,        [ACT_READ_CONFIG] = CALL_DATABASE_CONFIG_GET,
        [ACT_CREATE] = CALL_DATABASE_CREATE,   [ACT_CONFIGURE] = CALL_DATABASE_CONFIGURE,
        [ACT_FENCE] = CALL_DATABASE_CONFIGURE, [ACT_UNFENCE] = CALL_DATABASE_CONFIGURE,
        [ACT_ROTATE] = CALL_DATABASE_ROTATE,   [ACT_DELETE] = CALL_DATABASE_DELETE,
        [ACT_PROBE] = CALL_DATABASE_PROBE};
    struct call *c;

    if (rc_is_upload_act(f))
        return rc_upload_call(rc, fx, d, dec);
    c = call_new(KIND_OF[dec->act], d->r.name);
    switch (dec->act) {
    case ACT_CREATE:
        return create_call(rc, fx, d, dec, c);
    case ACT_CONFIGURE:
        return configure_call(rc, fx, d, f, c);
    case ACT_FENCE:
        return fence_call(rc, fx, d, c);
    case ACT_UNFENCE:
        return unfence_call(rc, fx, d, c);
    case ACT_PROBE:
        return probe_call(rc, fx, d, c);
    case ACT_DELETE:
        rc_delete_begins(rc, &d->r);
        rc_event(rc, fx, &d->r, "Deleting", 5, NULL, "its grace is over; deleting it, id %s",
                 d->own.id);
        return c;
    default:
        return c;
    }
}

void rc_note_params(struct effects *fx, struct token *t, char **out)
{
    char *params;

    if (!t->want) {
        rc_set(fx, out, t->held.params);
        return;
    }
    params = token_params(t->want);
    if (params)
        rc_set(fx, out, params);
    else
        fx->failed = true;
    mem_free(params);
}

static struct call *mint_call(struct reconcile *rc, struct effects *fx, struct token *t,
                              struct resource *target, const struct decision *d, struct call *c)
{
    const char *cause = d->cause;
    bool is_new = !t->has_held;
    char auth[16] = "";
    char expiration[64] = "";
    int at = 0;

    if (is_new) {
        t->has_held = true;
        rc_set(fx, &t->held.kind, KIND_NAME[t->r.kind]);
        rc_set(fx, &t->held.target, target->name);
        rc_set(fx, &t->held.name, t->short_name);
    }
    if (!is_new && strcmp(t->held.state, "removed") == 0) {
        rc_set(fx, &t->held.hash, NULL);
        rc_set(fx, &t->held.file, NULL);
    }
    if (d->as_before)
        rc_set(fx, &t->held.asked, t->held.params);
    else
        rc_note_params(fx, t, &t->held.asked);
    rc_set(fx, &t->held.state, "minting");
    t->minting = true;
    t->cause = cause;
    rc_put_token(rc, fx, t);
    if (target->kind == KIND_DATABASE && !is_new && mint_is_update(cause))
        update_begins(rc, fx, database_of(target));
    if (!c)
        return NULL;
    if (t->want && !d->as_before) {
        c->authorization = t->want->authorization;
        c = text(c, &c->expiration, t->want->expiration);
        return text(c, c ? &c->permissions : NULL, t->want->permissions);
    }
    /* Nothing names it any more, or what does has to wait: as it was minted last. */
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
    return mint_call(rc, fx, t, target, d,
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
    else if (r->kind == KIND_API_TOKEN)
        c = rc_api_token_call(rc, fx, api_token_of(r), f, d);
    else if (r->kind == KIND_MEMBER)
        c = rc_member_call(rc, fx, member_of(r), d);
    else if (r->kind == KIND_DATABASE)
        c = database_call(rc, fx, database_of(r), f, d);
    else
        c = token_call(rc, fx, token_of(r), f, d);
    if (d->act == ACT_ROTATE)
        rc_rotation_begin(fx, r);
    if (ACT[d->act].write && r->kind <= KIND_DATABASE) {
        rc_parts(r).live->checked = false;
        rc_parts(r).live->written_ms = rc->now_ms;
    }
    if (c) {
        c->id = f->id;
        c->attempt = r->attempts + 1;
        r->busy = true;
        schedule_started(&rc->schedule);
        if (call_is_apart(c->kind)) /* it may take hours */
            schedule_set_aside(&rc->schedule);
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

static bool set_stale(struct file_job *j, const struct token *t)
{
    j->format = (enum token_format)t->held.stale_format;
    return ledger_set(&j->hash, t->held.stale_hash);
}

void rc_perform_file(struct reconcile *rc, struct effects *fx, struct token *t,
                     const struct decision *d)
{
    static const enum file_job_kind KIND_OF[ACT_N] = {[ACT_ASK_FILE] = FILE_READ,
                                                      [ACT_WRITE_FILE] = FILE_PUBLISH,
                                                      [ACT_MOVE_FILE] = FILE_MOVE,
                                                      [ACT_REMOVE_FILE] = FILE_REMOVE,
                                                      [ACT_REMOVE_STALE] = FILE_REMOVE};
    struct resource *target = token_target(&rc->fleet, t);
    bool as_held = d->act == ACT_REMOVE_FILE || (d->act == ACT_ASK_FILE && t->has_held);
    char *path = as_held                      ? mem_strdup(t->held.file)
                 : d->act == ACT_REMOVE_STALE ? mem_strdup(t->held.stale_file)
                                              : token_path(target ? target->name : NULL, t);
    struct file_job *j = path ? file_job_new(KIND_OF[d->act], path) : NULL;
    struct flight *f = j ? rc_flight(rc, &t->r, d->act) : NULL;
    struct world w;

    mem_free(path);
    rc_world(rc, &w);
    if (!f || !set_job(j, t, target ? rc_parts(target).own : NULL, &w) ||
        (d->act == ACT_WRITE_FILE && !set_secret(j, t)) ||
        (d->act == ACT_MOVE_FILE && !set_old(j, t)) ||
        (d->act == ACT_REMOVE_STALE && !set_stale(j, t))) {
        file_job_free(j);
        fx->failed = true;
        return;
    }
    if (as_held)
        j->format = (enum token_format)t->held.format;
    j->id = f->id;
    t->r.busy = true;
    effects_job(fx, j);
    if (d->phase != PHASE_DELETING)
        rc_set_phase(rc, fx, &t->r, PHASE_WORKING, REASON_WRITING, NULL);
}
