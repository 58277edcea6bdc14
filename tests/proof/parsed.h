/* parsed: a file of the manifest is parsed once, however often it is read: most are read again and
 * again as they were. Takes the place of manifest_parse and manifest_deinit in the proof (see
 * tests/CMakeLists.txt). */
#ifndef TENANTD_TESTS_PROOF_PARSED_H
#define TENANTD_TESTS_PROOF_PARSED_H

#include <stdbool.h>

/* From now on each is parsed anew, as in the daemon; or not. */
void parsed_anew(bool anew);

#endif
