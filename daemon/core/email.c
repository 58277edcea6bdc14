#include "core/email.h"

#include <string.h>

#include "core/limits.h"

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_local(const char *s, size_t n)
{
    if (n == 0 || s[0] == '.' || s[n - 1] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_letter_or_digit(s[i]) && (!s[i] || !strchr(".!#$%&'*+=?^_`{|}~-", s[i])))
            return false;
    return true;
}

/* Labels of letters, digits and inner dashes; at least two of them. */
static bool is_host(const char *s, size_t n)
{
    size_t start = 0;
    size_t labels = 0;

    for (size_t i = 0; i <= n; i++) {
        if (i < n && (is_letter_or_digit(s[i]) || s[i] == '-'))
            continue;
        if ((i < n && s[i] != '.') || i == start || s[start] == '-' || s[i - 1] == '-')
            return false;
        labels++;
        start = i + 1;
    }
    return labels >= 2;
}

bool email_is(const char *s, size_t n)
{
    const char *at = memchr(s, '@', n);
    size_t local = at ? (size_t)(at - s) : 0;

    return at && n <= LIMIT_EMAIL_BYTES && is_local(s, local) && is_host(at + 1, n - local - 1);
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void email_fold(char *s)
{
    for (; *s; s++)
        *s = fold(*s);
}

bool email_same(const char *a, const char *b)
{
    if (!a || !b)
        return false;
    while (*a && fold(*a) == fold(*b))
        a++, b++;
    return !*a && !*b;
}
