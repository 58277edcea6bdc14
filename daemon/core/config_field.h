/* config_field: the fields of a database's configuration, as one table. The manifest's parser, the
 * requests, the answers, the comparison, the plan's text and the ledger all walk it.
 *
 * A value is text in one canonical form, so that comparing is strcmp and printing is printing:
 *   TEXT  as the manifest or platform writes it        BOOL  "true" or "false"
 *   SET   trimmed, without doubles, sorted, joined by "," ("" is the empty set)
 * NULL means "not named" (manifest) or "not known" (platform). */
#ifndef TENANTD_CORE_CONFIG_FIELD_H
#define TENANTD_CORE_CONFIG_FIELD_H

#include <stdbool.h>

/*    symbol                key                    type   in the list of databases too? */
/* clang-format off: a table */
#define CONFIG_FIELDS(X)                                                                           \
    X(SIZE_LIMIT, "size_limit", TEXT, false)                                                       \
    X(DELETE_PROTECTION, "delete_protection", BOOL, true)                                          \
    X(BLOCK_READS, "block_reads", BOOL, true)                                                      \
    X(BLOCK_WRITES, "block_writes", BOOL, true)                                                    \
    X(ALLOWED_IPS, "allowed_ips", SET, false)                                                      \
    X(ALLOWED_AWS_VPC_IDS, "allowed_aws_vpc_ids", SET, false)                                      \
    X(ALLOW_ATTACH, "allow_attach", BOOL, false)
/* clang-format on */

#define CONFIG_FIELD_ENUM(symbol, key, type, listed) CONFIG_##symbol,
enum config_field { CONFIG_FIELDS(CONFIG_FIELD_ENUM) CONFIG_N };
#undef CONFIG_FIELD_ENUM

enum config_type { CONFIG_TYPE_TEXT, CONFIG_TYPE_BOOL, CONFIG_TYPE_SET };

struct config_field_info {
    const char *key;
    enum config_type type;
    bool listed;
};
extern const struct config_field_info CONFIG_FIELD[CONFIG_N];

/* The values of all fields. Who owns the texts is said where one is embedded. */
struct db_config {
    const char *value[CONFIG_N];
};

#endif
