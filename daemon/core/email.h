/* email: the addresses that members are known by.
 * In:    texts of a manifest, of the platform, of an operator.
 * Out:   whether one is an address; its folded form, so that equal ones are equal texts. */
#ifndef TENANTD_CORE_EMAIL_H
#define TENANTD_CORE_EMAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base.h"

/* NAME@HOST.TLD in ASCII, of characters that mean nothing in a path or to a terminal, at most
 * LIMIT_EMAIL_BYTES. What is quoted, or beyond ASCII, is none here. */
bool email_is(const char *s, size_t n) MUST_CHECK;
/* Capitals to small letters, in place. */
void email_fold(char *s);
/* Equal when folded; NULL equals nothing. */
bool email_same(const char *a, const char *b) MUST_CHECK;

#endif
