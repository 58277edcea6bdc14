/* credential: the API token, or another secret, from where the configuration says. */
#ifndef TENANTD_IO_CREDENTIAL_H
#define TENANTD_IO_CREDENTIAL_H

#include <stddef.h>

#include "lib/err.h"

struct credential {
    char *text; /* owned secret: visible ASCII, ends in NUL; wiped by credential_deinit */
    size_t size;
};
#define CREDENTIAL_INIT ((struct credential){0})

/* Load the token: `name` is a systemd credential (a file of that name in $CREDENTIALS_DIRECTORY),
 * `file` a path; at most one of them is given. With neither it comes from TURSO_API_TOKEN, which is
 * wiped and taken out of the environment, so that only the first such call of a process can
 * succeed.
 *
 * One newline at the end is dropped. Nothing of the token is ever in err.
 * Returns 0 with *out the caller's, or, with *out untouched: -ERR_NOT_FOUND (no such file,
 * credential or variable), -ERR_PERMISSION (others may read it, or we may not), -ERR_INVALID
 * (empty; not one word of visible ASCII), -ERR_LIMIT, -ERR_IO or -ERR_NOMEM. */
int credential_load(const char *name, const char *file, struct credential *out,
                    struct err *err) MUST_CHECK;
/* The same for another secret, from exactly one of the two; errors call it `what`. */
int credential_load_secret(const char *what, const char *name, const char *file,
                           struct credential *out, struct err *err) MUST_CHECK;
void credential_deinit(struct credential *c); /* takes a zeroed one */

#endif
