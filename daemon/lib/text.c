/* text: small grammars shared by manifest, configuration, platform and people.
 * In:    text and a length, or a number.
 * Out:   a number, or text; false for whatever is not exactly of the form.
 * Never: clocks, locales, allocation. */
#include "lib/text.h"

#include <stdio.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define WEEK_MS   (7 * DAY_MS)

#define DURATION_MAX_MS (INT64_C(36600) * DAY_MS) /* 100 years */
#define NAME_MAX_BYTES  64

struct unit {
    const char *suffix;
    int64_t ms;
};

/* Largest first; a suffix that begins another one ("m" and "ms") is told apart by what follows it.
 */
static const struct unit UNITS[] = {
    {"w", WEEK_MS}, {"d", DAY_MS}, {"h", HOUR_MS}, {"m", MINUTE_MS}, {"s", SECOND_MS}, {"ms", 1},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read digits at *s; no leading zero but "0" itself. */
static bool take_number(const char **s, uint64_t max, uint64_t *out)
{
    const char *p = *s;
    uint64_t v = 0;

    if (!is_digit(*p) || (*p == '0' && is_digit(p[1])))
        return false;
    for (; is_digit(*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');

        if (v > max / 10 || (v == max / 10 && digit > max % 10))
            return false;
        v = v * 10 + digit;
    }
    *s = p;
    *out = v;
    return true;
}

/* Index of the unit at *s, which is passed over; ARRAY_SIZE(UNITS) when there is none. */
static size_t take_unit(const char **s)
{
    size_t letters = strspn(*s, "abcdefghijklmnopqrstuvwxyz");

    for (size_t i = 0; i < ARRAY_SIZE(UNITS); i++) {
        if (strlen(UNITS[i].suffix) == letters && strncmp(*s, UNITS[i].suffix, letters) == 0) {
            *s += letters;
            return i;
        }
    }
    return ARRAY_SIZE(UNITS);
}

bool text_parse_duration(const char *s, int64_t *out_ms)
{
    size_t next = 0; /* units before this one are spent */
    int64_t sum = 0;

    do {
        uint64_t n;
        size_t unit;

        if (!take_number(&s, (uint64_t)DURATION_MAX_MS, &n))
            return false;
        unit = take_unit(&s);
        if (unit >= ARRAY_SIZE(UNITS) || unit < next)
            return false;
        if ((int64_t)n > (DURATION_MAX_MS - sum) / UNITS[unit].ms)
            return false;
        sum += (int64_t)n * UNITS[unit].ms;
        next = unit + 1;
    } while (*s);
    *out_ms = sum;
    return true;
}

const char *text_duration(int64_t ms, char *out)
{
    uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    int at = snprintf(out, TEXT_DURATION_SIZE, "%s", ms < 0 ? "-" : "");

    if (left == 0)
        snprintf(out, TEXT_DURATION_SIZE, "0s");
    for (size_t i = left % WEEK_MS == 0 ? 0 : 1; i < ARRAY_SIZE(UNITS) && left > 0; i++) {
        uint64_t unit = (uint64_t)UNITS[i].ms;

        if (left / unit > 0)
            at += snprintf(out + at, TEXT_DURATION_SIZE - (size_t)at, "%llu%s",
                           (unsigned long long)(left / unit), UNITS[i].suffix);
        left %= unit;
    }
    return out;
}

/* --- Days and dates ------------------------------------------------------------------------ */

struct date {
    int year;
    int month; /* 1..12 */
    int day;   /* 1..31 */
};

struct clock {
    int hour;
    int minute;
    int second; /* 60: a leap second */
};

/* Days before the first of March of `year`, counted from the first of March of year 0: with the
 * year beginning in March the leap day is its last day, and no table of months has to know about
 * it. */
static int64_t days_before_year(int64_t year)
{
    return year * 365 + year / 4 - year / 100 + year / 400;
}

/* Days before month `m` of a year that begins in March (0: March). */
static int days_before_month(int m)
{
    return (153 * m + 2) / 5;
}

#define EPOCH_DAYS 719468 /* 1970-01-01, counted from 0000-03-01 */

static int64_t days_since_epoch(struct date d)
{
    int64_t year = d.month > 2 ? d.year : d.year - 1;
    int month = (d.month + 9) % 12;

    return days_before_year(year) + days_before_month(month) + d.day - 1 - EPOCH_DAYS;
}

static struct date date_of_days(int64_t days)
{
    int64_t n = days + EPOCH_DAYS;
    int64_t year = n * 400 / 146097;
    int month;
    int day;

    while (days_before_year(year) > n)
        year--;
    while (days_before_year(year + 1) <= n)
        year++;
    day = (int)(n - days_before_year(year));
    month = (5 * day + 2) / 153;
    return (struct date){
        .year = (int)(month < 10 ? year : year + 1),
        .month = month < 10 ? month + 3 : month - 9,
        .day = day - days_before_month(month) + 1,
    };
}

static bool is_date(struct date d)
{
    struct date back;

    if (d.year < 1970 || d.year > 9999 || d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31)
        return false;
    back = date_of_days(days_since_epoch(d));
    return back.month == d.month && back.day == d.day; /* else the 31st of June, say */
}

static bool is_clock(struct clock c)
{
    return c.hour <= 23 && c.minute <= 59 && c.second <= 60;
}

static int64_t instant(struct date d, struct clock c)
{
    return days_since_epoch(d) * DAY_MS + c.hour * HOUR_MS + c.minute * MINUTE_MS +
           c.second * SECOND_MS;
}

/* Exactly n digits. */
static bool take_digits(const char **s, int n, int *out)
{
    int v = 0;

    for (int i = 0; i < n; i++) {
        if (!is_digit((*s)[i]))
            return false;
        v = v * 10 + ((*s)[i] - '0');
    }
    *s += n;
    *out = v;
    return true;
}

static bool take_char(const char **s, char c)
{
    if (**s != c)
        return false;
    ++*s;
    return true;
}

static bool take_clock(const char **s, struct clock *c)
{
    return take_digits(s, 2, &c->hour) && take_char(s, ':') && take_digits(s, 2, &c->minute) &&
           take_char(s, ':') && take_digits(s, 2, &c->second) && is_clock(*c);
}

static bool take_fraction(const char **s, int64_t *out_ms)
{
    int64_t unit = 100;

    *out_ms = 0;
    if (!take_char(s, '.'))
        return true;
    if (!is_digit(**s))
        return false;
    for (; is_digit(**s); ++*s, unit /= 10)
        *out_ms += unit * (**s - '0');
    return true;
}

static bool take_zone(const char **s, int64_t *out_ms)
{
    int sign = **s == '-' ? -1 : 1;
    int hour;
    int minute;

    *out_ms = 0;
    if (take_char(s, 'Z') || take_char(s, 'z'))
        return true;
    if (!take_char(s, '+') && !take_char(s, '-'))
        return false;
    if (!take_digits(s, 2, &hour) || !take_char(s, ':') || !take_digits(s, 2, &minute))
        return false;
    *out_ms = sign * (hour * HOUR_MS + minute * MINUTE_MS);
    return hour <= 23 && minute <= 59;
}

bool text_parse_time(const char *s, int64_t *out_ms_since_epoch)
{
    struct date d;
    struct clock c;
    int64_t fraction;
    int64_t zone;
    int64_t ms;

    if (!take_digits(&s, 4, &d.year) || !take_char(&s, '-') || !take_digits(&s, 2, &d.month) ||
        !take_char(&s, '-') || !take_digits(&s, 2, &d.day) || !is_date(d))
        return false;
    if (!take_char(&s, 'T') && !take_char(&s, 't'))
        return false;
    if (!take_clock(&s, &c) || !take_fraction(&s, &fraction) || !take_zone(&s, &zone) || *s)
        return false;
    ms = instant(d, c) + fraction - zone;
    if (ms < 0)
        return false;
    *out_ms_since_epoch = ms;
    return true;
}

/* n digits and what stands behind them. */
static char *put_number(char *to, int n, int value, char behind)
{
    for (int i = n - 1; i >= 0; i--, value /= 10)
        to[i] = (char)('0' + value % 10);
    to[n] = behind;
    return to + n + 1;
}

const char *text_time(int64_t ms_since_epoch, char *out)
{
    int64_t days = ms_since_epoch / DAY_MS - (ms_since_epoch % DAY_MS < 0 ? 1 : 0);
    int64_t ms = (ms_since_epoch % DAY_MS + DAY_MS) % DAY_MS;
    struct date d = date_of_days(days);
    char *to = out;

    if (d.year < 0 || d.year > 9999) /* a time that nobody means */
        to += snprintf(out, TEXT_TIME_SIZE - 16, "%04d-", d.year);
    else
        to = put_number(to, 4, d.year, '-');
    to = put_number(to, 2, d.month, '-');
    to = put_number(to, 2, d.day, 'T');
    to = put_number(to, 2, (int)(ms / HOUR_MS), ':');
    to = put_number(to, 2, (int)(ms / MINUTE_MS % 60), ':');
    *put_number(to, 2, (int)(ms / SECOND_MS % 60), 'Z') = '\0';
    return out;
}

/* Index of the three letters at *s in `names`, three letters each; -1 when they are not there. */
static int take_name(const char **s, const char *names)
{
    for (int i = 0; *names; i++, names += 3) {
        if (strncmp(*s, names, 3) == 0) {
            *s += 3;
            return i;
        }
    }
    return -1;
}

bool text_parse_http_date(const char *s, int64_t *out_ms_since_epoch)
{
    struct date d;
    struct clock c;

    if (take_name(&s, "SunMonTueWedThuFriSat") < 0 || !take_char(&s, ',') || !take_char(&s, ' ') ||
        !take_digits(&s, 2, &d.day) || !take_char(&s, ' '))
        return false;
    d.month = take_name(&s, "JanFebMarAprMayJunJulAugSepOctNovDec") + 1;
    if (!take_char(&s, ' ') || !take_digits(&s, 4, &d.year) || !is_date(d) || !take_char(&s, ' '))
        return false;
    if (!take_clock(&s, &c) || strcmp(s, " GMT") != 0)
        return false;
    *out_ms_since_epoch = instant(d, c);
    return true;
}

/* --- Numbers, names, encodings ------------------------------------------------------------- */

bool text_parse_uint(const char *s, uint64_t max, uint64_t *out)
{
    uint64_t v;

    if (!take_number(&s, max, &v) || *s)
        return false;
    *out = v;
    return true;
}

bool text_is_name(const char *s, size_t n)
{
    if (n == 0 || n > NAME_MAX_BYTES || s[0] == '-' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_digit(s[i]) && s[i] != '-' && !(s[i] >= 'a' && s[i] <= 'z'))
            return false;
    return true;
}

static size_t utf8_size(const unsigned char *s, size_t n)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t c;

    if (size < 2)
        return size;
    if (size > n || s[0] > 0xf4)
        return 0;
    c = s[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    return c < LEAST[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : size;
}

size_t text_utf8_size(const char *s, size_t n)
{
    return utf8_size((const unsigned char *)s, n);
}

static bool is_control(const unsigned char *s, size_t n)
{
    return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && n > 1 && s[1] >= 0x80 && s[1] < 0xa0);
}

bool text_is_plain(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;

    while (n > 0) {
        size_t size = is_control(p, n) ? 0 : utf8_size(p, n);

        if (size == 0)
            return false;
        p += size;
        n -= size;
    }
    return true;
}

bool text_same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

bool text_is_joined(const char *s, const char *const *parts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (const char *p = parts[i]; *p; p++)
            if (*s++ != *p)
                return false;
    return !*s;
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (is_digit(c))
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

ptrdiff_t text_base64url_decode(const char *s, size_t n, unsigned char *out)
{
    ptrdiff_t size = 0;
    uint32_t bits = 0;
    unsigned held = 0; /* bits not yet written */

    if (n % 4 == 1)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int v = base64url_value(s[i]);

        if (v < 0)
            return -1;
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[size++] = (unsigned char)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    return bits ? -1 : size; /* what is over must be zero, or two texts would mean the same bytes */
}

uint64_t text_hash(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static uint64_t mix_word(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0xFF51AFD7ED558CCD);
    return h ^ h >> 32;
}

uint64_t text_mix(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t word;

    h = mix_word(h, n);
    for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        h = mix_word(h, word);
    }
    word = 0;
    for (size_t i = 0; i < n; i++)
        word = word << 8 | p[i];
    return n ? mix_word(h, word) : h;
}
