/* answer_body: the body of a success that is no listing, for each kind of call.
 * In:    the whole body, what was asked.
 * Out:   the answer's fields, or what is wrong with the shape.
 * Never: fills in a part of what was due. */
#ifndef TENANTD_CORE_ANSWER_BODY_H
#define TENANTD_CORE_ANSWER_BODY_H

#include "core/call.h"
#include "lib/err.h"

enum answer_body_rule {
    BODY_IGNORED,  /* the status says it all */
    BODY_OPTIONAL, /* an empty one will do; another must be of the shape due */
    BODY_DUE,
    BODY_LISTED, /* read as it arrives, by listing.c */
    BODY_REPORT, /* the same, by report.c */
};
enum answer_body_rule answer_body_rule(enum call_kind kind);
/* Does a success hold a secret? */
bool answer_body_is_secret(enum call_kind kind);

/* What of the call the body is held against. Texts borrowed. */
struct answer_asked {
    const char *name;
    const char *expiration;
    enum authorization authorization;
    int64_t now_ms; /* when the answer came, by the platform's clock where it told the time */
};

/* 0, -ERR_INVALID or -ERR_NOMEM; then `into` is as before, but for its arena. */
int answer_body_read(const char *body, size_t size, const struct answer_asked *asked,
                     struct answer *into, struct err *err) MUST_CHECK;

#endif
