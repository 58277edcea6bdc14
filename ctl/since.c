#include "ctl/since.h"

#include "ctl/ctl.h"
#include "lib/text.h"

bool read_since(const char *text, char *out)
{
    int64_t ms;

    if (text_parse_time(text, &ms))
        text_time(ms, out);
    else if (text_parse_duration(text, &ms) && ms <= now_ms())
        text_time(now_ms() - ms, out);
    else
        return usage("--since takes a time such as 2026-11-22T23:30:48Z or a duration such as 2h, "
                     "not \"%s\"",
                     text) == EXIT_FINE;
    return true;
}
