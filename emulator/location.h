/* location: the places where groups may live.
 * In:    a code.
 * Out:   a row of the table.
 * Never: more than that. */
#ifndef TENANTD_EMULATOR_LOCATION_H
#define TENANTD_EMULATOR_LOCATION_H

#include <stdbool.h>
#include <stddef.h>

struct location {
    const char *code;
    const char *description;
    const char *area;
    bool is_legacy; /* of the older platform: not for new groups on the present one */
};

extern const struct location LOCATIONS[];
extern const size_t N_LOCATIONS;

/* NULL: no such place. */
const struct location *location_find(const char *code, bool legacy_too);

#endif
