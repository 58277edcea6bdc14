/* verb_move: a database cannot change its group. Say, for this one, which steps lead to the same;
 * do none of them. */
#include <stdio.h>
#include <string.h>

#include "ctl/ask.h"
#include "ctl/output.h"

static enum exit_code describe(const struct ctl *ctl, const char *reference,
                               struct json_object **reply)
{
    struct json_object *parameters = ask_reference(reference);

    return parameters ? ask(ctl, "Describe", parameters, "resource", reply) : EXIT_USAGE;
}

static void put_steps(const char *name, const char *from, const char *to, const char *where)
{
    printf(
        "To move database/%s from group %s to group %s%s%s%s:\n\n"
        "1. Keep it from changing while it is copied: in the manifest give %s\n"
        "       block_writes: true\n"
        "   and wait: tenantctl sync database/%s --wait\n"
        "2. Name its copy beside it, with the other fields and tokens of %s:\n"
        "       %s-moved:\n"
        "         group: %s\n"
        "         seed: {database: %s}\n"
        "   and wait: tenantctl sync --wait && tenantctl wait database/%s-moved\n"
        "3. Lead its users to the copy: its host and its token files are new ones\n"
        "   (tenantctl describe database/%s-moved).\n"
        "4. When nobody uses %s any more, make its entry\n"
        "       %s: {state: absent}\n"
        "   It is fenced, and deleted after policy.deletion_grace; until then it can come back.\n",
        name, from, to, *where ? " (" : "", where, *where ? ")" : "", name, name, name, name, to,
        name, name, name, name, name);
}

static bool is_in(struct json_object *list, const char *item)
{
    for (size_t i = 0; i < array_size(list); i++)
        if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), item) == 0)
            return true;
    return false;
}

/* A residency, its own or of what it is a copy of, that keeps it out of the group. NULL: none. */
static struct json_object *residency_against(struct json_object *database, const char *to,
                                             const char *location)
{
    struct json_object *all = get_array(database, "residencies");

    for (size_t i = 0; i < array_size(all); i++) {
        struct json_object *r = json_object_array_get_idx(all, i);
        struct json_object *locations = get_array(r, "locations");

        if (!is_in(get_array(r, "groups"), to) ||
            (array_size(locations) && !is_in(locations, location)))
            return r;
    }
    return NULL;
}

static enum exit_code move(struct json_object *database, const char *name, const char *to,
                           const char *location)
{
    struct json_object *against = residency_against(database, to, location);
    const char *from = get_text(database, "group");

    if (strcmp(from, to) == 0) {
        note("database/%s is in group %s already", name, to);
    } else if (against) {
        note("database/%s may not move to group %s%s%s%s: the data of database/%s may live in "
             "residency %s alone",
             name, to, *location ? " (" : "", location, *location ? ")" : "",
             get_text(against, "database"), get_text(against, "name"));
        return EXIT_FAILED;
    } else {
        put_steps(name, *from ? from : "?", to, location);
    }
    return EXIT_FINE;
}

enum exit_code verb_move(const struct ctl *ctl)
{
    struct json_object *database = NULL;
    struct json_object *group = NULL;
    char kind[KIND_SIZE];
    char reference[300];
    const char *name;
    enum exit_code rc;

    if (!ctl->to || !*ctl->to)
        return usage("say where to: --to GROUP");
    if (!split_reference(ctl->words[0], kind, &name) || strcmp(kind, "database") != 0)
        return usage("only a database can be moved; write database/NAME");
    snprintf(reference, sizeof(reference), "group/%s", ctl->to);
    rc = describe(ctl, ctl->words[0], &database);
    if (rc == EXIT_FINE)
        rc = describe(ctl, reference, &group);
    if (rc == EXIT_FINE)
        rc = move(get_object(database, "resource"), name, ctl->to,
                  get_text(get_object(group, "resource"), "location"));
    json_object_put(database);
    json_object_put(group);
    return rc;
}
