#include "lib/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERR_ROW(code, text) [code] = text,
static const char *const TEXT[ERR_N] = {[ERR_OK] = "ok", ERR_TABLE(ERR_ROW)};
#undef ERR_ROW

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (e) {
        va_list ap;

        e->code = code;
        va_start(ap, fmt);
        vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
        va_end(ap);
    }
    return -(int)code;
}

int err_nomem(struct err *e)
{
    return err_set(e, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
}

static enum err_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_PERMISSION;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case ENOMEM:
        return ERR_NOMEM;
    case EEXIST:
        return ERR_EXISTS;
    default:
        return ERR_IO;
    }
}

int err_errno(struct err *e, int errnum, const char *fmt, ...)
{
    enum err_code code = code_of_errno(errnum);

    if (e) {
        char text[sizeof(e->msg) - 160];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return err_set(e, code, "%s: %s", text, strerrordesc_np(errnum));
    }
    return -(int)code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char inner[sizeof(e->msg)];
    va_list ap;
    int n;

    if (!e)
        return -(int)ERR_INVALID;
    memcpy(inner, e->msg, sizeof(inner));
    va_start(ap, fmt);
    n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(e->msg))
        snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %.*s",
                 (int)(sizeof(e->msg) - (size_t)n), inner);
    return -(int)e->code;
}

const char *err_text(enum err_code code)
{
    return code < ERR_N ? TEXT[code] : "unknown error";
}
