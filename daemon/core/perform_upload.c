/* perform_upload: what an upload needs becomes a call. The ledger says that it was begun before it
 * is; and the token that opens the draft's host is accounted for as one that is in no file. */
#include <string.h>

#include "core/reconcile_private.h"
#include "lib/mem.h"

#define KEY_EXPIRATION "1h" /* it is asked for once, when the upload begins */
#define KEY_LIFE_MS    ((int64_t)60 * 60 * 1000)
#define KEY_SPARE_MS   ((int64_t)5 * 60 * 1000) /* the platform's clock may be behind ours */

static struct call *text(struct call *c, char **member, const char *value)
{
    if (c && !ledger_set(member, value)) {
        call_free(c);
        return NULL;
    }
    return c;
}

static struct upload *upload_of(struct effects *fx, struct database *d)
{
    if (!d->upload)
        d->upload = mem_alloc(sizeof(*d->upload));
    if (!d->upload)
        fx->failed = true;
    return d->upload;
}

static struct call *file(struct reconcile *rc, struct database *d, struct call *c)
{
    struct creation creation;
    struct world w;

    rc_world(rc, &w);
    database_creation(&w, d, &creation);
    c = text(c, c ? &c->seed_file : NULL, d->want->seed_upload);
    return text(c, c ? &c->cipher : NULL, *creation.cipher ? creation.cipher : NULL);
}

/* At its own host, with the token that opens it. */
static struct call *host(struct effects *fx, struct database *d, struct call *c)
{
    struct upload *u = d->upload;
    struct creation creation;

    database_creation_read(d->own.create_digest, &creation);
    c = text(c, c ? &c->host : NULL, d->live.hostname ? d->live.hostname : d->own.hostname);
    c = text(c, c ? &c->key_name : NULL, *creation.key ? creation.key : NULL);
    if (!c)
        return NULL;
    c->jwt = mem_strndup(u->key, u->key_size);
    c->jwt_size = u->key_size;
    if (!c->jwt)
        fx->failed = true;
    return c;
}

/* In no file, ever: it lives in memory until the upload has ended, and lapses by itself. */
static struct call *key_call(struct reconcile *rc, struct effects *fx, struct database *d,
                             struct call *c)
{
    char kind[] = "token";
    char nameless[] = "";
    struct leak row = {.kind = kind,
                       .target = d->r.name,
                       .name = nameless,
                       .at = rc->wall_ms,
                       .until = rc->wall_ms + KEY_LIFE_MS + KEY_SPARE_MS};

    d->upload->key_at_ms = rc->wall_ms;
    effects_put(fx, LEDGER_LEAK, &row);
    if (!mem_grow(&rc->leaks, &rc->leaks_capacity, rc->n_leaks + 1, sizeof(row)) ||
        !ledger_row_copy(LEDGER_LEAK, &rc->leaks[rc->n_leaks], &row))
        fx->failed = true;
    else
        rc->n_leaks++;
    if (c)
        c->authorization = AUTH_FULL_ACCESS;
    return text(c, c ? &c->expiration : NULL, KEY_EXPIRATION);
}

static struct call *send_call(struct reconcile *rc, struct effects *fx, struct database *d,
                              struct call *c)
{
    struct creation creation;

    database_creation_read(d->own.create_digest, &creation);
    rc_set(fx, &d->own.upload, UPLOAD_SENDING);
    rc_put_own(rc, fx, &d->r);
    d->upload->running = true;
    rc->uploading = &d->r;
    c = text(c, c ? &c->seed_file : NULL, d->want->seed_upload);
    c = text(c, c ? &c->cipher : NULL, *creation.cipher ? creation.cipher : NULL);
    return host(fx, d, c);
}

static struct call *drop_call(struct reconcile *rc, struct effects *fx, struct database *d,
                              struct call *c)
{
    rc_delete_begins(rc, &d->r);
    rc_count(rc, fx, "removal", &d->r);
    rc_draft_drop(rc, fx, d->own.draft_id);
    rc_event(rc, fx, &d->r, "Deleting", 5, NULL,
             "its file was refused, and nothing was ever in it; deleting the draft, id %s",
             d->own.draft_id);
    return c;
}

struct call *rc_upload_call(struct reconcile *rc, struct effects *fx, struct database *d,
                            const struct decision *dec)
{
    static const enum call_kind KIND_OF[ACT_N] = {[ACT_LOOK_SEED] = CALL_SEED_LOOK,
                                                  [ACT_UPLOAD_KEY] = CALL_DATABASE_TOKEN,
                                                  [ACT_UPLOAD] = CALL_DATABASE_UPLOAD,
                                                  [ACT_UPLOAD_ASK] = CALL_DATABASE_ASK,
                                                  [ACT_DROP_DRAFT] = CALL_DATABASE_DELETE};
    struct call *c = call_new(KIND_OF[dec->act], d->r.name);

    if (!upload_of(fx, d)) {
        call_free(c);
        return NULL;
    }
    switch (dec->act) {
    case ACT_LOOK_SEED:
        return file(rc, d, c);
    case ACT_UPLOAD_KEY:
        return key_call(rc, fx, d, c);
    case ACT_UPLOAD:
        return send_call(rc, fx, d, c);
    case ACT_UPLOAD_ASK:
        return host(fx, d, c);
    default:
        return drop_call(rc, fx, d, c);
    }
}
