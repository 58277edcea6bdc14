/* ids: random bytes and the platform's UUIDs.
 * In:    the operating system's randomness, or a seed that makes a run repeatable.
 * Out:   UUIDs that grow with time, so that creation order is id order.
 * Never: repeats an id within one process. */
#include "ids.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

/* Where the counter of a seeded run starts, so that its ids do not depend on the day. */
#define SEEDED_START (UINT64_C(1700000000) * 256)

void ids_init(struct ids *ids, uint64_t seed)
{
    *ids = (struct ids){.seeded = seed != 0, .state = seed};
    if (ids->seeded)
        ids->counter = SEEDED_START;
}

/* splitmix64: small, and good enough where nothing is at stake. */
static uint64_t next(struct ids *ids)
{
    uint64_t z = ids->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void ids_random(struct ids *ids, void *out, size_t size)
{
    unsigned char *p = out;

    if (!ids->seeded) {
        if (RAND_bytes(p, (int)size) != 1)
            abort(); /* a machine without randomness cannot run this */
        return;
    }
    while (size) {
        uint64_t word = next(ids);
        size_t n = size < sizeof(word) ? size : sizeof(word);

        memcpy(p, &word, n);
        p += n;
        size -= n;
    }
}

void ids_uuid(struct ids *ids, int64_t now_ms, uint8_t marker, uint8_t out[UUID_SIZE])
{
    uint64_t time_units = (uint64_t)now_ms * 256 / 1000;

    ids->counter++;
    if (!ids->seeded && time_units > ids->counter)
        ids->counter = time_units;
    for (int i = 0; i < 5; i++)
        out[i] = (uint8_t)(ids->counter >> (32 - 8 * i));
    ids_random(ids, out + 6, UUID_SIZE - 6);
    out[5] = marker;
    out[6] = (uint8_t)(0x70 | (out[6] & 0x0f));
    out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
}

uint64_t uuid_key(const uint8_t id[UUID_SIZE])
{
    uint64_t key = 0;

    for (int i = 0; i < 8; i++)
        key = key << 8 | id[i];
    return key;
}

void uuid_format(const uint8_t id[UUID_SIZE], char out[UUID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    char *p = out;

    for (int i = 0; i < UUID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[id[i] >> 4];
        *p++ = hex[id[i] & 15];
    }
    *p = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool uuid_parse(const char *text, uint8_t out[UUID_SIZE])
{
    if (strlen(text) != UUID_TEXT_SIZE - 1)
        return false;
    for (int i = 0; i < UUID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (*text++ != '-')
                return false;
        }
        int high = hex_value(text[0]);
        int low = hex_value(text[1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return true;
}

void uuid_derive(const uint8_t id[UUID_SIZE], const char *word, uint8_t out[UUID_SIZE])
{
    unsigned char seed[UUID_SIZE + 64];
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t n = strnlen(word, sizeof(seed) - UUID_SIZE);

    memcpy(seed, id, UUID_SIZE);
    memcpy(seed + UUID_SIZE, word, n);
    if (EVP_Digest(seed, UUID_SIZE + n, digest, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* SHA-256 of a few bytes fails only where memory has run out */
    memcpy(out, digest, UUID_SIZE);
    out[6] = (uint8_t)(0x50 | (out[6] & 0x0f));
    out[8] = (uint8_t)(0x80 | (out[8] & 0x3f));
}
