/* command: the commands of operators, from a table: who it is about, what is done, and a line of
 * history that says who wanted it and why. */
#include "core/command.h"

#include "core/reconcile_private.h"

#define BIT(kind) (1u << KIND_##kind)
#define ANY                                                                                        \
    (BIT(GROUP) | BIT(DATABASE) | BIT(TOKEN) | BIT(GROUP_TOKEN) | BIT(API_TOKEN) | BIT(MEMBER))
#define WHOLE (1u << KIND_N)

/* What a command may be about: bits of enum kind, and WHOLE. */
static const unsigned ABOUT[COMMAND_N] = {
    [COMMAND_PAUSE] = ANY | WHOLE,
    [COMMAND_RESUME] = ANY | WHOLE,
    [COMMAND_RECREATE] = BIT(GROUP) | BIT(DATABASE) | BIT(API_TOKEN) | BIT(MEMBER),
    [COMMAND_RELEASE] = BIT(GROUP) | BIT(DATABASE) | BIT(MEMBER),
    [COMMAND_ADOPT] = BIT(GROUP) | BIT(DATABASE),
    [COMMAND_PURGE] = BIT(DATABASE),
    [COMMAND_ROTATE] = ANY & ~BIT(MEMBER),
};

#define COMMAND_ROW(symbol, method, function, event) [COMMAND_##symbol] = {method, event, function},
static const struct {
    const char *method;
    const char *event;
    int (*run)(struct reconcile *rc, struct effects *fx, struct command *c, struct resource *r,
               struct err *err);
} COMMAND[COMMAND_N] = {COMMANDS(COMMAND_ROW)};

/* Who it is about; *out NULL: the whole organization. */
static int find(const struct reconcile *rc, const struct command *c, struct resource **out,
                struct err *err)
{
    *out = NULL;
    if (!c->resource_kind != !c->name)
        return err_set(err, ERR_INVALID, "kind and name go together");
    if (!c->name && !(ABOUT[c->kind] & WHOLE))
        return err_set(err, ERR_INVALID, "%s is for one resource", COMMAND[c->kind].method);
    if (!c->name)
        return 0;
    *out = fleet_find(&rc->fleet, c->resource_kind, c->name);
    if (!*out || ((*out)->kind >= KIND_TOKEN && (*out)->phase == PHASE_NONE && !(*out)->pause))
        return err_set(err, ERR_NOT_FOUND, "there is no %s/%s", c->resource_kind, c->name);
    if (!(ABOUT[c->kind] & 1u << (*out)->kind))
        return err_set(err, ERR_INVALID, "%s is not for %s/%s: nothing of that kind takes it",
                       COMMAND[c->kind].method, c->resource_kind, c->name);
    return 0;
}

int rc_command(struct reconcile *rc, struct effects *fx, struct command *c, struct err *err)
{
    struct resource *r;
    int rv = find(rc, c, &r, err);

    c->message[0] = '\0';
    c->waits = false;
    if (rv == 0)
        rv = COMMAND[c->kind].run(rc, fx, c, r, err);
    if (rv != 0 || c->waits || c->look)
        return rv;
    rc_event(rc, fx, r, COMMAND[c->kind].event, 5, NULL, "%s, by uid %lld%s%s", c->message,
             (long long)c->uid, c->reason ? ": " : "", c->reason ? c->reason : "");
    rc->replan = true;
    return 0;
}
