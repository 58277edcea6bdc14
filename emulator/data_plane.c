/* data_plane: the hosts of the databases: which one is meant, and may the caller in?
 * In:    a Host header, a token, the database's state.
 * Out:   the database and what the token allows, or an answer that says why not.
 * Never: looks at what is in a database. */
#include "data_plane.h"

#include <string.h>
#include <strings.h>

#include "answer.h"
#include "emulator.h"
#include "request.h"
#include "shape.h"

/* The same name; a port may be said or left out. */
static bool is_same_host(const char *a, const char *b)
{
    size_t n = strcspn(a, ":");

    return n == strcspn(b, ":") && !strncasecmp(a, b, n);
}

/* The first label of a host is NAME-ORG. */
static struct database *find_by_host(struct emulator *e, const char *host)
{
    char hostname[HOSTNAME_SIZE];
    char name[HOSTNAME_SIZE];
    size_t n_label = strcspn(host, ".");

    for (size_t i = 0; i < e->state.n_orgs; i++) {
        size_t n_slug = strlen(e->state.orgs[i].slug);
        struct database *db;

        if (n_label < n_slug + 2 || n_label >= sizeof(name))
            continue;
        memcpy(name, host, n_label - n_slug - 1);
        name[n_label - n_slug - 1] = '\0';
        db = database_find(&e->state.orgs[i], name);
        if (!db)
            continue;
        shape_hostname(db, hostname);
        if (is_same_host(hostname, host))
            return db;
    }
    return NULL;
}

struct database *data_plane_enter(struct emulator *e, const struct request *rq, bool for_upload,
                                  struct sql_grant *grant, struct answer *a)
{
    struct database *db = find_by_host(e, rq->host);

    *grant = (struct sql_grant){0};
    if (!db || rq->now_ms < db->created_ms + e->switches.data_plane_delay_ms ||
        (db->is_draft && !for_upload))
        answer_error(a, 404, "no such database");
    else if (shape_is_archived(e, db->group))
        answer_text(a, 502, "text/plain", "Bad Gateway\n");
    else if (!sql_token_read(db, rq->bearer, rq->now_ms, grant))
        answer_error(a, 401, "Unauthorized");
    else
        return db;
    return NULL;
}
