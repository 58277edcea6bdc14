/* main: argv, what a process must set before anything else, exit status. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "lib/mem.h"

#define DEFAULT_CONFIG "/etc/tenantd/tenantd.yaml"

static const char USAGE[] =
    "usage: tenantd [OPTION]...\n"
    "\n"
    "Keeps a Turso organization equal to a manifest. Runs in the foreground.\n"
    "\n"
    "  --config FILE      the daemon's configuration (default " DEFAULT_CONFIG ")\n"
    "  --instance ORG     read ORG.yaml beside it over it; default paths end in /ORG\n"
    "  --check            read configuration and manifest, then exit: 0 good, 4 invalid\n"
    "  --plan             one observation, print the plan, write nothing: 0 nothing to do, 2 "
    "something,\n"
    "                     3 held, 1 failed, 4 invalid\n"
    "  --once             work until nothing is working: 0 settled, 3 held, 1 failed, 4 invalid\n"
    "  --log-level LEVEL  error, warning, notice, info or debug (default info)\n"
    "  --version          print the version\n"
    "  --help             print this\n";

enum option_value {
    OPT_CONFIG = 256,
    OPT_INSTANCE,
    OPT_CHECK,
    OPT_PLAN,
    OPT_ONCE,
    OPT_LOG_LEVEL,
    OPT_VERSION,
    OPT_HELP
};

static const struct option OPTIONS[] = {{"config", required_argument, NULL, OPT_CONFIG},
                                        {"instance", required_argument, NULL, OPT_INSTANCE},
                                        {"check", no_argument, NULL, OPT_CHECK},
                                        {"plan", no_argument, NULL, OPT_PLAN},
                                        {"once", no_argument, NULL, OPT_ONCE},
                                        {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
                                        {"version", no_argument, NULL, OPT_VERSION},
                                        {"help", no_argument, NULL, OPT_HELP},
                                        {0}};

static void usage(const char *why)
{
    if (why)
        fprintf(stderr, "tenantd: %s\n", why);
    fputs(USAGE, stderr);
    exit(APP_EXIT_USAGE);
}

/* An answer that nobody got is a failure. */
static int answered(int rc)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return rc;
    log_event(NULL, LOG_LEVEL_ERROR, "cannot write the answer: %s", strerrordesc_np(errno));
    return APP_EXIT_FAILED;
}

static void set_mode(struct app_options *o, enum app_mode mode)
{
    if (o->mode != APP_SERVE)
        usage("--check, --plan and --once exclude each other");
    o->mode = mode;
}

static void take(struct app_options *o, int value)
{
    switch (value) {
    case OPT_CONFIG:
        o->config = optarg;
        return;
    case OPT_INSTANCE:
        if (!*optarg || *optarg == '.' || strchr(optarg, '/')) /* it is part of paths */
            usage("--instance takes a name: no path, and nothing that begins with a dot");
        o->instance = optarg;
        return;
    case OPT_CHECK:
        set_mode(o, APP_CHECK);
        return;
    case OPT_PLAN:
        set_mode(o, APP_PLAN);
        return;
    case OPT_ONCE:
        set_mode(o, APP_ONCE);
        return;
    case OPT_LOG_LEVEL:
        if (!log_level_parse(optarg, &o->log_level))
            usage("--log-level takes error, warning, notice, info or debug");
        return;
    case OPT_VERSION:
        puts("tenantd " TENANTD_VERSION);
        exit(answered(APP_EXIT_OK));
    case OPT_HELP:
        fputs(USAGE, stdout);
        exit(answered(APP_EXIT_OK));
    default:
        usage(NULL);
    }
}

/* Tokens pass through this process: no core dumps, no tracing by others, nothing for others to
 * read; and a peer that went away, or a file that may not grow, is an error, not a signal. */
static void harden(void)
{
    struct rlimit none = {0, 0};

    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
}

/* A reload that is asked for while we start must not end us: it waits until app_run takes it. To be
 * told to stop ends us until then. */
static void hold_reload(void)
{
    sigset_t reload;

    sigemptyset(&reload);
    sigaddset(&reload, SIGHUP);
    sigprocmask(SIG_BLOCK, &reload, NULL);
}

/* What is opened later must not get the number of a closed standard stream. */
static void open_standard(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < 3);
    if (fd > 2)
        close(fd);
}

int main(int argc, char **argv)
{
    struct app_options o = {
        .mode = APP_SERVE, .config = DEFAULT_CONFIG, .log_level = LOG_LEVEL_INFO};
    int value;

    mem_begin();
    hold_reload();
    open_standard();
    while ((value = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1)
        take(&o, value);
    if (optind < argc)
        usage("no arguments are taken");
    harden();
    log_init(o.log_level, log_detect());
    return answered(app_run(&o));
}
