/* verb_platform: what the platform says of the organization: plan, usage, limits, locations, ... */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "ctl/since.h"
#include "lib/json.h"
#include "lib/text.h"

#define CELL_BYTES 512
#define CELLS_MAX  9

enum form { TEXT, NUMBER, BYTES, FLAG, AGE, LIST };

struct cell {
    const char *title;
    const char *key;
    enum form form;
};

/* Columns by question; a NULL title ends them. */
static const struct {
    const char *what;
    struct cell cells[CELLS_MAX + 1];
} TABLES[] = {
    {"plan",
     {{"", "current", FLAG},
      {"PLAN", "name", TEXT},
      {"PRICE", "price", TEXT},
      {"DATABASES", "databases", NUMBER},
      {"GROUPS", "groups", NUMBER},
      {"STORAGE", "storage_bytes", BYTES},
      {"ROWS READ", "rows_read", NUMBER},
      {"ROWS WRITTEN", "rows_written", NUMBER},
      {"SYNCED", "bytes_synced", BYTES}}},
    {"usage",
     {{"SCOPE", "scope", TEXT},
      {"NAME", "name", TEXT},
      {"GROUP", "group", TEXT},
      {"DATABASES", "databases", NUMBER},
      {"STORAGE", "storage_bytes", BYTES},
      {"ROWS READ", "rows_read", NUMBER},
      {"ROWS WRITTEN", "rows_written", NUMBER},
      {"SYNCED", "bytes_synced", BYTES}}},
    {"limits",
     {{"WHAT", "what", TEXT},
      {"USED", "used", NUMBER},
      {"LIMIT", "limit", NUMBER},
      {"LEFT", "left", NUMBER}}},
    {"locations",
     {{"", "closest", FLAG},
      {"REGION", "region", TEXT},
      {"CODE", "code", TEXT},
      {"DESCRIPTION", "description", TEXT}}},
    {"organizations",
     {{"SLUG", "slug", TEXT},
      {"NAME", "name", TEXT},
      {"TYPE", "type", TEXT},
      {"PLAN", "plan", TEXT},
      {"OVERAGES", "overages", FLAG},
      {"READS BLOCKED", "blocked_reads", FLAG},
      {"WRITES BLOCKED", "blocked_writes", FLAG},
      {"PLATFORM", "platform", TEXT}}},
    {"audit",
     {{"AT", "at", TEXT},
      {"ACTION", "action", TEXT},
      {"AUTHOR", "author", TEXT},
      {"ORIGIN", "origin", TEXT},
      {"DATA", "data", TEXT},
      {"MESSAGE", "message", TEXT}}},
    {"tokens",
     {{"OURS", "ours", FLAG},
      {"NAME", "name", TEXT},
      {"OWNER", "owner", TEXT},
      {"GROUP", "group", TEXT},
      {"SCOPES", "scopes", LIST},
      {"AGE", "created_at", AGE},
      {"ID", "id", TEXT}}},
    {"members",
     {{"EMAIL", "email", TEXT},
      {"USERNAME", "username", TEXT},
      {"ROLE", "role", TEXT},
      {"STATE", "state", TEXT},
      {"INVITED", "invited_at", AGE}}},
};

struct showing {
    const struct ctl *ctl;
    const struct cell *cells;
    size_t n_cells;
    struct table *table;
    struct json_list list;
    bool follows;
};

/* --- Cells ---------------------------------------------------------------------------------- */

static void put_bytes(int64_t n, char *out, size_t size)
{
    static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)n;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < ARRAY_SIZE(UNITS)) {
        value /= 1024;
        unit++;
    }
    snprintf(out, size, unit ? "%.1f %s" : "%.0f %s", value, UNITS[unit]);
}

static void put_list(struct json_object *list, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < array_size(list) && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "",
                                 json_object_get_string(json_object_array_get_idx(list, i)));
}

/* Of an instant; or of a day, as lists of tokens say when one was made: whole days. */
static void put_age(const char *text, char *out)
{
    char instant[CELL_BYTES];
    int64_t ms;

    snprintf(instant, sizeof(instant), "%sT00:00:00Z", text);
    if (!text_parse_time(instant, &ms)) {
        age(text, out);
        return;
    }
    ms = now_ms() - ms;
    snprintf(out, CELL_BYTES, "%" PRId64 "d", ms > 0 ? ms / (24 * 3600 * INT64_C(1000)) : 0);
}

static void put_cell(const struct showing *s, struct json_object *row, const struct cell *c,
                     char *out)
{
    struct json_object *v = NULL;

    *out = '\0';
    if (!json_object_object_get_ex(row, c->key, &v) || !v)
        return;
    switch (c->form) {
    case TEXT:
        snprintf(out, CELL_BYTES, "%s", get_text(row, c->key));
        break;
    case NUMBER:
        snprintf(out, CELL_BYTES, "%" PRId64, get_number(row, c->key));
        break;
    case BYTES:
        put_bytes(get_number(row, c->key), out, CELL_BYTES);
        break;
    case FLAG:
        snprintf(out, CELL_BYTES, "%s",
                 get_flag(row, c->key) ? s->ctl->has_utf8 ? "✔" : "yes" : "");
        break;
    case AGE:
        put_age(get_text(row, c->key), out);
        break;
    case LIST:
        put_list(v, out, CELL_BYTES);
        break;
    }
}

/* A stream has no widths to go by. */
static void put_line(char cells[][CELL_BYTES], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fputs(i ? "  " : "", stdout);
        put_clean(stdout, *cells[i] ? cells[i] : "-");
    }
    putchar('\n');
}

static void show_row(struct showing *s, struct json_object *row)
{
    char texts[CELLS_MAX][CELL_BYTES];
    const char *cells[CELLS_MAX];

    if (s->ctl->output != OUTPUT_TABLE) {
        json_list_add(&s->list, row);
        return;
    }
    for (size_t i = 0; i < s->n_cells; i++) {
        put_cell(s, row, &s->cells[i], texts[i]);
        cells[i] = texts[i];
    }
    if (s->follows)
        put_line(texts, s->n_cells);
    else
        table_row(s->table, cells, NULL);
}

/* --- Asking --------------------------------------------------------------------------------- */

static enum exit_code receive_all(struct client *client, struct showing *s, struct err *err)
{
    bool continues = true;
    enum exit_code rc = EXIT_FINE;

    while (rc == EXIT_FINE && continues) {
        struct json_object *reply = NULL;
        struct json_object *rows;

        /* behind everything else that goes to the platform, so it may take a while */
        rc = client_receive(client, client_deadline(s->follows ? -1 : 10 * CLIENT_PATIENCE_MS),
                            &reply, &continues, err);
        if (rc == EXIT_FINE)
            rc = client_expect(reply, "rows", err);
        rows = rc == EXIT_FINE ? get_array(reply, "rows") : NULL;
        for (size_t i = 0; i < array_size(rows); i++)
            show_row(s, json_object_array_get_idx(rows, i));
        if (s->follows)
            fflush(stdout);
        json_object_put(reply);
        if (ferror(stdout))
            return err_set(err, ERR_IO, "cannot write the answer"), EXIT_FAILED;
    }
    return rc;
}

/* NULL: wrong usage, or no memory; said. */
static struct json_object *parameters_of(const struct ctl *ctl)
{
    struct json_object *o = json_object_new_object();
    char since[SINCE_SIZE];

    if (ctl->since && !read_since(ctl->since, since)) {
        json_object_put(o);
        return NULL;
    }
    if (!json_add_str(o, "what", ctl->words[0]) ||
        !json_add_str(o, "since", ctl->since ? since : NULL) ||
        !json_add_str(o, "action", ctl->action) || !json_add_str(o, "author", ctl->author) ||
        !json_add_bool(o, "follow", ctl->follow) || !json_add_bool(o, "databases", ctl->databases))
        json_put(&o);
    return o;
}

static enum exit_code show(struct showing *s, struct json_object *parameters)
{
    struct err err = ERR_INIT;
    struct client *client;
    enum exit_code rc = ask_open(s->ctl, &client);

    if (rc != EXIT_FINE) {
        json_object_put(parameters);
        return rc;
    }
    rc = client_send(client, "Platform", parameters, true, &err);
    if (rc == EXIT_FINE)
        rc = receive_all(client, s, &err);
    if (rc != EXIT_FINE)
        note("%s", err.msg);
    client_close(client);
    return rc;
}

static enum exit_code conclude(struct showing *s)
{
    if (s->ctl->output != OUTPUT_TABLE)
        json_list_end(&s->list);
    else if (table_size(s->table))
        return table_print(s->table);
    else if (!s->follows)
        note("there is nothing");
    return EXIT_FINE;
}

static bool find_table(struct showing *s, const char *what)
{
    for (size_t i = 0; i < ARRAY_SIZE(TABLES); i++) {
        if (strcmp(TABLES[i].what, what) != 0)
            continue;
        s->cells = TABLES[i].cells;
        while (s->n_cells < CELLS_MAX && s->cells[s->n_cells].title)
            s->n_cells++;
        return true;
    }
    return false;
}

static struct table *new_table(const struct showing *s)
{
    struct column columns[CELLS_MAX];

    for (size_t i = 0; i < s->n_cells; i++)
        columns[i] = (struct column){s->cells[i].title, s->cells[i].form == LIST,
                                     s->cells[i].form == NUMBER || s->cells[i].form == BYTES};
    return table_new(s->ctl, columns, s->n_cells);
}

enum exit_code verb_platform(const struct ctl *ctl)
{
    bool is_audit = strcmp(ctl->words[0], "audit") == 0;
    struct showing s = {.ctl = ctl, .list = {.ctl = ctl}, .follows = ctl->follow};
    struct json_object *parameters;
    enum exit_code rc;

    if (!find_table(&s, ctl->words[0]))
        return usage("platform says plan, usage, limits, locations, organizations, audit, tokens "
                     "or members, not \"%s\"",
                     ctl->words[0]);
    if (!is_audit && (ctl->since || ctl->action || ctl->author || ctl->follow))
        return usage("--since, --action, --author and --follow are of `platform audit`");
    if (ctl->databases && strcmp(ctl->words[0], "usage") != 0)
        return usage("--databases is of `platform usage`");
    if (ctl->follow && ctl->output == OUTPUT_JSON)
        return usage("one JSON document cannot go on for ever; use -o ndjson with --follow");
    parameters = parameters_of(ctl);
    if (!parameters)
        return EXIT_USAGE;
    if (ctl->output == OUTPUT_TABLE && !s.follows)
        s.table = new_table(&s);
    rc = show(&s, parameters);
    if (rc == EXIT_FINE)
        rc = conclude(&s);
    table_free(s.table);
    return rc;
}
