/* location_routes: where groups may live, and which place is near.
 * In:    checked requests.
 * Out:   answers.
 * Never: changes anything. */
#include <string.h>

#include "emit.h"
#include "location.h"
#include "options.h"
#include "routes.h"

static bool is_offered(const struct emulator *e, const struct location *l)
{
    return e->switches.legacy || !l->is_legacy;
}

void route_region_get(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    emit_open(&a->body, NULL, '{');
    emit_string(&a->body, "server", e->options->region);
    emit_string(&a->body, "client", "lhr"); /* an old code, as the real service may tell */
    emit_close(&a->body, '}');
}

void route_location_list(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "locations", '{');
    for (size_t i = 0; i < N_LOCATIONS; i++) {
        if (is_offered(e, &LOCATIONS[i]))
            emit_string(&a->body, LOCATIONS[i].code, LOCATIONS[i].description);
    }
    emit_close(&a->body, '}');
    emit_close(&a->body, '}');
}

static void write_location(const struct location *l, const char *key, struct buf *out)
{
    emit_open(out, key, '{');
    emit_string(out, "code", l->code);
    emit_string(out, "description", l->description);
    if (!key)
        emit_close(out, '}');
}

void route_location_get(struct emulator *e, struct request *rq, struct answer *a)
{
    const char *code = request_param(rq, "location");
    const struct location *l = location_find(code, e->switches.legacy);

    if (!l) {
        answer_error(a, 404, "location not found: %s", code);
        return;
    }
    emit_open(&a->body, NULL, '{');
    write_location(l, "location", &a->body);
    emit_open(&a->body, "closest", '[');
    for (size_t i = 0; i < N_LOCATIONS; i++) {
        if (&LOCATIONS[i] != l && is_offered(e, &LOCATIONS[i]) &&
            !strcmp(LOCATIONS[i].area, l->area))
            write_location(&LOCATIONS[i], NULL, &a->body);
    }
    emit_close(&a->body, ']');
    emit_close(&a->body, '}');
    emit_close(&a->body, '}');
}

static void write_provider(const char *key, bool legacy, struct buf *out)
{
    emit_open(out, key, '{');
    for (size_t i = 0; i < N_LOCATIONS; i++) {
        if (LOCATIONS[i].is_legacy == legacy)
            emit_string(out, LOCATIONS[i].code, LOCATIONS[i].description);
    }
    emit_close(out, '}');
}

void route_org_location_list(struct emulator *e, struct request *rq, struct answer *a)
{
    (void)rq;
    emit_open(&a->body, NULL, '{');
    emit_open(&a->body, "locations", '{');
    write_provider("aws", false, &a->body);
    if (e->switches.legacy)
        write_provider("fly", true, &a->body);
    emit_close(&a->body, '}');
    emit_close(&a->body, '}');
}
