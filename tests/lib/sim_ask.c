/* sim_ask: what operators ask of the platform, in virtual time: an export, and its reports.
 * In:    the reconciler, the platform.
 * Out:   YAML, or rows of JSON, in the transcript.
 * Never: waits; the answers come at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/export.h"
#include "core/platform_usage.h"
#include "core/platform_view.h"
#include "lib/mem.h"
#include "tests/lib/sim.h"

static struct answer *ask(struct sim *s, enum call_kind kind, const char *name)
{
    struct call *c = call_new(kind, name);
    struct answer *a;

    assert_non_null(c);
    c->page = 1;
    s->platform.now_ms = s->now_ms;
    s->platform.wall_ms = s->wall_ms;
    a = platform_call(&s->platform, c);
    call_free(c);
    return a;
}

void sim_export(struct sim *s)
{
    struct buf text = BUF_INIT(1u << 20);
    char last[256] = "";
    bool needs_config = false;
    const char *name;
    struct answer *members;
    struct answer *invites;

    export_begin(s->rc, &text);
    buf_add_str(&text, "databases:\n");
    while ((name = export_next(s->rc, *last ? last : NULL, &needs_config))) {
        struct answer *a = needs_config ? ask(s, CALL_DATABASE_CONFIG_GET, name) : NULL;

        snprintf(last, sizeof(last), "%s", name);
        export_database(s->rc, last, a, &text);
        answer_free(a);
    }
    members = ask(s, CALL_MEMBERS_LIST, NULL);
    invites = ask(s, CALL_INVITES_LIST, NULL);
    export_members(members, invites, &text);
    answer_free(members);
    answer_free(invites);
    assert_false(text.failed);
    buf_add_str(&s->out, buf_str(&text));
    buf_deinit(&text);
}

static void put_rows(struct sim *s, struct json_object *rows)
{
    for (size_t i = 0; i < json_object_array_length(rows); i++)
        buf_printf(&s->out, "%s\n",
                   json_object_to_json_string_ext(json_object_array_get_idx(rows, i),
                                                  JSON_C_TO_STRING_PLAIN |
                                                      JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Of usage: each database too. */
bool sim_platform(struct sim *s, const char *what)
{
    const struct platform_question *q = platform_question(what);
    struct answer *answers[PLATFORM_CALLS_MAX] = {NULL};
    struct json_object *rows = json_object_new_array();

    for (size_t i = 0; q && i < q->n_calls; i++) {
        answers[i] = ask(s, q->calls[i], NULL);
        if (answers[i]->outcome != OUTCOME_OK) {
            buf_printf(&s->out, "%s: %s\n", CALL_INFO[q->calls[i]].name,
                       OUTCOME_INFO[answers[i]->outcome].text);
            answer_free(answers[i]);
            answers[i] = NULL;
        }
    }
    if (q && (q->n_needed == 0 || answers[0]))
        assert_true(q->view(s->rc, answers, rows));
    if (q && q->calls[0] == CALL_REPORT_USAGE && answers[0]) {
        char **names = NULL;
        size_t n = 0;
        size_t left = 0;

        assert_true(platform_usage_databases(s->rc, answers[0], rows));
        assert_int_equal(platform_usage_unsaid(s->rc, answers[0], 1, &names, &n, &left), 0);
        for (size_t i = 0; i < n; i++) {
            struct answer *one = ask(s, CALL_REPORT_DATABASE_USAGE, names[i]);

            assert_true(platform_usage_database(s->rc, names[i], one, rows));
            answer_free(one);
            mem_free(names[i]);
        }
        mem_free((void *)names);
        buf_printf(&s->out, "%zu not read\n", left);
    }
    put_rows(s, rows);
    json_object_put(rows);
    for (size_t i = 0; i < PLATFORM_CALLS_MAX; i++)
        answer_free(answers[i]);
    return q != NULL;
}
