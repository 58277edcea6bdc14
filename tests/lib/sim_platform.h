/* sim_platform: the platform as the reconciler's tests need it: what is true, kept apart from what
 * is said. Calls are carried out on the truth; faults and lies change the answers alone.
 * In:    struct call, edits by people, faults, lies. Out: struct answer. Never: HTTP, clocks. */
#ifndef TENANTD_TESTS_LIB_SIM_PLATFORM_H
#define TENANTD_TESTS_LIB_SIM_PLATFORM_H

#include "core/call.h"

#define PLATFORM_NAME_BYTES 80
#define PLATFORM_MAX        256
#define PLATFORM_FAULTS_MAX 16

struct platform_group {
    char name[PLATFORM_NAME_BYTES];
    char id[24];
    char locations[8][32]; /* the first is the primary one; "": none */
    bool live;
    bool protection;
    bool archived;
    bool by_daemon;
    bool was_hidden;    /* as a database's */
    int64_t deleted_ms; /* likewise */
};

struct platform_db {
    char name[PLATFORM_NAME_BYTES];
    char id[24];
    char group[PLATFORM_NAME_BYTES];
    char parent_id[24];
    char config[CONFIG_N][64];
    bool live;
    bool by_daemon;
    bool was_hidden;      /* some answer has said that it is not there */
    bool came_late;       /* long after what made it was answered for */
    bool given_back;      /* the daemon let its users write again */
    bool shut[CONFIG_N];  /* of the flags that block: by the daemon's doing */
    bool moved[CONFIG_N]; /* by somebody else, once, or lied of: a daily read may have to find it */
    bool use_tursodb;
    int64_t deleted_ms; /* wall clock, of a dead one */
    int64_t made_ms;    /* monotonic */
    bool was_ours;      /* the ledger said so once */
    bool was_draft;     /* when the ledger said so last */
    bool is_draft;      /* it waits for a file; a dead one: it still did */
    bool is_told;       /* the daemon heard the answer to the create that made it */
    bool is_sent_to;    /* an upload was sent to it, and its end not heard of */
    bool was_lost;      /* and never was, once */
    unsigned holds;     /* the state of the file that is in it; 0: none of ours */
    int64_t filled_ms;  /* when somebody else uploaded to it, monotonic; 0: nobody did */
};

/* A file below seeds_dir. */
struct platform_seed {
    char path[PLATFORM_NAME_BYTES];
    char bad[128];     /* what is found wrong with it here; "": nothing */
    char refused[128]; /* what the platform has against it; "": nothing */
    bool is_gone;
    unsigned state; /* another one whenever it is written */
};

struct platform_token {
    char jwt[24];
    char hash[24];
    char target_id[24];
    int64_t issued_ms;
    int64_t expires_ms; /* 0: never */
    bool dead;          /* the keys it was signed with are gone */
    bool was_killed;    /* by somebody else, who told nobody */
    enum authorization authorization;
    char permissions[128];
    bool by_daemon;
    bool was_published; /* it stood in a file once */
    bool is_group;      /* of a group called target, else of a database */
    char target[PLATFORM_NAME_BYTES];
};

/* One of the platform's own API. */
struct platform_api_token {
    char name[PLATFORM_NAME_BYTES];
    char id[24];
    char hash[24];
    char group[PLATFORM_NAME_BYTES]; /* "": of the organization */
    char group_id[24];
    char scopes[160];
    char owner[32];
    bool live;
    bool by_daemon;
    bool was_hidden; /* as a database's */
};

/* A member, or somebody who is invited. The daemon's own user is the first, and an owner. */
struct platform_person {
    char email[PLATFORM_NAME_BYTES];
    char username[PLATFORM_NAME_BYTES]; /* "": invited */
    char role[16];
    bool live;
    bool by_daemon;
    bool was_hidden;   /* as a database's */
    bool listed_admin; /* it was one when members were last listed */
};

/* The next `times` calls of `kind` (to `name`, "": any) end with `outcome`; `committed`: they are
 * carried out all the same. */
struct platform_fault {
    enum call_kind kind;
    char name[PLATFORM_NAME_BYTES];
    enum outcome outcome;
    bool committed;
    bool is_honest; /* no fault but its time */
    int times;      /* -1: always */
    int64_t retry_after_ms;
    int64_t takes_ms; /* -1: as long as any */
    int64_t late_ms;  /* it is carried out so long after the answer; 0: it is not */
    char says[128];
};

enum platform_lie {
    LIE_NONE,
    LIE_EMPTY,        /* no list shows anything */
    LIE_SHORT,        /* the list of databases shows `number` of them */
    LIE_HIDE,         /* no list shows what is called `name` */
    LIE_TWICE,        /* the list of databases shows `name` twice */
    LIE_AGAIN,        /* likewise, the second time at the end of the last page */
    LIE_LENT,         /* the list of databases gives `name` the id of another */
    LIE_STALE,        /* the list of databases is as it was when platform_remember was called */
    LIE_SAME_ID,      /* the list of databases gives all the same id */
    LIE_CURSOR,       /* the same cursor again and again */
    LIE_ORGANIZATION, /* another organization answers */
    LIE_FENCE,        /* a change of configuration is confirmed as it was before */
    LIE_MUTE,         /* no answer says what a size_limit is */
};

struct platform_entry { /* of the audit log */
    char code[32];
    char name[PLATFORM_NAME_BYTES];
    char author[32];
    int64_t wall_ms;
};

struct platform {
    int64_t quota_databases; /* what the plan allows; 0: nothing is said */
    int64_t quota_groups;
    int64_t spent; /* rows read, of 1000 */
    bool overages;
    struct platform_entry entries[PLATFORM_MAX];
    size_t n_entries;
    bool recovers; /* it says the organization's id, and lists and restores what was deleted */
    struct platform_group groups[16];
    size_t n_groups;
    struct platform_db
        databases[PLATFORM_MAX]; /* dead ones stay, so that names can be asked of them */
    size_t n_databases;
    struct platform_token *tokens;
    size_t n_tokens;
    struct platform_api_token api_tokens[128]; /* dead ones stay */
    size_t n_api_tokens;
    struct platform_person people[64]; /* dead ones stay */
    size_t n_people;
    unsigned mails; /* invites that were sent */
    struct platform_seed seeds[16];
    size_t n_seeds;
    unsigned next_seed;
    int64_t own_token_ends_ms; /* of the daemon; 0: never */
    bool own_is_unrestricted;  /* its token k-0, and else what that is for */
    char own_group[PLATFORM_NAME_BYTES];
    char own_scopes[128];
    char own_role[16]; /* "": admin */
    struct platform_fault faults[PLATFORM_FAULTS_MAX];
    size_t n_faults;
    enum platform_lie lie;
    char lie_name[PLATFORM_NAME_BYTES];
    size_t lie_number;
    size_t page; /* databases to a page; 0: all */
    unsigned next_id;
    struct platform_db *stale;
    size_t n_stale;
    int64_t now_ms; /* of the virtual clock; set before every call */
    int64_t wall_ms;
    unsigned made;   /* databases created by calls */
    unsigned writes; /* calls other than GET that arrived */
    unsigned mints;  /* of them */
};

void platform_deinit(struct platform *p);

/* The fault that would strike such a call now; NULL: none. */
struct platform_fault *platform_fault(struct platform *p, const struct call *c);
/* The call arrives: carry it out, and answer. */
struct answer *platform_call(struct platform *p, const struct call *c);

/* Those that live; NULL: none. */
struct platform_group *platform_group(struct platform *p, const char *name);
struct platform_db *platform_db(struct platform *p, const char *name);
size_t platform_databases_in(const struct platform *p, const char *group);
/* Of a hash or a jwt; NULL: never minted. */
const struct platform_token *platform_token(const struct platform *p, const char *hash_or_jwt);

/* What a stale list shows from now on. */
void platform_remember(struct platform *p);
/* Carry out what was answered for long ago; nobody hears of it. */
void platform_call_late(struct platform *p, const struct call *c);

/* Somebody did something, and the audit log tells it. */
void platform_note(struct platform *p, const char *code, const char *name, const char *author);
/* Somebody else's doing. */
struct platform_group *platform_make_group(struct platform *p, const char *name,
                                           const char *location);
struct platform_db *platform_make_db(struct platform *p, const char *name, const char *group);
/* sim_tenants.c: groups, databases, their tokens. */
void platform_tenant_call(struct platform *p, const struct call *c, struct answer *a);
/* sim_report.c */
void platform_report(const struct platform *p, const struct call *c, struct answer *a);
/* sim_people.c. False: the call is about something else. */
bool platform_people_call(struct platform *p, const struct call *c, struct answer *a);
/* sim_seeds.c. Likewise. */
bool platform_seeds_call(struct platform *p, const struct call *c, struct answer *a);
/* NULL: none of that path was ever there. */
struct platform_seed *platform_seed(struct platform *p, const char *path);
/* It is there, and fit, and not what it was. */
struct platform_seed *platform_put_seed(struct platform *p, const char *path);
/* Of its secret, also when it was revoked; NULL: none. */
const struct platform_api_token *platform_api_secret(const struct platform *p, const char *hash);
struct platform_api_token *platform_make_api_token(struct platform *p, const char *name,
                                                   const char *group, const char *scopes);
struct platform_api_token *platform_api_token(struct platform *p, const char *name);
/* username: "": invited. */
struct platform_person *platform_make_person(struct platform *p, const char *email,
                                             const char *role, const char *username);
struct platform_person *platform_person(struct platform *p, const char *email, bool invited);
/* Every token of a group and of its databases dies. */
void platform_rotate(struct platform *p, const char *group);
void platform_drop_group(struct platform *p, struct platform_group *g); /* with its databases */
void platform_drop_db(struct platform *p, struct platform_db *d);
void platform_set(struct platform_db *d, enum config_field f, const char *value);
const struct platform_token *platform_mint(struct platform *p, const char *target_id,
                                           enum authorization authorization, const char *expiration,
                                           const char *permissions);

#endif
