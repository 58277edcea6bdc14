/* sqlite_bytes: what is taken for a SQLite file in WAL mode, of pages of 4096 bytes.
 * In:    room for at least a header.
 * Out:   a header that is taken, and noise behind it.
 * Never: a database that SQLite could read. */
#ifndef TENANTD_TESTS_SQLITE_BYTES_H
#define TENANTD_TESTS_SQLITE_BYTES_H

#include <stddef.h>
#include <string.h>

static inline void sqlite_bytes(unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)(i * 2654435761u >> 13);
    memset(data, 0, 100);
    memcpy(data, "SQLite format 3", 16);
    data[16] = 0x10;
    data[18] = data[19] = 2;
    data[43] = 1;
    data[59] = 1;
}

#endif
