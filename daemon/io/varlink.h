/* varlink: the messages of the varlink protocol: JSON objects, each ended by a NUL.
 * In:    bytes as they arrive; parameters to wrap.
 * Out:   messages cut out of the bytes, requests that were checked, replies as bytes.
 * Never: I/O, libuv, or what a method means. */
#ifndef TENANTD_IO_VARLINK_H
#define TENANTD_IO_VARLINK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"
#include "lib/buf.h"
#include "lib/err.h"

struct json_object;

#define VARLINK_CHUNK     ((size_t)64 << 10) /* bytes fed at once, at most */
#define VARLINK_NAME_SIZE 128 /* of a method or a parameter, with its NUL; longer is refused */

/* --- Cutting bytes into messages --- */

struct varlink_reader {
    struct buf in;
    size_t start;   /* of the message to come */
    size_t scanned; /* bytes of it known to hold no NUL */
    size_t max;     /* bytes of one message */
};

void varlink_reader_init(struct varlink_reader *r, size_t max_bytes);
void varlink_reader_deinit(struct varlink_reader *r);
/* Append at most VARLINK_CHUNK bytes. Only while varlink_reader_is_full is false.
 * -ERR_NOMEM. */
int varlink_reader_feed(struct varlink_reader *r, const void *data, size_t size,
                        struct err *err) MUST_CHECK;
/* More bytes wait than one message may have: varlink_reader_next has something to say, so take
 * messages before feeding more. */
bool varlink_reader_is_full(const struct varlink_reader *r);
/* Memory that it takes. */
size_t varlink_reader_held(const struct varlink_reader *r);
/* 1: the next message, without its NUL, borrowed until it is asked or fed again; 0: not all of it
 * is here yet; -ERR_LIMIT: it is too long, and nothing behind it can be read. */
int varlink_reader_next(struct varlink_reader *r, const char **out, size_t *out_size,
                        struct err *err) MUST_CHECK;

/* --- Requests --- */

/* What a request says. Everything borrowed from `root`, which the request owns. */
struct varlink_request {
    struct json_object *root;
    const char *method;             /* "org.example.Interface.Method" */
    struct json_object *parameters; /* an object; NULL: none given */
    bool more;
    bool oneway;
    bool upgrade;
    char bad[VARLINK_NAME_SIZE]; /* after -ERR_INVALID: the parameter at fault; "": no such, the
                                    message itself is broken */
};

/* Read one message: strict JSON, every key once, known members of the right type and no others;
 * null counts as not given. Returns 0, and the caller deinits *out; -ERR_INVALID (*out holds only
 * `bad` and `oneway`) or -ERR_NOMEM. */
int varlink_parse(const char *s, size_t n, struct varlink_request *out, struct err *err) MUST_CHECK;
void varlink_request_deinit(struct varlink_request *r);

/* Copy of the interface part of a method's name; false when there is none. `out` as
 * VARLINK_NAME_SIZE. *out_member is borrowed from `method`. */
bool varlink_split(const char *method, char *out_interface, const char **out_member) MUST_CHECK;

enum varlink_type { VARLINK_STRING, VARLINK_INT, VARLINK_BOOL };
struct varlink_param {
    const char *name;
    enum varlink_type type;
    bool is_required;
};
/* Every given parameter is among params[0..n) and of its type, every required one is given.
 * -ERR_INVALID: r->bad names the first that is not. */
int varlink_check(struct varlink_request *r, const struct varlink_param *params, size_t n,
                  struct err *err) MUST_CHECK;

/* --- Replies --- */

struct varlink_text {
    char *data;  /* NULL: no memory */
    size_t size; /* with the NUL that ends the message */
};

/* Both take `parameters` (NULL: none). */
struct varlink_text varlink_reply(struct json_object *parameters, bool continues) MUST_CHECK;
struct varlink_text varlink_error(const char *name, struct json_object *parameters) MUST_CHECK;
/* A request as a client sends it. Takes `parameters` (NULL: none). */
struct varlink_text varlink_call(const char *method, struct json_object *parameters,
                                 bool more) MUST_CHECK;

#endif
