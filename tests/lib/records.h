/* records: databases with all that they may have, for tests of what keeps them.
 * In:    a name; chance. Out: what is the caller's. Never: one that a manifest wants. */
#ifndef TENANTD_TESTS_LIB_RECORDS_H
#define TENANTD_TESTS_LIB_RECORDS_H

#include "core/fleet.h"

#define ID    "0190d3c6-9e3b-7c1f-8a11-3f2b5a9c0d77"
#define OTHER "0190d3c6-9e3b-7c1f-8a11-3f2b5a9c0d78"
#define HASH  "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

char *record_text(const char *s);
/* With nothing but its name. */
struct database *record_database(const char *name);
/* One more token of that database; its database's. */
struct token *record_token(struct database *d, const char *name);
/* Every text and number of it says something, as those of its three tokens do. */
struct database *record_full(const char *name);
/* Whatever may stand in one that is at rest, of every length, in each member. */
struct database *record_random(uint64_t *random, const char *name);

#endif
