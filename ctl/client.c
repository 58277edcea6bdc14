#include "ctl/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "io/varlink.h"
#include "lib/json.h"
#include "lib/mem.h"

#define INTERFACE         "org.tenantd.Control"
#define MAX_MESSAGE_BYTES (256u << 20) /* more than the daemon ever sends at once */
#define MAX_DEPTH         24

struct client {
    int fd;
    struct varlink_reader reader;
    char error[VARLINK_NAME_SIZE];
};

int64_t client_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t client_deadline(int64_t ms)
{
    return ms < 0 ? CLIENT_NO_DEADLINE : client_clock() + ms;
}

/* --- Connecting ----------------------------------------------------------------------------- */

static enum exit_code unreachable(struct err *err, const char *path, int problem)
{
    if (problem == EACCES || problem == EPERM) {
        err_set(err, ERR_PERMISSION,
                "you may not open %s: that is for root and members of group tenantd", path);
        return EXIT_DENIED;
    }
    if (problem == ENOENT || problem == ECONNREFUSED)
        err_set(err, ERR_UNREACHABLE, "tenantd does not run, or not with this socket: %s: %s", path,
                strerrordesc_np(problem));
    else
        err_errno(err, problem, "cannot reach tenantd at %s", path);
    return EXIT_UNREACHABLE;
}

/* A full queue at the daemon answers EAGAIN; it is asked again for as long as one reply may take.
 */
static int connect_fd(int fd, const struct sockaddr_un *address)
{
    int64_t deadline = client_deadline(CLIENT_PATIENCE_MS);

    while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN || client_clock() >= deadline)
            return errno;
        (void)poll(NULL, 0, 50);
    }
    return 0;
}

enum exit_code client_open(const char *path, struct client **out, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    struct client *c;
    int problem;

    if (n == 0 || n >= sizeof(address.sun_path)) {
        err_set(err, ERR_INVALID, "a socket's path must have 1 to %zu bytes: %s",
                sizeof(address.sun_path) - 1, path);
        return EXIT_UNREACHABLE;
    }
    memcpy(address.sun_path, path, n);
    c = mem_alloc(sizeof(*c));
    if (!c) {
        err_nomem(err);
        return EXIT_FAILED;
    }
    varlink_reader_init(&c->reader, MAX_MESSAGE_BYTES);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    problem = c->fd < 0 ? errno : connect_fd(c->fd, &address);
    if (problem) {
        client_close(c);
        return unreachable(err, path, problem);
    }
    *out = c;
    return EXIT_FINE;
}

void client_close(struct client *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    varlink_reader_deinit(&c->reader);
    mem_free(c);
}

/* --- Waiting -------------------------------------------------------------------------------- */

static enum exit_code wait_for(struct client *c, short events, int64_t deadline, struct err *err)
{
    for (;;) {
        struct pollfd p = {.fd = c->fd, .events = events};
        int64_t left = deadline == CLIENT_NO_DEADLINE ? INT_MAX : deadline - client_clock();
        int rc = poll(&p, 1, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);

        if (rc > 0)
            return EXIT_FINE;
        if (rc < 0 && errno != EINTR) {
            err_errno(err, errno, "cannot wait for tenantd");
            return EXIT_FAILED;
        }
        if (rc == 0 && deadline != CLIENT_NO_DEADLINE && client_clock() >= deadline) {
            err_set(err, ERR_TIMEOUT, "no answer from tenantd in time");
            return EXIT_TIMED_OUT;
        }
    }
}

enum exit_code client_wait(struct client *c, int64_t deadline, struct err *err)
{
    return wait_for(c, POLLIN, deadline, err);
}

static enum exit_code gone(struct err *err)
{
    err_set(err, ERR_UNREACHABLE,
            "tenantd has closed the connection: it has ended, or was restarted");
    return EXIT_UNREACHABLE;
}

static enum exit_code broken(struct err *err, int problem)
{
    if (problem == ECONNRESET)
        return gone(err);
    err_errno(err, problem, "the connection to tenantd is broken");
    return EXIT_UNREACHABLE;
}

/* --- Sending -------------------------------------------------------------------------------- */

static enum exit_code send_all(struct client *c, const char *data, size_t n, struct err *err)
{
    int64_t deadline = client_deadline(CLIENT_PATIENCE_MS);

    while (n) {
        ssize_t sent = send(c->fd, data, n, MSG_NOSIGNAL);
        enum exit_code rc;

        if (sent >= 0) {
            data += sent;
            n -= (size_t)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EPIPE)
            return EXIT_FINE; /* why it has closed on us is there to be read */
        if (errno != EAGAIN)
            return broken(err, errno);
        rc = wait_for(c, POLLOUT, deadline, err);
        if (rc != EXIT_FINE)
            return rc;
    }
    return EXIT_FINE;
}

enum exit_code client_send(struct client *c, const char *method, struct json_object *parameters,
                           bool more, struct err *err)
{
    char full[VARLINK_NAME_SIZE];
    struct varlink_text text;
    enum exit_code rc;

    snprintf(full, sizeof(full), INTERFACE ".%s", method);
    text = varlink_call(full, parameters, more);
    if (!text.data) {
        err_nomem(err);
        return EXIT_FAILED;
    }
    rc = send_all(c, text.data, text.size, err);
    mem_free(text.data);
    return rc;
}

/* --- Receiving ------------------------------------------------------------------------------ */

static enum exit_code fill(struct client *c, int64_t deadline, struct err *err)
{
    char chunk[VARLINK_CHUNK];
    enum exit_code rc = wait_for(c, POLLIN, deadline, err);
    ssize_t n;

    if (rc != EXIT_FINE)
        return rc;
    n = recv(c->fd, chunk, sizeof(chunk), 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return EXIT_FINE;
    if (n < 0)
        return broken(err, errno);
    if (n == 0)
        return gone(err);
    if (varlink_reader_feed(&c->reader, chunk, (size_t)n, err) < 0)
        return EXIT_FAILED;
    return EXIT_FINE;
}

static enum exit_code next_message(struct client *c, int64_t deadline, const char **out,
                                   size_t *out_size, struct err *err)
{
    for (;;) {
        int rc = varlink_reader_next(&c->reader, out, out_size, err);
        enum exit_code filled;

        if (rc == 1)
            return EXIT_FINE;
        if (rc < 0)
            return EXIT_FAILED;
        filled = fill(c, deadline, err);
        if (filled != EXIT_FINE)
            return filled;
    }
}

static const struct {
    const char *name;
    enum exit_code status;
} ERRORS[] = {
    {"Denied", EXIT_DENIED},
    {"Held", EXIT_HELD},
};

/* The reply is an error: its own words, or its name and what it names. */
static enum exit_code remote_error(struct client *c, const char *name, struct json_object *reply,
                                   struct err *err)
{
    const char *dot = strrchr(name, '.');
    struct json_object *parameters = NULL;
    struct buf said CLEANUP(buf_deinit) = BUF_INIT(sizeof(err->msg));
    const char *text;

    snprintf(c->error, sizeof(c->error), "%s", dot ? dot + 1 : name);
    (void)!json_get_obj(reply, "parameters", &parameters);
    if (json_get_str(parameters, "message", &text)) {
        err_set(err, ERR_INVALID, "%s", text);
    } else {
        if (parameters)
            json_print(parameters, &said);
        err_set(err, ERR_INVALID, "the daemon answers %s %s; is it of another version?", name,
                buf_str(&said));
    }
    for (size_t i = 0; i < ARRAY_SIZE(ERRORS); i++)
        if (!strcmp(ERRORS[i].name, c->error))
            return ERRORS[i].status;
    return EXIT_FAILED;
}

/* What the replies that we ask for must have. */
static const struct {
    const char *key;
    enum json_type type;
} MEMBERS[] = {
    {"status", json_type_object},   {"resource", json_type_object}, {"plan", json_type_object},
    {"resources", json_type_array}, {"cycle", json_type_int},       {"steps", json_type_int},
    {"message", json_type_string},  {"rows", json_type_array},      {"text", json_type_string},
    {"events", json_type_array},
};

enum exit_code client_expect(struct json_object *reply, const char *key, struct err *err)
{
    struct json_object *v = NULL;

    (void)json_object_object_get_ex(reply, key, &v);
    for (size_t i = 0; i < ARRAY_SIZE(MEMBERS); i++)
        if (!strcmp(MEMBERS[i].key, key) && json_object_is_type(v, MEMBERS[i].type))
            return EXIT_FINE;
    err_set(err, ERR_INVALID, "the daemon's answer has no good \"%s\"; is it of another version?",
            key);
    return EXIT_FAILED;
}

static enum exit_code take_reply(struct client *c, struct json_object *reply,
                                 struct json_object **out, bool *out_continues, struct err *err)
{
    struct json_object *parameters = NULL;
    const char *name;

    c->error[0] = '\0';
    if (!json_object_is_type(reply, json_type_object)) {
        err_set(err, ERR_INVALID, "the daemon's answer is no JSON object");
        return EXIT_FAILED;
    }
    if (json_get_str(reply, "error", &name))
        return remote_error(c, name, reply, err);
    *out_continues = false;
    (void)!json_get_bool(reply, "continues", out_continues);
    *out = json_get_obj(reply, "parameters", &parameters) ? json_object_get(parameters)
                                                          : json_object_new_object();
    if (*out)
        return EXIT_FINE;
    err_nomem(err);
    return EXIT_FAILED;
}

enum exit_code client_receive(struct client *c, int64_t deadline, struct json_object **out,
                              bool *out_continues, struct err *err)
{
    struct json_object *reply = NULL;
    const char *message;
    size_t size;
    enum exit_code rc = next_message(c, deadline, &message, &size, err);

    if (rc != EXIT_FINE)
        return rc;
    if (json_parse(message, size, MAX_DEPTH, &reply, err) < 0) {
        err_wrap(err, "the daemon's answer");
        return EXIT_FAILED;
    }
    rc = take_reply(c, reply, out, out_continues, err);
    json_object_put(reply);
    return rc;
}

const char *client_error(const struct client *c)
{
    return c->error;
}

enum exit_code client_call(struct client *c, const char *method, struct json_object *parameters,
                           struct json_object **out, struct err *err)
{
    enum exit_code rc = client_send(c, method, parameters, false, err);
    bool continues;

    if (rc != EXIT_FINE)
        return rc;
    return client_receive(c, client_deadline(CLIENT_PATIENCE_MS), out, &continues, err);
}
