/* ids: random bytes and the platform's UUIDs.
 * In:    the operating system's randomness, or a seed that makes a run repeatable.
 * Out:   UUIDs that grow with time, so that creation order is id order.
 * Never: repeats an id within one process. */
#ifndef TENANTD_EMULATOR_IDS_H
#define TENANTD_EMULATOR_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_SIZE      16
#define UUID_TEXT_SIZE 37

struct ids {
    uint64_t counter; /* of 1/256 s, grows with every id */
    uint64_t state;   /* of the seeded generator */
    bool seeded;
};

/* seed 0: real randomness. */
void ids_init(struct ids *ids, uint64_t seed);
void ids_random(struct ids *ids, void *out, size_t size);

/* marker: the sixth byte, where the platform notes the engine. */
void ids_uuid(struct ids *ids, int64_t now_ms, uint8_t marker, uint8_t out[UUID_SIZE]);

/* The first eight bytes as a number: strictly growing from id to id. */
uint64_t uuid_key(const uint8_t id[UUID_SIZE]);
void uuid_format(const uint8_t id[UUID_SIZE], char out[UUID_TEXT_SIZE]);
bool uuid_parse(const char *text, uint8_t out[UUID_SIZE]);

/* An id that follows from another id and a word: an instance of a database, say. */
void uuid_derive(const uint8_t id[UUID_SIZE], const char *word, uint8_t out[UUID_SIZE]);

#endif
