#include "io/varlink.h"

#include <json-c/json.h>
#include <string.h>

#include "core/limits.h"
#include "io/varlink_lint.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/text.h"

#define KEEP_BYTES ((size_t)16 << 10) /* of a buffer that holds nothing */

/* --- Cutting bytes into messages --- */

void varlink_reader_init(struct varlink_reader *r, size_t max_bytes)
{
    *r = (struct varlink_reader){.in = BUF_INIT(max_bytes + VARLINK_CHUNK), .max = max_bytes};
}

void varlink_reader_deinit(struct varlink_reader *r)
{
    buf_deinit(&r->in);
    r->start = r->scanned = 0;
}

/* Forget what was taken; a buffer that one long message made large is given back. */
static void compact(struct varlink_reader *r)
{
    if (r->start == r->in.size && r->in.capacity > KEEP_BYTES)
        buf_deinit(&r->in);
    else
        buf_consume(&r->in, r->start);
    r->start = 0;
}

int varlink_reader_feed(struct varlink_reader *r, const void *data, size_t size, struct err *err)
{
    compact(r);
    if (!buf_add(&r->in, data, size))
        return err_nomem(err);
    return 0;
}

size_t varlink_reader_held(const struct varlink_reader *r)
{
    return r->in.capacity;
}

bool varlink_reader_is_full(const struct varlink_reader *r)
{
    return r->in.size - r->start > r->max;
}

int varlink_reader_next(struct varlink_reader *r, const char **out, size_t *out_size,
                        struct err *err)
{
    size_t waiting = r->in.size - r->start;
    const char *begin = buf_str(&r->in) + r->start;
    const char *nul = memchr(begin + r->scanned, '\0', waiting - r->scanned);
    size_t n = nul ? (size_t)(nul - begin) : waiting;

    if (n > r->max)
        return err_set(err, ERR_LIMIT, "a message of over %zu bytes", r->max);
    if (!nul) {
        r->scanned = waiting;
        if (!waiting)
            compact(r);
        return 0;
    }
    r->scanned = 0;
    r->start += n + 1;
    *out = begin;
    *out_size = n;
    return 1;
}

/* --- Requests --- */

/* A name that cannot be said back stands for all of them. */
static void note_bad(struct varlink_request *r, const char *name, size_t n)
{
    if (n == 0 || n >= sizeof(r->bad) || !text_is_plain(name, n)) {
        name = "parameters";
        n = strlen(name);
    }
    memcpy(r->bad, name, n);
    r->bad[n] = '\0';
}

static int blame(struct varlink_request *r, const char *name, struct err *err)
{
    note_bad(r, name, strlen(name));
    return err_set(err, ERR_INVALID, "%s: missing, unknown or of the wrong type", r->bad);
}

static bool is_null(struct json_object *v)
{
    return json_object_is_type(v, json_type_null);
}

static bool take_flag(struct json_object *v, bool *out)
{
    if (!json_object_is_type(v, json_type_boolean))
        return false;
    *out = json_object_get_boolean(v);
    return true;
}

/* A member of the message itself. False: unknown, or of the wrong type. */
static bool take_member(struct varlink_request *r, const char *key, struct json_object *v)
{
    if (!strcmp(key, "method"))
        return json_get_str(r->root, "method", &r->method) && *r->method &&
               strlen(r->method) < VARLINK_NAME_SIZE;
    if (!strcmp(key, "parameters")) {
        r->parameters = is_null(v) ? NULL : v;
        return is_null(v) || json_object_is_type(v, json_type_object);
    }
    if (!strcmp(key, "more"))
        return is_null(v) || take_flag(v, &r->more);
    if (!strcmp(key, "oneway"))
        return is_null(v) || take_flag(v, &r->oneway);
    if (!strcmp(key, "upgrade"))
        return is_null(v) || take_flag(v, &r->upgrade);
    return false;
}

static int read_members(struct varlink_request *r, struct err *err)
{
    (void)!json_get_bool(r->root, "oneway", &r->oneway); /* decides whether errors are said */
    json_object_object_foreach(r->root, key, v) if (!take_member(r, key, v)) return blame(r, key,
                                                                                          err);
    if (!r->method)
        return blame(r, "method", err);
    return 0;
}

/* Let go of the message, but keep what is to blame. */
static int refuse(struct varlink_request *r, int rc)
{
    json_object_put(r->root);
    r->root = NULL;
    r->method = NULL;
    r->parameters = NULL;
    return rc;
}

int varlink_parse(const char *s, size_t n, struct varlink_request *out, struct err *err)
{
    const char *key;
    size_t key_size;
    int rc = varlink_lint(s, n, &key, &key_size, err);

    *out = (struct varlink_request){0};
    if (rc < 0) {
        if (key)
            note_bad(out, key, key_size);
        return rc;
    }
    rc = json_parse(s, n, LIMIT_JSON_DEPTH, &out->root, err);
    if (rc < 0)
        return rc;
    if (!json_object_is_type(out->root, json_type_object))
        return refuse(out, err_set(err, ERR_INVALID, "a message must be a JSON object"));
    rc = read_members(out, err);
    return rc < 0 ? refuse(out, rc) : 0;
}

void varlink_request_deinit(struct varlink_request *r)
{
    json_object_put(r->root);
    *r = (struct varlink_request){0};
}

bool varlink_split(const char *method, char *out_interface, const char **out_member)
{
    const char *dot = strrchr(method, '.');
    size_t n;

    if (!dot || dot == method || !dot[1])
        return false;
    n = (size_t)(dot - method);
    if (n >= VARLINK_NAME_SIZE)
        return false;
    memcpy(out_interface, method, n);
    out_interface[n] = '\0';
    *out_member = dot + 1;
    return true;
}

static bool has_type(struct json_object *o, const char *key, enum varlink_type type)
{
    const char *s;
    int64_t i;
    bool b;

    switch (type) {
    case VARLINK_STRING:
        return json_get_str(o, key, &s);
    case VARLINK_INT:
        return json_get_int(o, key, &i);
    case VARLINK_BOOL:
        return json_get_bool(o, key, &b);
    }
    return false;
}

static const struct varlink_param *find(const struct varlink_param *params, size_t n,
                                        const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(params[i].name, name))
            return &params[i];
    return NULL;
}

int varlink_check(struct varlink_request *r, const struct varlink_param *params, size_t n,
                  struct err *err)
{
    if (r->parameters) {
        json_object_object_foreach(r->parameters, key, v)
        {
            const struct varlink_param *p = find(params, n, key);

            if (!p || (!is_null(v) && !has_type(r->parameters, key, p->type)))
                return blame(r, key, err);
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *v = NULL;

        if (!params[i].is_required)
            continue;
        if (!r->parameters || !json_object_object_get_ex(r->parameters, params[i].name, &v) ||
            is_null(v))
            return blame(r, params[i].name, err);
    }
    return 0;
}

/* --- Replies --- */

/* Takes `root`; NULL (no memory) gives no text. */
static struct varlink_text text_of(struct json_object *root)
{
    struct buf b = BUF_INIT(SIZE_MAX / 2);
    struct varlink_text t = {0};

    if (root && json_print(root, &b)) {
        t.size = b.size + 1;
        t.data = buf_steal(&b);
    }
    buf_deinit(&b);
    json_object_put(root);
    return t;
}

/* A message with one leading member and the parameters. Takes `parameters`; NULL: no memory. */
static struct json_object *message(const char *key, const char *word,
                                   struct json_object *parameters)
{
    struct json_object *root = json_object_new_object();

    if (root && json_add_str(root, key, word) &&
        (!parameters || json_add(root, "parameters", json_object_get(parameters)))) {
        json_object_put(parameters);
        return root;
    }
    json_object_put(parameters);
    json_object_put(root);
    return NULL;
}

static struct varlink_text flagged(struct json_object *root, const char *flag, bool is_set)
{
    if (root && is_set && !json_add_bool(root, flag, true)) {
        json_object_put(root);
        root = NULL;
    }
    return text_of(root);
}

struct varlink_text varlink_reply(struct json_object *parameters, bool continues)
{
    return flagged(message("error", NULL, parameters), "continues", continues);
}

struct varlink_text varlink_error(const char *name, struct json_object *parameters)
{
    return text_of(message("error", name, parameters));
}

struct varlink_text varlink_call(const char *method, struct json_object *parameters, bool more)
{
    return flagged(message("method", method, parameters), "more", more);
}
