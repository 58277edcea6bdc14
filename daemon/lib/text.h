/* text: small grammars shared by manifest, configuration, platform and people.
 * In:    text and a length, or a number.
 * Out:   a number, or text. Nothing here reads a clock or a locale. */
#ifndef TENANTD_LIB_TEXT_H
#define TENANTD_LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base.h"

#define TEXT_TIME_SIZE     32 /* fits "2026-11-22T23:30:48.123Z" and its NUL */
#define TEXT_DURATION_SIZE 40

/* "<int>(ms|s|m|h|d|w)" concatenated, each unit at most once and descending: "1d12h". Plain "0" is
 * refused, "0s" is fine. False: not of that form, or over 100 years. */
bool text_parse_duration(const char *s, int64_t *out_ms) MUST_CHECK;
/* Such a text, exact, large units first: 90000 -> "1m30s"; weeks only where nothing is left over
 * ("30d", "1w"). A negative one begins with "-". At least TEXT_DURATION_SIZE bytes. Returns out. */
const char *text_duration(int64_t ms, char *out);

/* RFC 3339 with a zone ("Z" or an offset), optional fraction (kept to ms). Proleptic Gregorian,
 * years 1970 to 9999; a leap second counts as the next minute. */
bool text_parse_time(const char *s, int64_t *out_ms_since_epoch) MUST_CHECK;
/* "2026-11-22T23:30:48Z": UTC, whole seconds. At least TEXT_TIME_SIZE bytes. Returns out. */
const char *text_time(int64_t ms_since_epoch, char *out);

/* IMF-fixdate of RFC 9110 §5.6.7 ("Sun, 06 Nov 1994 08:49:37 GMT"), as in Date and Retry-After. */
bool text_parse_http_date(const char *s, int64_t *out_ms_since_epoch) MUST_CHECK;

/* Decimal digits only, no sign, no leading zero but "0" itself, at most `max`. */
bool text_parse_uint(const char *s, uint64_t max, uint64_t *out) MUST_CHECK;

/* ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$ of at most 64 bytes: names of databases, groups, classes, ... */
bool text_is_name(const char *s, size_t n) MUST_CHECK;
/* Bytes of the UTF-8 sequence at the front of s[0..n), n > 0; 0 when there is none, it is longer
 * than needed, or a surrogate. */
size_t text_utf8_size(const char *s, size_t n) MUST_CHECK;
/* Valid UTF-8 without control characters (C0, DEL, C1). */
bool text_is_plain(const char *s, size_t n) MUST_CHECK;

/* s is there, and is `what`. Both may be NULL. Here, so that what is known of `what` is of use. */
static inline bool text_is(const char *s, const char *what)
{
    return s && what && strcmp(s, what) == 0;
}
/* Likewise, where one that is not there is as an empty one. */
bool text_same(const char *a, const char *b);
/* s is what the parts come to, one behind the other. */
bool text_is_joined(const char *s, const char *const *parts, size_t n) MUST_CHECK;

/* Base64url without padding (RFC 4648 §5). Returns the decoded size, or -1. `out` holds n * 3 / 4.
 */
ptrdiff_t text_base64url_decode(const char *s, size_t n, unsigned char *out) MUST_CHECK;

/* FNV-1a, 64 bit; start with TEXT_HASH_INIT and chain. For identity of our own texts, not for
 * secrets. */
#define TEXT_HASH_INIT UINT64_C(14695981039346656037)
uint64_t text_hash(uint64_t h, const void *data, size_t n);
/* Likewise, eight bytes at a time, and another number on another machine: for tables in memory and
 * for what is compared with itself a moment later, never for what is kept or shown. */
uint64_t text_mix(uint64_t h, const void *data, size_t n);

#endif
