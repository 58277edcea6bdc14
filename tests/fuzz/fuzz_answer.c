/* fuzz_answer: the answer to any kind of call, with any status, whole and in pieces.
 * In:    the fuzzer's bytes; the first three are kind, status, and the size of the pieces.
 * Out:   nothing; a crash, a leak or a broken promise aborts. */
#include <string.h>

#include "core/answer.h"
#include "lib/text.h"
#include "tests/fuzz/fuzz.h"

static struct call *make_call(uint8_t kind)
{
    struct call *c = call_new((enum call_kind)(kind % CALL_N), NULL);

    promise(c != NULL);
    return c;
}

static int pick_status(uint8_t byte)
{
    static const int STATUSES[] = {200, 201, 204, 302, 400, 401, 402, 403,
                                   404, 408, 409, 422, 429, 500, 503, 600};

    return STATUSES[byte % ARRAY_SIZE(STATUSES)];
}

static struct answer *read_answer(const struct call *c, int status, const char *body, size_t size,
                                  size_t piece)
{
    struct answer *a = answer_new(c);
    struct answer_reader *r = a ? answer_reader_new(c, a) : NULL;
    bool wanted = true;

    promise(r != NULL);
    answer_reader_head(r, status, "application/json", NULL, NULL, 1);
    for (size_t at = 0; at < size && wanted; at += piece)
        wanted = answer_reader_data(r, body + at, size - at < piece ? size - at : piece);
    answer_reader_end(r);
    answer_reader_free(r);
    return a;
}

static void check(const struct answer *a, int status)
{
    promise((a->outcome == OUTCOME_OK) == (a->error[0] == '\0'));
    promise(a->outcome != OUTCOME_OK || (status >= 200 && status <= 299));
    promise(a->outcome == OUTCOME_OK || (a->n_databases + a->n_groups == 0 && !a->token.jwt));
    promise(text_is_plain(a->error, strlen(a->error)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call *c;
    struct answer *whole;
    struct answer *pieces;
    int status;

    if (size < 4)
        return 0;
    c = make_call(data[0]);
    status = pick_status(data[1]);
    whole = read_answer(c, status, (const char *)data + 3, size - 3, size - 3);
    pieces = read_answer(c, status, (const char *)data + 3, size - 3, (size_t)data[2] + 1);
    check(whole, status);
    promise(whole->outcome == pieces->outcome && strcmp(whole->error, pieces->error) == 0);
    answer_free(whole);
    answer_free(pieces);
    call_free(c);
    return 0;
}
