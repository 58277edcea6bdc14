#include "ctl/progress.h"

#include <stdio.h>
#include <string.h>

#include "ctl/output.h"

struct sums {
    int64_t all;
    int64_t ready;
    int64_t retrying;
    int64_t blocked;
};

static struct sums add_up(struct json_object *counts)
{
    struct sums s = {0};

    if (!counts)
        return s;
    json_object_object_foreach(counts, kind, phases)
    {
        (void)kind;
        if (!json_object_is_type(phases, json_type_object))
            continue;
        json_object_object_foreach(phases, phase, n)
        {
            int64_t v = json_object_get_int64(n);

            s.all += v;
            s.ready += strcmp(phase, "Ready") ? 0 : v;
            s.retrying += strcmp(phase, "Retrying") ? 0 : v;
            s.blocked += strcmp(phase, "Blocked") ? 0 : v;
        }
    }
    return s;
}

void progress_show(const struct ctl *ctl, struct json_object *status)
{
    struct sums s;
    struct json_object *api = get_object(status, "api");

    if (!ctl->is_watched)
        return;
    s = add_up(get_object(status, "counts"));
    fprintf(stderr, "\r\033[K%s: %lld of %lld ready, %lld calls in flight",
            get_text(status, "state"), (long long)s.ready, (long long)s.all,
            (long long)get_number(api, "in_flight"));
    if (s.retrying)
        fprintf(stderr, ", %lld retrying", (long long)s.retrying);
    if (s.blocked)
        fprintf(stderr, ", %lld blocked", (long long)s.blocked);
    fflush(stderr);
}

void progress_clear(const struct ctl *ctl)
{
    if (ctl->is_watched)
        fputs("\r\033[K", stderr);
}
