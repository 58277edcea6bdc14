/* test_emulator_people: what of users and their deeds is easier to see without HTTP.
 * In:    users, invitations, entries of the audit log, keys.
 * Out:   lookups, limits, the end of a ring.
 * Never: a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit.h"
#include "cursor.h"
#include "encryption.h"
#include "people.h"
#include "request.h"

static void users__by_email__match_in_any_case(void **state)
{
    struct users u = {0};
    const struct user *jo;

    (void)state;
    assert_non_null(users_add(&u, "eve", "eve@example.com"));
    jo = users_add(&u, "jo", NULL);

    assert_string_equal(jo->email, "jo@example.com");
    assert_ptr_equal(users_find_email(&u, "JO@Example.com"), jo);
    assert_ptr_equal(users_find(&u, "jo"), jo);
    assert_null(users_find(&u, "JO"));
    users_deinit(&u);
}

static void members__one_removed__leaves_the_others_in_order(void **state)
{
    static const struct user users[] = {{.name = NULL}, {.name = NULL}, {.name = NULL}};
    struct members m = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_true(members_add(&m, &users[i], ROLE_MEMBER));

    members_remove(&m, members_find(&m, &users[1]));

    assert_int_equal(m.n, 2);
    assert_null(members_find(&m, &users[1]));
    assert_ptr_equal(m.list[0].user, &users[0]);
    assert_ptr_equal(m.list[1].user, &users[2]);
    members_deinit(&m);
}

static void invites__withdrawn_and_sent_again__are_two(void **state)
{
    struct invites i = {0};

    (void)state;
    assert_true(invites_send(&i, "jo@example.com", ROLE_MEMBER, 1));
    invites_find(&i, "jo@example.com")->deleted_ms = 2;
    assert_null(invites_find(&i, "jo@example.com"));
    assert_true(invites_send(&i, "jo@example.com", ROLE_ADMIN, 3));

    assert_int_equal(i.n, 2);
    assert_int_equal(i.n_mails, 2);
    assert_int_equal(invites_find(&i, "jo@example.com")->n_mails, 1);
    invites_deinit(&i);
}

static void audit__more_than_it_keeps__forgets_the_oldest(void **state)
{
    struct request rq = {.now_ms = 1};
    struct audit audit = {0};
    struct buf out = BUF_INIT(4096);
    char name[24];

    (void)state;
    for (int i = 0; i < AUDIT_MAX + 3; i++) {
        snprintf(name, sizeof(name), "d-%d", i);
        audit_add(&audit, &rq, AUDIT_DB_CREATE, "database", name);
    }

    assert_int_equal(audit_count(&audit), AUDIT_MAX);
    audit_write(&audit, 0, 1, &out);
    assert_non_null(strstr(buf_str(&out), "\"d-100002\""));
    buf_clear(&out);
    audit_write(&audit, AUDIT_MAX - 1, 5, &out);
    assert_non_null(strstr(buf_str(&out), "\"d-3\""));
    assert_null(strstr(buf_str(&out), "\"d-2\""));
    buf_clear(&out);
    audit_write(&audit, AUDIT_MAX, 5, &out);
    assert_int_equal(out.size, 0);
    buf_deinit(&out);
    audit_deinit(&audit);
}

static void cursor__written__reads_back(void **state)
{
    static const uint64_t keys[] = {0, 1, UINT64_MAX, UINT64_C(0x6553f1000e0075e0)};
    uint64_t back;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        struct buf text = BUF_INIT(64);

        cursor_write(keys[i], &text);
        assert_true(cursor_read(buf_str(&text), &back));
        assert_int_equal(back, keys[i]);
        buf_deinit(&text);
    }
    assert_false(cursor_read("nonsense", &back));
}

static void encryption__a_key_in_either_alphabet__is_the_same(void **state)
{
    struct encryption a;
    struct encryption b;

    (void)state;
    assert_true(encryption_read("aes128gcm", "+/+/+/+/+/+/+/+/+/+/+w==", &a));
    assert_true(encryption_read("aes128gcm", "-_-_-_-_-_-_-_-_-_-_-w", &b));
    assert_true(encryption_is_same_key(&a, &b));
    assert_false(encryption_read("aes256gcm", "-_-_-_-_-_-_-_-_-_-_-w", &b));
    assert_false(encryption_read("rot13", "-_-_-_-_-_-_-_-_-_-_-w", &b));
    assert_int_equal(encryption_key_size("rot13"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users__by_email__match_in_any_case),
        cmocka_unit_test(members__one_removed__leaves_the_others_in_order),
        cmocka_unit_test(invites__withdrawn_and_sent_again__are_two),
        cmocka_unit_test(audit__more_than_it_keeps__forgets_the_oldest),
        cmocka_unit_test(cursor__written__reads_back),
        cmocka_unit_test(encryption__a_key_in_either_alphabet__is_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
