/* fleet: everything that is wanted, live or ours, one record a thing: the noun that the rooms after
 * it share. A record brings together what the manifest wants (borrowed from a struct desired), what
 * the platform last said, what the ledger holds, and where it stands. Databases and groups are
 * sorted by name; tokens hang on their target.
 * In:    desired, observations, ledger rows.
 * Out:   records to read and to write facts into.
 * Never: decisions. */
#ifndef TENANTD_CORE_FLEET_H
#define TENANTD_CORE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/desired.h"
#include "core/ledger.h"
#include "core/reason.h"
#include "lib/heap.h"
#include "lib/list.h"

/* clang-format off: a table */
#define KINDS(X)                                                                                   \
    X(GROUP, "group")                                                                              \
    X(DATABASE, "database")                                                                        \
    X(TOKEN, "token")                                                                              \
    X(GROUP_TOKEN, "group-token")                                                                  \
    X(API_TOKEN, "api-token")                                                                      \
    X(MEMBER, "member")
/* clang-format on */
#define KIND_ENUM(symbol, text) KIND_##symbol,
enum kind { KINDS(KIND_ENUM) KIND_N };
#undef KIND_ENUM

extern const char *const KIND_NAME[KIND_N];

/* The last change of a record that was sent and answered, for what is told of it later. */
struct last_call {
    enum call_kind kind;
    char *request; /* NULL: none yet */
    int http_status;
    int64_t attempt;
    int64_t duration_ms;
};

/* What every record has. `list` links it into a queue of the schedule, `wake` into the heap of
 * times. */
struct resource {
    enum kind kind;
    char *name;           /* the part after the kind: "t-acme", "t-acme/app" */
    struct source source; /* line 0: in no manifest */
    uint64_t digest;      /* of its entry; 0: none */
    bool edited;          /* that is another one since the last look at what was counted */
    bool flipped;         /* a field of it was set back by us, which may count yet */
    enum phase phase;
    enum reason reason;
    char *message;            /* NULL: REASON_TEXT */
    int64_t since_ms;         /* wall clock */
    int64_t due_ms;           /* wall clock, of a countdown or expiry; 0: none */
    unsigned attempts;        /* failed tries in a row */
    int64_t retry_ms;         /* not before; monotonic; 0: none */
    int64_t failing_since_ms; /* monotonic, of the first of those tries; 0: none */
    int failed_act; /* enum act that failed; its success, or that nothing is left to do, ends the
                       count */
    enum reason failure; /* why it is retried */
    unsigned step : 3;   /* enum step, as it was decided last */
    unsigned held : 1;   /* that step waits for approval */
    bool busy;           /* a call or file job of it is in flight */
    bool queued;
    bool waits;          /* for a place in the queue, which is full */
    bool is_done;        /* when it was decided about last, there was nothing to do but wait */
    bool delete_unheard; /* of the deletes that were sent, not only the last may come late */
    unsigned lane;       /* of the schedule, while queued */
    bool look_now;       /* read by itself, whatever else it needs: an operator asked, or it may be
                            gone, which no list will do for */
    bool resolve_now;    /* asked for by name: what was refused is tried again */
    /* What the platform refused: not tried again until the entry changes, a day passes, or on
     * request. */
    enum reason refused; /* NONE: nothing */
    int refused_act;     /* enum act: what else it needs goes on */
    char *refused_text;
    uint64_t refused_digest;
    int64_t refused_until_ms;  /* monotonic */
    const struct pause *pause; /* by name; NULL: it is not */
    struct last_call last;
    int64_t rotate_until_ms; /* monotonic: an operator has ordered its keys to be rotated; 0: no */
    bool is_rotating;        /* that is sent; rotate_until_ms: no answer came, and until then it may
                                yet be carried out */
    int64_t rotated_ms; /* monotonic: when its keys were last rotated, or may have been; 0: never */
    int64_t rotated_wall_ms; /* the same by the wall clock, as the ledger knows it */
    struct list list;
    struct list trouble; /* links it with others that are Blocked, Missing or Retrying */
    struct heap_node wake;
};

/* What the platform last said of a database or group; texts owned. */
struct live {
    bool present;
    char *id;
    char *hostname; /* databases */
    char *place;    /* a database's group, a group's primary location */
    char *parent_id;
    struct db_config config; /* owned, or NULL where not known; groups: delete_protection alone */
    bool config_read;        /* the fields that no list shows are known, of this very id */
    bool archived;
    bool listed;     /* in the last complete observation */
    int64_t read_ms; /* monotonic: when it was last read by itself, under that id; 0: never */
    int64_t set_ms;  /* monotonic: when a change of its configuration was last answered while a look
                        went on; that bears no id. 0: not under this one */
    int64_t written_ms; /* monotonic: when a change was last sent or answered; older reads say
                           nothing */
    int64_t made_ms;    /* monotonic: when we made it; an older list cannot show it */
    bool checked; /* read by itself since the last change was sent, and nothing since says otherwise
                   */
};

struct upload;

struct token {
    struct resource r;
    struct resource *target; /* whose it is: a database's or a group's record; NULL: the
                                organization's */
    const char *short_name;  /* the part after the target, within r.name */
    const struct token_want *want;
    struct held_token held;
    bool has_held;
    bool file_asked; /* FILE_READ was answered for the wanted path: there is nothing to take over */
    bool file_gone;  /* FILE_CHECK says so */
    bool dead;       /* its database's own host says so */
    bool minting;    /* a mint of this process is in flight: state "minting" is not yet unknown */
    char *jwt;       /* secret: minted and not yet in its file; wiped once it is */
    size_t jwt_size;
    const char *cause; /* why it was minted, for hook and event; static */
    int64_t minted_ms; /* monotonic: when one last came back; 0: never */
    bool hook_busy;    /* the hook is being told */
    uint64_t hook_flight;
    bool hook_again; /* while it was told, there was more to tell */
    unsigned hook_attempts;
    int64_t hook_retry_ms; /* monotonic */
};

/* One generation of a platform API token. */
struct api_key {
    struct issued row;
    bool listed;     /* in the last good list */
    bool is_taken;   /* its id is not known, and that list shows another one of its name */
    int64_t made_ms; /* monotonic: when it was sent, or came back; an older list cannot show it */
    int64_t gone_ms; /* monotonic, of the first list that did not show it; 0: none */
};

struct api_token {
    struct token t; /* its file, as any token's; t.want is &want->token */
    const struct api_token_want *want;
    struct api_key *keys; /* sorted by generation */
    size_t n_keys;
    size_t keys_capacity;
    int64_t floor;   /* no generation up to this one is taken: its name is somebody else's */
    bool removal_ok; /* guard and approvals allow it */
    bool rejected;
};

/* A person, known by e-mail: a member, or invited, or to be. */
struct member {
    struct resource r; /* its name is the e-mail address, in small letters */
    const struct member_want *want;
    struct membership own;
    bool has_own;
    bool is_member; /* by the lists, and what was answered since */
    bool is_invited;
    char *username;    /* of a member; texts owned */
    char *role;        /* of a member */
    char *invite_role; /* of somebody who is invited */
    char *invite_email;
    bool is_first;      /* the invite under way is the first that we know of */
    bool is_removed;    /* the platform answered a removal with ok */
    bool is_unsure;     /* a change was sent, and nobody knows what came of it */
    int64_t before_ms;  /* wall clock: of the invite before the one under way; 0: none */
    int64_t written_ms; /* monotonic: when a change was last sent or answered; lists that were asked
                           for before say nothing */
    int64_t gone_ms;    /* monotonic, of the first lists that show neither; 0: they do */
    bool is_contended;  /* its role is set back by somebody again and again */
    bool removal_ok;    /* guard and approvals allow it */
    bool rejected;
};

struct group {
    struct resource r;
    const struct group_want *want;
    struct live live;
    char **locations; /* live, sorted as the platform gave them */
    size_t n_locations;
    struct owned own;
    bool has_own;
    char *closest;      /* resolved `closest`, not yet pinned in `own` */
    size_t n_databases; /* live in it by the last complete observation, and placed in it since */
    size_t n_counted;   /* by the one that is being taken over */
    bool over_quota;    /* as a database's */
    bool taken;         /* as a database's, and the next two */
    bool create_lost;
    uint64_t suspect; /* as a database's */
    bool removal_ok;  /* approved */
    bool rejected;
    bool contended;         /* its delete_protection, as a database's fields */
    int64_t gone_ms;        /* monotonic, of the first 404 by name; 0: none */
    int64_t deleted_ms;     /* as a database's */
    int64_t delete_sent_ms; /* likewise */
    struct token **tokens;
    size_t n_tokens;
};

struct packed;

/* How a record comes to be packed (fleet_rest.h). */
struct rest {
    const struct db_entry *entry; /* of the manifest; NULL: none */
    struct list link;             /* of those touched in this step */
    struct packed *was; /* what it was opened from, of the fleet's; NULL: it never was packed */
    unsigned flags;     /* of that */
    unsigned world;     /* in which it is PACKED_STEADY */
    unsigned look;      /* of the look under way: PACKED_SHOWN: as it was then; or PACKED_TAKEN */
    int64_t stands_until_ms; /* of that, where it is PACKED_STEADY */
};

struct database {
    struct resource r;
    struct rest rest;
    const struct db_want *want;
    struct live live;
    struct owned own;
    bool has_own;
    struct db_config applied;  /* owned: what we last wrote; parsed from own.applied */
    struct db_config readback; /* owned: what the platform answered to that */
    struct db_config sent;     /* owned: what the change under way says */
    bool config_asked;         /* by name: read its whole configuration */
    bool probe_asked;          /* by name: ask its host again */
    int64_t probe_ms;          /* monotonic: not asked again before; 0: whenever */
    char *probe_hash;          /* of the token that its host is asked with, or was last */
    struct upload *upload;     /* upload.h; NULL: there is none to think of */
    bool approved;             /* its removal, by an operator */
    unsigned refused_fields;   /* bits of enum config_field */
    unsigned contended_fields; /* set back by somebody again and again */
    bool one_field;            /* a refusal did not say which field: send them one by one */
    const char
        *placed; /* the group that a residency chose, until it is pinned; borrowed from desired */
    int64_t deleted_ms;     /* monotonic: the platform answered a delete with ok; 0: it did not */
    int64_t delete_sent_ms; /* monotonic: a delete was sent, perhaps in another life, and what came
                               of it was not told: it may be carried out yet; 0: none */
    int64_t fence_lost_ms;  /* monotonic: likewise, of a fence that was not answered */
    bool
        taken; /* the create was refused for the name: whoever has it, it is not from that create */
    bool create_lost;  /* a create may have happened whose answer was lost */
    uint64_t suspect;  /* ours, not in the list of the look of that number, and not yet asked for by
                          name; 0: it is not so */
    bool removal_ok;   /* guard and approvals allow it */
    bool fence_lapsed; /* not up yet, and the guard is asked anew: tried for too long, held, or more
                          than is allowed by now */
    bool asks;         /* the guard, which has yet to be heard */
    bool asks_removal; /* so it was when all wants were added up; and the next two */
    bool asks_update;
    bool asks_create;
    bool update_heard; /* what it has said of the update that is wanted */
    bool update_held;
    bool create_heard; /* as with an update */
    bool create_held;
    bool over_quota;       /* to be made, and the plan has no room for it */
    bool rejected;         /* the held step was rejected, and its entry is as it was then */
    int64_t gone_ms;       /* monotonic, of the first 404 by name; 0: none */
    int64_t grace_mark_ms; /* monotonic: grace is accounted up to here */
    int64_t restored_ms;   /* monotonic: an operator had it restored; 0: nobody had */
    int64_t reminded_ms;   /* the expiry, wall clock, that was said to be near; 0: none */
    struct token **tokens; /* sorted by short name */
    size_t n_tokens;
};

struct fleet {
    struct group **groups; /* sorted by name */
    size_t n_groups;
    size_t groups_capacity;
    struct resource **databases; /* sorted by name, whole or packed: only by fleet_rest.h */
    size_t n_databases;
    size_t databases_capacity;
    uint16_t *flags; /* enum packed_flag of each of them that is packed; 0: it is whole */
    size_t flags_capacity;
    struct fleet_rest *rest;
    struct api_token **api_tokens; /* sorted by name */
    size_t n_api_tokens;
    size_t api_tokens_capacity;
    struct member **members; /* sorted by e-mail */
    size_t n_members;
    size_t members_capacity;
};

/* wakes: the heap that the records are in; borrowed. False: no memory. */
bool fleet_init(struct fleet *f, struct heap *wakes) MUST_CHECK;
/* Memory was not to be had for opening a record: what was asked for may seem not to be there, and
 * nothing that was decided since counts. */
bool fleet_failed(const struct fleet *f);

/* Binary search; NULL: none. */
struct group *fleet_group(const struct fleet *f, const char *name);
struct database *fleet_database(const struct fleet *f, const char *name);
struct token *fleet_token(struct token *const *tokens, size_t n, const char *short_name);
/* By kind and name, as in a reference; NULL: none, or a kind that there is not. */
struct resource *fleet_find(const struct fleet *f, const char *kind, const char *name);

/* Make sure that there is a record for every one of names[0..n), sorted by strcmp and without
 * doubles. False: no memory (those made so far stay). */
bool fleet_add_groups(struct fleet *f, const char *const *names, size_t n) MUST_CHECK;
bool fleet_add_databases(struct fleet *f, const char *const *names, size_t n) MUST_CHECK;
/* The record of that token, made where there was none. `tokens`, `n`: of `target`, a group or a
 * database. NULL: no memory. */
struct token *fleet_add_token(enum kind kind, struct resource *target, struct token ***tokens,
                              size_t *n, const char *short_name) MUST_CHECK;

struct api_token *fleet_api_token(const struct fleet *f, const char *name);
/* Made where there was none; NULL: no memory. */
struct api_token *fleet_add_api_token(struct fleet *f, const char *name) MUST_CHECK;
/* A generation, its row all zero but name and number; NULL: no memory. Moves the others. */
struct api_key *api_token_add_key(struct api_token *a, int64_t generation) MUST_CHECK;
void api_token_drop_key(struct api_token *a, struct api_key *key);
/* By number; NULL: none. */
struct api_key *api_token_key(const struct api_token *a, int64_t generation);
/* The newest one that lives and that nothing took the place of; NULL: none. */
struct api_key *api_token_current(const struct api_token *a);

struct member *fleet_member(const struct fleet *f, const char *email); /* in small letters */
/* Made where there was none; NULL: no memory. */
struct member *fleet_add_member(struct fleet *f, const char *email) MUST_CHECK;
/* What the lists say of it, with texts copied: NULL: not so. False: no memory. */
bool member_set_live(struct member *m, const struct live_member *member,
                     const struct live_member *invite) MUST_CHECK;

/* Point every record at its entry in `d` (borrowed until the next bind), making records for new
 * entries. Records without an entry keep what else they have. False: no memory. */
bool fleet_bind(struct fleet *f, const struct desired *d) MUST_CHECK;

/* Free the records that nothing wants, nothing shows and nothing remembers, unless `busy`. `gone`
 * is told of each before. */
void fleet_sweep(struct fleet *f, void (*gone)(void *arg, struct resource *r), void *arg);
/* All but databases, of which there are many. */
void fleet_sweep_others(struct fleet *f, void (*gone)(void *arg, struct resource *r), void *arg);
/* Something wants it, shows it or remembers it, or it is `busy`. */
bool fleet_keeps_database(const struct database *d);
bool fleet_keeps_token(const struct token *t);
void fleet_deinit(struct fleet *f);

/* Take over what an answer or a listing says. False: no memory. A new id forgets the configuration
 * of the old. */
bool live_set_database(struct live *l, const struct live_db *from) MUST_CHECK;
bool live_set_group(struct group *g, const struct live_group *from) MUST_CHECK;
/* A list that says this, and no more, says what is known. */
bool live_is_row(const struct live *l, const struct live_db *row);
/* Take over the known (non-NULL) values. */
bool live_set_config(struct db_config *to, const struct db_config *from) MUST_CHECK;
void live_clear(struct live *l);
void db_config_deinit(struct db_config *c);

static inline struct database *database_of(struct resource *r)
{
    return container_of(r, struct database, r);
}
static inline struct group *group_of(struct resource *r)
{
    return container_of(r, struct group, r);
}
static inline struct api_token *api_token_of(struct resource *r)
{
    return container_of(r, struct api_token, t.r);
}
static inline struct member *member_of(struct resource *r)
{
    return container_of(r, struct member, r);
}
/* It has a file: struct token is its beginning. */
static inline bool is_token(const struct resource *r)
{
    return r->kind >= KIND_TOKEN && r->kind <= KIND_API_TOKEN;
}
static inline struct token *token_of(struct resource *r)
{
    return container_of(r, struct token, r);
}

#endif
