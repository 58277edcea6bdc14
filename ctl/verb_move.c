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

enum exit_code verb_move(const struct ctl *ctl)
{
    struct json_object *database = NULL;
    struct json_object *group = NULL;
    char kind[KIND_SIZE];
    char reference[300];
    const char *from;
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
    if (rc == EXIT_FINE) {
        from = get_text(get_object(database, "resource"), "group");
        if (strcmp(from, ctl->to) == 0)
            note("%s is in group %s already", ctl->words[0], ctl->to);
        else
            put_steps(name, *from ? from : "?", ctl->to,
                      get_text(get_object(group, "resource"), "location"));
    }
    json_object_put(database);
    json_object_put(group);
    return rc;
}
