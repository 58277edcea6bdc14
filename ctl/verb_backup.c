/* verb_backup: a copy of the ledger. It is made here and not by the daemon: whoever may read the
 * ledger may copy it, to where that user may write; the daemon need not wait, nor even run. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ctl/ask.h"
#include "ctl/output.h"
#include "io/store_copy.h"
#include "lib/json.h"
#include "lib/mem.h"

/* PATH, or in the directory that it is, or here, a name with the time in it. NULL: no memory. */
static char *path_of(const char *path)
{
    time_t now = (time_t)(now_ms() / 1000);
    struct stat st;
    struct tm tm;
    char name[64];

    if (path && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
        return mem_strdup(path);
    if (!gmtime_r(&now, &tm) || !strftime(name, sizeof(name), "ledger-%Y%m%dT%H%M%SZ.db", &tm))
        return NULL;
    return path ? mem_printf("%s/%s", path, name) : mem_strdup(name);
}

/* Where the daemon keeps it. */
static enum exit_code ask_state_dir(const struct ctl *ctl, char **out)
{
    struct json_object *reply = NULL;
    enum exit_code rc = ask(ctl, "GetStatus", NULL, "status", &reply);

    if (rc != EXIT_FINE)
        return rc;
    *out = mem_strdup(get_text(get_object(reply, "status"), "state_dir"));
    json_object_put(reply);
    if (*out && **out)
        return EXIT_FINE;
    note("the daemon does not say where its ledger is; name it with --state-dir");
    return EXIT_FAILED;
}

static enum exit_code put_copy(const struct ctl *ctl, const char *path, int64_t bytes)
{
    struct json_object *o;

    if (ctl->output == OUTPUT_TABLE) {
        put_clean(stdout, path);
        printf(": %" PRId64 " bytes\n", bytes);
        return EXIT_FINE;
    }
    o = json_object_new_object();
    if (!o || !json_add_str(o, "path", path) || !json_add_int(o, "bytes", bytes)) {
        json_object_put(o);
        note("no memory for the answer");
        return EXIT_FAILED;
    }
    put_json(ctl, o);
    json_object_put(o);
    return EXIT_FINE;
}

static enum exit_code copy(const struct ctl *ctl, const char *state_dir)
{
    char *path CLEANUP(mem_free_string) = path_of(ctl->n_words ? ctl->words[0] : NULL);
    struct err err = ERR_INIT;
    int64_t bytes = 0;
    int rc = path ? store_copy(state_dir, path, now_ms(), &bytes, &err) : err_nomem(&err);

    if (rc == 0)
        return put_copy(ctl, path, bytes);
    note("%s", err.msg);
    return rc == -ERR_PERMISSION ? EXIT_DENIED : EXIT_FAILED;
}

enum exit_code verb_backup(const struct ctl *ctl)
{
    char *asked CLEANUP(mem_free_string) = NULL;
    enum exit_code rc = ctl->state_dir ? EXIT_FINE : ask_state_dir(ctl, &asked);

    return rc == EXIT_FINE ? copy(ctl, ctl->state_dir ? ctl->state_dir : asked) : rc;
}
