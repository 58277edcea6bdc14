/* control_methods: the interface as a table; the .varlink file says the same to clients, and a test
 * holds the two together. */
#include "io/control_internal.h"

#include <string.h>

#include "lib/base.h"

#define STR(n) ((struct varlink_param){.name = (n), .type = VARLINK_STRING})
#define MUST_STR(n)                                                                                \
    ((struct varlink_param){.name = (n), .type = VARLINK_STRING, .is_required = true})
#define INT(n)  ((struct varlink_param){.name = (n), .type = VARLINK_INT})
#define BOOL(n) ((struct varlink_param){.name = (n), .type = VARLINK_BOOL})

const struct control_method CONTROL_METHODS[] = {
    {"GetStatus", false, CONTROL_ONE, {{0}}, 0},
    {"List", false, CONTROL_MAY_MANY, {STR("kind"), STR("phase"), STR("source")}, 3},
    {"Describe", false, CONTROL_ONE, {MUST_STR("kind"), MUST_STR("name")}, 2},
    {"Why", false, CONTROL_MAY_MANY, {MUST_STR("kind"), MUST_STR("name")}, 2},
    {"Plan", false, CONTROL_ONE, {{0}}, 0},
    {"Watch", false, CONTROL_MUST_MANY, {INT("since"), STR("from"), BOOL("follow")}, 3},
    {"Sync", true, CONTROL_ONE, {STR("kind"), STR("name")}, 2},
    {"Approve", true, CONTROL_ONE, {MUST_STR("plan"), MUST_STR("reason")}, 2},
    {"Reject", true, CONTROL_ONE, {MUST_STR("plan"), MUST_STR("reason")}, 2},
    {"Restore", true, CONTROL_ONE, {MUST_STR("kind"), MUST_STR("name"), STR("id")}, 3},
    {"Pause", true, CONTROL_ONE, {STR("kind"), STR("name"), MUST_STR("reason"), STR("until")}, 4},
    {"Resume", true, CONTROL_ONE, {STR("kind"), STR("name"), STR("reason")}, 3},
    {"Recreate",
     true,
     CONTROL_ONE,
     {MUST_STR("kind"), MUST_STR("name"), MUST_STR("reason"), BOOL("look")},
     4},
    {"Release", true, CONTROL_ONE, {MUST_STR("kind"), MUST_STR("name"), STR("reason")}, 3},
    {"Adopt",
     true,
     CONTROL_ONE,
     {MUST_STR("kind"), MUST_STR("name"), MUST_STR("id"), STR("reason")},
     4},
    {"RotateToken",
     true,
     CONTROL_ONE,
     {MUST_STR("kind"), MUST_STR("name"), BOOL("invalidate"), BOOL("look"), STR("reason")},
     5},
    {"Purge", true, CONTROL_ONE, {MUST_STR("name"), MUST_STR("reason")}, 2},
    {"Reload", true, CONTROL_ONE, {{0}}, 0},
    {"Export", false, CONTROL_MUST_MANY, {{0}}, 0},
    {"Platform",
     false,
     CONTROL_MAY_MANY,
     {MUST_STR("what"), STR("since"), STR("action"), STR("author"), BOOL("follow"),
      BOOL("databases")},
     6},
};
const size_t CONTROL_N_METHODS = ARRAY_SIZE(CONTROL_METHODS);

const struct control_method *control_find_method(const char *name)
{
    for (size_t i = 0; i < CONTROL_N_METHODS; i++)
        if (!strcmp(CONTROL_METHODS[i].name, name))
            return &CONTROL_METHODS[i];
    return NULL;
}
