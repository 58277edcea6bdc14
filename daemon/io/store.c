#include "io/store.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "io/sqlite_file.h"
#include "io/state_dir.h"
#include "io/store_load.h"
#include "io/store_private.h"
#include "io/store_schema.h"
#include "io/store_write.h"
#include "lib/mem.h"

#define LEDGER_NAME "ledger.db"
#define WAL_NAME    "ledger.db-wal"

/* Say what a person can do; the cause stays in front. */
static int explain(struct err *err, const char *advice)
{
    char cause[512];

    if (!err)
        return -(int)ERR_CORRUPT;
    memcpy(cause, err->msg, sizeof(cause) - 1);
    cause[sizeof(cause) - 1] = '\0';
    return err_set(err, err->code, "%s. %s", cause, advice);
}

static int explain_damage(struct err *err)
{
    return explain(
        err, "A damaged ledger is never replaced by itself: put a backup in its place, or move "
             "ledger.db, ledger.db-wal and ledger.db-shm away to start with an empty one, "
             "which owns nothing and so deletes nothing");
}

/* A log without its database holds what was committed last; a new database would throw it away. */
static int check_stray_log(const struct store *s, struct err *err)
{
    if (state_dir_size(&s->dir, LEDGER_NAME) > 0 || state_dir_size(&s->dir, WAL_NAME) <= 0)
        return 0;
    err_set(err, ERR_CORRUPT,
            "%s/" LEDGER_NAME " is missing or empty, but its log " WAL_NAME " is there",
            s->dir.path);
    return explain_damage(err);
}

static int open_ledger(struct store *s, struct err *err)
{
    char *path CLEANUP(mem_free_string) = state_dir_path(&s->dir, LEDGER_NAME);
    bool created;
    int rc;

    if (!path)
        return err_nomem(err);
    rc = check_stray_log(s, err);
    if (rc)
        return rc;
    s->is_new = state_dir_size(&s->dir, LEDGER_NAME) <= 0;
    rc = state_dir_make(&s->dir, LEDGER_NAME, &created, err);
    if (!rc)
        rc = sqlite_file_open(path, SQLITE_FILE_LOG, &s->db, err);
    if (!rc)
        rc = store_schema_ensure(s->db, &STORE_SCHEMA, err);
    if (rc == -ERR_CORRUPT)
        return explain_damage(err);
    return rc ? err_wrap(err, "ledger") : 0;
}

int store_open(const char *state_dir, struct store **out, struct err *err)
{
    struct store *s = mem_alloc(sizeof(*s));
    int rc;

    if (!s)
        return err_nomem(err);
    s->dir = STATE_DIR_INIT;
    rc = state_dir_open(state_dir, &s->dir, err);
    if (!rc)
        rc = open_ledger(s, err);
    if (rc) {
        store_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    assert(!s->in_callback);
    for (int t = 0; t < LEDGER_N; t++) {
        sqlite3_finalize(s->put[t]);
        sqlite3_finalize(s->remove[t]);
    }
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->commit);
    sqlite_file_close(s->db);
    state_dir_close(&s->dir);
    mem_free(s);
}

bool store_is_new(const struct store *s)
{
    return s->is_new;
}

const struct state_dir *store_state_dir(const struct store *s)
{
    return &s->dir;
}

struct binding {
    char *origin;
    char *organization;
    char *id;
};

static void binding_deinit(struct binding *b)
{
    mem_free(b->origin);
    mem_free(b->organization);
    mem_free(b->id);
}

static int read_binding(struct store *s, struct binding *b, struct err *err)
{
    int rc = store_load_meta(s, "origin", &b->origin, err);

    if (!rc)
        rc = store_load_meta(s, "organization", &b->organization, err);
    return rc ? rc : store_load_meta(s, "organization_id", &b->id, err);
}

static bool is_same(const struct binding *was, const char *origin, const char *organization,
                    const char *id)
{
    if (strcmp(was->origin, origin) != 0)
        return false;
    if (was->id && id)
        return strcmp(was->id, id) == 0;
    return was->organization && strcmp(was->organization, organization) == 0;
}

static int foreign(const struct store *s, const struct binding *was, const char *origin,
                   const char *organization, const char *id, struct err *err)
{
    return err_set(
        err, ERR_FOREIGN,
        "the ledger in %s belongs to organization \"%s\"%s%s at %s, and this daemon is for "
        "\"%s\"%s%s at %s: give each its own state_dir",
        s->dir.path, was->organization ? was->organization : "?", was->id ? " id " : "",
        was->id ? was->id : "", was->origin, organization, id ? " id " : "", id ? id : "", origin);
}

static int write_binding(struct store *s, const char *origin, const char *organization,
                         const char *id, struct err *err)
{
    const char *const pairs[][2] = {
        {"origin", origin}, {"organization", organization}, {"organization_id", id}};
    struct ledger_op ops[ARRAY_SIZE(pairs)] = {0};
    struct meta rows[ARRAY_SIZE(pairs)] = {0};
    size_t n = id ? ARRAY_SIZE(pairs) : ARRAY_SIZE(pairs) - 1;
    bool ok = true;
    int rc;

    for (size_t i = 0; i < n; i++) {
        ok = ok && ledger_set(&rows[i].key, pairs[i][0]) && ledger_set(&rows[i].value, pairs[i][1]);
        ops[i] = (struct ledger_op){.table = LEDGER_META, .row = &rows[i]};
    }
    rc = ok ? store_commit(s, ops, n, err) : err_nomem(err);
    for (size_t i = 0; i < n; i++)
        ledger_row_deinit(LEDGER_META, &rows[i]);
    return rc;
}

int store_check_binding(struct store *s, const char *origin, const char *organization,
                        const char *organization_id, struct err *err)
{
    struct binding was CLEANUP(binding_deinit) = {0};
    int rc = read_binding(s, &was, err);

    if (rc)
        return rc;
    if (was.origin && !is_same(&was, origin, organization, organization_id))
        return foreign(s, &was, origin, organization, organization_id, err);
    return 0;
}

int store_bind(struct store *s, const char *origin, const char *organization,
               const char *organization_id, struct err *err)
{
    struct binding was CLEANUP(binding_deinit) = {0};
    int rc = read_binding(s, &was, err);
    bool is_known;

    if (rc)
        return rc;
    if (was.origin && !is_same(&was, origin, organization, organization_id))
        return foreign(s, &was, origin, organization, organization_id, err);
    is_known = was.origin && was.organization && strcmp(was.organization, organization) == 0 &&
               (was.id || !organization_id);
    return is_known ? 0 : write_binding(s, origin, organization, organization_id, err);
}

int store_checkpoint(struct store *s, struct err *err)
{
    assert(!s->in_callback);
    if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
        return sqlite_file_error(s->db, err);
    sqlite3_db_release_memory(s->db);
    return 0;
}
