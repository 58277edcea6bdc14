/* tenantctl: asks tenantd over its socket, and checks manifests without it.
 * In:    the command line.
 * Out:   data on stdout, notes on stderr, an exit status that scripts branch on (ctl.h).
 * Never: changes anything but by asking the daemon. */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/options.h"
#include "ctl/output.h"

const struct verb VERBS[] = {
    {"status", "", "How it stands as a whole, and what stands in the way",
     "Ends with 0 whenever the daemon answered; its state is in the answer. With --all: a line "
     "for\n"
     "each instance, and the worst of their exit statuses.",
     "l", 0, 0, verb_status},
    {"list", "[KIND]", "Every resource with its phase",
     "KIND is group, database, token, group-token, api-token or member.", "pS", 0, 1, verb_list},
    {"describe", "KIND/NAME", "One resource, its fields and its tokens", "", "", 1, 1,
     verb_describe},
    {"why", "KIND/NAME", "How it came to stand where it stands: every change ever made to it",
     "Each with the manifest's line and generation, what was asked of the platform, and its "
     "answer;\n"
     "and what operators said, and why.",
     "", 1, 1, verb_why},
    {"plan", "", "What would be done, a line a step",
     "Ends with 3 when a step waits for approval, else 2 when there is something to do, else 0.",
     "", 0, 0, verb_plan},
    {"sync", "[KIND/NAME]", "Read the manifest and the platform anew, and do what that leads to",
     "With --wait it ends with 3 if something is held, else 8 if degraded, else 0. With a "
     "resource,\n"
     "what the platform refused for it is tried again, and --wait waits for it.",
     "wt", 0, 1, verb_sync},
    {"wait", "[KIND/NAME]", "Wait until nothing is working, or until one resource is Ready",
     "A resource is waited for with its tokens. When it will not become Ready by itself, this "
     "says\n"
     "why, and ends with 3 if something is held, else 8.",
     "t", 0, 1, verb_wait},
    {"events", "", "What happened, oldest first",
     "Without --since: everything that is kept; with --follow alone: from now on.", "nf", 0, 0,
     verb_events},
    {"approve", "PLAN --reason TEXT", "Let the held steps of a plan run, each once", "", "r", 1, 1,
     verb_approve},
    {"reject", "PLAN --reason TEXT", "Give the held steps of a plan up, until their entries change",
     "", "r", 1, 1, verb_reject},
    {"move", "database/NAME --to GROUP", "Say which steps move a database, and do none of them",
     "A database cannot change its group: these are the steps that lead to the same.", "G", 1, 1,
     verb_move},
    {"restore", "KIND/NAME [--id ID]", "Bring back a database or group deleted in the last days",
     "Of several deleted ones of that name the last one, unless --id says which. What the ledger "
     "knew\nis ours again.",
     "i", 1, 1, verb_restore},
    {"pause", "[KIND/NAME] --reason TEXT", "Leave one resource, or everything, alone for a while",
     "Nothing is created, changed or removed, and no grace runs; tokens are renewed. It ends by "
     "itself,\nafter a day unless --until says otherwise. A database's or group's tokens are "
     "paused with it.",
     "ru", 0, 1, verb_pause},
    {"resume", "[KIND/NAME]", "End a pause before its time",
     "Without a resource: the pause of everything; what was paused by itself stays so.", "r", 0, 1,
     verb_resume},
    {"recreate", "KIND/NAME --reason TEXT",
     "Make a missing group, database or API token anew; invite a member again",
     "Also a database whose name was deleted in the last days; empty. A member whose invite is "
     "gone, or who\nleft, is invited once more, by mail. Says first what is known of the old "
     "one and\nwhether the platform can restore it, then asks; --yes answers.",
     "ry", 1, 1, verb_recreate},
    {"release", "KIND/NAME", "Forget a group, database or member, and keep it",
     "Refused while its entry is managed. Its token files stay; nobody renews them any more.", "r",
     1, 1, verb_release},
    {"adopt", "KIND/NAME --id ID", "Take over what is live under a name of the manifest",
     "Only the very one of this platform id, which `describe` shows.", "ir", 1, 1, verb_adopt},
    {"purge", "NAME --reason TEXT", "End the running grace of a database: it is deleted now",
     "Guard, approvals and protection still hold, and its fence must stand.", "r", 1, 1,
     verb_purge},
    {"rotate", "KIND/NAME", "Mint a token anew now; with --invalidate, end all that are out there",
     "Without --invalidate KIND is token, group-token or api-token, and the present one works "
     "until "
     "it expires,\nor is revoked a while later (api-token).\n"
     "With it, KIND may be database or group too: the platform's keys are rotated, which ends "
     "every\n"
     "token of the group at once, ours and others', also where one database was named; then all "
     "of\n"
     "ours are minted anew. It lists them, and does nothing without --yes.",
     "Iyr", 1, 1, verb_rotate},
    {"backup", "[PATH]", "Copy the ledger, also while the daemon writes it",
     "PATH is a new file, or a directory for one with the time in its name; without it, here. The\n"
     "copy is made by tenantctl itself: it takes who may read the ledger, so root or the daemon's\n"
     "user, and with --state-dir no daemon. A restored copy holds removals until you approve.",
     "D", 0, 1, verb_backup},
    {"validate", "PATH", "Check a manifest, without daemon or network",
     "PATH is a file or a directory. Every error is a line FILE:LINE:COLUMN: MESSAGE; with -o "
     "json\n"
     "or ndjson an object {file, line, column, message} a line. Ends with 0 or 4.",
     "", 1, 1, verb_validate},
    {"export", "", "Write a manifest of what is live",
     "Groups, databases with the fields that are not at their defaults, members and invites but\n"
     "the owner; never tokens. What a manifest cannot say is a comment. Configurations are read\n"
     "one by one, so a large organization takes its time.",
     "", 0, 0, verb_export},
    {"platform", "WHAT", "What the platform says of the organization",
     "WHAT is plan, usage, limits, locations, organizations, audit, tokens or members. Usage is\n"
     "that of the organization and its groups, with --databases of each database too. Of the\n"
     "audit log: the last day, or from --since on, oldest first.",
     "naAfd", 1, 1, verb_platform},
    {"reload", "", "Read configuration, API tokens, keys and manifest anew", "", "", 0, 0,
     verb_reload},
    {"version", "", "The versions of tenantctl and of the daemon", "", "", 0, 0, verb_version},
    {"help", "[VERB]", "Show what there is", "", "", 0, 1, verb_help},
};
const size_t N_VERBS = ARRAY_SIZE(VERBS);

static void say(const char *fmt, va_list ap)
{
    char text[2048];

    vsnprintf(text, sizeof(text), fmt, ap);
    fflush(stdout); /* so that both streams, into one file, stay in order */
    fputs("tenantctl: ", stderr);
    put_clean(stderr, text);
    fputc('\n', stderr);
}

void note(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

enum exit_code usage(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    return EXIT_USAGE;
}

int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool split_reference(const char *reference, char *out_kind, const char **out_name)
{
    const char *slash = strchr(reference, '/');
    size_t n = slash ? (size_t)(slash - reference) : 0;

    if (n == 0 || n >= KIND_SIZE || !slash[1])
        return false;
    memcpy(out_kind, reference, n);
    out_kind[n] = '\0';
    *out_name = slash + 1;
    return true;
}

enum exit_code verb_help(const struct ctl *ctl)
{
    const struct verb *verb = ctl->n_words ? options_find_verb(ctl->words[0]) : NULL;

    if (ctl->n_words && !verb)
        return usage("there is no verb \"%s\"", ctl->words[0]);
    options_help(verb);
    return EXIT_FINE;
}

/* What was written must have arrived; a full disk is not success. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    note("cannot write the answer: %m");
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    const struct verb *verb;
    struct ctl ctl;
    int status;

    setlocale(LC_ALL, "");
    status = options_parse(argc, argv, &verb, &ctl);
    if (status < 0)
        status = (int)verb->run(&ctl);
    return finish(status);
}
