/* output: answers on stdout: JSON as it came, tables, and text that cannot play with the terminal.
 * In:    JSON objects of the daemon, borrowed.
 * Out:   stdout.
 * Never: writes a control character that came from elsewhere; colours what is not a terminal. */
#ifndef TENANTD_CTL_OUTPUT_H
#define TENANTD_CTL_OUTPUT_H

#include <json-c/json.h>
#include <stdio.h>

#include "ctl/ctl.h"

/* --- Reading the daemon's objects --- */

/* "" and 0 where there is none; borrowed. */
const char *get_text(struct json_object *o, const char *key);
int64_t get_number(struct json_object *o, const char *key);
bool get_flag(struct json_object *o, const char *key);
struct json_object *get_object(struct json_object *o, const char *key); /* NULL: none */
struct json_object *get_array(struct json_object *o, const char *key);  /* NULL: none */
size_t array_size(struct json_object *array);                           /* of NULL: 0 */

/* --- Text --- */

/* A text without control characters, on any stream. */
void put_clean(FILE *f, const char *text);
/* "5m", "3h", "2d" from an RFC 3339 instant to now; "in 5m" for one to come; "" for "". At least
 * AGE_SIZE bytes. Returns out. */
#define AGE_SIZE 32
const char *age(const char *instant, char *out);

/* A phase's or a state's mark and colour: both carry the meaning, and the word stands beside them.
 */
const char *mark_of(const struct ctl *ctl, const char *phase);
const char *colour_of(const char *phase); /* a colour's name for tables; NULL: none */
/* Escape sequences, "" where there is no colour. */
const char *colour_on(const struct ctl *ctl, const char *colour);
const char *colour_off(const struct ctl *ctl);

/* --- JSON: where there is no memory for it, the program says so and ends --- */

/* One document on its own: indented for json, a line for ndjson. */
void put_json(const struct ctl *ctl, struct json_object *o);
void put_json_line(struct json_object *o); /* in a line, whatever the format */

/* A list that comes bit by bit: an array for json, a line each for ndjson. */
struct json_list {
    const struct ctl *ctl;
    size_t n;
};
void json_list_add(struct json_list *l, struct json_object *o);
void json_list_end(struct json_list *l);

/* --- Tables --- */

struct table;
struct column {
    const char *title;
    bool is_cut;   /* on a terminal that is too narrow */
    bool is_right; /* numbers */
};
struct table *table_new(const struct ctl *ctl, const struct column *columns, size_t n);
/* Texts are copied; NULL is empty. `colour` NULL: none, else for the whole row. */
void table_row(struct table *t, const char *const *cells, const char *colour);
size_t table_size(const struct table *t);
/* EXIT_FINE, or EXIT_FAILED with a note: there was no memory for it. */
enum exit_code table_print(struct table *t) MUST_CHECK;
void table_free(struct table *t); /* takes NULL */

#endif
