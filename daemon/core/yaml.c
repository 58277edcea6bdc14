/* yaml: a strict subset of YAML over libyaml's events, never over its document trees: those cost
 * thirty times the memory, and quietly lose duplicates and places.
 * In:    bytes.
 * Out:   tokens with places; errors in diags.
 * Never: follows an alias, looks at what a text means. */
#include "core/yaml.h"

#include <string.h>
#include <yaml.h>

#include "core/limits.h"
#include "lib/err.h"
#include "lib/mem.h"
#include "lib/text.h"

#define YAML_TAGS   "tag:yaml.org,2002:" /* what "!!" stands for */
#define SHOWN_BYTES 64

struct yaml {
    yaml_parser_t parser;
    yaml_event_t event; /* whose text the last token borrows */
    const char *path;
    const char *data;
    size_t size;
    struct diags *diags;
    unsigned depth;
    bool has_document;
    bool ended;
    bool nomem;
    bool
        key_due[LIMIT_YAML_DEPTH + 1]; /* by depth: a mapping, and the next scalar in it is a key */
    bool is_map[LIMIT_YAML_DEPTH + 1];
};

/* --- Places -------------------------------------------------------------------------------- */

static struct source place(const struct yaml *y, yaml_mark_t mark)
{
    return (struct source){
        .file = y->path, .line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

/* Of a byte, counted in characters as people count. */
static struct source place_of_offset(const char *path, const char *data, size_t offset)
{
    struct source at = {.file = path, .line = 1, .column = 1};

    for (size_t i = 0; i < offset; i++) {
        if (data[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if (((unsigned char)data[i] & 0xc0) != 0x80) {
            at.column++;
        }
    }
    return at;
}

/* --- What libyaml itself refuses ----------------------------------------------------------- */

static void report_bytes(struct yaml *y)
{
    size_t offset = y->parser.problem_offset;
    struct source at = place_of_offset(y->path, y->data, offset < y->size ? offset : y->size);

    diags_error(y->diags, at, "not YAML: %s; expected printable text in UTF-8", y->parser.problem);
}

/* The parser's own words, and where what it was reading begins, if that is somewhere else. */
static void report_syntax(struct yaml *y)
{
    const yaml_parser_t *p = &y->parser;
    struct source at = place(y, p->problem_mark);
    const char *expected = strstr(p->problem, " expected ") ? "" : "; expected well-formed YAML";

    if (p->error == YAML_SCANNER_ERROR && *p->buffer.pointer == '\t')
        diags_error(y->diags, at, "not YAML: a tab; expected spaces, which alone may indent");
    else if (p->context && p->context_mark.index != p->problem_mark.index)
        diags_error(y->diags, at, "not YAML: %s, %s that begins on line %zu%s", p->problem,
                    p->context, p->context_mark.line + 1, expected);
    else
        diags_error(y->diags, at, "not YAML: %s%s", p->problem, expected);
}

/* Without memory libyaml 0.2.5 does not always say that it was that, but it says nothing else. */
static void fail(struct yaml *y)
{
    y->ended = true;
    if (y->parser.error == YAML_MEMORY_ERROR || !y->parser.problem)
        y->nomem = true;
    else if (y->parser.error == YAML_READER_ERROR)
        report_bytes(y);
    else
        report_syntax(y);
}

/* --- Opening and closing ------------------------------------------------------------------- */

static bool is_utf16(const char *data, size_t size)
{
    return size >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0);
}

static int check_bytes(const char *path, const char *data, size_t size, size_t max_size,
                       struct diags *diags)
{
    const struct source whole = {.file = path};
    const char *nul;

    if (size > max_size) {
        diags_error(diags, whole, "the file has %zu bytes; expected at most %zu", size, max_size);
        return -ERR_INVALID;
    }
    if (is_utf16(data, size)) {
        diags_error(diags, (struct source){path, 1, 1}, "the file is in UTF-16; expected UTF-8");
        return -ERR_INVALID;
    }
    nul = size ? memchr(data, '\0', size) : NULL;
    if (nul) {
        diags_error(diags, place_of_offset(path, data, (size_t)(nul - data)),
                    "a NUL byte, so this is no text file; expected YAML in UTF-8");
        return -ERR_INVALID;
    }
    return 0;
}

int yaml_open(const char *path, const char *data, size_t size, size_t max_size, struct diags *diags,
              struct yaml **out)
{
    int rc = check_bytes(path, data, size, max_size, diags);
    struct yaml *y;

    *out = NULL;
    if (rc < 0)
        return rc;
    y = mem_alloc(sizeof(*y));
    if (!y || !yaml_parser_initialize(&y->parser)) {
        mem_free(y);
        return -ERR_NOMEM;
    }
    *y = (struct yaml){
        .parser = y->parser, .path = path, .data = data, .size = size, .diags = diags};
    yaml_parser_set_input_string(&y->parser, (const unsigned char *)(size ? data : ""), size);
    *out = y;
    return 0;
}

void yaml_close(struct yaml *y)
{
    if (!y)
        return;
    yaml_event_delete(&y->event);
    yaml_parser_delete(&y->parser);
    mem_free(y);
}

bool yaml_is_out_of_memory(const struct yaml *y)
{
    return y->nomem;
}

/* --- Tokens -------------------------------------------------------------------------------- */

/* A value, of whatever kind, begins where the mapping wants a key or a value: note which comes
 * next. True when it is a key. */
static bool begins_key(struct yaml *y)
{
    bool is_key = y->is_map[y->depth] && y->key_due[y->depth];

    y->key_due[y->depth] = !is_key;
    return is_key;
}

/* A tag as it was written, as far as it can be shown: its escapes may stand for anything. */
static const char *show_tag(const char *tag, const char **prefix)
{
    size_t n = strlen(YAML_TAGS);
    bool standard = strncmp(tag, YAML_TAGS, n) == 0;
    const char *rest = standard ? tag + n : tag;

    *prefix = standard ? "!!" : "";
    return strlen(rest) <= SHOWN_BYTES && text_is_plain(rest, strlen(rest)) ? rest : "...";
}

static void refuse_properties(struct yaml *y, const char *anchor, const char *tag, struct source at)
{
    if (anchor)
        diags_error(y->diags, at,
                    "the anchor \"&%.64s\"; expected the value alone, written out where it is used",
                    anchor);
    if (tag) {
        const char *prefix;
        const char *shown = show_tag(tag, &prefix);

        diags_error(y->diags, at, "the tag \"%s%s\"; expected the value alone", prefix, shown);
    }
}

static void take_alias(struct yaml *y, struct yaml_token *t)
{
    begins_key(y);
    diags_error(y->diags, t->at, "the alias \"*%.64s\"; expected the value itself, written out",
                (const char *)y->event.data.alias.anchor);
    t->kind = YAML_TEXT;
    t->bad = true;
}

static const char *unfit(const struct yaml_token *t)
{
    if (t->size > LIMIT_YAML_SCALAR_BYTES)
        return "a text over 1 MiB; expected less";
    if (!text_is_plain(t->text, t->size))
        return "a control character or a line break inside a text; expected one line of plain text";
    return NULL;
}

static void take_scalar(struct yaml *y, struct yaml_token *t)
{
    const char *anchor = (const char *)y->event.data.scalar.anchor;
    const char *tag = (const char *)y->event.data.scalar.tag;
    bool is_key = begins_key(y);
    const char *why;

    t->kind = YAML_TEXT;
    t->text = (const char *)y->event.data.scalar.value;
    t->size = y->event.data.scalar.length;
    t->plain = y->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    refuse_properties(y, anchor, tag, t->at);
    why = unfit(t);
    if (!why && is_key && t->plain && strcmp(t->text, "<<") == 0)
        why = "the merge key \"<<\"; expected the fields themselves, written out";
    if (!why)
        return;
    diags_error(y->diags, t->at, "%s", why);
    t->bad = true;
    t->text = "";
    t->size = 0;
}

static void take_start(struct yaml *y, struct yaml_token *t)
{
    bool is_map = y->event.type == YAML_MAPPING_START_EVENT;
    const char *anchor = (const char *)(is_map ? y->event.data.mapping_start.anchor
                                               : y->event.data.sequence_start.anchor);
    const char *tag =
        (const char *)(is_map ? y->event.data.mapping_start.tag : y->event.data.sequence_start.tag);

    begins_key(y);
    refuse_properties(y, anchor, tag, t->at);
    if (y->depth == LIMIT_YAML_DEPTH) {
        diags_error(y->diags, t->at, "nested deeper than %d; expected less", LIMIT_YAML_DEPTH);
        y->ended = true;
        return;
    }
    y->depth++;
    y->is_map[y->depth] = y->key_due[y->depth] = is_map;
    t->kind = is_map ? YAML_MAP : YAML_LIST;
}

static void take_end(struct yaml *y, struct yaml_token *t)
{
    t->kind = y->event.type == YAML_MAPPING_END_EVENT ? YAML_MAP_END : YAML_LIST_END;
    y->depth--;
}

static void take_document(struct yaml *y, struct source at)
{
    const yaml_event_t *e = &y->event;

    if (y->has_document) {
        diags_error(y->diags, at, "a second document; expected one in a file");
        y->ended = true;
    }
    if (e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end)
        diags_error(y->diags, at, "a %%TAG directive; expected none");
    y->has_document = true;
}

static void take_stream_end(struct yaml *y)
{
    if (!y->has_document)
        diags_error(y->diags, (struct source){y->path, 1, 1},
                    "the file is empty, or holds comments alone; expected a mapping");
    y->ended = true;
}

/* Take the current event. False when it makes no token. */
static bool take(struct yaml *y, struct yaml_token *t)
{
    switch (y->event.type) {
    case YAML_SCALAR_EVENT:
        take_scalar(y, t);
        return true;
    case YAML_ALIAS_EVENT:
        take_alias(y, t);
        return true;
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        take_start(y, t);
        return true;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        take_end(y, t);
        return true;
    case YAML_DOCUMENT_START_EVENT:
        take_document(y, t->at);
        return false;
    case YAML_STREAM_END_EVENT:
        take_stream_end(y);
        return false;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    default:
        return false;
    }
}

void yaml_next(struct yaml *y, struct yaml_token *out)
{
    bool taken = false;

    while (!taken && !y->ended) {
        yaml_event_delete(&y->event);
        if (!yaml_parser_parse(&y->parser, &y->event)) {
            fail(y);
            break;
        }
        *out = (struct yaml_token){.text = "", .at = place(y, y->event.start_mark)};
        taken = take(y, out);
    }
    if (y->ended)
        *out = (struct yaml_token){.kind = YAML_END, .text = "", .at = {.file = y->path}};
}

void yaml_skip(struct yaml *y, const struct yaml_token *first)
{
    struct yaml_token t = *first;
    unsigned open = 0;

    for (;;) {
        if (t.kind == YAML_MAP || t.kind == YAML_LIST)
            open++;
        else if ((t.kind == YAML_MAP_END || t.kind == YAML_LIST_END) && open > 0)
            open--;
        if (t.kind == YAML_END || open == 0)
            return;
        yaml_next(y, &t);
    }
}

bool yaml_is_null(const struct yaml_token *t)
{
    static const char *const WORDS[] = {"", "~", "null", "Null", "NULL"};

    if (t->kind != YAML_TEXT || !t->plain || t->bad || !strchr("~nN", *t->text))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
        if (strcmp(t->text, WORDS[i]) == 0)
            return true;
    return false;
}
