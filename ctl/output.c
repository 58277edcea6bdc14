#include "ctl/output.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"

/* --- Reading the daemon's objects ----------------------------------------------------------- */

const char *get_text(struct json_object *o, const char *key)
{
    const char *s;

    return json_get_str(o, key, &s) ? s : "";
}

int64_t get_number(struct json_object *o, const char *key)
{
    int64_t i;

    return json_get_int(o, key, &i) ? i : 0;
}

bool get_flag(struct json_object *o, const char *key)
{
    bool b;

    return json_get_bool(o, key, &b) && b;
}

struct json_object *get_object(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_get_obj(o, key, &v) ? v : NULL;
}

struct json_object *get_array(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_get_arr(o, key, &v) ? v : NULL;
}

size_t array_size(struct json_object *array)
{
    return array ? json_object_array_length(array) : 0;
}

/* --- Text ----------------------------------------------------------------------------------- */

void put_clean(FILE *f, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool is_c1 = *p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;

        if (*p < 0x20 || *p == 0x7f || is_c1)
            fputc('?', f);
        else
            fputc(*p, f);
        p += is_c1;
    }
}

const char *age(const char *instant, char *out)
{
    static const struct {
        char unit;
        int64_t ms;
    } UNITS[] = {{'d', 86400000}, {'h', 3600000}, {'m', 60000}, {'s', 1000}};
    int64_t at;
    int64_t ms;
    size_t i = 0;

    out[0] = '\0';
    if (!text_parse_time(instant, &at))
        return out;
    ms = now_ms() - at;
    while (i + 1 < ARRAY_SIZE(UNITS) && (ms < 0 ? -ms : ms) < UNITS[i].ms)
        i++;
    snprintf(out, AGE_SIZE, "%s%lld%c", ms <= -1000 ? "in " : "",
             (long long)((ms < 0 ? -ms : ms) / UNITS[i].ms), UNITS[i].unit);
    return out;
}

static const struct {
    const char *name;
    const char *utf8;
    const char *ascii;
    const char *colour;
    const char *escape;
} MARKS[] = {
    {"Ready", "✔", "+", "green", "\033[32m"},
    {"settled", "✔", "+", "green", "\033[32m"},
    {"Pending", "○", ".", NULL, ""},
    {"starting", "○", ".", NULL, ""},
    {"Working", "▶", ">", "cyan", "\033[36m"},
    {"working", "▶", ">", "cyan", "\033[36m"},
    {"Retrying", "↻", "~", "yellow", "\033[33m"},
    {"Blocked", "✖", "!", "red", "\033[31m"},
    {"degraded", "✖", "!", "red", "\033[31m"},
    {"Missing", "?", "?", "red", "\033[31m"},
    {"Orphaned", "◇", "o", "yellow", "\033[33m"},
    {"Deleting", "−", "-", "yellow", "\033[33m"},
    {"Paused", "‖", "=", "yellow", "\033[33m"},
    {"held", "‖", "=", "yellow", "\033[33m"},
    {"Unknown", "·", "_", NULL, ""},
};

const char *mark_of(const struct ctl *ctl, const char *phase)
{
    for (size_t i = 0; i < ARRAY_SIZE(MARKS); i++)
        if (!strcmp(MARKS[i].name, phase))
            return ctl->has_utf8 ? MARKS[i].utf8 : MARKS[i].ascii;
    return " ";
}

const char *colour_of(const char *phase)
{
    for (size_t i = 0; i < ARRAY_SIZE(MARKS); i++)
        if (!strcmp(MARKS[i].name, phase))
            return MARKS[i].colour;
    return NULL;
}

const char *colour_on(const struct ctl *ctl, const char *colour)
{
    for (size_t i = 0; ctl->has_colour && colour && i < ARRAY_SIZE(MARKS); i++)
        if (MARKS[i].colour && !strcmp(MARKS[i].colour, colour))
            return MARKS[i].escape;
    return "";
}

const char *colour_off(const struct ctl *ctl)
{
    return ctl->has_colour ? "\033[0m" : "";
}

/* --- JSON ----------------------------------------------------------------------------------- */

#define PRETTY (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE)

/* Half an answer would be taken for a whole one. */
static void put_text(const char *text)
{
    if (!text) {
        note("out of memory");
        exit(EXIT_FAILED);
    }
    fputs(text, stdout);
}

static void put_plain(struct json_object *o)
{
    struct buf text = BUF_INIT(SIZE_MAX / 2);

    put_text(o && json_print(o, &text) ? buf_str(&text) : NULL);
    buf_deinit(&text);
}

void put_json_line(struct json_object *o)
{
    put_plain(o);
    putchar('\n');
}

void put_json(const struct ctl *ctl, struct json_object *o)
{
    if (ctl->output == OUTPUT_NDJSON) {
        put_json_line(o);
        return;
    }
    put_text(o ? json_object_to_json_string_ext(o, PRETTY) : NULL);
    putchar('\n');
}

void json_list_add(struct json_list *l, struct json_object *o)
{
    if (l->ctl->output == OUTPUT_JSON)
        fputs(l->n ? ",\n" : "[\n", stdout);
    put_plain(o);
    if (l->ctl->output == OUTPUT_NDJSON)
        fputc('\n', stdout);
    l->n++;
}

void json_list_end(struct json_list *l)
{
    if (l->ctl->output == OUTPUT_JSON)
        puts(l->n ? "\n]" : "[]");
}
