/* test_control_socket: where the control socket may be, who may open it, and whose it is.
 * In:    paths with something in the way; sockets handed over.
 * Out:   cmocka's verdict.
 * Never: sleeps. */
#include "tests/loop/control_fixture.h"

#include <grp.h>

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    return a;
}

static int listening_socket(const char *path)
{
    struct sockaddr_un a = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static void refused(struct fixture *f, enum err_code code, const char *text)
{
    assert_int_equal(control_open(&f->options, &f->control, &f->err), -(int)code);
    if (!strstr(f->err.msg, text))
        fail_msg("\"%s\" does not say \"%s\"", f->err.msg, text);
    assert_null(f->control);
}

static void socket__is_for_owner_and_group_alone(void **state)
{
    struct fixture *f = *state;
    const struct group *staff = getgrnam("staff");
    struct stat st;

    f->options.socket_group = "staff";
    fixture_open(f);

    assert_int_equal(lstat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    if (geteuid() == 0 && staff)
        assert_int_equal(st.st_gid, staff->gr_gid);
}

static void socket__of_a_group_that_is_not__stays_ours(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    f->options.socket_group = "no-such-group";
    fixture_open(f);

    assert_int_equal(lstat(f->path, &st), 0);
    assert_int_equal(st.st_gid, getegid());
}

static void socket__goes_with_the_daemon(void **state)
{
    struct fixture *f = *state;

    fixture_open(f);
    fixture_close(f);

    assert_false(is_there(f->path));
}

static void socket__of_a_successor__is_left_alone(void **state)
{
    struct fixture *f = *state;
    int fd;

    fixture_open(f);
    assert_int_equal(unlink(f->path), 0);
    fd = listening_socket(f->path);
    fixture_close(f);

    assert_true(is_there(f->path));
    close(fd);
}

static void socket__stale__is_replaced(void **state)
{
    struct fixture *f = *state;
    struct client *c;

    close(listening_socket(f->path));
    fixture_open(f);

    c = client_new(f);
    assert_string_equal(client_ask(c, CALL("GetStatus")), "{\"parameters\":{\"status\":1}}");
    client_free(c);
}

static void socket__taken__is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    int fd = listening_socket(f->path);
    char text[600];

    snprintf(text, sizeof(text), "another tenantd listens at %s", f->path);
    refused(f, ERR_LOCKED, text);

    assert_int_equal(accept(fd, NULL, NULL) >= 0, 1); /* our question; the socket still works */
    close(fd);
    assert_true(is_there(f->path));
}

static void socket__taken_by_one_too_busy_to_answer__is_refused(void **state)
{
    struct fixture *f = *state;
    int fds[64];
    int n = 0;
    int fd = listening_socket(f->path);

    while (n < 64 && (fds[n] = client_connect(f->path)) >= 0)
        n++;
    assert_true(n < 64);
    refused(f, ERR_LOCKED, "another tenantd listens");
    while (n-- > 0)
        close(fds[n]);
    close(fd);
}

static void socket__something_else_in_the_way__is_kept(void **state)
{
    struct fixture *f = *state;

    dir_write(f->dir, "sock", "precious");
    refused(f, ERR_INVALID, "something that is no socket is in the way");
    assert_true(is_there(f->path));
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(symlink("/dev/null", f->path), 0);
    refused(f, ERR_INVALID, "something that is no socket is in the way");
    assert_true(is_there(f->path));
}

static void socket__path_too_long__is_said_with_its_limit(void **state)
{
    struct fixture *f = *state;
    char path[200];

    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[108] = '\0';
    f->options.path = path;
    refused(f, ERR_INVALID, "must have 1 to 107 bytes, this one has 108");
    f->options.path = "";
    refused(f, ERR_INVALID, "this one has 0");
}

static void socket__without_a_directory__says_so(void **state)
{
    struct fixture *f = *state;
    char path[600];

    snprintf(path, sizeof(path), "%s/none/sock", f->dir);
    f->options.path = path;
    refused(f, ERR_NOT_FOUND, "none/sock: there is no such directory: make it");
}

static void socket__handed_over__is_used_and_not_removed(void **state)
{
    struct fixture *f = *state;
    struct client *c;

    f->options.fd = listening_socket(f->path);
    fixture_open(f);
    c = client_new(f);
    assert_string_equal(client_ask(c, CALL("GetStatus")), "{\"parameters\":{\"status\":1}}");
    client_free(c);
    fixture_close(f);

    assert_true(is_there(f->path));
}

static void socket__handed_over_but_none__is_refused(void **state)
{
    struct fixture *f = *state;

    f->options.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    refused(f, ERR_INVALID, "is no socket");
    f->options.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    refused(f, ERR_INVALID, "must be a listening Unix stream socket");
    f->options.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    refused(f, ERR_INVALID, "must be a listening Unix stream socket");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(socket__is_for_owner_and_group_alone),
        TEST(socket__of_a_group_that_is_not__stays_ours),
        TEST(socket__goes_with_the_daemon),
        TEST(socket__of_a_successor__is_left_alone),
        TEST(socket__stale__is_replaced),
        TEST(socket__taken__is_refused_and_left_alone),
        TEST(socket__taken_by_one_too_busy_to_answer__is_refused),
        TEST(socket__something_else_in_the_way__is_kept),
        TEST(socket__path_too_long__is_said_with_its_limit),
        TEST(socket__without_a_directory__says_so),
        TEST(socket__handed_over__is_used_and_not_removed),
        TEST(socket__handed_over_but_none__is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
