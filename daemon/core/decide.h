/* decide: what one record needs next. From levels, not edges: it looks at the facts as they are and
 * names one act; when the act has changed the facts, it is asked again. The plan and the execution
 * both come from here, so what is shown is what is done.
 * In:    a record, the fleet, the policy, what is known of the world (struct world).
 * Out:   a struct decision: the act now, the step that the plan shows, phase and reason.
 * Never: changes anything. */
#ifndef TENANTD_CORE_DECIDE_H
#define TENANTD_CORE_DECIDE_H

#include "core/config.h"
#include "core/deleted.h"
#include "core/fleet.h"
#include "core/schedule.h"

/* What the plan says of a record. */
enum step { STEP_NONE, STEP_CREATE, STEP_UPDATE, STEP_DELETE, STEP_BLOCKED, STEP_N };

/* What to do now. `write`: it changes the platform. `call`: it is a request to the platform.
 * Acts without a call change the ledger or a file only. */
/* clang-format off: a table */
#define ACTS(X)                                                                                    \
    X(NONE, "nothing", false, false, NONE)                                                         \
    X(READ, "read", true, false, READING)                                                          \
    X(READ_CONFIG, "read configuration", true, false, READING)                                     \
    X(CREATE, "create", true, true, CREATING)                                                      \
    X(PROBE, "probe", true, false, PROBING)                                                        \
    X(LOOK_SEED, "look at seed file", true, false, READING)                                        \
    X(UPLOAD_KEY, "mint upload token", true, true, MINTING)                                        \
    X(UPLOAD, "upload", true, true, UPLOADING)                                                     \
    X(UPLOAD_ASK, "ask what it holds", true, true, PROBING)                                        \
    X(DROP_DRAFT, "remove draft", true, true, DELETING)                                            \
    X(CONFIGURE, "configure", true, true, CONFIGURING)                                             \
    X(UNARCHIVE, "unarchive", true, true, UNARCHIVING)                                             \
    X(FIND_CLOSEST, "find closest", true, false, READING)                                          \
    X(ADD_LOCATION, "add location", true, true, CONFIGURING)                                       \
    X(REMOVE_LOCATION, "remove location", true, true, CONFIGURING)                                 \
    X(FENCE, "fence", true, true, FENCING)                                                         \
    X(UNFENCE, "lift fence", true, true, UNFENCING)                                                \
    X(DELETE, "delete", true, true, DELETING)                                                      \
    X(MINT, "mint", true, true, MINTING)                                                           \
    X(ROTATE, "rotate", true, true, ROTATING)                                                      \
    X(INVITE, "invite", true, true, INVITING)                                                      \
    X(REVOKE, "revoke", true, true, REVOKING)                                                      \
    X(READ_TARGET, "read target", true, false, READING)                                            \
    X(ADOPT, "adopt", false, false, NONE)                                                          \
    X(RELEASE, "release", false, false, NONE)                                                      \
    X(OURS, "created by us", false, false, NONE)                                                   \
    X(RETURNED, "restored", false, false, NONE)                                                    \
    X(FENCED, "fence stands", false, false, NONE)                                                  \
    X(FENCE_GONE, "fence lifted", false, false, NONE)                                              \
    X(UNFENCED, "fence is down", false, false, NONE)                                               \
    X(GONE, "gone", false, false, NONE)                                                            \
    X(MISS, "missing", false, false, NONE)                                                         \
    X(FOUND, "found again", false, false, NONE)                                                    \
    X(UPLOAD_TAKE, "taken as it is", false, false, NONE)                                           \
    X(RETIME, "renew at another time", false, false, NONE)                                         \
    X(LOSE, "mint lost", false, false, NONE)                                                       \
    X(FORGET, "forget", false, false, NONE)                                                        \
    X(ASK_FILE, "look for file", false, false, WRITING)                                            \
    X(WRITE_FILE, "write file", false, false, WRITING)                                             \
    X(MOVE_FILE, "move file", false, false, WRITING)                                               \
    X(REMOVE_FILE, "remove file", false, false, WRITING)                                           \
    X(REMOVE_STALE, "remove old file", false, false, WRITING)
/* clang-format on */
#define ACT_ENUM(symbol, text, call, write, reason) ACT_##symbol,
enum act { ACTS(ACT_ENUM) ACT_N };
#undef ACT_ENUM

struct act_info {
    const char *text;
    bool call;
    bool write;
    enum reason working; /* the reason shown while it is under way */
};
extern const struct act_info ACT[ACT_N];

/* Lists that are read only when somebody needs them, after all others. One that the platform does
 * not show hinders nothing but what it would list. */
enum side { SIDE_API_TOKENS, SIDE_INVITES, SIDE_MEMBERS, SIDE_N };
struct side_list {
    bool ok;                  /* the last reading was whole */
    bool refused;             /* the platform does not show it to us: 403, 404 */
    int64_t sent_ms;          /* monotonic: when the last whole one was asked for; 0: never */
    int64_t failing_since_ms; /* monotonic; 0: it is not */
    char error[LIMIT_ERROR_TEXT_BYTES + 64]; /* why the last one was not; "" */
};

/* A token that the daemon runs with. */
struct identity {
    char token_id[128];  /* as it says itself; "": it does not */
    char token_hash[65]; /* "": not known */
};

/* Who the daemon is to the platform. */
struct self {
    struct identity token;
    struct identity delete_token; /* where there is one */
    char username[128];           /* "": not known */
};

/* Members and invites, as the last two lists show them that were read one right after the other,
 * invites first: who accepted in between is in both, never in neither. */
struct people {
    int64_t seen_ms; /* monotonic: when the first of the two was asked for; 0: never */
    const struct live_member *members;
    size_t n_members;
    const struct live_member *invites;
    size_t n_invites;
    char plan_text[LIMIT_ERROR_TEXT_BYTES + 1]; /* how the plan refused an invite; "" */
};

/* What is known of the world beyond one record. */
struct quota;
struct world {
    const struct quota *quota;
    int64_t now_ms;  /* monotonic */
    int64_t wall_ms; /* since the epoch */
    const struct config *config;
    const struct fleet *fleet;
    const struct desired *desired; /* NULL: no manifest yet, nor a last good one */
    bool authorized;               /* no 401, nor 403 on the organization, stands unanswered */
    bool no_deletes;               /* the platform refuses the token that deletes go by */
    bool observed;                 /* an observation was complete since the start */
    bool complete;  /* the last one was, and no read has contradicted it, and nothing is suspected
                       gone */
    bool strangers; /* somebody else was seen at work in the last hour */
    const struct pause *pause; /* of the whole organization; NULL: none */
    const char *doubt;   /* why all removals wait for approval beyond that; NULL: they do not */
    bool clock_is_good;  /* nothing says that our clock is not the platform's */
    bool doubt_stays;    /* ... and that it does not end by itself */
    int64_t observed_ms; /* monotonic: end of the last complete observation */
    const struct deleted_list *deleted; /* databases that could be restored; NULL: no such list */
    const int64_t *create_refused_until_ms; /* by kind: the plan refused creates; monotonic */
    const struct side_list *sides;          /* by enum side */
    const struct self *self;
    const struct people *people;
    const struct resource *uploading; /* whose file is being sent; NULL: none */
    const struct dropped_drafts *drafts;
    const struct guests *guests;
};

struct decision {
    enum act act;
    enum step step;
    enum lane lane;
    enum phase phase;
    enum reason reason;
    bool held;          /* the step waits for approval */
    unsigned fields;    /* CONFIGURE: bits of enum config_field; for the step too */
    const char *place;  /* CREATE: the group or location; ADD_, REMOVE_LOCATION: which; borrowed */
    const char *cause;  /* MINT, and LOSE if it is minted again: why; static */
    int64_t generation; /* REVOKE: of an API token */
    bool as_before;     /* MINT: with the parameters that it has, not with the manifest's */
    int64_t wake_ms;    /* monotonic: decide again then; INT64_MAX: when something changes */
    bool wants_view;    /* it waits for a fresh observation */
    bool wants_deleted; /* it waits for a fresh list of what was deleted */
    int64_t due_ms;     /* wall clock: end of what is counted down; 0: none */
    char message[256];  /* "": REASON_TEXT; the last, so that it need not be zeroed */
};

/* What the plan says: one that is blocked for good is a line of its own. */
static inline enum step decision_step(const struct decision *d)
{
    return d->phase == PHASE_BLOCKED && !d->held && d->step != STEP_NONE ? STEP_BLOCKED : d->step;
}

void decide_group(const struct world *w, const struct group *g, struct decision *out);
void decide_token(const struct world *w, const struct token *t, struct decision *out);
void decide_api_token(const struct world *w, const struct api_token *a, struct decision *out);
void decide_member(const struct world *w, const struct member *m, struct decision *out);
void decide(const struct world *w, const struct resource *r, struct decision *out);

/* The pause that a record is under, its own, its target's or everybody's: the one that lasts
 * longest; NULL: none. */
const struct pause *decide_pause(const struct world *w, const struct resource *r);

/* Why a thing of ours should go, if it should. */
enum removal { REMOVAL_NONE, REMOVAL_ABSENT, REMOVAL_EXPIRED, REMOVAL_PRUNE };
enum removal removal_of(const struct world *w, const struct database *d);
/* Guard and approvals are asked about it: policy wants it gone, nothing protects it, no fence is up
 * yet. */
bool removal_is_asked(const struct world *w, const struct database *d);
/* removals: plan or prune: plan holds it, whatever the guard says. */
bool removal_is_planned(const struct world *w, const struct database *d);
/* Its deletion is: by the platform, by what we last wrote, or by its group. */
bool database_is_protected(const struct world *w, const struct database *d);
/* The wanted entry is there and asks for the database to exist (not absent, not expired). */
bool database_is_wanted(const struct world *w, const struct database *d);
/* When the entry expires, wall clock; 0: never. */
int64_t database_expiry(const struct database *d);

/* Fenced, and its grace as good as over: a delete of it may have been sent. */
bool removal_may_be_sent(const struct config *c, const struct database *d);
/* What a fence gives way to: the manifest's value, else what was there before. */
const char *unfence_target(const struct database *d, enum config_field f);
/* Refused fields that are not yet to be tried again. */
unsigned database_refused(const struct world *w, const struct database *d);

/* Bits of the configuration fields whose live value is not the wanted one: *drift of those, the
 * ones whose wanted value is unchanged since it was applied. */
unsigned database_differs(const struct database *d, unsigned *drift);
/* When the fields that no list shows were last read: ms since 1970; 0: never. */
int64_t database_config_read_ms(const struct database *d);
/* Its delete_protection is not as its entry says. */
bool group_differs(const struct group *g);
/* The live or last read back value of a field; NULL: not known. */
const char *database_value(const struct database *d, enum config_field f);

/* The group that its row pins; NULL: none, or it is gone and its residency has that group no more.
 */
const char *database_pin(const struct database *d);
/* It may live there: one of its groups, in one of its locations. */
bool residency_allows(const struct residency_want *residency, const struct group *g);
#define COPIES_MAX 100 /* of copies of copies: a longer line is not followed */
/* Whose residency keeps d's data out of g: its own, or that of what it is a copy of, and so on;
 * NULL: nothing does. */
const struct database *residency_against(const struct world *w, const struct database *d,
                                         const struct group *g);
/* The first allowed group with the fewest databases; NULL: none. For placing by residency. */
struct group *residency_choose(const struct world *w, const struct database *d);

/* What counts at creation only, as the ledger keeps it; "": none, or not known. */
struct creation {
    char engine[16];
    char cipher[24];
    char key[LIMIT_NAME_BYTES + 1];
};
/* What a create would ask for now: what the entry says, and what a copy has from its source. */
void database_creation(const struct world *w, const struct database *d, struct creation *out);
char *database_creation_text(const struct creation *c); /* the caller's; NULL: no memory */
void database_creation_read(const char *text, struct creation *out);

/* It will be minted anew for changed parameters or a lost file: its database counts as updated. */
bool token_wants_update(const struct world *w, const struct token *t);
/* A mint for that cause counts as an update of its database. */
bool mint_is_update(const char *cause);
/* The token that its host is asked with: the first that is in its file and opens it. NULL: none. */
const struct token *database_probe_token(const struct database *d, int64_t wall_ms);
/* As with a database: guard and approvals are asked about it; a policy holds it. */
bool api_token_removal_is_asked(const struct world *w, const struct api_token *a);
bool api_token_removal_is_planned(const struct world *w, const struct api_token *a);
bool member_removal_is_asked(const struct world *w, const struct member *m);
bool member_removal_is_planned(const struct world *w);
/* What it may do and where, as kept in the ledger; the caller's. NULL: no memory. */
char *api_token_params(const struct api_token_want *want);
/* Its newest generation; NULL: none. */
const struct issued *api_token_newest(const struct api_token *a);

/* What it should be is not what its file is: path, format or mode. target: its name, or NULL. */
bool token_is_elsewhere(const struct world *w, const struct token *t, const char *target);
/* The database or group that a token opens; NULL: an API token. */
struct resource *token_target(const struct fleet *f, const struct token *t);
/* Where its file belongs, relative to tokens_dir; the caller's. NULL: no memory. */
char *token_path(const char *target, const struct token *t);
/* "full-access 7d" and the permissions, as kept in the ledger; the caller's. NULL: no memory. */
char *token_params(const struct token_want *want);
unsigned token_mode(const struct world *w, const struct token_want *want);

#define REMIND_MS           ((int64_t)24 * 3600 * 1000) /* of an expiry */
#define MISSING_AFTER_MS    (60 * 1000)
#define REFUSED_AGAIN_MS    (24 * 3600 * 1000)
#define RECENTLY_DELETED_MS ((int64_t)5 * 24 * 3600 * 1000)
#define CHECKED_FOR_MS      (30 * 1000) /* a read counts as "just before" for so long */
#define KNOWN_FOR_MS                                                                               \
    (10 * 60 * 1000) /* an id that was seen may be minted for so long; the token says whose it is  \
                      */
#define LANDS_WITHIN_MS                                                                            \
    (2 * 60 * 1000) /* what was sent and not answered is carried out within so long, or never */
#define RESTORED_WITHIN_MS (30 * 1000) /* what was restored is looked for so long */
#define DELETED_WITHIN_MS  (60 * 1000) /* the platform may show a deleted thing for so long */
#define STARTS_WITHIN_MS                                                                           \
    (30 * 1000) /* a new database's host may say for so long that it is none                       \
                 */
#define SETTLE_MAX_MS (10 * 60 * 1000)

#endif
