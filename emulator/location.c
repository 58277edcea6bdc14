/* location: the places where groups may live.
 * In:    a code.
 * Out:   a row of the table.
 * Never: more than that. */
#include "location.h"

#include <string.h>

#include "lib/base.h"

const struct location LOCATIONS[] = {
    {"aws-ap-northeast-1", "AWS AP NorthEast (Tokyo)", "asia", false},
    {"aws-ap-south-1", "AWS AP South (Mumbai)", "asia", false},
    {"aws-ap-southeast-2", "AWS AP SouthEast (Sydney)", "oceania", false},
    {"aws-ca-central-1", "AWS CA Central (Montreal)", "america", false},
    {"aws-eu-central-1", "AWS EU Central (Frankfurt)", "europe", false},
    {"aws-eu-north-1", "AWS EU North (Stockholm)", "europe", false},
    {"aws-eu-west-1", "AWS EU West (Ireland)", "europe", false},
    {"aws-sa-east-1", "AWS SA East (Sao Paulo)", "america", false},
    {"aws-us-east-1", "AWS US East (Virginia)", "america", false},
    {"aws-us-east-2", "AWS US East (Ohio)", "america", false},
    {"aws-us-west-2", "AWS US West (Oregon)", "america", false},
    {"ams", "Amsterdam, Netherlands", "europe", true},
    {"fra", "Frankfurt, Germany", "europe", true},
    {"iad", "Ashburn, Virginia (US)", "america", true},
    {"lhr", "London, United Kingdom", "europe", true},
    {"nrt", "Tokyo, Japan", "asia", true},
    {"sin", "Singapore, Singapore", "asia", true},
    {"syd", "Sydney, Australia", "oceania", true},
};
const size_t N_LOCATIONS = ARRAY_SIZE(LOCATIONS);

const struct location *location_find(const char *code, bool legacy_too)
{
    for (size_t i = 0; i < N_LOCATIONS; i++) {
        if (!strcmp(LOCATIONS[i].code, code) && (legacy_too || !LOCATIONS[i].is_legacy))
            return &LOCATIONS[i];
    }
    return NULL;
}
