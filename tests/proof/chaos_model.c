/* chaos_model: the manifest and the configuration of a schedule, as models that are edited, and
 * their text.
 * In:    chance. Out: files that are valid by themselves and together.
 * Never: what is wrong with a file; chaos_happen breaks them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/proof/chaos.h"

static const char *const SIZES[] = {NULL, "64mb", "256mb", "1gb"};
static const char *const EXPIRES[] = {NULL, "40m", "3h", "2027-01-15T10:00:00Z"};
/* clang-format off: a table */
static const char *const TOKENS[] = {
    NULL,
    "{app: {authorization: full-access, expiration: 2h, renew_before: 40m}}",
    "{app: {authorization: full-access, expiration: 2h, renew_before: 40m, notify: reload}}",
    "{app: {authorization: full-access, expiration: 2h, renew_before: 40m, file: "
    "\"moved/%s.jwt\"}}",
    "{app: {authorization: read-only, expiration: 3h, file: \"moved/%s.env\", format: env}}",
    "{app: {authorization: full-access, expiration: never}, ro: {authorization: read-only, "
    "expiration: 1h}}",
};
static const char *const SCOPES[] = {"[read]", "[read, \"db:create\"]", "[full-access]"};
static const char *const ROTATE[] = {NULL, "90m", "5h"};
static const char *const KEYS[MODEL_KEYS] = {"a0", "a1"};
static const char *const FILES[MODEL_FILES] = {"m/root.yaml", "m/a.yaml", "m/b.yaml",
                                               "tenants/t.yaml"};
static const char *const GROUPS[MODEL_GROUPS] = {"g0", "g1", "g2"};
static const char *const LOCATIONS[MODEL_GROUPS] = {"aws-eu-west-1", "aws-eu-central-1",
                                                    "aws-us-east-1"};
static const char *const DATABASES[MODEL_DATABASES] = {"d0", "d1", "d2", "d3", "d4", "d5"};
/* clang-format on */
#define TENANTS_FILE 3
/* Beside g0, which is always in it. */
static const struct {
    bool g1;
    bool g2;
    const char *locations;
} RESIDENCIES[] = {{true, false, ""},
                   {false, false, ""},
                   {true, true, ""},
                   {false, true, ""},
                   {true, false, ", locations: [aws-eu-west-1, aws-eu-central-1]"}};
#define MODEL_ONE_GROUP 1 /* of these: nothing beside it */

const char *model_db_name(unsigned i)
{
    return DATABASES[i];
}

const char *model_group_name(unsigned i)
{
    return GROUPS[i];
}

const char *model_file_name(unsigned i)
{
    return FILES[i];
}

const char *model_key_name(unsigned i)
{
    return KEYS[i];
}

/* --- the models --- */

static int maybe(struct chaos *c, unsigned one_in)
{
    return chaos_once_in(c, one_in) ? (int)chaos_pick(c, 2) : -1;
}

static int new_seed(struct chaos *c)
{
    bool leans = c->bent == BENT_UPLOADS || c->bent == BENT_BRANCHES;
    bool copied = c->bent == BENT_BRANCHES || chaos_once_in(c, c->bent == BENT_UPLOADS ? 8 : 2);

    if (!chaos_once_in(c, leans ? 2 : 4))
        return -1;
    return (int)(copied ? chaos_pick(c, MODEL_DATABASES)
                        : MODEL_DATABASES + chaos_pick(c, MODEL_SEEDS));
}

static void new_db(struct chaos *c, struct model_db *d)
{
    *d = (struct model_db){.file = 1 + (int)chaos_pick(c, MODEL_FILES - 1),
                           .group = chaos_once_in(c, 3) ? -1 : (int)chaos_pick(c, MODEL_GROUPS),
                           .has_class = chaos_once_in(c, 3),
                           .size = (int)chaos_pick(c, ARRAY_SIZE(SIZES)),
                           .delete_protection = maybe(c, 8),
                           .block_writes = maybe(c, 6),
                           .protect = maybe(c, 10),
                           .probe = chaos_once_in(c, c->bent == BENT_KEYS ? 2 : 12),
                           .seed = new_seed(c),
                           .tokens = (int)chaos_pick(c, ARRAY_SIZE(TOKENS))};
    if (chaos_once_in(c, c->bent == BENT_BRANCHES ? 2 : 5))
        d->expires = (int)chaos_pick(c, ARRAY_SIZE(EXPIRES));
}

static void new_key(struct chaos *c, struct model_key *k)
{
    *k = (struct model_key){.is_in = true,
                            .group = chaos_once_in(c, 3) ? -1 : (int)chaos_pick(c, MODEL_GROUPS),
                            .scopes = (int)chaos_pick(c, ARRAY_SIZE(SCOPES)),
                            .rotate = (int)chaos_pick(c, ARRAY_SIZE(ROTATE))};
}

void model_init(struct chaos *c)
{
    c->model = (struct model){0};
    for (unsigned i = 0; i < MODEL_SEEDS; i++) {
        char path[16];

        snprintf(path, sizeof(path), "s%u.db", i);
        if (!chaos_once_in(c, 4))
            (void)platform_put_seed(&c->s.platform, path);
    }
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        new_key(c, &c->model.keys[i]);
        c->model.keys[i].is_in = chaos_once_in(c, 4);
    }
    for (size_t i = 0; i < MODEL_GROUPS; i++)
        c->model.groups[i] =
            (struct model_group){.is_in = i < 2 || chaos_once_in(c, 2),
                                 .delete_protection = maybe(c, 6),
                                 .has_token = chaos_once_in(c, c->bent == BENT_KEYS ? 2 : 4)};
    for (size_t i = 0; i < MODEL_DATABASES; i++) {
        new_db(c, &c->model.databases[i]);
        if (chaos_once_in(c, 4))
            c->model.databases[i].file = -1;
    }
    people_init(c);
}

static void edit_db(struct chaos *c, struct model_db *d)
{
    switch (chaos_pick(c, 13)) {
    case 0:
        d->size = (int)chaos_pick(c, ARRAY_SIZE(SIZES));
        return;
    case 1:
        d->delete_protection = maybe(c, 2);
        return;
    case 2:
        d->block_writes = maybe(c, 2);
        return;
    case 3:
        d->protect = maybe(c, 2);
        return;
    case 4:
        d->absent = !d->absent;
        return;
    case 5:
        d->observe = !d->observe && chaos_once_in(c, 3);
        return;
    case 6:
        d->expires = (int)chaos_pick(c, ARRAY_SIZE(EXPIRES));
        return;
    case 7:
        d->tokens = (int)chaos_pick(c, ARRAY_SIZE(TOKENS));
        return;
    case 8:
        d->has_class = !d->has_class;
        return;
    case 9:
        new_db(c, d);
        return;
    case 10:
        d->group = chaos_once_in(c, 3) ? -1 : (int)chaos_pick(c, MODEL_GROUPS);
        return;
    default:
        d->file = d->file >= 0 ? -1 : 1 + (int)chaos_pick(c, MODEL_FILES - 1);
    }
}

void model_clear_group(struct chaos *c, unsigned group)
{
    c->model.groups[group] = (struct model_group){.is_in = true, .delete_protection = -1};
    c->model.residency = MODEL_ONE_GROUP;
    for (size_t i = 0; i < MODEL_KEYS; i++)
        if (c->model.keys[i].group == (int)group)
            c->model.keys[i].group = 0;
    for (size_t i = 0; i < MODEL_DATABASES; i++)
        if (c->model.databases[i].group == (int)group)
            c->model.databases[i].group = 0;
}

void model_move_residency(struct chaos *c)
{
    c->model.residency = chaos_pick(c, ARRAY_SIZE(RESIDENCIES));
}

static void edit_group(struct chaos *c, struct model_group *g)
{
    bool stays = g == &c->model.groups[0]; /* the residency needs one */

    switch (chaos_pick(c, 4)) {
    case 0:
        g->absent = !g->absent && !stays;
        return;
    case 1:
        g->has_token = !g->has_token;
        return;
    case 2:
        g->delete_protection = maybe(c, 2);
        return;
    default:
        g->is_in = !g->is_in || stays;
    }
}

static void edit_key(struct chaos *c, struct model_key *k)
{
    switch (chaos_pick(c, 4)) {
    case 0:
        k->absent = !k->absent;
        return;
    case 1:
        new_key(c, k);
        return;
    default:
        k->is_in = !k->is_in;
    }
}

void model_edit(struct chaos *c)
{
    if (chaos_once_in(c, 8))
        people_edit(c);
    else if (chaos_once_in(c, 12))
        edit_key(c, &c->model.keys[chaos_pick(c, MODEL_KEYS)]);
    else if (chaos_once_in(c, c->bent == BENT_PLACES ? 3 : 6))
        edit_group(c, &c->model.groups[chaos_pick(c, MODEL_GROUPS)]);
    else
        edit_db(c, &c->model.databases[chaos_pick(c, MODEL_DATABASES)]);
}

/* --- their text --- */

static void say(struct buf *b, const char *before, const char *what, const char *behind)
{
    buf_add_str(b, before);
    buf_add_str(b, what);
    buf_add_str(b, behind);
}

static void say_flag(struct buf *b, const char *key, int value)
{
    if (value >= 0)
        say(b, ", ", key, value ? ": true" : ": false");
}

static void say_db(struct buf *b, const struct model *m, unsigned i)
{
    const struct model_db *d = &m->databases[i];
    bool plain = d->file == TENANTS_FILE;
    int group =
        d->group >= 0 && m->groups[d->group].is_in && !m->groups[d->group].absent ? d->group : -1;

    say(b, "  ", DATABASES[i], ": {");
    if (group >= 0)
        say(b, "group: ", GROUPS[group], "");
    else
        buf_add_str(b, "residency: eu");
    if (d->absent && !plain) {
        buf_add_str(b, ", state: absent}\n");
        return;
    }
    if (d->has_class)
        buf_add_str(b, ", class: free");
    if (SIZES[d->size])
        say(b, ", size_limit: ", SIZES[d->size], "");
    say_flag(b, "delete_protection", d->delete_protection);
    say_flag(b, "block_writes", d->block_writes);
    if (!plain && !EXPIRES[d->expires])
        say_flag(b, "protect", d->protect);
    if (d->observe && !plain && !d->has_class) {
        buf_add_str(b, ", manage: observe}\n");
        return;
    }
    if (EXPIRES[d->expires])
        say(b, ", expires: ", EXPIRES[d->expires], "");
    if (d->seed >= MODEL_DATABASES && !plain)
        buf_printf(b, ", seed: {upload: s%d.db}", d->seed - MODEL_DATABASES);
    else if (d->seed >= 0 && d->seed != (int)i && !plain)
        say(b, ", seed: {database: ", DATABASES[d->seed], "}");
    if (d->probe && (d->has_class || (TOKENS[d->tokens] && !(plain && d->tokens > 1))))
        buf_add_str(b, ", probe: true");
    if (TOKENS[d->tokens] && !(plain && d->tokens > 1)) {
        buf_add_str(b, ", tokens: ");
        buf_printf(b, TOKENS[d->tokens], DATABASES[i]);
    }
    buf_add_str(b, "}\n");
}

static void say_keys(struct buf *b, const struct model *m)
{
    size_t n = 0;

    for (size_t i = 0; i < MODEL_KEYS; i++) {
        const struct model_key *k = &m->keys[i];
        bool in_group = k->group >= 0 && m->groups[k->group].is_in && !m->groups[k->group].absent;

        if (!k->is_in)
            continue;
        buf_printf(b, "%s  %s: {", n++ ? "" : "api_tokens:\n", KEYS[i]);
        if (k->absent)
            buf_add_str(b, "state: absent");
        else if (in_group)
            buf_printf(b, "group: %s, scopes: %s", GROUPS[k->group], SCOPES[k->scopes]);
        if (ROTATE[k->rotate] && !k->absent)
            buf_printf(b, "%srotate_every: %s", in_group ? ", " : "", ROTATE[k->rotate]);
        buf_add_str(b, "}\n");
    }
}

static bool is_group_wanted(const struct model *m, unsigned i)
{
    return m->groups[i].is_in && !m->groups[i].absent;
}

static void say_residency(struct buf *b, const struct model *m)
{
    buf_printf(b, "residency:\n  eu: {groups: [g0%s%s]%s}\n",
               RESIDENCIES[m->residency].g1 && is_group_wanted(m, 1) ? ", g1" : "",
               RESIDENCIES[m->residency].g2 && is_group_wanted(m, 2) ? ", g2" : "",
               RESIDENCIES[m->residency].locations);
}

static void say_root(struct buf *b, const struct model *m)
{
    buf_add_str(b, "groups:\n");
    for (size_t i = 0; i < MODEL_GROUPS; i++) {
        const struct model_group *g = &m->groups[i];

        if (!g->is_in)
            continue;
        say(b, "  ", GROUPS[i], ": {location: ");
        buf_add_str(b, LOCATIONS[i]);
        if (g->absent)
            buf_add_str(b, ", state: absent");
        else
            say_flag(b, "delete_protection", g->delete_protection);
        if (g->has_token && !g->absent)
            buf_add_str(b, ", tokens: {all: {authorization: read-only, expiration: 3h}}");
        buf_add_str(b, "}\n");
    }
    say_residency(b, m);
    buf_add_str(b,
                "classes:\n  free: {size_limit: 32mb, tokens: {app: {authorization: full-access, "
                "expiration: 2h}}}\n");
    people_say(b, m);
    say_keys(b, m);
}

void model_write(struct chaos *c)
{
    for (int f = 0; f < MODEL_FILES; f++) {
        struct buf b = BUF_INIT(8192);
        size_t n = 0;

        if (f == 0)
            say_root(&b, &c->model);
        for (unsigned i = 0; i < MODEL_DATABASES; i++) {
            if (c->model.databases[i].file != f)
                continue;
            if (n++ == 0)
                buf_add_str(&b, "databases:\n");
            say_db(&b, &c->model, i);
        }
        if (f > 0 && n == 0)
            buf_add_str(&b, "databases: {}\n");
        sim_file(&c->s, FILES[f], buf_str(&b), NULL);
        buf_deinit(&b);
    }
    sim_file(&c->s, "m", NULL, NULL);
    sim_file(&c->s, "tenants", NULL, NULL);
}

/* --- the configuration --- */

static const char *any(struct chaos *c, const char *a, const char *b, const char *d)
{
    const char *all[] = {a, b, d};

    return all[chaos_pick(c, 3)];
}

char *model_settings(struct chaos *c, enum model_mood mood)
{
    bool ends = mood == MODEL_ENDS;
    bool writes = mood != MODEL_READS;
    char *text = malloc(1500);

    if (!text)
        abort();
    snprintf(
        text, 1500,
        "api: {rate: %s, concurrency: %s, delete_token: %s}\n"
        "reconcile: {interval: %s, config_sweep: %s, backoff: {initial: 500ms, max: 2m}}\n"
        "hooks: {reload: {command: [/bin/true]}}\n"
        "policy:\n"
        "  writes: %s\n  prune: %s\n  prune_members: %s\n  removals: %s\n  adopt: %s\n  drift: %s\n"
        "  deletion_grace: %s\n  expiry_grace: 20m\n"
        "  guard: {max_deletes: %s, max_delete_percent: %s, max_update_percent: %s, "
        "max_creates: %s, window: %s}\n",
        any(c, "0", "0", "10"), any(c, "1", "2", "8"), any(c, "null", "null", "{file: /d}"),
        any(c, ends ? "20m" : "5m", ends ? "20m" : "10m", "20m"),
        any(c, "1h", ends ? "1h" : "6h", "24h"), writes ? "on" : "off", any(c, "on", "on", "off"),
        any(c, "on", "off", "plan"), any(c, "on", "on", "plan"),
        any(c, "matching", "matching", "never"), any(c, "correct", "correct", "report"),
        any(c, "30m", "1h", "2h"), any(c, "1", "2", "5"), any(c, "20", "40", "100"),
        any(c, "20", "50", "100"), any(c, "null", "null", "3"), any(c, "30m", "1h", "2h"));
    return text;
}
