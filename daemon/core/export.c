/* export: a manifest of what is live, a line a thing.
 * In:    the fleet as last observed; configurations that were read.
 * Out:   YAML that the manifest's own parser reads back equal.
 * Never: tokens, keys, what the platform cannot tell. */
#include "core/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/email.h"
#include "core/fleet_rest.h"
#include "core/manifest.h"
#include "core/reconcile_private.h"
#include "lib/mem.h"
#include "lib/text.h"

#define ENTRY_BYTES (256u << 10)
#define WHY_BYTES   512

/* --- Scalars ------------------------------------------------------------------------------- */

/* Always in quotes: nothing then depends on what a reader takes a bare word for. What is live holds
 * no control characters. */
static void add_quoted(struct buf *b, const char *s)
{
    buf_add_char(b, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_add_char(b, '\\');
        buf_add_char(b, *s);
    }
    buf_add_char(b, '"');
}

/* A name that every YAML reader takes for a text stands bare, for people. */
static void add_name(struct buf *b, const char *s)
{
    static const char *const WORDS[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    bool bare = s[0] >= 'a' && s[0] <= 'z' && text_is_name(s, strlen(s));

    for (size_t i = 0; bare && i < ARRAY_SIZE(WORDS); i++)
        bare = strcmp(s, WORDS[i]) != 0;
    if (bare)
        buf_add_str(b, s);
    else
        add_quoted(b, s);
}

static void add_set(struct buf *b, const char *set)
{
    char item[LIMIT_LIVE_TEXT_BYTES + 1];

    buf_add_char(b, '[');
    while (*set) {
        size_t n = strcspn(set, ",");

        snprintf(item, sizeof(item), "%.*s", (int)n, set);
        add_quoted(b, item);
        set += n + (set[n] == ',');
        if (*set)
            buf_add_str(b, ", ");
    }
    buf_add_char(b, ']');
}

/* --- One entry, tried ---------------------------------------------------------------------- */

static bool is_default(enum config_field f, const char *value)
{
    if (!value || !*value)
        return true;
    if (CONFIG_FIELD[f].type == CONFIG_TYPE_BOOL)
        return strcmp(value, "true") != 0;
    return f == CONFIG_SIZE_LIMIT && strcmp(value, "0") == 0;
}

static void add_field(struct buf *b, enum config_field f, const char *value)
{
    buf_printf(b, ", %s: ", CONFIG_FIELD[f].key);
    if (CONFIG_FIELD[f].type == CONFIG_TYPE_BOOL)
        buf_add_str(b, value);
    else if (CONFIG_FIELD[f].type == CONFIG_TYPE_SET)
        add_set(b, value);
    else
        add_quoted(b, value);
}

/* Equal to what is live, having been read back? */
static bool is_equal(const struct manifest *m, const struct db_config *live)
{
    if (!live)
        return m->n_groups == 1;
    for (int f = 0; m->n_databases == 1 && f < CONFIG_N; f++) {
        const char *read = m->databases[0].says->config.value[f];
        const char *value =
            is_default((enum config_field)f, live->value[f]) ? NULL : live->value[f];

        if ((read != NULL) != (value != NULL) || (read && strcmp(read, value) != 0))
            return false;
    }
    return m->n_databases == 1;
}

/* What is wrong with it into why; "" when nothing is. `live` NULL: it is a group. Without memory
 * `out` fails: an export that leaves something out for that would say that it is not live. */
static void try_entry(const struct buf *entry, const struct db_config *live, struct buf *out,
                      char *why, size_t size)
{
    struct buf text = BUF_INIT(ENTRY_BYTES);
    struct diags diags = DIAGS_INIT;
    struct manifest m;
    int rv;

    *why = '\0';
    buf_printf(&text, "%s:\n%s", live ? "databases" : "groups", buf_str(entry));
    rv = text.nomem || entry->nomem ? -ERR_NOMEM
         : text.failed || entry->failed
             ? -ERR_LIMIT
             : manifest_parse("export", MANIFEST_TRUSTED, text.data, text.size, NULL, &m, &diags);
    if (rv == -ERR_NOMEM) {
        out->failed = out->nomem = true;
    } else if (rv != 0) {
        snprintf(why, size, "%s", diags.n ? diags.items[0].message : "too long for a manifest");
    } else {
        if (!is_equal(&m, live))
            snprintf(why, size, "a manifest cannot say its values");
        manifest_deinit(&m);
    }
    diags_deinit(&diags);
    buf_deinit(&text);
}

/* A comment of one line, whatever is in the texts. */
static void add_comment(struct buf *out, const char *kind, const char *name, const char *why)
{
    buf_printf(out, "  # %s ", kind);
    add_quoted(out, name);
    buf_add_str(out, ": ");
    for (; *why; why++)
        buf_add_char(out, (unsigned char)*why < ' ' ? ' ' : *why);
    buf_add_char(out, '\n');
}

static void add_left_out(struct buf *out, const char *kind, const char *name, const char *what,
                         const char *why)
{
    char text[700];

    snprintf(text, sizeof(text), "%s%sleft out: %s", what, *what ? " " : "", why);
    add_comment(out, kind, name, text);
}

/* --- Groups -------------------------------------------------------------------------------- */

static bool is_protected(const struct group *g)
{
    const char *value = g->live.config.value[CONFIG_DELETE_PROTECTION];

    return value && strcmp(value, "true") == 0;
}

static void add_replicas(struct buf *b, const struct group *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_locations; i++) {
        if (g->live.place && strcmp(g->locations[i], g->live.place) == 0)
            continue;
        buf_add_str(b, n++ ? ", " : ", locations: [");
        add_quoted(b, g->locations[i]);
    }
    if (n)
        buf_add_char(b, ']');
}

static void add_group(struct buf *out, const struct group *g)
{
    struct buf entry = BUF_INIT(ENTRY_BYTES);
    char why[WHY_BYTES];

    buf_add_str(&entry, "  ");
    add_name(&entry, g->r.name);
    buf_add_str(&entry, ": {location: ");
    add_name(&entry, g->live.place ? g->live.place : "");
    if (is_protected(g))
        buf_add_str(&entry, ", delete_protection: true");
    add_replicas(&entry, g);
    buf_add_str(&entry, "}\n");
    try_entry(&entry, NULL, out, why, sizeof(why));
    if (*why)
        add_left_out(out, "group", g->r.name, "", why);
    else
        buf_add(out, entry.data, entry.size);
    buf_deinit(&entry);
}

void export_begin(const struct reconcile *rc, struct buf *out)
{
    char at[TEXT_TIME_SIZE];
    bool any = false;

    buf_printf(out,
               "# What was live in the organization %s at %s.\n"
               "# Fields at their defaults are left out. Tokens are not here: declare those that "
               "tenantd\n# shall mint. Extensions, seeds and encryption cannot be read back.\n"
               "organization: ",
               rc->config->organization, text_time(rc->obs.completed_wall_ms, at));
    add_quoted(out, rc->config->organization);
    buf_add_char(out, '\n');
    for (size_t i = 0; i < rc->fleet.n_groups; i++) {
        if (!rc->fleet.groups[i]->live.present)
            continue;
        buf_add_str(out, any ? "" : "groups:\n");
        add_group(out, rc->fleet.groups[i]);
        any = true;
    }
}

/* --- Databases ----------------------------------------------------------------------------- */

const char *export_next(const struct reconcile *rc, const char *after, bool *needs_config)
{
    const struct fleet *f = &rc->fleet;
    size_t at = after ? fleet_place(f, after) : 0;

    at += after && at < f->n_databases && strcmp(fleet_database_name(f, at), after) == 0;
    for (; at < f->n_databases; at++) {
        const char *name = fleet_database_name(f, at);

        if (!(fleet_flags(f, at) & PACKED_PRESENT))
            continue;
        *needs_config =
            !(fleet_flags(f, at) & PACKED_CONFIG_READ) && text_is_name(name, strlen(name));
        return name;
    }
    return NULL;
}

/* A fence of ours is not what the database is to be like. */
static void take_values(const struct database *d, const struct answer *read, struct db_config *out)
{
    bool fenced = d->own.fence && strcmp(d->own.fence, "lifted") != 0;

    for (int f = 0; f < CONFIG_N; f++) {
        out->value[f] = d->live.config.value[f];
        if (read && read->outcome == OUTCOME_OK && read->config.value[f])
            out->value[f] = read->config.value[f];
    }
    if (fenced) {
        out->value[CONFIG_BLOCK_READS] = unfence_target(d, CONFIG_BLOCK_READS);
        out->value[CONFIG_BLOCK_WRITES] = unfence_target(d, CONFIG_BLOCK_WRITES);
    }
}

/* "  t-1: {group: eu, size_limit: "1gb"}" with the values that are not at their defaults. */
static void write_entry(const struct database *d, const struct db_config *values, struct buf *entry)
{
    buf_clear(entry);
    buf_add_str(entry, "  ");
    add_name(entry, d->r.name);
    buf_add_str(entry, ": {group: ");
    add_name(entry, d->live.place ? d->live.place : "");
    for (int f = 0; f < CONFIG_N; f++)
        if (!is_default((enum config_field)f, values->value[f]))
            add_field(entry, (enum config_field)f, values->value[f]);
    buf_add_str(entry, "}\n");
}

/* Take out the values that stand in the way, each with a comment. */
static void drop_fields(const struct database *d, struct db_config *values, struct buf *entry,
                        struct buf *out)
{
    char why[WHY_BYTES];

    for (int f = 0; f < CONFIG_N; f++) {
        struct db_config alone = {0};

        if (is_default((enum config_field)f, values->value[f]))
            continue;
        alone.value[f] = values->value[f];
        write_entry(d, &alone, entry);
        try_entry(entry, &alone, out, why, sizeof(why));
        if (!*why)
            continue;
        add_left_out(out, "database", d->r.name, CONFIG_FIELD[f].key, why);
        values->value[f] = NULL;
    }
}

static void add_database(const struct database *d, struct db_config *values, struct buf *out)
{
    const struct db_config none = {0};
    struct buf entry = BUF_INIT(ENTRY_BYTES);
    char why[WHY_BYTES];

    write_entry(d, values, &entry);
    try_entry(&entry, values, out, why, sizeof(why));
    if (*why) {
        write_entry(d, &none, &entry);
        try_entry(&entry, &none, out, why, sizeof(why));
        if (!*why) {
            drop_fields(d, values, &entry, out);
            write_entry(d, values, &entry);
            try_entry(&entry, values, out, why, sizeof(why));
        }
    }
    if (*why)
        add_left_out(out, "database", d->r.name, "", why);
    else
        buf_add(out, entry.data, entry.size);
    buf_deinit(&entry);
}

/* One that has gone meanwhile is left out. */
static void add_read(const struct database *d, const struct answer *read, struct buf *out)
{
    struct db_config values;

    if (!d->live.present || (read && read->outcome == OUTCOME_NOT_FOUND))
        return;
    if (read && read->outcome != OUTCOME_OK) {
        char why[400];

        snprintf(why, sizeof(why), "its configuration could not be read (%s%s%s)",
                 OUTCOME_INFO[read->outcome].text, *read->error ? ": " : "", read->error);
        add_comment(out, "database", d->r.name, why);
    }
    take_values(d, read, &values);
    add_database(d, &values, out);
}

void export_database(const struct reconcile *rc, const char *name, const struct answer *read,
                     struct buf *out)
{
    const struct fleet *f = &rc->fleet;
    size_t at = fleet_place(f, name);
    bool is_there = at < f->n_databases && strcmp(fleet_database_name(f, at), name) == 0;
    const struct database *d = is_there ? fleet_peek(f, at) : NULL;

    if (is_there && !d)
        out->failed = out->nomem = true;
    if (d)
        add_read(d, read, out);
    fleet_unpeek(f);
}

/* --- Members ------------------------------------------------------------------------------- */

static int by_email(const void *left, const void *right)
{
    const struct live_member *const *a = left;
    const struct live_member *const *b = right;

    return strcasecmp((*a)->email ? (*a)->email : "", (*b)->email ? (*b)->email : "");
}

/* Does the manifest say the same of it? */
static bool is_read_back(const struct buf *entry, const struct live_member *l)
{
    struct buf text = BUF_INIT(ENTRY_BYTES);
    struct diags diags = DIAGS_INIT;
    struct manifest m;
    bool good;

    buf_printf(&text, "members:\n%s", buf_str(entry));
    good = !text.failed &&
           manifest_parse("export", MANIFEST_TRUSTED, text.data, text.size, NULL, &m, &diags) == 0;
    if (good) {
        good = m.n_members == 1 && email_same(m.members[0].email, l->email) &&
               strcmp(MEMBER_ROLE_NAME[m.members[0].role], l->role) == 0;
        manifest_deinit(&m);
    }
    diags_deinit(&diags);
    buf_deinit(&text);
    return good;
}

static void add_member(struct buf *out, const struct live_member *l)
{
    struct buf entry = BUF_INIT(ENTRY_BYTES);

    buf_add_str(&entry, "  ");
    add_quoted(&entry, l->email ? l->email : "");
    buf_printf(&entry, ": {role: %s}%s\n", l->role, l->username ? "" : " # invited");
    if (is_read_back(&entry, l))
        buf_add(out, entry.data, entry.size);
    else
        add_left_out(out, "member", l->username ? l->username : l->email, "",
                     "a manifest cannot say its e-mail address and role");
    buf_deinit(&entry);
}

static bool is_member_too(const struct answer *members, const char *email)
{
    for (size_t i = 0; i < members->n_members; i++)
        if (email_same(members->members[i].email, email))
            return true;
    return false;
}

static void say_refused(struct buf *out, const char *what, const struct answer *a)
{
    char why[400];

    snprintf(why, sizeof(why), "they could not be listed (%s%s%s)", OUTCOME_INFO[a->outcome].text,
             *a->error ? ": " : "", a->error);
    add_left_out(out, "all", what, "", why);
}

void export_members(const struct answer *members, const struct answer *invites, struct buf *out)
{
    const struct live_member **all =
        mem_alloc((members->n_members + invites->n_members + 1) * sizeof(struct live_member *));
    size_t n = 0;

    if (!all || members->outcome != OUTCOME_OK) { /* who is invited may be a member by now */
        out->failed = out->failed || !all;
        say_refused(out, "members", members);
        mem_free((void *)all);
        return;
    }
    for (size_t i = 0; i < members->n_members; i++)
        if (strcmp(members->members[i].role, "owner") != 0)
            all[n++] = &members->members[i];
    for (size_t i = 0; i < invites->n_members; i++)
        if (!is_member_too(members, invites->members[i].email))
            all[n++] = &invites->members[i];
    if (n)
        qsort((void *)all, n, sizeof(*all), by_email);
    if (n)
        buf_add_str(out, "members:\n");
    for (size_t i = 0; i < n; i++)
        add_member(out, all[i]);
    if (invites->outcome != OUTCOME_OK)
        say_refused(out, "invites", invites);
    mem_free((void *)all);
}
