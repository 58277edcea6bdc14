/* limits: every ceiling on what grows from outside, in one place. */
#ifndef TENANTD_CORE_LIMITS_H
#define TENANTD_CORE_LIMITS_H

#define LIMIT_MANIFEST_FILE_BYTES (256u << 20)
#define LIMIT_CONFIG_FILE_BYTES   (1u << 20)
#define LIMIT_CREDENTIAL_BYTES    (64u << 10)
#define LIMIT_TOKEN_FILE_BYTES    (64u << 10)
#define LIMIT_FILE_JOBS           4096u /* given to the token files in one go */
#define LIMIT_MANIFEST_FILES      2000000u
#define LIMIT_MANIFEST_DEPTH      32    /* directories in directories */
#define LIMIT_WATCHED_DIRECTORIES 4096u /* beyond these, changes are seen late */
#define LIMIT_YAML_DEPTH          16
#define LIMIT_YAML_SCALAR_BYTES   (1u << 20)
#define LIMIT_NAME_BYTES          64
#define LIMIT_DNS_LABEL_BYTES     63
#define LIMIT_ENTRIES             2000000u
#define LIMIT_ERRORS              1000u /* reported for one file; the rest are counted */
#define LIMIT_ERRORS_ALL_FILES    10000u
#define LIMIT_API_TOKENS                                                                           \
    1000u /* in one file; of the organization, the platform lists all at once */
#define LIMIT_MEMBERS     1000u /* likewise */
#define LIMIT_EMAIL_BYTES 254
#define LIMIT_LIST_ITEMS  1000u /* of one list in a manifest: addresses, tables, ... */

#define LIMIT_ANSWER_BYTES         (1u << 20)  /* one API answer but a listing, decoded */
#define LIMIT_LISTED_ELEMENT_BYTES (64u << 10) /* one object of a listing */
#define LIMIT_LISTED_ELEMENTS      4000000u    /* of one observation */
#define LIMIT_PAGES                10000u      /* of one observation */
#define LIMIT_JSON_DEPTH           16
#define LIMIT_CURSOR_BYTES         2048 /* that leads from one page of a listing to the next */
#define LIMIT_LIVE_TEXT_BYTES                                                                      \
    LIMIT_CURSOR_BYTES             /* one text of the platform: a name, an id, a cursor */
#define LIMIT_ERROR_TEXT_BYTES 200 /* kept of what the platform says */
#define LIMIT_RETRY_AFTER_MS   (15 * 60 * 1000)

#define LIMIT_SEED_BYTES        (UINT64_C(20) << 30) /* of a file to be uploaded: the platform's */
#define LIMIT_CONCURRENCY       256
#define LIMIT_UPLOADS           1     /* at a time, beyond those */
#define LIMIT_ASKS              4096u /* reads for operators that wait for their turn */
#define LIMIT_HOOKS_RUNNING     4
#define LIMIT_HOOK_LINES        1000000u   /* waiting for all hooks */
#define LIMIT_HOOK_BATCH_BYTES  (1u << 20) /* for one child's standard input */
#define LIMIT_HOOK_OUTPUT_LINES 50         /* of one child, kept in the log */

#define LIMIT_CONTROL_CLIENTS       256
#define LIMIT_CONTROL_MESSAGE_BYTES (1u << 20)
#define LIMIT_CONTROL_KEYS          256u         /* in one message */
#define LIMIT_CONTROL_REPLY_BYTES   (64u << 20)  /* one reply */
#define LIMIT_CONTROL_TOTAL_BYTES   (256u << 20) /* unsent for all clients together */
#define LIMIT_CONTROL_UNREAD_BYTES                                                                 \
    (16u << 20) /* sent to us, and not whole or not its turn, by all */
#define LIMIT_CONTROL_UNSENT_BYTES (1u << 20) /* queued for one client before we stop producing */
#define LIMIT_CONTROL_IDLE_MS      (10 * 60 * 1000)

#endif
