#include "core/ledger.h"

#include <string.h>

#include "lib/mem.h"

#define IS_KEY  true
#define IS_DATA false
#define COLUMN(row, member, type, key)                                                             \
    {#member, LEDGER_##type, IS_##key, offsetof(struct row, member)},
#define COLUMNS(symbol, row, columns)                                                              \
    static const struct ledger_column symbol##_TABLE[] = {columns(COLUMN)};
LEDGER_TABLES(COLUMNS)

#define INFO(symbol, row, columns)                                                                 \
    [LEDGER_##symbol] = {#row, sizeof(struct row), symbol##_TABLE, ARRAY_SIZE(symbol##_TABLE)},
const struct ledger_table_info LEDGER[LEDGER_N] = {LEDGER_TABLES(INFO)};

static char **text_at(void *row, const struct ledger_column *c)
{
    return (char **)(void *)((char *)row + c->offset);
}

static const char *text_of(const void *row, const struct ledger_column *c)
{
    const char *text;

    memcpy(&text, (const char *)row + c->offset, sizeof(text));
    return text;
}

bool ledger_row_copy(enum ledger_table t, void *to, const void *from)
{
    bool ok = true;

    memcpy(to, from, LEDGER[t].size);
    for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
        const struct ledger_column *c = &LEDGER[t].columns[i];

        if (c->type == LEDGER_TEXT) {
            char **text = text_at(to, c);

            if (*text) {
                *text = mem_strdup(*text);
                ok = ok && *text;
            }
        }
    }
    if (!ok)
        ledger_row_deinit(t, to);
    return ok;
}

void ledger_row_deinit(enum ledger_table t, void *row)
{
    for (size_t i = 0; i < LEDGER[t].n_columns; i++)
        if (LEDGER[t].columns[i].type == LEDGER_TEXT)
            mem_free(*text_at(row, &LEDGER[t].columns[i]));
    memset(row, 0, LEDGER[t].size);
}

static size_t texts_size(enum ledger_table t, const void *row)
{
    size_t size = 0;

    for (size_t i = 0; i < LEDGER[t].n_columns; i++) {
        const char *text =
            LEDGER[t].columns[i].type == LEDGER_TEXT ? text_of(row, &LEDGER[t].columns[i]) : NULL;

        size += text ? strlen(text) + 1 : 0;
    }
    return size;
}

void *ledger_row_whole(enum ledger_table t, const void *from)
{
    const struct ledger_table_info *info = &LEDGER[t];
    char *row = mem_alloc(info->size + texts_size(t, from));
    char *at = row ? row + info->size : NULL;

    if (!row)
        return NULL;
    memcpy(row, from, info->size);
    for (size_t i = 0; i < info->n_columns; i++) {
        const char *text = text_of(from, &info->columns[i]);
        size_t size;

        if (info->columns[i].type != LEDGER_TEXT || !text)
            continue;
        size = strlen(text) + 1;
        *text_at(row, &info->columns[i]) = memcpy(at, text, size);
        at += size;
    }
    return row;
}

void ledger_op_deinit(struct ledger_op *op)
{
    mem_free(op->row);
    op->row = NULL;
}

bool ledger_set(char **member, const char *value)
{
    char *copy = NULL;

    if (*member && value && strcmp(*member, value) == 0)
        return true; /* also when it is that very text */
    if (value && !(copy = mem_strdup(value)))
        return false;
    mem_free(*member);
    *member = copy;
    return true;
}
