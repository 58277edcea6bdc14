/* verb_validate: says what the daemon would say of a manifest, with the daemon's own code.
 * In:    a file or a directory.
 * Out:   every error, in order of file, line and column.
 * Never: asks the daemon or the network. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/desired.h"
#include "ctl/output.h"
#include "io/manifest_files.h"
#include "lib/json.h"
#include "lib/mem.h"

static struct json_object *diag_json(const struct diag *d)
{
    struct json_object *o = json_object_new_object();

    if (!json_add_str(o, "file", d->file) || !json_add_int(o, "line", d->line) ||
        !json_add_int(o, "column", d->column) || !json_add_str(o, "message", d->message))
        json_put(&o);
    return o;
}

static void put_diag_json(const struct diag *d)
{
    struct json_object *o = diag_json(d);

    put_json_line(o);
    json_object_put(o);
}

/* Errors are the answer; warnings are notes. */
static void put_diag(const struct ctl *ctl, const struct diag *d)
{
    char *text;

    if (d->level == DIAG_ERROR && ctl->output != OUTPUT_TABLE) {
        put_diag_json(d);
        return;
    }
    text = diag_text(d);
    if (!text)
        return;
    if (d->level == DIAG_ERROR) {
        put_clean(stdout, text);
        putchar('\n');
    } else {
        note("%s", text);
    }
    mem_free(text);
}

static enum exit_code conclude(const struct ctl *ctl, const struct diags *diags,
                               const struct desired *d)
{
    for (size_t i = 0; i < diags->n; i++)
        put_diag(ctl, &diags->items[i]);
    if (diags->failed) {
        note("out of memory; some of what is wrong is not shown");
        return EXIT_INVALID;
    }
    if (diags->n_errors > diags->n)
        note("%zu errors in all; not all are shown", diags->n_errors);
    if (diags->n_errors) {
        note("not valid: %zu error%s", diags->n_errors, diags->n_errors == 1 ? "" : "s");
        return EXIT_INVALID;
    }
    note("valid: %zu groups, %zu databases in %zu file%s", d->n_groups, d->n_databases, d->n_files,
         d->n_files == 1 ? "" : "s");
    return EXIT_FINE;
}

static enum exit_code check(const struct ctl *ctl, const struct manifest_files *files)
{
    struct desired_options options = {0};
    struct diags diags = DIAGS_INIT;
    struct desired d = {0};
    enum exit_code rc;
    size_t n;
    const struct manifest_input *inputs = manifest_files_inputs(files, &n);
    int built = desired_build(inputs, n, NULL, 0, &options, &d, NULL, &diags);

    diags_sort(&diags);
    rc = conclude(ctl, &diags, &d);
    if (built == -ERR_NOMEM) {
        note("out of memory");
        rc = EXIT_FAILED;
    }
    if (built == 0)
        desired_deinit(&d);
    diags_deinit(&diags);
    return rc;
}

enum exit_code verb_validate(const struct ctl *ctl)
{
    struct manifest_walk_options options = {.manifest = ctl->words[0]};
    struct manifest_files *files = NULL;
    struct err err = ERR_INIT;
    enum exit_code rc;

    if (manifest_files_read(&options, NULL, NULL, &files, &err) < 0) {
        note("%s", err.msg);
        return EXIT_FAILED;
    }
    rc = check(ctl, files);
    manifest_files_unref(files);
    return rc;
}
