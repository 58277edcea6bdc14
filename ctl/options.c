#include "ctl/options.h"

#include <getopt.h>
#include <langinfo.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/text.h"

#define DEFAULT_SOCKET "/run/tenantd/tenantd.sock"
#define COMMON         "sohV"
#define LEADING        "l" /* beside those, what may stand before a verb that takes it */

struct option_row {
    char letter; /* how verbs and this file name it; typed as such only if `is_short` */
    bool is_short;
    const char *name;
    const char *argument; /* NULL: none */
    const char *summary;
    size_t into; /* of struct ctl: a text for the argument, a bool where there is none */
};
#define INTO(member) offsetof(struct ctl, member)
#define APART        SIZE_MAX /* not taken over as it is */

static const struct option_row OPTIONS[] = {
    {'s', true, "socket", "PATH", "the daemon's socket (or TENANTD_SOCKET; " DEFAULT_SOCKET ")",
     INTO(socket)},
    {'o', true, "output", "FORMAT", "table, json (one document) or ndjson (an object a line)",
     APART},
    {'h', true, "help", NULL, "show this", APART},
    {'V', true, "version", NULL, "show the version", APART},
    {'p', false, "phase", "PHASE",
     "only what is in this phase: Ready, Blocked, ...; or Unmanaged, LeftBehind", INTO(phase)},
    {'S', false, "source", "FILE",
     "only what this manifest file names (its path, or the end of it)", INTO(source)},
    {'w', false, "wait", NULL, "wait until nothing is working", INTO(wait)},
    {'t', false, "timeout", "DURATION", "wait no longer than this (default 10m)", APART},
    {'n', false, "since", "WHEN", "begin there: an RFC 3339 time, or a duration ago such as 2h",
     INTO(since)},
    {'f', true, "follow", NULL, "go on with what happens next", INTO(follow)},
    {'y', false, "yes", NULL, "do it without asking", INTO(yes)},
    {'r', false, "reason", "TEXT", "why; kept with who and when", INTO(reason)},
    {'u', false, "until", "WHEN",
     "when it ends: an RFC 3339 time, or a duration from now such as 2h", INTO(until)},
    {'a', false, "action", "CODE", "only this action, such as db-delete", INTO(action)},
    {'A', false, "author", "USER", "only what this user did", INTO(author)},
    {'l', false, "all", NULL, "of every instance on this host: each socket in DIR and DIR/ORG",
     INTO(all)},
    {'d', false, "databases", NULL, "a line a database, too", INTO(databases)},
    {'D', false, "state-dir", "DIR", "where the ledger is (default: where the daemon says)",
     INTO(state_dir)},
    {'I', false, "invalidate", NULL, "rotate the keys, which ends every token of before",
     INTO(invalidate)},
    {'i', false, "id", "ID", "the one of this platform id", INTO(id)},
    {'G', false, "to", "GROUP", "the group that it is to live in", INTO(to)},
};

const struct verb *options_find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (!strcmp(VERBS[i].name, name))
            return &VERBS[i];
    return NULL;
}

/* --- Help ----------------------------------------------------------------------------------- */

static void help_options(const char *letters)
{
    for (size_t i = 0; i < ARRAY_SIZE(OPTIONS); i++) {
        const struct option_row *o = &OPTIONS[i];
        char left[64];

        if (!strchr(letters, o->letter))
            continue;
        snprintf(left, sizeof(left), "--%s%s%s", o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        if (o->is_short)
            printf("  -%c, %-20s %s\n", o->letter, left, o->summary);
        else
            printf("      %-20s %s\n", left, o->summary);
    }
}

static void help_verb(const struct verb *v)
{
    printf("Usage: tenantctl %s%s%s\n\n%s.\n", v->name, *v->arguments ? " " : "", v->arguments,
           v->summary);
    if (*v->details)
        printf("\n%s\n", v->details);
    printf("\nOptions:\n");
    help_options(v->options);
    help_options(COMMON);
}

static void help_all(void)
{
    printf(
        "Usage: tenantctl [OPTION]... VERB [ARGUMENT]...\n\n"
        "Ask tenantd what is so, what is not yet so, and why; and tell it what to do.\n\nVerbs:\n");
    for (size_t i = 0; i < N_VERBS; i++) {
        char left[64];

        snprintf(left, sizeof(left), "%s%s%s", VERBS[i].name, *VERBS[i].arguments ? " " : "",
                 VERBS[i].arguments);
        printf("  %-33s %s\n", left, VERBS[i].summary);
    }
    printf("\nOptions:\n");
    help_options(COMMON);
    printf("\nExit status: 0 fine, 1 failed, 2 changes pending, 3 held, 4 manifest invalid,\n"
           "5 daemon unreachable, 6 denied, 7 timed out, 8 degraded, 64 usage.\n"
           "`tenantctl help VERB` says more.\n");
}

void options_help(const struct verb *verb)
{
    if (verb)
        help_verb(verb);
    else
        help_all();
}

/* --- Parsing -------------------------------------------------------------------------------- */

static enum exit_code set_output(struct ctl *ctl, const char *text)
{
    static const char *const NAMES[] = {
        [OUTPUT_TABLE] = "table", [OUTPUT_JSON] = "json", [OUTPUT_NDJSON] = "ndjson"};

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        if (!strcmp(text, NAMES[i])) {
            ctl->output = (enum output)i;
            return EXIT_FINE;
        }
    }
    return usage("-o takes table, json or ndjson, not \"%s\"", text);
}

static enum exit_code set_option(struct ctl *ctl, char letter, const char *text)
{
    const struct option_row *o = OPTIONS;

    if (letter == 'o')
        return set_output(ctl, text);
    if (letter == 't')
        return text_parse_duration(text, &ctl->timeout_ms)
                   ? EXIT_FINE
                   : usage("--timeout takes a duration such as 90s or 10m, not \"%s\"", text);
    while (o->letter != letter) /* getopt_long gives none that is not there */
        o++;
    if (o->argument)
        memcpy((char *)ctl + o->into, &text, sizeof(text));
    else
        memcpy((char *)ctl + o->into, &(bool){true}, sizeof(bool));
    return EXIT_FINE;
}

/* The two forms that getopt_long wants. `in_order`: stop at the first word that is no option. */
struct getopt_tables {
    char letters[2 * ARRAY_SIZE(OPTIONS) + 2];
    struct option rows[ARRAY_SIZE(OPTIONS) + 1];
};

static void make_tables(struct getopt_tables *t, const char *allowed, bool in_order)
{
    size_t n_letters = 0;
    size_t n_rows = 0;

    *t = (struct getopt_tables){0};
    if (in_order)
        t->letters[n_letters++] = '+';
    for (size_t i = 0; i < ARRAY_SIZE(OPTIONS); i++) {
        const struct option_row *o = &OPTIONS[i];

        if (!strchr(COMMON, o->letter) && !strchr(allowed, o->letter))
            continue;
        t->rows[n_rows++] =
            (struct option){.name = o->name,
                            .has_arg = o->argument ? required_argument : no_argument,
                            .val = (unsigned char)o->letter};
        if (!o->is_short)
            continue;
        t->letters[n_letters++] = o->letter;
        if (o->argument)
            t->letters[n_letters++] = ':';
    }
}

/* One pass of getopt_long. -1: went through; else as options_parse. `verb` NULL: before the verb.
 */
static int pass(int argc, char **argv, const struct verb *verb, struct ctl *ctl)
{
    struct getopt_tables tables;
    int letter;

    make_tables(&tables, verb ? verb->options : LEADING, !verb);
    while ((letter = getopt_long(argc, argv, tables.letters, tables.rows, NULL)) != -1) {
        if (letter == '?') {
            fprintf(stderr, "`tenantctl help%s%s` shows what there is\n", verb ? " " : "",
                    verb ? verb->name : "");
            return EXIT_USAGE;
        }
        if (letter == 'h') {
            options_help(verb);
            return EXIT_FINE;
        }
        if (letter == 'V') {
            printf("tenantctl " TENANTD_VERSION "\n");
            return EXIT_FINE;
        }
        if (set_option(ctl, (char)letter, optarg) != EXIT_FINE)
            return EXIT_USAGE;
    }
    return -1;
}

static bool is_set(const char *variable)
{
    const char *v = getenv(variable);

    return v && *v;
}

static void look_around(struct ctl *ctl)
{
    const char *term = getenv("TERM");

    ctl->socket = is_set("TENANTD_SOCKET") ? getenv("TENANTD_SOCKET") : DEFAULT_SOCKET;
    ctl->timeout_ms = -1;
    ctl->is_terminal = isatty(STDOUT_FILENO);
    ctl->is_watched = isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
    ctl->has_colour = ctl->is_terminal && !is_set("NO_COLOR") && !(term && !strcmp(term, "dumb"));
    ctl->has_utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
}

static int check_words(const struct verb *verb, const struct ctl *ctl)
{
    if (ctl->n_words < verb->min_words)
        return (int)usage("%s wants more: tenantctl %s %s", verb->name, verb->name,
                          verb->arguments);
    if (ctl->n_words > verb->max_words)
        return (int)usage("%s does not know what to do with \"%s\"", verb->name,
                          ctl->words[verb->max_words]);
    return -1;
}

int options_parse(int argc, char **argv, const struct verb **out_verb, struct ctl *out)
{
    int rc;

    *out = (struct ctl){0};
    look_around(out);
    rc = pass(argc, argv, NULL, out);
    if (rc >= 0)
        return rc;
    if (optind >= argc) {
        (void)usage("what to do? `tenantctl help` shows the verbs");
        return EXIT_USAGE;
    }
    *out_verb = options_find_verb(argv[optind]);
    if (!*out_verb)
        return (int)usage("there is no verb \"%s\"; `tenantctl help` shows them", argv[optind]);
    argc -= optind;
    argv += optind;
    optind = 0; /* glibc: begin anew, with argv[0] being the verb */
    rc = pass(argc, argv, *out_verb, out);
    if (rc >= 0)
        return rc;
    if (out->all && !strchr((*out_verb)->options, 'l'))
        return (int)usage("--all is of `status`");
    out->words = argv + optind;
    out->n_words = (size_t)(argc - optind);
    return check_words(*out_verb, out);
}
