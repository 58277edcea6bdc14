/* config_check: the grammars of the configuration's own texts, and what must hold between its keys.
 * In:    texts; a draft, which knows where each key stands.
 * Out:   whether they are of the form; errors in diags. */
#ifndef TENANTD_CORE_CONFIG_CHECK_H
#define TENANTD_CORE_CONFIG_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/diag.h"
#include "lib/base.h"

struct config_draft;

bool config_is_path(const char *s, size_t n) MUST_CHECK; /* absolute; no part empty, "." or ".." */
bool config_is_socket(const char *s, size_t n) MUST_CHECK; /* a path that fits a socket address */
/* "http(s)://HOST[:PORT]", with "/" behind it or not. */
bool config_is_url(const char *s, size_t n) MUST_CHECK;
bool config_is_credential(const char *s, size_t n) MUST_CHECK;
bool config_is_group(const char *s, size_t n) MUST_CHECK; /* a name of a group of users */

/* What must hold between keys. */
void config_check(const struct config_draft *d, struct diags *diags);

#endif
