/* test_log: lines as they arrive on standard error or in the journal, and repeats in a time of our
 * own. In:    events. Out:   cmocka's verdict. Never: the real clock or journal: this file's own
 * functions stand in for both. */
#include "io/log.h"

#include <errno.h>
#include <sys/mman.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* or sd_journal_sendv is a macro */
#include <systemd/sd-journal.h>

#include "io/clock.h"
#include "tests/loop/run.h"

static int64_t now_ms = 1000000;

int64_t clock_mono_ms(void)
{
    return now_ms;
}

int64_t clock_wall_ms(void)
{
    return INT64_C(1795390248000); /* 2026-11-22T23:30:48Z */
}

uint64_t clock_random(void)
{
    return 4;
}

static char journal[8192]; /* the last entry, a field a line */
static int journal_answer;

int sd_journal_sendv(const struct iovec *iov, int n)
{
    size_t at = 0;

    for (int i = 0; i < n; i++) {
        assert_true(at + iov[i].iov_len + 2 < sizeof(journal));
        memcpy(journal + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
        journal[at++] = '\n';
    }
    journal[at] = '\0';
    return journal_answer;
}

/* --- Standard error, kept in a file while a test runs ----------------------------------------- */

static int stderr_fd = -1;

static void capture(void)
{
    int fd = memfd_create("stderr", MFD_CLOEXEC);

    assert_true(fd >= 0);
    stderr_fd = dup(STDERR_FILENO);
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    close(fd);
}

/* What was written since capture; standard error is itself again. */
static const char *captured(void)
{
    static char text[65536];
    ssize_t n = pread(STDERR_FILENO, text, sizeof(text) - 1, 0);

    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

static int setup(void **state)
{
    (void)state;
    log_flush();
    now_ms += 3600000;
    log_init(LOG_LEVEL_DEBUG, LOG_TO_STDERR);
    journal_answer = 0;
    journal[0] = '\0';
    return 0;
}

static const struct log_fields ALL = {
    .kind = "database",
    .name = "t-acme",
    .event = "Created",
    .attempt = 2,
    .http_status = 200,
    .duration_ms = 38,
};

static void level__names__are_read_and_written(void **state)
{
    enum log_level l;

    (void)state;
    assert_true(log_level_parse("warning", &l));
    assert_int_equal(l, LOG_LEVEL_WARNING);
    assert_false(log_level_parse("Warning", &l));
    assert_false(log_level_parse("", &l));
}

static void stderr__event_with_fields__is_one_line(void **state)
{
    (void)state;
    capture();
    log_event(&ALL, LOG_LEVEL_INFO, "created in %s", "eu");
    log_notice("settled");
    assert_string_equal(
        captured(),
        "2026-11-22T23:30:48Z info created in eu  resource=database/t-acme event=Created "
        "attempt=2 http_status=200 duration_ms=38\n"
        "2026-11-22T23:30:48Z notice settled\n");
}

static void prefixed__event__carries_syslogs_number(void **state)
{
    (void)state;
    log_init(LOG_LEVEL_INFO, LOG_TO_PREFIXED);
    capture();
    log_error("the ledger is not writable");
    assert_string_equal(captured(), "<3>the ledger is not writable\n");
}

static void journal__event__has_its_fields(void **state)
{
    (void)state;
    log_init(LOG_LEVEL_INFO, LOG_TO_JOURNAL);
    capture();
    log_event(&ALL, LOG_LEVEL_INFO, "created");
    assert_string_equal(captured(), "");
    assert_string_equal(journal, "PRIORITY=6\nSYSLOG_IDENTIFIER=tenantd\nTENANTD_KIND=database\n"
                                 "TENANTD_RESOURCE=database/t-acme\nTENANTD_EVENT=Created\n"
                                 "TENANTD_ATTEMPT=2\nTENANTD_HTTP_STATUS=200\n"
                                 "TENANTD_DURATION_MS=38\nMESSAGE=created\n");
}

static void journal__longest_event__keeps_its_message(void **state)
{
    char text[3000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_init(LOG_LEVEL_INFO, LOG_TO_JOURNAL);
    log_event(&(struct log_fields){.kind = text,
                                   .name = text,
                                   .event = text,
                                   .attempt = UINT32_MAX,
                                   .http_status = -1,
                                   .duration_ms = INT64_MAX},
              LOG_LEVEL_INFO, "%s", text);
    assert_non_null(strstr(journal, "\nMESSAGE=xxxx"));
}

static void journal__refuses__goes_to_stderr(void **state)
{
    (void)state;
    log_init(LOG_LEVEL_INFO, LOG_TO_JOURNAL);
    journal_answer = -ECONNREFUSED;
    capture();
    log_warning("degraded");
    assert_string_equal(captured(), "<4>degraded\n");
}

static void level__less_urgent__is_dropped(void **state)
{
    (void)state;
    log_init(LOG_LEVEL_WARNING, LOG_TO_STDERR);
    capture();
    log_notice("not this");
    log_warning("this");
    assert_string_equal(captured(), "2026-11-22T23:30:48Z warning this\n");
    assert_false(log_enabled(LOG_LEVEL_NOTICE));
}

static void message__control_bytes_and_length__cannot_forge_a_line(void **state)
{
    char text[5000];
    const char *line;

    (void)state;
    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    capture();
    log_notice("a\nerror b\x1b[31m");
    log_event(&(struct log_fields){.kind = "database", .name = "x\ny"}, LOG_LEVEL_INFO, "%s", text);
    line = captured();
    assert_memory_equal(line, "2026-11-22T23:30:48Z notice a error b [31m\n", 43);
    line = strchr(line, '\n') + 1;
    assert_true(strlen(line) > 2000 && strlen(line) < 2200);
    assert_non_null(strstr(line, "resource=database/x y\n"));
}

static void errno__any_event__is_as_it_was(void **state)
{
    (void)state;
    capture();
    close(STDERR_FILENO); /* so that the write itself fails */
    errno = ERANGE;
    log_error("nobody hears this");
    assert_int_equal(errno, ERANGE);
    assert_true(dup2(stderr_fd, STDERR_FILENO) >= 0);
    close(stderr_fd);
}

static void repeats__within_a_minute__are_counted(void **state)
{
    (void)state;
    capture();
    for (int i = 0; i < 101; i++) {
        log_warning("API not reachable");
        now_ms += 100;
    }
    now_ms += 60000;
    log_tick(now_ms);
    log_tick(now_ms + 1);
    assert_string_equal(captured(),
                        "2026-11-22T23:30:48Z warning API not reachable\n"
                        "2026-11-22T23:30:48Z warning API not reachable (repeated 100 times)\n");
}

static void repeats__for_hours__are_one_line_a_minute(void **state)
{
    int lines = 0;

    (void)state;
    capture();
    for (int second = 0; second < 3600; second++) {
        log_warning("API not reachable");
        now_ms += 1000;
    }
    for (const char *p = captured(); *p; p++)
        lines += *p == '\n';
    assert_in_range(lines, 59, 61);
}

static void repeats__of_other_resource_or_of_what_was_done__all_stay(void **state)
{
    (void)state;
    capture();
    log_event(&(struct log_fields){.kind = "database", .name = "a"}, LOG_LEVEL_WARNING, "blocked");
    log_event(&(struct log_fields){.kind = "database", .name = "b"}, LOG_LEVEL_WARNING, "blocked");
    log_notice("settled");
    log_notice("settled");
    assert_string_equal(captured(), "2026-11-22T23:30:48Z warning blocked  resource=database/a\n"
                                    "2026-11-22T23:30:48Z warning blocked  resource=database/b\n"
                                    "2026-11-22T23:30:48Z notice settled\n"
                                    "2026-11-22T23:30:48Z notice settled\n");
}

static void repeats__more_lines_than_are_remembered__lose_no_count(void **state)
{
    const char *text;

    (void)state;
    capture();
    log_error("first");
    log_error("first");
    for (int i = 0; i < 100; i++) {
        now_ms++;
        log_error("other %d", i);
    }
    text = captured();
    assert_non_null(strstr(text, "error first\n"));
    assert_non_null(strstr(text, "error first (repeated once)\n"));
    assert_non_null(strstr(text, "error other 99\n"));
}

static void flush__what_is_held_back__is_written_at_once(void **state)
{
    (void)state;
    capture();
    log_error("x");
    log_error("x");
    log_flush();
    log_flush();
    assert_string_equal(captured(), "2026-11-22T23:30:48Z error x\n"
                                    "2026-11-22T23:30:48Z error x (repeated once)\n");
}

static void detect__stream_is_ours_or_not__chooses_the_target(void **state)
{
    struct stat st;
    char stream[64];

    (void)state;
    unsetenv("INVOCATION_ID");
    unsetenv("JOURNAL_STREAM");
    assert_int_equal(log_detect(), LOG_TO_STDERR);
    setenv("INVOCATION_ID", "2d40e0f8c1bf4ff59ed4a0a1c9bd0c3a", 1);
    assert_int_equal(log_detect(), LOG_TO_PREFIXED);
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_int_equal(log_detect(), LOG_TO_JOURNAL);
    setenv("JOURNAL_STREAM", "1:2", 1); /* inherited from somebody whose stream this is not */
    assert_int_equal(log_detect(), LOG_TO_STDERR);
    unsetenv("INVOCATION_ID");
    unsetenv("JOURNAL_STREAM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(level__names__are_read_and_written, setup),
        cmocka_unit_test_setup(stderr__event_with_fields__is_one_line, setup),
        cmocka_unit_test_setup(prefixed__event__carries_syslogs_number, setup),
        cmocka_unit_test_setup(journal__event__has_its_fields, setup),
        cmocka_unit_test_setup(journal__longest_event__keeps_its_message, setup),
        cmocka_unit_test_setup(journal__refuses__goes_to_stderr, setup),
        cmocka_unit_test_setup(level__less_urgent__is_dropped, setup),
        cmocka_unit_test_setup(message__control_bytes_and_length__cannot_forge_a_line, setup),
        cmocka_unit_test_setup(errno__any_event__is_as_it_was, setup),
        cmocka_unit_test_setup(repeats__within_a_minute__are_counted, setup),
        cmocka_unit_test_setup(repeats__for_hours__are_one_line_a_minute, setup),
        cmocka_unit_test_setup(repeats__of_other_resource_or_of_what_was_done__all_stay, setup),
        cmocka_unit_test_setup(repeats__more_lines_than_are_remembered__lose_no_count, setup),
        cmocka_unit_test_setup(flush__what_is_held_back__is_written_at_once, setup),
        cmocka_unit_test_setup(detect__stream_is_ours_or_not__chooses_the_target, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
