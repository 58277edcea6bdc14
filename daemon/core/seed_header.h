/* seed_header: may the platform take this file for a database? By its first 100 bytes, as SQLite
 * documents them (https://www.sqlite.org/fileformat.html, 1.3), and by what the platform asks for.
 * In:    the bytes, the file's size, how it is to be encrypted.
 * Out:   yes, or what is wrong, with the words of SQL that mend it.
 * Never: I/O. */
#ifndef TENANTD_CORE_SEED_HEADER_H
#define TENANTD_CORE_SEED_HEADER_H

#include <stdint.h>

#include "lib/base.h"
#include "lib/err.h"

#define SEED_HEADER_BYTES 100
#define SEED_PAGE_BYTES   4096

/* cipher: its name; NULL: not encrypted. 0 or -ERR_INVALID. */
int seed_header_check(const unsigned char header[SEED_HEADER_BYTES], uint64_t file_bytes,
                      const char *cipher, struct err *err) MUST_CHECK;

#endif
