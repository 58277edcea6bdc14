/* manifest_member: the mapping `members`.
 * In:    the tokens of YAML.
 * Out:   the manifest's array of struct member_spec; e-mail addresses in small letters.
 * Never: asks whether there is such a person. */
#include "core/manifest_member.h"

#include <stdio.h>
#include <string.h>

#include "core/email.h"
#include "core/limits.h"
#include "core/manifest.h"

const char *const MEMBER_ROLE_NAME[MEMBER_ROLE_N] = {[MEMBER_ROLE_ADMIN] = "admin",
                                                     [MEMBER_ROLE_MEMBER] = "member",
                                                     [MEMBER_ROLE_VIEWER] = "viewer"};
static const struct schema_words ROLE_WORDS = {MEMBER_ROLE_NAME, MEMBER_ROLE_N};

enum { KEY_ROLE, KEY_N };
static const struct schema_key KEYS[KEY_N] = {
    [KEY_ROLE] = {.key = "role",
                  .parse = schema_parse_word,
                  .offset = offsetof(struct member_spec, role),
                  .info = &ROLE_WORDS,
                  .expected = "admin, member or viewer"},
};
static const struct schema_map MEMBER = {
    .what = "a member", .keys = KEYS, .n = KEY_N, .set_offset = SCHEMA_NO_SET};

static void read_member(struct schema *s, const struct yaml_token *first, void *entry)
{
    static const struct schema_key ROW = {.key = "a member", .expected = "a mapping with a role"};
    struct member_spec *m = entry;
    struct source seen[KEY_N];
    char folded[LIMIT_EMAIL_BYTES + 1]; /* what is longer was refused */

    snprintf(folded, sizeof(folded), "%s", m->email);
    email_fold(folded);
    m->email = schema_keep(s, folded, strlen(folded));
    if (!m->email)
        return;
    if (schema_map(s, &ROW, &MEMBER, first, m, seen))
        schema_require(s, &MEMBER, KEY_ROLE, seen, m->at);
}

bool manifest_read_members(struct schema *s, const struct schema_key *k,
                           const struct yaml_token *first, void *out)
{
    static const struct schema_item EMAIL = {email_is, "an e-mail address such as jo@example.com",
                                             false};
    static const struct schema_entries MEMBERS = {.what = "member",
                                                  .size = sizeof(struct member_spec),
                                                  .max = LIMIT_MEMBERS,
                                                  .names = &EMAIL,
                                                  .read = read_member};
    struct manifest *m = out;
    void *items;
    bool good = schema_entries(s, k, &MEMBERS, first, &items, &m->n_members);

    m->members = items;
    return good;
}
