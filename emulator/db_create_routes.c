/* db_create_routes: a new database, empty, a copy, or a draft that waits for its file.
 * In:    the body of a create.
 * Out:   a database, or why there is none.
 * Never: creates anything before all of the body is known to be good. */
#include <string.h>

#include "content.h"
#include "db_config.h"
#include "emit.h"
#include "encryption.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "plan.h"
#include "routes.h"
#include "shape.h"

#define DAY_MS (INT64_C(86400) * 1000)

struct wanted {
    const char *name;
    struct group *group;
    const struct database *parent; /* NULL: begins empty */
    int64_t branched_at_ms;
    struct encryption encryption; /* cipher NULL: not encrypted */
    char size_limit[SIZE_LIMIT_TEXT];
    bool tursodb;
    bool is_draft;
};

static bool read_group(const struct emulator *e, const struct request *rq, struct wanted *w,
                       struct answer *a)
{
    const char *name;

    if (!routes_want_string(rq, "group", &name, a))
        return false;
    w->group = group_find(rq->org, name);
    if (!w->group)
        answer_error(a, 400, "group not found");
    else if (w->group->ready_at_ms > rq->now_ms)
        answer_error(a, 400, "group %s is not ready yet", name);
    else
        return access_group(e, rq, w->group, a);
    return false;
}

/* The instant that a copy shall show. False: answered. */
static bool read_timestamp(const struct emulator *e, const struct request *rq,
                           struct json_object *seed, struct wanted *w, struct answer *a)
{
    const struct plan *plan = plan_current(&e->switches);
    int64_t days = plan->restore_days ? plan->restore_days : 1;
    const char *text;

    switch (member_string(seed, "timestamp", &text)) {
    case MEMBER_OK:
        break;
    case MEMBER_WRONG:
        answer_error(a, 400, "seed.timestamp must be a string");
        return false;
    default:
        w->branched_at_ms = rq->now_ms;
        return true;
    }
    if (!text_parse_time(text, &w->branched_at_ms))
        answer_error(a, 400, "invalid seed timestamp: %.64s", text);
    else if (w->branched_at_ms > rq->now_ms)
        answer_error(a, 400, "seed timestamp is in the future");
    else if (w->branched_at_ms < rq->now_ms - days * DAY_MS)
        answer_error(a, 400, "seed timestamp is more than %lld day(s) ago", (long long)days);
    else
        return true;
    return false;
}

/* `name` is documented; the platform's own command line sends `value`. */
static bool read_seed_database(const struct emulator *e, const struct request *rq,
                               struct json_object *seed, struct wanted *w, struct answer *a)
{
    const char *name;

    if (member_string(seed, "name", &name) != MEMBER_OK &&
        member_string(seed, "value", &name) != MEMBER_OK) {
        answer_error(a, 400, "seed.name is required");
        return false;
    }
    w->parent = database_find(rq->org, name);
    if (!w->parent) {
        answer_error(a, 400, "could not find database with name %s: record not found", name);
        return false;
    }
    return access_group(e, rq, w->parent->group, a) && read_timestamp(e, rq, seed, w, a);
}

static bool read_seed(struct emulator *e, const struct request *rq, struct wanted *w,
                      struct answer *a)
{
    static const char *const keys[] = {"type", "name", "value", "timestamp", NULL};
    struct json_object *seed = NULL;
    enum member m = member_object(rq->json, "seed", &seed);
    const char *type = "";

    if (m == MEMBER_WRONG) {
        answer_error(a, 400, "seed must be an object");
        return false;
    }
    if (m != MEMBER_OK)
        return true;
    e->record.unknown_keys += members_unknown(seed, keys);
    m = member_string(seed, "type", &type);
    if (m == MEMBER_OK && !strcmp(type, "database"))
        return read_seed_database(e, rq, seed, w, a);
    if (m == MEMBER_OK && !strcmp(type, "database_upload")) {
        w->is_draft = true;
        return true;
    }
    answer_error(a, 400, "invalid seed type: %.64s", type);
    return false;
}

static bool check_key(struct json_object *o, struct wanted *w, struct answer *a)
{
    const struct encryption *source = w->parent ? w->parent->encryption : NULL;
    const char *cipher = "";
    const char *key = "";

    if (member_string(o, "encryption_cipher", &cipher) == MEMBER_WRONG ||
        member_string(o, "encryption_key", &key) != MEMBER_OK) {
        answer_error(a, 400, "remote_encryption wants encryption_key and encryption_cipher");
        return false;
    }
    if (!*cipher && source)
        cipher = source->cipher; /* a copy of an encrypted database needs the key alone */
    if (!encryption_key_size(cipher))
        answer_error(a, 400, "unsupported encryption cipher: %.64s", cipher);
    else if (!encryption_read(cipher, key, &w->encryption))
        answer_error(a, 400, "encryption_key must be %zu bytes of base64 for %s",
                     encryption_key_size(cipher), cipher);
    else if (source && !encryption_is_same_key(&w->encryption, source))
        answer_error(a, 400, "encryption_key is not the key of the source database");
    else
        return true;
    return false;
}

static bool read_encryption(struct emulator *e, const struct request *rq, struct wanted *w,
                            struct answer *a)
{
    static const char *const keys[] = {"encryption_key", "encryption_cipher", NULL};
    struct json_object *o = NULL;
    enum member m = member_object(rq->json, "remote_encryption", &o);

    if (m == MEMBER_WRONG) {
        answer_error(a, 400, "remote_encryption must be an object");
        return false;
    }
    if (m == MEMBER_ABSENT || m == MEMBER_NULL) {
        if (!w->parent || !w->parent->encryption)
            return true;
        answer_error(a, 400, "the source database is encrypted: encryption_key is required");
        return false;
    }
    e->record.unknown_keys += members_unknown(o, keys);
    if (plan_current(&e->switches)->has_encryption)
        return check_key(o, w, a);
    answer_gated(a, 403, "feature_not_available_for_starter_plan",
                 "encryption is not available on your plan");
    return false;
}

static bool read_size_limit(const struct emulator *e, const struct request *rq, struct wanted *w,
                            struct answer *a)
{
    const char *text;

    switch (member_string(rq->json, "size_limit", &text)) {
    case MEMBER_OK:
        return db_config_size_limit(e, text, w->size_limit, a);
    case MEMBER_WRONG:
        answer_error(a, 400, "size_limit must be a string");
        return false;
    default:
        return true;
    }
}

static bool check_room(const struct emulator *e, const struct request *rq, struct answer *a)
{
    int64_t max = plan_max_databases(&e->switches);

    if (!max || (int64_t)db_list_count(&rq->org->list) < max)
        return true;
    answer_error(a, 402, "database limit of %lld reached for plan %s, upgrade to create more",
                 (long long)max, switches_profile(&e->switches));
    return false;
}

static bool read_wanted(struct emulator *e, struct request *rq, struct wanted *w, struct answer *a)
{
    if (!routes_want_string(rq, "name", &w->name, a) ||
        !routes_check_name(rq->org, "database", w->name, a) || !read_group(e, rq, w, a) ||
        !routes_want_bool(rq, "use_tursodb", &w->tursodb, a) || !read_size_limit(e, rq, w, a) ||
        !read_seed(e, rq, w, a) || !read_encryption(e, rq, w, a))
        return false;
    if (database_find(rq->org, w->name)) {
        routes_refuse_duplicate(e, w->name, a);
        return false;
    }
    return check_room(e, rq, a);
}

/* What few databases have. */
static bool add_rest(struct emulator *e, const struct wanted *w, struct database *db)
{
    struct err err = ERR_INIT;

    if (w->encryption.cipher) {
        db->encryption = mem_alloc(sizeof(*db->encryption));
        if (!db->encryption)
            return false;
        *db->encryption = w->encryption;
    }
    return !w->parent ||
           (database_set_parent(db, w->parent, w->branched_at_ms) &&
            !content_copy(&e->content_store, w->parent->content, &db->content, db->id, &err));
}

static struct database *create(struct emulator *e, const struct wanted *w, int64_t now_ms)
{
    struct database *db = database_new(w->group, &e->ids, now_ms, w->name, w->tursodb);

    if (!db)
        return NULL;
    if (!add_rest(e, w, db)) {
        database_delete(db);
        return NULL;
    }
    memcpy(db->size_limit, w->size_limit, SIZE_LIMIT_TEXT);
    db->is_draft = w->is_draft;
    return db;
}

void route_db_create(struct emulator *e, struct request *rq, struct answer *a)
{
    struct wanted w = {0};
    char hostname[HOSTNAME_SIZE];
    struct database *db;

    if (!read_wanted(e, rq, &w, a))
        return;
    db = create(e, &w, rq->now_ms);
    if (!db) {
        answer_no_memory(a);
        return;
    }
    routes_audit(rq, AUDIT_DB_CREATE, "database", db->name);
    shape_hostname(db, hostname);
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "database", '{');
    emit_uuid(&a->body, "DbId", db->id);
    emit_string(&a->body, "Hostname", hostname);
    emit_string(&a->body, "Name", db->name);
    emit_string(&a->body, "username", rq->caller->user->name);
    emit_close(&a->body, '}');
    emit_close(&a->body, '}');
}
