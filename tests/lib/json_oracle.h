/* json_oracle: json_read held against json-c.
 * In:    any bytes.
 * Out:   what they disagree about, unless it is one of the differences that are meant.
 * Never: the project's own reading of json-c, which is behind json_read. */
#ifndef TENANTD_TESTS_LIB_JSON_ORACLE_H
#define TENANTD_TESTS_LIB_JSON_ORACLE_H

#include <stddef.h>

/* NULL: nothing. */
const char *json_oracle(const char *s, size_t n, unsigned depth);

#endif
