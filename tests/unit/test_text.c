/* test_text: the small grammars, at their edges.
 * In:    texts that are just inside and just outside of each form.
 * Out:   cmocka's verdict.
 * Never: a clock; every instant is a literal. */
#include "lib/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void duration__every_unit_and_sums__is_milliseconds(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } CASES[] = {
        {"0s", 0},
        {"1ms", 1},
        {"250ms", 250},
        {"1s", 1000},
        {"1m", 60000},
        {"1m1ms", 60001},
        {"1h", 3600000},
        {"1d", 86400000},
        {"1w", 604800000},
        {"1d12h", 129600000},
        {"1w2d3h4m5s6ms", INT64_C(788645006)},
        {"36600d", 36600 * 86400000LL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        int64_t ms = -1;

        if (!text_parse_duration(CASES[i].text, &ms) || ms != CASES[i].ms)
            fail_msg("%s gave %lld", CASES[i].text, (long long)ms);
    }
}

static void duration__anything_else__is_refused_and_leaves_out_alone(void **state)
{
    static const char *const CASES[] = {
        "",
        "0",
        "10",
        "s",
        "1",
        "1 s",
        "-1s",
        "+1s",
        "1.5h",
        "01s",
        "1s1m",
        "1s1s",
        "1h1h",
        "1y",
        "1M",
        "1S",
        "1sec",
        "1mss",
        "1s ",
        " 1s",
        "1sm",
        "36601d",
        "1s2",
        "5300w",
        "36600d1ms",
        "9223372036854775807w",
        "99999999999999999999999s",
        "1\xc2\xb5s",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        int64_t ms = -7;

        if (text_parse_duration(CASES[i], &ms) || ms != -7)
            fail_msg("\"%s\" gave %lld", CASES[i], (long long)ms);
    }
}

static void duration__printed__reads_back_the_same(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } CASES[] = {
        {0, "0s"},
        {1, "1ms"},
        {90000, "1m30s"},
        {86400000, "1d"},
        {604800000, "1w"},
        {30 * 86400000LL, "30d"},
        {129600000, "1d12h"},
        {3600001, "1h1ms"},
        {-1500, "-1s500ms"},
        {INT64_MAX, "106751991167d7h12m55s807ms"},
        {INT64_MIN, "-106751991167d7h12m55s808ms"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        char out[TEXT_DURATION_SIZE];
        int64_t back;

        assert_string_equal(text_duration(CASES[i].ms, out), CASES[i].text);
        if (text_parse_duration(out, &back))
            assert_int_equal(back, CASES[i].ms);
    }
}

static void time__rfc3339__is_milliseconds_since_the_epoch(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } CASES[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"2000-02-29T12:00:00Z", 951825600000},
        {"2026-11-20T00:00:00Z", 1795132800000},
        {"2026-11-20T01:30:00+01:30", 1795132800000},
        {"2026-11-19T23:00:00-01:00", 1795132800000},
        {"2026-11-20T00:00:00-00:00", 1795132800000},
        {"2026-11-20T00:00:00.5Z", 1795132800500},
        {"2026-11-20T00:00:00.123456789Z", 1795132800123},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        int64_t ms = -1;

        if (!text_parse_time(CASES[i].text, &ms) || ms != CASES[i].ms)
            fail_msg("%s gave %lld", CASES[i].text, (long long)ms);
    }
}

static void time__anything_else__is_refused(void **state)
{
    static const char *const CASES[] = {
        "",
        "2026",
        "2026-11-20",
        "2026-11-20T00:00:00",
        "2026-11-20 00:00:00Z",
        "2026-11-20T00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-06-31T00:00:00Z",
        "2026-06-00T00:00:00Z",
        "2026-06-32T00:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T00:60:00Z",
        "2026-11-20T00:00:61Z",
        "2026-11-20T00:00:00.Z",
        "2026-11-20T00:00:00+0100",
        "2026-11-20T00:00:00+24:00",
        "2026-11-20T00:00:00+01:60",
        "2026-11-20T00:00:00Zx",
        "2026-11-20T00:00:00 Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "20261-11-20T00:00:00Z",
        "2026-1-20T00:00:00Z",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        int64_t ms = -7;

        if (text_parse_time(CASES[i], &ms) || ms != -7)
            fail_msg("\"%s\" gave %lld", CASES[i], (long long)ms);
    }
}

static void time__every_day_of_500_years__reads_back(void **state)
{
    char last[TEXT_TIME_SIZE] = "";

    (void)state;
    for (int64_t day = 0; day < 183000; day++) {
        int64_t ms = day * 86400000 + 86399000;
        char text[TEXT_TIME_SIZE];
        int64_t back = -1;

        if (!text_parse_time(text_time(ms, text), &back) || back != ms || strcmp(text, last) <= 0)
            fail_msg("%s gave %lld for %lld", text, (long long)back, (long long)ms);
        memcpy(last, text, sizeof(last));
    }
}

static void time__before_the_epoch_and_far_away__prints_without_overflow(void **state)
{
    char text[TEXT_TIME_SIZE];

    (void)state;
    assert_string_equal(text_time(-1, text), "1969-12-31T23:59:59Z");
    assert_string_equal(text_time(999, text), "1970-01-01T00:00:00Z");
    assert_string_equal(text_time(INT64_C(253402300800000), text), "10000-01-01T00:00:00Z");
    assert_in_range(strlen(text_time(INT64_MAX, text)), 20, TEXT_TIME_SIZE - 1);
    assert_in_range(strlen(text_time(INT64_MIN, text)), 20, TEXT_TIME_SIZE - 1);
}

static void http_date__imf_fixdate__is_read_and_nothing_else(void **state)
{
    static const char *const BAD[] = {
        "",
        "0",
        "120",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Jun 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sux, 06 Nov 1994 08:49:37 GMT",
    };
    int64_t ms = 0;

    (void)state;
    assert_true(text_parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", &ms));
    assert_int_equal(ms, INT64_C(784111777000));
    assert_true(text_parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT", &ms));
    assert_int_equal(ms, 0);
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        if (text_parse_http_date(BAD[i], &ms))
            fail_msg("\"%s\" was read", BAD[i]);
}

static void uint__digits_up_to_max__and_nothing_else(void **state)
{
    static const char *const BAD[] = {"",   "-1",    "+1",   "01",  "1 ",
                                      " 1", "1_000", "0x10", "1.0", "101"};
    uint64_t v = 7;

    (void)state;
    assert_true(text_parse_uint("0", 0, &v));
    assert_int_equal(v, 0);
    assert_true(text_parse_uint("100", 100, &v));
    assert_int_equal(v, 100);
    assert_true(text_parse_uint("18446744073709551615", UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
    assert_false(text_parse_uint("18446744073709551616", UINT64_MAX, &v));
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        if (text_parse_uint(BAD[i], 100, &v))
            fail_msg("\"%s\" was read", BAD[i]);
}

static void name__the_platforms_alphabet__and_nothing_else(void **state)
{
    static const char *const GOOD[] = {"a", "0", "a-b", "t-acme", "no", "123", "a--b"};
    static const char *const BAD[] = {"",    "-",  "-a",  "a-",  "A",       "a_b",
                                      "a.b", "..", "a/b", "a b", "\xc3\xa9"};
    char longest[66];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    assert_true(text_is_name(longest, 64));
    assert_false(text_is_name(longest, 65));
    assert_false(text_is_name("x\0y", 3));
    for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++)
        assert_true(text_is_name(GOOD[i], strlen(GOOD[i])));
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        if (text_is_name(BAD[i], strlen(BAD[i])))
            fail_msg("\"%s\" is a name", BAD[i]);
}

static void plain__utf8_without_controls__and_nothing_else(void **state)
{
    static const char *const GOOD[] = {
        "",
        " ",
        "~",
        "\xc2\xa0",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "Gr\xc3\xbc\xc3\x9f!",
    };
    static const char *const BAD[] = {
        "\x01",
        "\n",
        "\t",
        "\x1f",
        "\x7f",
        "\xc2\x80",
        "\xc2\x9b",
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2 ",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe2\x82",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "a\xfe",
    };

    (void)state;
    assert_false(text_is_plain("a\0b", 3));
    for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++)
        assert_true(text_is_plain(GOOD[i], strlen(GOOD[i])));
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        if (text_is_plain(BAD[i], strlen(BAD[i])))
            fail_msg("case %zu is plain", i);
}

static void is_and_same__differ_where_one_is_not_there(void **state)
{
    (void)state;
    assert_true(text_is("a", "a") && text_same("a", "a"));
    assert_false(text_is("a", "b") || text_same("a", "b"));
    assert_false(text_is(NULL, NULL) || text_is("a", NULL) || text_is(NULL, ""));
    assert_true(text_same(NULL, NULL) && text_same("", NULL));
    assert_false(text_same("a", NULL));
}

static void joined__parts_in_order_and_no_more__are_the_text(void **state)
{
    static const char *const PARTS[] = {"a", "", " b"};

    (void)state;
    assert_true(text_is_joined("a b", PARTS, 3));
    assert_true(text_is_joined("", PARTS, 0));
    assert_false(text_is_joined("a b c", PARTS, 3));
    assert_false(text_is_joined("a ", PARTS, 3));
    assert_false(text_is_joined("", PARTS, 3));
    assert_false(text_is_joined("ba", PARTS, 1));
}

static void base64url__rfc4648_vectors__decode(void **state)
{
    static const struct {
        const char *text;
        const char *bytes;
    } CASES[] = {
        {"", ""},           {"Zg", "f"},          {"Zm8", "fo"},          {"Zm9v", "foo"},
        {"Zm9vYg", "foob"}, {"Zm9vYmE", "fooba"}, {"Zm9vYmFy", "foobar"}, {"-_-_", "\xfb\xff\xbf"},
    };
    static const char *const BAD[] = {"Z", "Zg==", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm v", "Zm9vY"};
    unsigned char out[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        ptrdiff_t n = text_base64url_decode(CASES[i].text, strlen(CASES[i].text), out);

        assert_int_equal(n, strlen(CASES[i].bytes));
        assert_memory_equal(out, CASES[i].bytes, (size_t)n);
    }
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        if (text_base64url_decode(BAD[i], strlen(BAD[i]), out) != -1)
            fail_msg("\"%s\" was decoded", BAD[i]);
}

static void hash__fnv1a_vectors__match_and_chain(void **state)
{
    (void)state;
    assert_true(text_hash(TEXT_HASH_INIT, "", 0) == TEXT_HASH_INIT);
    assert_true(text_hash(TEXT_HASH_INIT, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(text_hash(TEXT_HASH_INIT, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    assert_true(text_hash(text_hash(TEXT_HASH_INIT, "foo", 3), "bar", 3) ==
                UINT64_C(0x85944171f73967e8));
}

static void mix__texts_that_differ_anywhere__differ(void **state)
{
    static const char *const TEXTS[] = {"",          "a",         "b",          "ab",
                                        "ba",        "abcdefgh",  "abcdefgi",   "bbcdefgh",
                                        "abcdefghi", "abcdefghj", "abcdefgh\0", "ab\0"};
    static const size_t SIZE[] = {0, 1, 1, 2, 2, 8, 8, 8, 9, 9, 9, 3};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++)
        for (size_t k = 0; k < ARRAY_SIZE(TEXTS); k++)
            if ((text_mix(1, TEXTS[i], SIZE[i]) == text_mix(1, TEXTS[k], SIZE[k])) != (i == k))
                fail_msg("%zu and %zu", i, k);
    assert_true(text_mix(1, "a", 1) != text_mix(2, "a", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duration__every_unit_and_sums__is_milliseconds),
        cmocka_unit_test(duration__anything_else__is_refused_and_leaves_out_alone),
        cmocka_unit_test(duration__printed__reads_back_the_same),
        cmocka_unit_test(time__rfc3339__is_milliseconds_since_the_epoch),
        cmocka_unit_test(time__anything_else__is_refused),
        cmocka_unit_test(time__every_day_of_500_years__reads_back),
        cmocka_unit_test(time__before_the_epoch_and_far_away__prints_without_overflow),
        cmocka_unit_test(http_date__imf_fixdate__is_read_and_nothing_else),
        cmocka_unit_test(uint__digits_up_to_max__and_nothing_else),
        cmocka_unit_test(name__the_platforms_alphabet__and_nothing_else),
        cmocka_unit_test(plain__utf8_without_controls__and_nothing_else),
        cmocka_unit_test(is_and_same__differ_where_one_is_not_there),
        cmocka_unit_test(joined__parts_in_order_and_no_more__are_the_text),
        cmocka_unit_test(base64url__rfc4648_vectors__decode),
        cmocka_unit_test(hash__fnv1a_vectors__match_and_chain),
        cmocka_unit_test(mix__texts_that_differ_anywhere__differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
