/* main: run many seeded schedules on all processors, and say what they reached.
 *     proof [--base N] [--count N] [--jobs N]     seeds N, N+1, ...; up to the first that fails
 *     proof --all ...                             all of them, a line for each that fails
 *     proof --seed N                              one of them, with its transcript
 *     proof --alone ...                           each by itself and after others: it is the same
 * In:    arguments. Out: figures; of a failing seed its transcript and how to replay it; 1 then.
 * Never: stops without saying which seed it was at. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/text.h"
#include "tests/proof/chaos.h"
#include "tests/proof/parsed.h"

#define JOBS_MAX         64
#define COUNT_DEFAULT    100000
#define REACH_ALL_FROM   20000 /* schedules: in so many everything is reached */
#define TRANSCRIPT_BYTES (64u << 20)

/* Shared with the children. */
struct job {
    uint64_t seed; /* the one that runs */
    bool failed;   /* that one */
    uint64_t n_failed;
    char why[512];
    uint64_t reached[REACHED_N];
};

struct options {
    uint64_t base;
    uint64_t count;
    uint64_t seed;
    bool one;
    bool all;
    bool alone;
    unsigned jobs;
};

static struct chaos chaos;
static bool is_over;

/* It died in the middle: an assert, a crash, a simulation that cannot go on. */
static void say_unfinished(void)
{
    const char *text = is_over ? "" : buf_str(&chaos.s.out);

    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        return; /* nobody is left to tell */
}

static void on_signal(int number)
{
    say_unfinished();
    signal(number, SIG_DFL);
    raise(number);
}

static int run_one(const char *program, uint64_t seed)
{
    uint64_t reached[REACHED_N] = {0};
    struct buf transcript = BUF_INIT(TRANSCRIPT_BYTES);
    char why[512];
    bool holds;

    atexit(say_unfinished);
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    holds = chaos_run(&chaos, seed, reached, &transcript, why, sizeof(why));

    is_over = true;
    printf("%s", buf_str(&transcript));
    buf_deinit(&transcript);
    if (holds)
        printf("seed %llu holds\n", (unsigned long long)seed);
    else
        printf("seed %llu: %s\nreplay: %s --seed %llu\n", (unsigned long long)seed, why, program,
               (unsigned long long)seed);
    return holds ? 0 : 1;
}

static void run_share(const struct options *o, unsigned nth, struct job *job)
{
    for (uint64_t i = nth; i < o->count && !job->failed; i += o->jobs) {
        bool holds;

        job->seed = o->base + i;
        holds = chaos_run(&chaos, job->seed, job->reached, NULL, job->why, sizeof(job->why));
        job->n_failed += !holds;
        job->failed = !holds && !o->all;
        if (!holds && o->all)
            printf("seed %llu: %s\n", (unsigned long long)job->seed, job->why);
    }
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The sum of all, and what it never came to. */
static bool say_reached(const struct options *o, const struct job *jobs)
{
    bool all = true;

    for (int r = 0; r < REACHED_N; r++) {
        uint64_t n = 0;

        for (unsigned j = 0; j < o->jobs; j++)
            n += jobs[j].reached[r];
        printf("%12llu %s\n", (unsigned long long)n, REACHED_NAME[r]);
        all = all && (n || o->count < REACH_ALL_FROM);
    }
    if (!all)
        printf("something of these was never reached\n");
    return all;
}

static int run_many(const char *program, const struct options *o)
{
    struct job *jobs = mmap(NULL, sizeof(*jobs) * JOBS_MAX, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double start = seconds();
    unsigned bad = 0;

    if (jobs == MAP_FAILED)
        return 1;
    fflush(stdout);
    for (unsigned j = 0; j < o->jobs; j++) {
        pid_t child = fork();

        if (child < 0)
            return 1;
        if (child == 0) {
            run_share(o, j, &jobs[j]);
            exit(0);
        }
    }
    for (unsigned j = 0; j < o->jobs; j++) {
        int status;

        while (wait(&status) < 0 && errno == EINTR)
            ;
        bad += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    for (unsigned j = 0; j < o->jobs; j++) {
        if (jobs[j].failed)
            return run_one(program, jobs[j].seed);
        if (bad)
            printf("job %u ended at seed %llu; if it is the one: %s --seed %llu\n", j,
                   (unsigned long long)jobs[j].seed, program, (unsigned long long)jobs[j].seed);
    }
    for (unsigned j = 0; j < o->jobs; j++)
        bad += jobs[j].n_failed != 0;
    if (!say_reached(o, jobs) || bad)
        return 1;
    printf("%llu schedules from seed %llu hold; %.1f s\n", (unsigned long long)o->count,
           (unsigned long long)o->base, seconds() - start);
    return 0;
}

static uint64_t hash_of(uint64_t seed)
{
    uint64_t reached[REACHED_N] = {0};
    struct buf transcript = BUF_INIT(TRANSCRIPT_BYTES);
    char why[512];
    uint64_t h;

    (void)chaos_run(&chaos, seed, reached, &transcript, why, sizeof(why));
    h = text_mix(TEXT_HASH_INIT, buf_str(&transcript), strlen(buf_str(&transcript)));
    buf_deinit(&transcript);
    return h;
}

/* A schedule is a function of its seed: those before it in the same process change nothing, nor
 * what is remembered of them. */
static int run_alone(const struct options *o)
{
    uint64_t *alone = mmap(NULL, sizeof(*alone) * o->count, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int rv = 0;

    if (alone == MAP_FAILED)
        return 1;
    fflush(stdout);
    parsed_anew(true);
    for (uint64_t i = 0; i < o->count; i++) { /* before this process has run any */
        pid_t child = fork();
        int status;

        if (child == 0) {
            alone[i] = hash_of(o->base + i);
            _exit(0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            return 1;
    }
    parsed_anew(false);
    for (uint64_t i = 0; i < o->count; i++) {
        if (hash_of(o->base + i) == alone[i])
            continue;
        printf("seed %llu: it is another schedule after others\n",
               (unsigned long long)(o->base + i));
        rv = 1;
    }
    return rv;
}

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s [--base N] [--count N] [--jobs N] [--all | --alone] | --seed N\n",
            program);
    return 64;
}

static bool number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option LONG[] = {{"base", required_argument, NULL, 'b'},
                                         {"count", required_argument, NULL, 'n'},
                                         {"jobs", required_argument, NULL, 'j'},
                                         {"seed", required_argument, NULL, 's'},
                                         {"all", no_argument, NULL, 'a'},
                                         {"alone", no_argument, NULL, 'o'},
                                         {0}};
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t jobs = cpus > 0 ? (uint64_t)cpus : 1;
    bool ok = true;
    int c;

    *o = (struct options){.base = 1, .count = COUNT_DEFAULT};
    while (ok && (c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
        o->one = o->one || c == 's';
        o->all = o->all || c == 'a';
        o->alone = o->alone || c == 'o';
        ok = c == 'b'   ? number(optarg, &o->base)
             : c == 'n' ? number(optarg, &o->count)
             : c == 'j' ? number(optarg, &jobs)
             : c == 's' ? number(optarg, &o->seed)
                        : c == 'a' || c == 'o';
    }
    o->jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : (unsigned)jobs;
    return ok && optind == argc;
}

int main(int argc, char **argv)
{
    struct options o;

    if (!parse(argc, argv, &o))
        return usage(argv[0]);
    return o.one ? run_one(argv[0], o.seed) : o.alone ? run_alone(&o) : run_many(argv[0], &o);
}
