#include "core/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fleet_rest.h"
#include "core/label.h"
#include "core/reconcile_private.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define DETAIL_BYTES 2048

static const char *const ACTION[] = {[STEP_NONE] = "",
                                     [STEP_CREATE] = "create",
                                     [STEP_UPDATE] = "update",
                                     [STEP_DELETE] = "delete",
                                     [STEP_BLOCKED] = "blocked"};

static const char *id_of(const struct resource *r)
{
    if (r->kind == KIND_GROUP)
        return container_of(r, const struct group, r)->own.id;
    if (r->kind == KIND_DATABASE)
        return container_of(r, const struct database, r)->own.id;
    if (r->kind == KIND_API_TOKEN) {
        const struct issued *newest =
            api_token_newest(container_of(r, const struct api_token, t.r));

        return newest ? newest->id : NULL;
    }
    if (r->kind == KIND_MEMBER)
        return container_of(r, const struct member, r)->own.username;
    return container_of(r, const struct token, r)->held.target_id;
}

static void say_fields(struct buf *b, const struct database *d, unsigned fields)
{
    for (int f = 0; f < CONFIG_N; f++) {
        const char *from = database_value(d, (enum config_field)f);
        const char *to = d->want ? d->want->config.value[f] : NULL;

        if (fields & 1u << f)
            buf_printf(b, "%s%s %s -> %s", b->size ? ", " : "", CONFIG_FIELD[f].key,
                       from && *from ? from : "(none)", to && *to ? to : "(none)");
    }
}

static void say_label(struct buf *b, const struct resource *r, const char *organization)
{
    size_t most = label_room(organization);

    if (strlen(r->name) > most)
        buf_printf(b, " (its name may be too long: the platform is likely to take %zu bytes)",
                   most);
}

static void say_member(struct buf *b, const struct member *m, enum step step)
{
    const char *role = m->want ? MEMBER_ROLE_NAME[m->want->role] : "";

    if (step == STEP_CREATE)
        buf_printf(b, "as %s, by mail", role);
    else if (step == STEP_UPDATE && m->is_member)
        buf_printf(b, "role %s -> %s", m->role, role);
    else if (step == STEP_UPDATE)
        buf_printf(b, "invite as %s -> %s, by mail again", m->invite_role, role);
    else if (m->is_member)
        buf_printf(b, "(%s, %s)", m->username, m->role);
    else
        buf_printf(b, "(the invite is withdrawn)");
}

static void say_file(struct buf *b, const struct resource *r, const char *before)
{
    const struct database *d = container_of(r, const struct database, r);

    if (r->kind == KIND_DATABASE && d->want && d->want->seed_upload)
        buf_printf(b, "%s%s", before, d->want->seed_upload);
}

static void say_detail(struct buf *b, const struct world *w, const struct resource *r,
                       const struct decision *d)
{
    const struct token *t = container_of(r, const struct token, r);

    if (d->step == STEP_BLOCKED || d->step == STEP_NONE) {
        buf_printf(b, "%s: %s", REASON_NAME[d->reason],
                   d->message[0] ? d->message : REASON_TEXT[d->reason]);
    } else if (r->kind == KIND_MEMBER) {
        say_member(b, container_of(r, const struct member, r), d->step);
    } else if (r->kind <= KIND_DATABASE && d->step == STEP_CREATE) {
        buf_printf(b, "in %s", d->place ? d->place : "the closest location");
        say_file(b, r, ", from ");
        say_label(b, r, w->config->organization);
    } else if (r->kind == KIND_DATABASE && d->step == STEP_UPDATE &&
               upload_is_due(container_of(r, const struct database, r))) {
        buf_add_str(b, "upload");
        say_file(b, r, " ");
    } else if (r->kind == KIND_DATABASE && d->step == STEP_UPDATE) {
        say_fields(b, container_of(r, const struct database, r), d->fields);
    } else if (r->kind == KIND_GROUP && d->step == STEP_UPDATE) {
        buf_printf(b, "%s%s%s",
                   d->place    ? "location "
                   : d->fields ? "delete_protection"
                               : "unarchive",
                   d->place ? d->place : "", d->act == ACT_REMOVE_LOCATION ? " (remove)" : "");
    } else if (r->kind == KIND_API_TOKEN && d->step != STEP_DELETE && t->want) {
        const struct api_token_want *want = container_of(r, const struct api_token, t.r)->want;

        if (want->group)
            buf_printf(b, "of group %s: %s", want->group, want->scopes);
        else
            buf_printf(b, "of the organization");
    } else if ((r->kind == KIND_TOKEN || r->kind == KIND_GROUP_TOKEN) && d->step != STEP_DELETE &&
               t->want) {
        buf_printf(b, "%s %s",
                   t->want->authorization == AUTH_READ_ONLY ? "read-only" : "full-access",
                   t->want->expiration);
    }
}

static bool add(struct plan *p, const struct world *w, const struct resource *r,
                const struct decision *d, const char *action)
{
    const char *id = d->step == STEP_CREATE ? NULL : id_of(r);
    struct buf b = BUF_INIT(DETAIL_BYTES);
    struct plan_step *s;

    if (!mem_grow(&p->steps, &p->capacity, p->n_steps + 1, sizeof(*s)))
        return false;
    s = &p->steps[p->n_steps];
    *s = (struct plan_step){.action = action,
                            .kind = r->kind,
                            .name = arena_strdup(&p->texts, r->name),
                            .id = id ? arena_strdup(&p->texts, id) : NULL,
                            .source = r->source,
                            .fields = d->fields,
                            .held = d->held,
                            .reason = d->reason};
    say_detail(&b, w, r, d);
    s->detail = b.nomem ? NULL : b.failed ? mem_strdup(buf_str(&b)) : buf_steal(&b);
    buf_deinit(&b);
    if (!s->detail || !s->name || (id && !s->id)) {
        mem_free(s->detail);
        return false;
    }
    p->n_steps++;
    p->n_held += d->held;
    p->n_create += d->step == STEP_CREATE;
    p->n_update += d->step == STEP_UPDATE;
    p->n_delete += d->step == STEP_DELETE;
    p->n_blocked += d->step == STEP_BLOCKED;
    return true;
}

static bool say_drift(const struct resource *r, struct decision *d)
{
    const struct database *db = container_of(r, const struct database, r);
    const struct member *m = container_of(r, const struct member, r);
    struct buf b = BUF_INIT(DETAIL_BYTES);
    bool ok;

    if (r->kind == KIND_MEMBER) {
        say_member(&b, m, STEP_UPDATE);
    } else {
        database_differs(db, &d->fields);
        say_fields(&b, db, d->fields);
    }
    snprintf(d->message, sizeof(d->message), "%s", buf_str(&b));
    ok = !b.nomem;
    buf_deinit(&b);
    return ok;
}

/* Drift that is only reported is a note. */
static bool look_at(struct plan *p, const struct world *w, const struct resource *r)
{
    struct decision d;

    decide(w, r, &d);
    d.step = decision_step(&d);
    if (d.step != STEP_NONE)
        return add(p, w, r, &d, ACTION[d.step]);
    if (d.reason != REASON_DRIFTED)
        return true;
    return say_drift(r, &d) && add(p, w, r, &d, "drift");
}

static int rank_of(const struct plan_step *s)
{
    static const char RANK[] = "cudb"; /* create, update, drift and delete, blocked */

    return (int)(strchr(RANK, s->action[0]) - RANK) * 2 + (strcmp(s->action, "delete") == 0);
}

static int compare(const void *a, const void *b)
{
    const struct plan_step *x = a;
    const struct plan_step *y = b;
    int c = rank_of(x) - rank_of(y);

    if (c == 0)
        c = (int)x->kind - (int)y->kind;
    return c ? c : strcmp(x->name, y->name);
}

static void set_id(struct plan *p)
{
    uint64_t h = TEXT_HASH_INIT;

    for (size_t i = 0; i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];
        const char *parts[] = {s->action, KIND_NAME[s->kind], s->name, s->id ? s->id : ""};

        for (size_t j = 0; (s->held || !p->n_held) && j < ARRAY_SIZE(parts); j++)
            h = text_hash(h, parts[j], strlen(parts[j]) + 1);
    }
    snprintf(p->id, sizeof(p->id), "%016" PRIx64, h);
}

static bool collect(struct plan *p, const struct world *w)
{
    const struct fleet *f = w->fleet;
    bool ok = true;

    for (size_t i = 0; ok && i < f->n_groups; i++) {
        ok = look_at(p, w, &f->groups[i]->r);
        for (size_t j = 0; ok && j < f->groups[i]->n_tokens; j++)
            ok = look_at(p, w, &f->groups[i]->tokens[j]->r);
    }
    for (size_t i = 0; ok && i < f->n_databases; i++) {
        const struct database *d;

        if (fleet_is_packed(f, i) && !(fleet_flags(f, i) & PACKED_STEP))
            continue; /* there was nothing to do about it, and it stands */
        d = fleet_peek(f, i);
        ok = d && look_at(p, w, &d->r);
        for (size_t j = 0; ok && j < d->n_tokens; j++)
            ok = look_at(p, w, &d->tokens[j]->r);
    }
    fleet_unpeek(f);
    for (size_t i = 0; ok && i < f->n_api_tokens; i++)
        ok = look_at(p, w, &f->api_tokens[i]->t.r);
    for (size_t i = 0; ok && i < f->n_members; i++)
        ok = look_at(p, w, &f->members[i]->r);
    return ok;
}

int plan_build(const struct reconcile *rc, struct plan *out, struct err *err)
{
    struct plan p = {0};
    struct world w;

    rc_world(rc, &w);
    if (!collect(&p, &w)) {
        plan_deinit(&p);
        return err_nomem(err);
    }
    if (p.n_steps)
        qsort(p.steps, p.n_steps, sizeof(*p.steps), compare);
    set_id(&p);
    *out = p;
    return 0;
}

void plan_deinit(struct plan *p)
{
    for (size_t i = 0; i < p->n_steps; i++)
        mem_free(p->steps[i].detail);
    mem_free(p->steps);
    arena_deinit(&p->texts);
    *p = (struct plan){0};
}

static char sign_of(const struct plan_step *s)
{
    switch (rank_of(s)) {
    case 0:
        return '+';
    case 2:
    case 4:
        return '~';
    case 5:
        return '-';
    default:
        return '!';
    }
}

void plan_text(const struct plan *p, struct buf *out)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];

        buf_printf(out, "%c %s %s/%s%s%s%s\n", sign_of(s), s->action, KIND_NAME[s->kind], s->name,
                   *s->detail ? " " : "", s->detail, s->held ? " (held)" : "");
    }
    if (p->n_held)
        buf_printf(out, "%zu held for approval: plan %s\n", p->n_held, p->id);
    buf_printf(out, "%zu to create, %zu to update, %zu to delete, %zu blocked\n", p->n_create,
               p->n_update, p->n_delete, p->n_blocked);
}

static struct json_object *fields_json(unsigned fields)
{
    struct json_object *o = json_object_new_array();

    for (int f = 0; o && f < CONFIG_N; f++)
        if (fields & 1u << f && !json_append(o, json_object_new_string(CONFIG_FIELD[f].key)))
            json_put(&o);
    return o;
}

static struct json_object *step_json(const struct plan_step *s)
{
    struct json_object *o = json_object_new_object();
    char source[512];
    bool ok;

    snprintf(source, sizeof(source), "%s:%u", s->source.file ? s->source.file : "", s->source.line);
    ok = o && json_add_str(o, "action", s->action) && json_add_str(o, "kind", KIND_NAME[s->kind]) &&
         json_add_str(o, "name", s->name) && json_add_str(o, "id", s->id) &&
         json_add(o, "fields", fields_json(s->fields)) && json_add_bool(o, "held", s->held) &&
         json_add_str(o, "detail", s->detail) &&
         json_add_str(o, "source", s->source.line ? source : NULL);
    if (!ok)
        json_put(&o);
    return o;
}

struct json_object *plan_json(const struct plan *p)
{
    struct json_object *o = json_object_new_object();
    struct json_object *steps = json_object_new_array();
    struct json_object *total = json_object_new_object();
    bool ok = o && steps && total;

    for (size_t i = 0; ok && i < p->n_steps; i++)
        ok = json_append(steps, step_json(&p->steps[i]));
    ok = ok && json_add_int(total, "create", (int64_t)p->n_create) &&
         json_add_int(total, "update", (int64_t)p->n_update) &&
         json_add_int(total, "delete", (int64_t)p->n_delete) &&
         json_add_int(total, "blocked", (int64_t)p->n_blocked) && json_add_str(o, "id", p->id) &&
         json_add_int(o, "held", (int64_t)p->n_held);
    ok = json_add(o, "steps", steps) && ok;
    ok = json_add(o, "total", total) && ok;
    if (!ok)
        json_put(&o);
    return o;
}
