#include "io/store_write.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/sqlite_file.h"
#include "io/store_private.h"
#include "io/store_schema.h"
#include "lib/buf.h"
#include "lib/mem.h"

#define SQL_MAX 65536

static const char *text_of(const void *row, const struct ledger_column *c)
{
    const char *text;

    memcpy(&text, (const char *)row + c->offset, sizeof(text));
    return text;
}

static int64_t int_of(const void *row, const struct ledger_column *c)
{
    int64_t v;

    memcpy(&v, (const char *)row + c->offset, sizeof(v));
    return v;
}

static int compare_column(const void *a, const void *b, const struct ledger_column *c)
{
    if (c->type == LEDGER_INT) {
        int64_t x = int_of(a, c);
        int64_t y = int_of(b, c);

        return (x > y) - (x < y);
    }
    return strcmp(text_of(a, c), text_of(b, c));
}

/* By table and key, then in the order they came; events only as they came, since they are yet to be
 * numbered. */
static int compare_ops(const void *pa, const void *pb)
{
    const struct ledger_op *a = *(struct ledger_op *const *)pa;
    const struct ledger_op *b = *(struct ledger_op *const *)pb;
    const struct ledger_table_info *info = &LEDGER[a->table];
    int order = (a->table > b->table) - (a->table < b->table);

    if (!order && a->table != LEDGER_EVENT)
        for (size_t i = 0; !order && i < info->n_columns && info->columns[i].is_key; i++)
            order = compare_column(a->row, b->row, &info->columns[i]);
    return order ? order : (a > b) - (a < b);
}

static bool is_new_event(const struct ledger_op *op)
{
    return op->table == LEDGER_EVENT && !op->is_delete;
}

static int check_op(const struct ledger_op *op, struct err *err)
{
    const struct ledger_table_info *info = &LEDGER[op->table];

    if (is_new_event(op) && ((const struct event *)op->row)->seq)
        return err_set(err, ERR_INVALID,
                       "ledger: an event that has its number cannot be written again");
    for (size_t i = 0; i < info->n_columns && info->columns[i].is_key; i++)
        if (info->columns[i].type == LEDGER_TEXT && !text_of(op->row, &info->columns[i]))
            return err_set(err, ERR_INVALID, "ledger: a row of table %s has no %s", info->name,
                           info->columns[i].name);
    return 0;
}

static int check_ops(const struct ledger_op *ops, size_t n, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < n; i++)
        rc = check_op(&ops[i], err);
    return rc;
}

static int statement(struct store *s, enum ledger_table t, bool is_delete, sqlite3_stmt **out,
                     struct err *err)
{
    sqlite3_stmt **slot = is_delete ? &s->remove[t] : &s->put[t];
    struct buf sql = BUF_INIT(SQL_MAX);
    int rc = 0;

    if (!*slot) {
        if (is_delete)
            store_schema_delete(t, &sql);
        else
            store_schema_put(t, &sql);
        rc = sql.failed ? err_nomem(err)
                        : sqlite_file_prepare(s->db, buf_str(&sql), true, slot, err);
        buf_deinit(&sql);
    }
    *out = *slot;
    return rc;
}

/* What is not bound is NULL, and where a column may not be that, REPLACE takes its default: 0. Most
 * of a row is so. An event replaces none, and has no number yet. */
static int bind(sqlite3_stmt *stmt, int at, const struct ledger_op *op,
                const struct ledger_column *c)
{
    const char *text = c->type == LEDGER_TEXT ? text_of(op->row, c) : NULL;
    int64_t number = c->type == LEDGER_INT ? int_of(op->row, c) : 0;

    if (text)
        return sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
    if (c->type == LEDGER_TEXT || (c->is_key && is_new_event(op)))
        return SQLITE_OK;
    if (number || c->is_key || is_new_event(op))
        return sqlite3_bind_int64(stmt, at, number);
    return SQLITE_OK;
}

static int apply(struct store *s, const struct ledger_op *op, struct err *err)
{
    const struct ledger_table_info *info = &LEDGER[op->table];
    sqlite3_stmt *stmt = NULL;
    int rc = statement(s, op->table, op->is_delete, &stmt, err);
    int at = 1;

    for (size_t i = 0; !rc && i < info->n_columns; i++)
        if (!op->is_delete || info->columns[i].is_key)
            if (bind(stmt, at++, op, &info->columns[i]) != SQLITE_OK)
                rc = sqlite_file_error(s->db, err);
    return rc ? rc : sqlite_file_run(s->db, stmt, err);
}

/* `first`: of the numbers given in this batch, 0: none. SQLite counts up by one. */
static int apply_all(struct store *s, struct ledger_op *const *sorted, size_t n, int64_t *first,
                     struct err *err)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < n; i++) {
        rc = apply(s, sorted[i], err);
        if (!rc && !*first && is_new_event(sorted[i]))
            *first = sqlite3_last_insert_rowid(s->db);
    }
    return rc;
}

static void number_events(struct ledger_op *const *sorted, size_t n, int64_t next)
{
    for (size_t i = 0; i < n; i++)
        if (is_new_event(sorted[i]))
            ((struct event *)sorted[i]->row)->seq = next++;
}

static int run_kept(struct store *s, sqlite3_stmt **slot, const char *sql, struct err *err)
{
    int rc = *slot ? 0 : sqlite_file_prepare(s->db, sql, true, slot, err);

    return rc ? rc : sqlite_file_run(s->db, *slot, err);
}

static int commit_sorted(struct store *s, struct ledger_op *const *sorted, size_t n,
                         struct err *err)
{
    int64_t first = 0;
    int rc = run_kept(s, &s->begin, "BEGIN IMMEDIATE", err);

    if (rc)
        return rc;
    rc = apply_all(s, sorted, n, &first, err);
    rc = rc ? rc : run_kept(s, &s->commit, "COMMIT", err);
    if (rc)
        sqlite_file_rollback(s->db);
    else
        number_events(sorted, n, first);
    return rc;
}

int store_commit(struct store *s, struct ledger_op *ops, size_t n, struct err *err)
{
    struct ledger_op **sorted;
    int rc = check_ops(ops, n, err);

    assert(!s->in_callback);
    if (rc || n == 0)
        return rc;
    sorted = mem_alloc(n * sizeof(struct ledger_op *));
    if (!sorted)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &ops[i];
    qsort(sorted, n, sizeof(struct ledger_op *), compare_ops);
    rc = commit_sorted(s, sorted, n, err);
    mem_free(sorted);
    return rc ? err_wrap(err, "ledger") : 0;
}

/* ?1 cursor, ?2 up to, ?3 before, ?4 oldest seq to stay for the number's sake, ?5 ",keep,", ?6
 * ",minor,". IS, since kind and name may be NULL. The newest event of all is never in reach of ?2.
 */
static const char PRUNE_SQL[] =
    "DELETE FROM event WHERE seq > ?1 AND seq <= ?2 AND (at < ?3 OR seq < ?4)"
    " AND instr(?5, ',' || what || ',') = 0"
    " AND (instr(?6, ',' || what || ',') > 0 OR EXISTS (SELECT 1 FROM event AS later"
    "   WHERE later.kind IS event.kind AND later.name IS event.name AND later.seq > event.seq"
    "   AND instr(?6, ',' || later.what || ',') = 0))";

static bool bind_list(sqlite3_stmt *stmt, int at, const char *list)
{
    char *text CLEANUP(mem_free_string) = mem_printf(",%s,", list ? list : "");

    return text && sqlite3_bind_text(stmt, at, text, -1, SQLITE_TRANSIENT) == SQLITE_OK;
}

static int prune(struct store *s, const struct store_prune *p, const int64_t range[2],
                 int64_t newest, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite_file_prepare(s->db, PRUNE_SQL, false, &stmt, err);

    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, range[0]);
    sqlite3_bind_int64(stmt, 2, range[1]);
    sqlite3_bind_int64(stmt, 3, p->before_ms);
    sqlite3_bind_int64(stmt, 4, p->max ? newest - p->max + 1 : 0);
    if (bind_list(stmt, 5, p->keep) && bind_list(stmt, 6, p->minor))
        rc = sqlite_file_run(s->db, stmt, err);
    else
        rc = err_nomem(err);
    sqlite3_finalize(stmt);
    return rc;
}

int store_prune_events(struct store *s, const struct store_prune *p, int64_t *cursor,
                       int64_t *out_dropped, struct err *err)
{
    int64_t range[2] = {*cursor, 0};
    int64_t newest = 0;
    int rc;

    assert(!s->in_callback && p->batch > 0);
    rc = sqlite_file_int(s->db, "SELECT max(seq) FROM event", &newest, err);
    if (rc)
        return rc;
    if (out_dropped)
        *out_dropped = 0;
    range[1] = newest - 1 - range[0] > p->batch ? range[0] + p->batch : newest - 1;
    if (range[1] > range[0]) {
        rc = prune(s, p, range, newest, err);
        if (rc)
            return err_wrap(err, "ledger: dropping old events");
        if (out_dropped)
            *out_dropped = sqlite3_changes64(s->db);
    }
    *cursor = range[1] >= newest - 1 ? 0 : range[1];
    return 0;
}
