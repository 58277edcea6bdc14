/* config_field: the table behind the fields of a database's configuration.
 * In:    nothing.
 * Out:   a row for each enum config_field, in its order. */
#include "core/config_field.h"

#define CONFIG_FIELD_ROW(symbol, key, type, listed)                                                \
    [CONFIG_##symbol] = {key, CONFIG_TYPE_##type, listed},
const struct config_field_info CONFIG_FIELD[CONFIG_N] = {CONFIG_FIELDS(CONFIG_FIELD_ROW)};
#undef CONFIG_FIELD_ROW
