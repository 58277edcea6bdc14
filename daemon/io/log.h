/* log: one event, one line, to where the service manager or a person reads it.
 * The levels are syslog's: error, someone must act; warning, degraded but going; notice, start,
 * stop, reload, settled; info, each applied change; debug, the rest. For the loop's thread alone.
 * Never give it a secret. */
#ifndef TENANTD_IO_LOG_H
#define TENANTD_IO_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base.h"

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

enum log_target {
    LOG_TO_STDERR,   /* "2026-11-22T23:30:48Z warning message  key=value" */
    LOG_TO_PREFIXED, /* "<4>message  key=value", for a manager that stamps the lines itself */
    LOG_TO_JOURNAL,  /* with TENANTD_... fields */
};

/* What the event is about; all may be left out. */
struct log_fields {
    const char *kind; /* "database"; with name it makes TENANTD_RESOURCE=database/t-acme */
    const char *name;
    const char *event;   /* CamelCase, as in the history */
    const char *action;  /* of the platform's audit log: "db-delete", */
    const char *author;  /* and whose it was */
    unsigned attempt;    /* 0: none */
    int http_status;     /* 0: none */
    int64_t duration_ms; /* said when it or attempt is set */
};

/* "error", "warning", "notice", "info", "debug"; false for anything else. */
bool log_level_parse(const char *s, enum log_level *out) MUST_CHECK;

/* The journal when standard error is its stream, a prefixed stream under another manager that
 * systemd started us in (INVOCATION_ID is set), else plain lines. */
enum log_target log_detect(void);

/* Everything below `level` in urgency is dropped. May be called again. Before the first call:
 * notice, plain. */
void log_init(enum log_level level, enum log_target target);

bool log_enabled(enum log_level level);

/* Control bytes become spaces, and a message is cut at 2 KiB. `fields` may be NULL. errno is as it
 * was. Errors, warnings and debug lines that come again with the same text and resource are counted
 * and written at most once a minute ("... (repeated 12 times)"); notices and infos say that
 * something was done, and all stay. */
void log_event(const struct log_fields *fields, enum log_level level, const char *fmt, ...)
    PRINTF(3, 4);

#define log_error(...)   log_event(NULL, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_event(NULL, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_event(NULL, LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_event(NULL, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_event(NULL, LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Write the counts whose minute is over by now_ms (clock_mono_ms). Call it now and then; log_event
 * does too. */
void log_tick(int64_t now_ms);
/* Write all counts, whatever their age: at exit. */
void log_flush(void);

#endif
