/* control_call: one call, from its message to its last reply.
 * In:    a message; the handler's answer, or a stream to draw answers from.
 * Out:   replies, in order, to the client, as long as there is one.
 * Never: runs a handler before method, parameters and permission are checked. */
#include <assert.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "io/control_internal.h"
#include "lib/json.h"
#include "lib/mem.h"

#define SERVICE           "org.varlink.service"
#define MAX_MESSAGE_BYTES 1024 /* of an error's text */

struct control_call {
    struct control_client *client; /* NULL: gone; the answer goes nowhere */
    struct varlink_request request;
    const struct control_method *method;
    const struct control_stream *stream; /* NULL: the handler has the call */
    void *arg;
    bool is_waiting; /* the stream has nothing until it is woken */
    uid_t uid;
};

/* --- Sending --- */

static struct json_object *one_text(const char *key, const char *text)
{
    struct json_object *o = json_object_new_object();

    if (!o || json_add_str(o, key, text))
        return o;
    json_object_put(o);
    return NULL;
}

/* An error of varlink itself, which names what is wrong. */
static void say_service_error(struct control_client *client, const char *name, const char *key,
                              const char *text)
{
    char full[VARLINK_NAME_SIZE];
    struct json_object *parameters = key ? one_text(key, text) : NULL;

    snprintf(full, sizeof(full), SERVICE ".%s", name);
    control_client_send(client, varlink_error(full, parameters));
}

static const char *const ERROR_NAMES[] = {
#define ERROR_NAME(symbol, name) CONTROL_INTERFACE "." name,
    CONTROL_ERRORS(ERROR_NAME)
#undef ERROR_NAME
};

static void say_error(struct control_client *client, enum control_error error, const char *message)
{
    control_client_send(client, varlink_error(ERROR_NAMES[error], one_text("message", message)));
}

void control_call_refuse(struct control_client *client, enum control_error error, const char *why)
{
    say_error(client, error, why);
    client->is_ending = true;
}

/* What is too large, or would be one too many, becomes an error: no client makes us hold it. Takes
 * the text. False: the reply was replaced, and a stream must end. */
static bool say_reply(struct control_client *client, struct varlink_text text)
{
    const struct control *c = client->control;
    bool is_large = text.size > c->options.limits.reply_bytes;
    bool is_much = c->unsent_bytes + text.size > c->options.limits.total_bytes;

    if (!text.data || (!is_large && !is_much)) {
        control_client_send(client, text);
        return !client->is_closing;
    }
    mem_free(text.data);
    if (is_large)
        say_error(
            client, CONTROL_INVALID,
            "the answer is too large for one reply; where the method allows it, ask with more");
    else
        say_error(client, CONTROL_NOT_READY,
                  "too many answers wait to be read by their clients; try again");
    return false;
}

/* --- The end of a call --- */

/* Free the call and let its client go on. */
static void finish(struct control_call *call)
{
    struct control_client *client = call->client;
    const struct control_stream *stream = call->stream;
    void *arg = call->arg;

    if (client) {
        client->call = NULL;
        control_client_ready(client);
    }
    varlink_request_deinit(&call->request);
    mem_free(call);
    if (stream)
        stream->free(arg);
}

void control_call_detach(struct control_call *call)
{
    call->client->call = NULL;
    call->client = NULL;
    if (call->stream)
        finish(call);
}

bool control_call_is_waiting_stream(const struct control_call *call)
{
    return call->stream && call->is_waiting;
}

/* --- Streams --- */

/* Send one reply of a stream. Takes `reply`. */
static void draw(struct control_call *call, struct json_object *reply, bool is_last)
{
    struct control_client *client = call->client;
    bool is_said = say_reply(client, varlink_reply(reply, !is_last));

    if (client->is_closing) /* and the call is gone with it */
        return;
    if (is_last || !is_said)
        finish(call);
}

bool control_call_pull(struct control_call *call)
{
    struct control_client *client = call->client;
    struct control *c = client->control;
    struct json_object *reply = NULL;
    enum control_next next;

    if (!call->stream || call->is_waiting)
        return false;
    call->is_waiting = true; /* so that a wake from inside `next` is not lost */
    c->calling = true;
    next = call->stream->next(call->arg, &reply);
    c->calling = false;
    if (next == CONTROL_WAIT)
        return !call->is_waiting;
    call->is_waiting = false;
    if (next == CONTROL_BROKEN) {
        json_object_put(reply);
        control_client_close(client);
        return false;
    }
    draw(call, reply, next == CONTROL_END);
    return true;
}

void control_stream(struct control_call *call, const struct control_stream *stream, void *arg)
{
    assert(!call->stream);
    assert(call->method->many != CONTROL_ONE);
    call->stream = stream;
    call->arg = arg;
    if (call->client && !call->request.oneway)
        control_client_ready(call->client);
    else
        finish(call);
}

void control_wake(struct control_call *call)
{
    assert(call->stream);
    call->is_waiting = false;
    if (call->client)
        control_client_ready(call->client);
}

/* --- Answers of handlers --- */

static bool is_heard(const struct control_call *call)
{
    return call->client && !call->request.oneway;
}

void control_reply(struct control_call *call, struct json_object *parameters)
{
    assert(!call->stream);
    if (!is_heard(call))
        json_object_put(parameters);
    else if (!parameters)
        control_client_close(call->client);
    else
        (void)say_reply(call->client, varlink_reply(parameters, false));
    finish(call);
}

void control_done(struct control_call *call)
{
    control_reply(call, json_object_new_object());
}

/* A text that was cut must not end within a character. */
static void end_whole(char *text)
{
    size_t n = strlen(text);

    while (n && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
        n--;
    if (n && (unsigned char)text[n - 1] >= 0xc0)
        n--;
    text[n] = '\0';
}

void control_fail(struct control_call *call, enum control_error error, const char *fmt, ...)
{
    char text[MAX_MESSAGE_BYTES];
    va_list ap;
    int n;

    assert(!call->stream);
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof(text))
        end_whole(text);
    if (is_heard(call))
        say_error(call->client, error, text);
    finish(call);
}

/* --- What a handler may ask --- */

const char *control_method(const struct control_call *call)
{
    return call->method->name;
}

const char *control_str(const struct control_call *call, const char *name)
{
    const char *s;

    return json_get_str(call->request.parameters, name, &s) ? s : NULL;
}

bool control_int(const struct control_call *call, const char *name, int64_t *out)
{
    return json_get_int(call->request.parameters, name, out);
}

bool control_bool(const struct control_call *call, const char *name, bool otherwise)
{
    bool b;

    return json_get_bool(call->request.parameters, name, &b) ? b : otherwise;
}

bool control_wants_more(const struct control_call *call)
{
    return call->request.more;
}

bool control_is_awaited(const struct control_call *call)
{
    return call->client;
}

uid_t control_uid(const struct control_call *call)
{
    return call->uid;
}

/* --- From message to handler --- */

static struct json_object *about_us(const struct control *c)
{
    struct json_object *o = json_object_new_object();
    struct json_object *names = json_object_new_array();

    if (o && names && json_add_str(o, "vendor", "tenantd") &&
        json_add_str(o, "product", "tenantd") &&
        json_add_str(o, "version", c->options.version ? c->options.version : "") &&
        json_add_str(o, "url", "file:///usr/share/doc/tenantd") &&
        json_append(names, json_object_new_string(SERVICE)) &&
        json_append(names, json_object_new_string(CONTROL_INTERFACE)) &&
        json_add(o, "interfaces", json_object_get(names))) {
        json_object_put(names);
        return o;
    }
    json_object_put(names);
    json_object_put(o);
    return NULL;
}

static const char SERVICE_DESCRIPTION[] =
    "# What every varlink service answers.\n"
    "interface org.varlink.service\n\n"
    "method GetInfo() -> (vendor: string, product: string, version: string, url: string,\n"
    "  interfaces: []string)\n\n"
    "method GetInterfaceDescription(interface: string) -> (description: string)\n\n"
    "error InterfaceNotFound (interface: string)\n\n"
    "error MethodNotFound (method: string)\n\n"
    "error MethodNotImplemented (method: string)\n\n"
    "error InvalidParameter (parameter: string)\n\n"
    "error PermissionDenied ()\n\n"
    "error ExpectedMore ()\n";

/* Nothing is sent to who wants no answer. */
static void reply_service(struct control_client *client, const struct varlink_request *r,
                          struct json_object *parameters)
{
    if (r->oneway)
        json_object_put(parameters);
    else if (!parameters)
        control_client_close(client);
    else
        (void)say_reply(client, varlink_reply(parameters, false));
}

static void describe(struct control_client *client, const struct varlink_request *r)
{
    const char *name = "";
    bool is_given = json_get_str(r->parameters, "interface", &name);
    const char *text = !strcmp(name, CONTROL_INTERFACE) ? CONTROL_DESCRIPTION
                       : !strcmp(name, SERVICE)         ? SERVICE_DESCRIPTION
                                                        : NULL;

    if (text)
        reply_service(client, r, one_text("description", text));
    else if (is_given && !r->oneway)
        say_service_error(client, "InterfaceNotFound", "interface", name);
}

static const struct control_method SERVICE_METHODS[] = {
    {"GetInfo", false, CONTROL_ONE, {{0}}, 0},
    {"GetInterfaceDescription", false, CONTROL_ONE, {{"interface", VARLINK_STRING, true}}, 1},
};

static const struct control_method *find_method(const char *interface, const char *member)
{
    if (!strcmp(interface, CONTROL_INTERFACE))
        return control_find_method(member);
    for (size_t i = 0; i < ARRAY_SIZE(SERVICE_METHODS); i++)
        if (!strcmp(SERVICE_METHODS[i].name, member))
            return &SERVICE_METHODS[i];
    return NULL;
}

static const struct control_handler *find_handler(const struct control *c, const char *member)
{
    for (size_t i = 0; i < c->options.n_handlers; i++)
        if (!strcmp(c->options.handlers[i].method, member))
            return &c->options.handlers[i];
    return NULL;
}

struct refusal {
    const char *name; /* of an error of varlink; NULL: Denied */
    const char *key;
    const char *text;
};

/* May this call be made, by this client? True: *out says why not. */
static bool is_refused(const struct control_client *client, struct varlink_request *r,
                       const struct control_method *m, struct refusal *out)
{
    if (m->writes && !client->may_write)
        *out = (struct refusal){0};
    else if (r->upgrade)
        *out = (struct refusal){"InvalidParameter", "parameter", "upgrade"};
    else if (r->more && r->oneway)
        *out = (struct refusal){"InvalidParameter", "parameter", "oneway"};
    else if (varlink_check(r, m->params, m->n_params, NULL) < 0)
        *out = (struct refusal){"InvalidParameter", "parameter", r->bad};
    else if (m->many == CONTROL_MUST_MANY && !r->more)
        *out = (struct refusal){"ExpectedMore", NULL, NULL};
    else
        return false;
    return true;
}

static void refuse(struct control_client *client, const struct varlink_request *r,
                   const struct control_method *m, const struct refusal *why)
{
    char text[VARLINK_NAME_SIZE + 128];

    if (r->oneway)
        return;
    if (why->name) {
        say_service_error(client, why->name, why->key, why->text);
        return;
    }
    snprintf(text, sizeof(text), "%s is for root, the daemon's own user and members of group %s",
             m->name, client->control->options.admin_group);
    say_error(client, CONTROL_DENIED, text);
}

/* Hand the request over. Takes it. */
static void hand_over(struct control_client *client, struct varlink_request *r,
                      const struct control_method *m, const struct control_handler *handler)
{
    struct control *c = client->control;
    struct control_call *call = mem_alloc(sizeof(*call));

    if (!call) {
        varlink_request_deinit(r);
        control_client_close(client);
        return;
    }
    call->client = client;
    call->request = *r;
    call->method = m;
    call->uid = client->uid;
    client->call = call;
    c->calling = true;
    handler->handle(c->options.app, call);
    c->calling = false;
}

/* A request that could be read. Takes it. */
static void dispatch(struct control_client *client, struct varlink_request *r)
{
    char interface[VARLINK_NAME_SIZE];
    const char *member;
    const struct control_method *m;
    const struct control_handler *handler;
    struct refusal why = {0};
    bool is_named = varlink_split(r->method, interface, &member);
    bool is_service = is_named && !strcmp(interface, SERVICE);

    if (!is_named)
        why = (struct refusal){"InvalidParameter", "parameter", "method"};
    else if (!is_service && strcmp(interface, CONTROL_INTERFACE) != 0)
        why = (struct refusal){"InterfaceNotFound", "interface", interface};
    m = is_named && !why.name ? find_method(interface, member) : NULL;
    if (!m && !why.name)
        why = (struct refusal){"MethodNotFound", "method", r->method};
    handler = m && !is_service ? find_handler(client->control, member) : NULL;
    if (!m || is_refused(client, r, m, &why))
        refuse(client, r, m, &why);
    else if (is_service && m == &SERVICE_METHODS[0])
        reply_service(client, r, about_us(client->control));
    else if (is_service)
        describe(client, r);
    else if (!handler)
        refuse(client, r, m, &(struct refusal){"MethodNotImplemented", "method", r->method});
    else {
        hand_over(client, r, m, handler);
        return;
    }
    varlink_request_deinit(r);
}

void control_call_dispatch(struct control_client *client, const char *message, size_t size)
{
    struct varlink_request request;
    struct err err = ERR_INIT;
    int rc = varlink_parse(message, size, &request, &err);

    if (rc == 0)
        dispatch(client, &request);
    else if (rc == -ERR_NOMEM)
        control_client_close(client);
    else if (!request.bad[0])
        control_call_refuse(client, CONTROL_INVALID, err.msg);
    else if (!request.oneway)
        say_service_error(client, "InvalidParameter", "parameter", request.bad);
}
