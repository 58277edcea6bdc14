/* status_all: how every instance on this host stands: tenantd.service and each tenantd@ORG.service.
 * In:    the directory of the socket: DIR/tenantd.sock, DIR/ORG/tenantd.sock.
 * Out:   a line, or an object, for each.
 * Never: lets one that does not answer hide the others. */
#include "ctl/status_all.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/output.h"
#include "lib/json.h"
#include "lib/mem.h"

static const struct column COLUMNS[] = {{"", false, false},        {"ORGANIZATION", false, false},
                                        {"STATE", false, false},   {"DATABASES", false, true},
                                        {"READY", false, true},    {"HELD", false, true},
                                        {"PROBLEMS", false, true}, {"UP", false, true},
                                        {"MESSAGE", true, false}};

struct showing {
    const struct ctl *ctl;
    struct table *table;
    struct json_list list;
};

/* "acme" of /run/tenantd/acme/tenantd.sock; "tenantd" of /run/tenantd/tenantd.sock. */
static const char *instance_of(const char *path, char *out, size_t size)
{
    const char *end = strrchr(path, '/');
    const char *begin = end;

    while (begin && begin > path && begin[-1] != '/')
        begin--;
    snprintf(out, size, "%.*s", end ? (int)(end - begin) : 0, begin ? begin : "");
    return out;
}

static int64_t count_databases(struct json_object *status)
{
    struct json_object *phases = get_object(get_object(status, "counts"), "database");
    int64_t n = 0;

    if (!phases)
        return 0;
    json_object_object_foreach(phases, phase, count)
    {
        (void)phase;
        n += json_object_get_int64(count);
    }
    return n;
}

static void add_answer(struct showing *s, struct json_object *status)
{
    struct json_object *problems = get_array(status, "problems");
    const char *state = get_text(status, "state");
    char numbers[4][24];
    char up[AGE_SIZE];

    if (s->ctl->output != OUTPUT_TABLE) {
        json_list_add(&s->list, status);
        return;
    }
    snprintf(numbers[0], sizeof(numbers[0]), "%lld", (long long)count_databases(status));
    snprintf(numbers[1], sizeof(numbers[1]), "%lld",
             (long long)get_number(get_object(get_object(status, "counts"), "database"), "Ready"));
    snprintf(numbers[2], sizeof(numbers[2]), "%lld",
             (long long)get_number(get_object(status, "plan"), "held"));
    snprintf(numbers[3], sizeof(numbers[3]), "%zu", array_size(problems));
    table_row(s->table,
              (const char *const[]){
                  mark_of(s->ctl, state), get_text(status, "organization"), state, numbers[0],
                  numbers[1], numbers[2], numbers[3], age(get_text(status, "since"), up),
                  array_size(problems) ? get_text(json_object_array_get_idx(problems, 0), "message")
                                       : ""},
              colour_of(state));
}

static void add_silence(struct showing *s, const char *path, const char *why)
{
    struct json_object *o;
    char name[256];

    instance_of(path, name, sizeof(name));
    if (s->ctl->output == OUTPUT_TABLE) {
        table_row(s->table,
                  (const char *const[]){mark_of(s->ctl, "Blocked"), name, "no answer", "", "", "",
                                        "", "", why},
                  colour_of("Blocked"));
        return;
    }
    o = json_object_new_object();
    if (!json_add_str(o, "organization", name) || !json_add_str(o, "state", "no answer") ||
        !json_add_str(o, "socket", path) || !json_add_str(o, "error", why))
        json_put(&o);
    json_list_add(&s->list, o);
    json_object_put(o);
}

static enum exit_code ask_one(struct showing *s, const char *path)
{
    struct json_object *reply = NULL;
    struct client *client = NULL;
    struct err err = ERR_INIT;
    enum exit_code rc = client_open(path, &client, &err);

    if (rc == EXIT_FINE)
        rc = client_call(client, "GetStatus", NULL, &reply, &err);
    if (rc == EXIT_FINE)
        rc = client_expect(reply, "status", &err);
    if (rc == EXIT_FINE)
        add_answer(s, get_object(reply, "status"));
    else
        add_silence(s, path, err.msg);
    json_object_put(reply);
    client_close(client);
    return rc;
}

/* Names of sockets as they are in the directory of the one that was asked for. */
static bool find_sockets(const char *socket, glob_t *out)
{
    const char *slash = strrchr(socket, '/');
    int directory = slash ? (int)(slash - socket) : 1;
    const char *file = slash ? slash + 1 : socket;
    char *own = mem_strdup(socket);
    char *others = mem_printf("%.*s/*/%s", directory, slash ? socket : ".", file);
    bool ok = own && others;

    ok = ok && glob(own, 0, NULL, out) != GLOB_NOSPACE;
    ok = ok && glob(others, GLOB_APPEND, NULL, out) != GLOB_NOSPACE;
    mem_free(own);
    mem_free(others);
    return ok;
}

static enum exit_code show(struct showing *s, const glob_t *sockets)
{
    enum exit_code worst = EXIT_FINE;

    for (size_t i = 0; i < sockets->gl_pathc; i++) {
        enum exit_code rc = ask_one(s, sockets->gl_pathv[i]);

        worst = rc > worst ? rc : worst;
    }
    if (s->ctl->output != OUTPUT_TABLE)
        json_list_end(&s->list);
    else if (table_print(s->table) != EXIT_FINE)
        return EXIT_FAILED;
    return worst;
}

enum exit_code status_all(const struct ctl *ctl)
{
    struct showing s = {.ctl = ctl, .list = {.ctl = ctl}};
    enum exit_code rc = EXIT_UNREACHABLE;
    glob_t sockets = {0};

    if (!find_sockets(ctl->socket, &sockets)) {
        note("out of memory");
        rc = EXIT_FAILED;
    } else if (!sockets.gl_pathc) {
        note("there is no tenantd here: no %s, nor one in a directory beside it", ctl->socket);
    } else {
        if (ctl->output == OUTPUT_TABLE)
            s.table = table_new(ctl, COLUMNS, ARRAY_SIZE(COLUMNS));
        rc = show(&s, &sockets);
    }
    table_free(s.table);
    globfree(&sockets);
    return rc;
}
