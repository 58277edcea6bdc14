/* log: one event, one line, to where the service manager or a person reads it.
 * In:    a level, a format, and what the event is about.
 * Out:   an entry in the journal, or a line on standard error.
 * Never: allocates, fails, changes errno. */
#include "io/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* file and line of a wrapper tell nobody anything */
#include <systemd/sd-journal.h>

#include "io/clock.h"
#include "lib/text.h"

#define MESSAGE_SIZE  2048
#define RESOURCE_SIZE 256
#define REPEAT_MS     60000
#define N_SEEN        64

/* A line that came not long ago. */
struct seen {
    uint64_t key; /* 0: free */
    int64_t written_ms;
    unsigned held; /* came since, and was not written */
    enum log_level level;
    char message[MESSAGE_SIZE];
    char resource[RESOURCE_SIZE];
};

/* One process has one standard error, and so one of these. */
static struct {
    enum log_level level;
    enum log_target target;
    struct seen seen[N_SEEN];
} self = {.level = LOG_LEVEL_NOTICE};

/* What is written, whatever the target. */
struct entry {
    enum log_level level;
    const char *message;
    const char *resource; /* "": none */
    struct log_fields fields;
};

static const char *const NAMES[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

bool log_level_parse(const char *s, enum log_level *out)
{
    for (enum log_level l = LOG_LEVEL_ERROR; l <= LOG_LEVEL_DEBUG; l++) {
        if (strcmp(s, NAMES[l]) == 0) {
            *out = l;
            return true;
        }
    }
    return false;
}

/* JOURNAL_STREAM names the device and inode of the stream that the manager gave us; a child of a
 * child may have inherited the variable and not the stream. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char mine[64];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return false;
    snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, mine) == 0;
}

enum log_target log_detect(void)
{
    if (stderr_is_journal())
        return LOG_TO_JOURNAL;
    if (getenv("INVOCATION_ID") && !getenv("JOURNAL_STREAM"))
        return LOG_TO_PREFIXED;
    return LOG_TO_STDERR;
}

void log_init(enum log_level level, enum log_target target)
{
    self.level = level;
    self.target = target;
}

bool log_enabled(enum log_level level)
{
    return level <= self.level;
}

/* --- Writing ------------------------------------------------------------------------------- */

struct line {
    char text[MESSAGE_SIZE + RESOURCE_SIZE + 512];
    size_t size;
};

static void line_add(struct line *l, const char *fmt, ...) PRINTF(2, 3);
static void line_add(struct line *l, const char *fmt, ...)
{
    size_t room = sizeof(l->text) - l->size;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(l->text + l->size, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        l->size += (size_t)n < room ? (size_t)n : room - 1;
}

static bool says_duration(const struct log_fields *f)
{
    return f->attempt > 0 || f->duration_ms > 0;
}

static void line_add_fields(struct line *l, const struct entry *e)
{
    const struct log_fields *f = &e->fields;

    if (e->resource[0] || f->event || f->attempt || f->http_status || says_duration(f))
        line_add(l, " ");
    if (e->resource[0])
        line_add(l, " resource=%s", e->resource);
    if (f->event)
        line_add(l, " event=%s", f->event);
    if (f->attempt)
        line_add(l, " attempt=%u", f->attempt);
    if (f->http_status)
        line_add(l, " http_status=%d", f->http_status);
    if (says_duration(f))
        line_add(l, " duration_ms=%" PRId64, f->duration_ms);
}

static void write_stderr(const struct entry *e, bool prefixed)
{
    struct line line = {.size = 0};
    char stamp[TEXT_TIME_SIZE];

    if (prefixed)
        line_add(&line, "<%d>", (int)e->level);
    else
        line_add(&line, "%s %s ", text_time(clock_wall_ms(), stamp), NAMES[e->level]);
    line_add(&line, "%s", e->message);
    line_add_fields(&line, e);
    if (line.size == sizeof(line.text) - 1)
        line.size--; /* cut, for the newline to have its place */
    line_add(&line, "\n");
    if (write(STDERR_FILENO, line.text, line.size) < 0)
        return; /* there is nobody left to tell */
}

#define N_JOURNAL_FIELDS 11

struct journal_fields {
    struct iovec iov[N_JOURNAL_FIELDS];
    int n;
    struct line text; /* what the iov point into */
};

static void journal_add(struct journal_fields *j, const char *fmt, ...) PRINTF(2, 3);
static void journal_add(struct journal_fields *j, const char *fmt, ...)
{
    char *start = j->text.text + j->text.size;
    size_t room = sizeof(j->text.text) - j->text.size;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(start, room, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= room || j->n == N_JOURNAL_FIELDS)
        return;
    j->iov[j->n++] = (struct iovec){.iov_base = start, .iov_len = (size_t)n};
    j->text.size += (size_t)n;
}

static int write_journal(const struct entry *e)
{
    struct journal_fields j = {.n = 0};
    const struct log_fields *f = &e->fields;

    journal_add(&j, "PRIORITY=%d", (int)e->level);
    journal_add(&j, "SYSLOG_IDENTIFIER=tenantd");
    if (f->kind)
        journal_add(&j, "TENANTD_KIND=%.64s", f->kind);
    if (e->resource[0])
        journal_add(&j, "TENANTD_RESOURCE=%s", e->resource);
    if (f->event)
        journal_add(&j, "TENANTD_EVENT=%.64s", f->event);
    if (f->action)
        journal_add(&j, "TENANTD_ACTION=%.64s", f->action);
    if (f->author)
        journal_add(&j, "TENANTD_AUTHOR=%.64s", f->author);
    if (f->attempt)
        journal_add(&j, "TENANTD_ATTEMPT=%u", f->attempt);
    if (f->http_status)
        journal_add(&j, "TENANTD_HTTP_STATUS=%d", f->http_status);
    if (says_duration(f))
        journal_add(&j, "TENANTD_DURATION_MS=%" PRId64, f->duration_ms);
    journal_add(&j, "MESSAGE=%s", e->message);
    return sd_journal_sendv(j.iov, j.n);
}

static void write_entry(const struct entry *e)
{
    if (self.target == LOG_TO_JOURNAL && write_journal(e) >= 0)
        return;
    write_stderr(e, self.target != LOG_TO_STDERR);
}

/* --- Repeats ------------------------------------------------------------------------------- */

static bool collapses(enum log_level level)
{
    return level != LOG_LEVEL_NOTICE && level != LOG_LEVEL_INFO;
}

static uint64_t key_of(const struct entry *e)
{
    uint64_t h = text_hash(TEXT_HASH_INIT, &e->level, sizeof(e->level));

    h = text_hash(h, e->resource, strlen(e->resource) + 1);
    h = text_hash(h, e->message, strlen(e->message));
    return h ? h : 1;
}

/* Write what `s` holds back, if anything. */
static void seen_write(struct seen *s, int64_t now_ms)
{
    char message[MESSAGE_SIZE + 32];
    struct entry e = {.level = s->level, .message = message, .resource = s->resource};

    if (s->held == 0)
        return;
    if (s->held == 1)
        snprintf(message, sizeof(message), "%s (repeated once)", s->message);
    else
        snprintf(message, sizeof(message), "%s (repeated %u times)", s->message, s->held);
    s->held = 0;
    s->written_ms = now_ms;
    write_entry(&e);
}

/* The slot of this key; else a free one, else the one that has been quiet for longest, written out.
 */
static struct seen *seen_slot(uint64_t key, int64_t now_ms)
{
    struct seen *best = &self.seen[0];

    for (struct seen *s = self.seen; s < self.seen + N_SEEN; s++) {
        if (s->key == key)
            return s;
        if (best->key != 0 && (s->key == 0 || s->written_ms < best->written_ms))
            best = s;
    }
    seen_write(best, now_ms);
    best->key = 0;
    return best;
}

/* True when the entry is to be counted and not written. */
static bool held_back(const struct entry *e, int64_t now_ms)
{
    uint64_t key = key_of(e);
    struct seen *s = seen_slot(key, now_ms);

    if (s->key == key && now_ms - s->written_ms < REPEAT_MS) {
        s->held++;
        return true;
    }
    s->key = key;
    s->written_ms = now_ms;
    s->held = 0;
    s->level = e->level;
    snprintf(s->message, sizeof(s->message), "%s", e->message);
    snprintf(s->resource, sizeof(s->resource), "%s", e->resource);
    return false;
}

void log_tick(int64_t now_ms)
{
    int saved = errno;

    for (struct seen *s = self.seen; s < self.seen + N_SEEN; s++)
        if (s->key != 0 && now_ms - s->written_ms >= REPEAT_MS)
            seen_write(s, now_ms);
    errno = saved;
}

void log_flush(void)
{
    for (struct seen *s = self.seen; s < self.seen + N_SEEN; s++) {
        seen_write(s, s->written_ms);
        s->key = 0;
    }
}

/* --- An event ------------------------------------------------------------------------------ */

/* What comes from outside must not be able to forge a second line, or to colour a terminal. */
static void make_plain(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
}

static void resource_text(const struct log_fields *f, char *out, size_t size)
{
    out[0] = '\0';
    if (f->kind && f->name)
        snprintf(out, size, "%s/%s", f->kind, f->name);
    make_plain(out);
}

void log_event(const struct log_fields *fields, enum log_level level, const char *fmt, ...)
{
    int saved = errno;
    char message[MESSAGE_SIZE];
    char resource[RESOURCE_SIZE];
    struct entry e = {.level = level, .message = message, .resource = resource};
    int64_t now_ms;
    va_list ap;

    if (!log_enabled(level))
        return;
    if (fields)
        e.fields = *fields;
    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    make_plain(message);
    resource_text(&e.fields, resource, sizeof(resource));
    now_ms = clock_mono_ms();
    log_tick(now_ms);
    if (!collapses(level) || !held_back(&e, now_ms))
        write_entry(&e);
    errno = saved;
}
