/* answer: what a route replies.
 * In:    status, body, the few headers that this platform sets.
 * Out:   a value that the server turns into HTTP.
 * Never: sends anything. */
#include "answer.h"

#include <stdarg.h>
#include <stdio.h>

#include "emit.h"

void answer_init(struct answer *a)
{
    *a = (struct answer){
        .status = 200, .content_type = "application/json", .body = BUF_INIT(ANSWER_MAX_BYTES)};
}

void answer_deinit(struct answer *a)
{
    buf_deinit(&a->body);
}

static void write_error(struct answer *a, unsigned status, const char *text, const char *code)
{
    buf_clear(&a->body);
    a->status = status;
    a->content_type = "application/json";
    emit_open(&a->body, NULL, '{');
    emit_string(&a->body, "error", text);
    if (code)
        emit_string(&a->body, "code", code);
    emit_close(&a->body, '}');
}

void answer_error(struct answer *a, unsigned status, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    write_error(a, status, text, NULL);
}

void answer_gated(struct answer *a, unsigned status, const char *code, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    write_error(a, status, text, code);
}

void answer_text(struct answer *a, unsigned status, const char *content_type, const char *text)
{
    buf_clear(&a->body);
    a->status = status;
    a->content_type = content_type;
    buf_add_str(&a->body, text);
}

void answer_empty(struct answer *a)
{
    buf_clear(&a->body);
    buf_add_str(&a->body, "{}");
}

void answer_no_memory(struct answer *a)
{
    answer_error(a, 500, "out of memory");
}
