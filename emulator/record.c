/* record: what was asked of this platform: counters, and the last requests in full.
 * In:    each request with its fate.
 * Out:   numbers and entries for /_emulator/.
 * Never: keeps a token; of the Authorization header it knows whether it was accepted. */
#include "record.h"

#include <stdio.h>
#include <string.h>

#include "emit.h"
#include "lib/mem.h"
#include "request.h"
#include "route.h"

struct record_entry {
    uint64_t seq;
    int64_t time_ms;
    char method[16];
    unsigned status;
    bool authorized;
    const struct route *route;
    size_t n_body, body_size;
    size_t n_uri;
    char text[]; /* the URI, NUL, the body */
};

bool record_init(struct record *r)
{
    *r = (struct record){0};
    r->by_status = mem_alloc((N_ROUTES + 1) * sizeof(*r->by_status));
    r->per_route = mem_alloc((N_ROUTES + 1) * sizeof(*r->per_route));
    if (r->by_status && r->per_route)
        return true;
    record_deinit(r);
    return false;
}

void record_deinit(struct record *r)
{
    for (size_t i = 0; i < r->n_slots; i++)
        mem_free(r->ring[i]);
    mem_free(r->ring);
    mem_free(r->by_status);
    mem_free(r->per_route);
    *r = (struct record){0};
}

/* The slot of request `seq`, emptied; NULL when there is no memory for a new one. */
static struct record_entry **slot_of(struct record *r, uint64_t seq)
{
    size_t at = (size_t)((seq - 1) % RECORD_RING);

    if (at >= r->n_slots) {
        if (!mem_grow(&r->ring, &r->capacity, at + 1, sizeof(struct record_entry *)))
            return NULL;
        while (r->n_slots <= at)
            r->ring[r->n_slots++] = NULL;
    }
    mem_free(r->ring[at]);
    r->ring[at] = NULL;
    return &r->ring[at];
}

static void remember(struct record *r, const struct request *rq, unsigned status, bool authorized)
{
    size_t n_uri = strlen(rq->uri);
    size_t n_body = rq->body.size < RECORD_BODY_MAX ? rq->body.size : RECORD_BODY_MAX;
    struct record_entry *entry = mem_alloc(sizeof(*entry) + n_uri + 1 + n_body);
    struct record_entry **slot = slot_of(r, r->n);

    if (!entry || !slot) {
        mem_free(entry);
        return;
    }
    *slot = entry;
    entry->seq = r->n;
    entry->time_ms = rq->now_ms;
    snprintf(entry->method, sizeof(entry->method), "%s", rq->method);
    entry->status = status;
    entry->authorized = authorized;
    entry->route = rq->route;
    entry->n_uri = n_uri;
    entry->n_body = n_body;
    entry->body_size = rq->body.size;
    memcpy(entry->text, rq->uri, n_uri + 1);
    if (n_body)
        memcpy(entry->text + n_uri + 1, rq->body.data, n_body);
}

void record_add(struct record *r, const struct request *rq, unsigned status, bool authorized)
{
    size_t row = rq->route ? route_index(rq->route) : N_ROUTES;

    r->n++;
    r->per_route[row]++;
    r->by_status[row][status < 600 ? status : 0]++;
    if (!authorized && rq->route && rq->route->access != ACCESS_OPEN)
        r->unauthorized++;
    remember(r, rq, status, authorized);
}

void record_begin(struct record *r, struct request *rq)
{
    rq->is_counted = true;
    r->in_flight++;
    if (r->in_flight > r->in_flight_peak)
        r->in_flight_peak = r->in_flight;
}

void record_end(struct record *r, struct request *rq)
{
    if (rq->is_counted && r->in_flight)
        r->in_flight--;
    rq->is_counted = false;
}

static void write_route(const struct record *r, size_t row, struct buf *out)
{
    char key[160];

    if (!r->per_route[row])
        return;
    if (row == N_ROUTES)
        snprintf(key, sizeof(key), "unmatched");
    else
        snprintf(key, sizeof(key), "%s %s", ROUTES[row].method, ROUTES[row].template);
    emit_open(out, key, '{');
    emit_int(out, "requests", (int64_t)r->per_route[row]);
    emit_open(out, "by_status", '{');
    for (unsigned status = 0; status < 600; status++) {
        snprintf(key, sizeof(key), "%u", status);
        if (r->by_status[row][status])
            emit_int(out, status ? key : "closed", r->by_status[row][status]);
    }
    emit_close(out, '}');
    emit_close(out, '}');
}

void record_write_counters(const struct record *r, struct buf *out)
{
    emit_open(out, NULL, '{');
    emit_int(out, "requests", (int64_t)r->n);
    emit_int(out, "unauthorized", (int64_t)r->unauthorized);
    emit_int(out, "unknown_keys", (int64_t)r->unknown_keys);
    emit_int(out, "faults_fired", (int64_t)r->faults_fired);
    emit_int(out, "in_flight", (int64_t)r->in_flight);
    emit_int(out, "in_flight_peak", (int64_t)r->in_flight_peak);
    emit_open(out, "routes", '{');
    for (size_t row = 0; row <= N_ROUTES; row++)
        write_route(r, row, out);
    emit_close(out, '}');
    emit_close(out, '}');
}

static void write_entry(const struct record_entry *entry, struct buf *out)
{
    size_t n_path = strcspn(entry->text, "?");
    const char *query = entry->text + n_path;

    emit_open(out, NULL, '{');
    emit_int(out, "seq", (int64_t)entry->seq);
    emit_int(out, "time_ms", entry->time_ms);
    emit_string(out, "method", entry->method);
    emit_bytes(out, "path", entry->text, n_path);
    emit_string(out, "query", *query ? query + 1 : "");
    emit_string(out, "route", entry->route ? entry->route->template : NULL);
    emit_bytes(out, "body", entry->text + entry->n_uri + 1, entry->n_body);
    emit_int(out, "body_size", (int64_t)entry->body_size);
    emit_int(out, "status", entry->status);
    emit_bool(out, "authorized", entry->authorized);
    emit_close(out, '}');
}

void record_write_requests(const struct record *r, uint64_t since, struct buf *out)
{
    uint64_t first = r->n > RECORD_RING ? r->n - RECORD_RING + 1 : 1;

    if (since >= first)
        first = since + 1;
    emit_open(out, NULL, '{');
    emit_int(out, "last", (int64_t)r->n);
    emit_open(out, "requests", '[');
    for (uint64_t seq = first; seq <= r->n; seq++) {
        size_t at = (size_t)((seq - 1) % RECORD_RING);

        if (at < r->n_slots && r->ring[at])
            write_entry(r->ring[at], out);
    }
    emit_close(out, ']');
    emit_close(out, '}');
}
