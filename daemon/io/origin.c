/* origin: where a URL leads, taken apart.
 * In:    api.url.
 * Out:   scheme, host and port in one text, and the host.
 * Never: a URL that holds more than that. */
#include "io/origin.h"

#include <curl/curl.h>
#include <string.h>

#include "lib/mem.h"

static bool has(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool is_there = curl_url_get(u, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return is_there;
}

/* Our own copy of a part; NULL when it is not there or memory is not. */
static char *copy(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    char *ours = curl_url_get(u, part, &text, 0) == CURLUE_OK ? mem_strdup(text) : NULL;

    curl_free(text);
    return ours;
}

/* What an origin may not hold; NULL: nothing of it is there. */
static const char *excess(CURLU *u)
{
    char *path = NULL;
    bool has_path =
        curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") != 0;

    curl_free(path);
    if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD))
        return "a user or password";
    if (has_path)
        return "a path";
    return has(u, CURLUPART_QUERY) || has(u, CURLUPART_FRAGMENT) ? "a query or fragment" : NULL;
}

static int compose(CURLU *u, const char *url, struct origin *out, struct err *err)
{
    CLEANUP(mem_free_string) char *scheme = copy(u, CURLUPART_SCHEME);
    CLEANUP(mem_free_string) char *port = copy(u, CURLUPART_PORT);
    struct origin o = {.host = copy(u, CURLUPART_HOST)};

    if (scheme && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
        mem_free(o.host);
        return err_set(err, ERR_INVALID, "\"%s\" is neither http nor https", url);
    }
    if (scheme && o.host && (port || !has(u, CURLUPART_PORT)))
        o.text = mem_printf("%s://%s%s%s", scheme, o.host, port ? ":" : "", port ? port : "");
    if (!o.text) {
        mem_free(o.host);
        return err_nomem(err);
    }
    *out = o;
    return 0;
}

int origin_parse(const char *url, struct origin *out, struct err *err)
{
    CURLU *u = curl_url();
    const char *more;
    CURLUcode code;
    int rc;

    *out = (struct origin){0};
    if (!u)
        return err_nomem(err);
    code = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
    more = code == CURLUE_OK ? excess(u) : NULL;
    if (code == CURLUE_OUT_OF_MEMORY)
        rc = err_nomem(err);
    else if (code != CURLUE_OK)
        rc = err_set(err, ERR_INVALID, "\"%s\" is no URL: %s", url, curl_url_strerror(code));
    else if (more)
        rc = err_set(err, ERR_INVALID,
                     "\"%s\" holds %s; wanted is no more than scheme, host and port", url, more);
    else
        rc = compose(u, url, out, err);
    curl_url_cleanup(u);
    return rc;
}

void origin_deinit(struct origin *o)
{
    mem_free(o->text);
    mem_free(o->host);
    *o = (struct origin){0};
}

bool origin_is_host(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:");

    return n > 0 && s[n] == '\0';
}
