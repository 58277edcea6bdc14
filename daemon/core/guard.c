#include "core/guard.h"

/* Rounded down, but at least 1; of 0 percent: none. */
static size_t percent_of(size_t n, int64_t percent)
{
    size_t part = percent == CONFIG_NO_LIMIT
                      ? SIZE_MAX
                      : n / 100 * (size_t)percent + n % 100 * (size_t)percent / 100;

    return part || !percent ? part : 1;
}

size_t guard_removals_allowed(const struct config_policy *p, size_t owned, size_t gone)
{
    size_t allowed = percent_of(owned + gone, p->guard.max_delete_percent);

    if (p->guard.max_deletes != CONFIG_NO_LIMIT && (size_t)p->guard.max_deletes < allowed)
        allowed = (size_t)p->guard.max_deletes;
    return allowed;
}

bool guard_allows_removals(const struct config_policy *p, size_t owned, size_t gone, size_t done,
                           size_t wanted)
{
    return done + wanted <= guard_removals_allowed(p, owned, gone);
}

bool guard_allows_updates(const struct config_policy *p, size_t owned, size_t done, size_t wanted)
{
    return done + wanted <= percent_of(owned, p->guard.max_update_percent);
}

bool guard_allows_creates(const struct config_policy *p, size_t done, size_t wanted)
{
    return p->guard.max_creates == CONFIG_NO_LIMIT || done + wanted <= (size_t)p->guard.max_creates;
}
