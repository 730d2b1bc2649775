#include "control/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above */
#include <cmocka.h>

static struct pl_identity person(const char *name) {
    struct pl_identity who = {.role = PL_ROLE_OPERATOR};
    snprintf(who.name, sizeof who.name, "%s", name);
    return who;
}

static void a_token_says_who_it_is(void **state) {
    (void)state;
    struct pl_sessions *sessions = pl_sessions_new();
    struct pl_identity anna = person("anna"), found;
    char token[PL_TOKEN_TEXT], other[PL_TOKEN_TEXT];
    assert_true(pl_sessions_begin(sessions, &anna, token) && pl_sessions_begin(sessions, &anna, other));
    assert_string_not_equal(token, other);
    assert_true(pl_sessions_find(sessions, token, &found));
    assert_true(found.known && strcmp(found.name, "anna") == 0 && found.role == PL_ROLE_OPERATOR);
    token[0] = token[0] == '0' ? '1' : '0';
    assert_false(pl_sessions_find(sessions, token, &found));
    assert_false(pl_sessions_find(sessions, "", &found));
    pl_sessions_free(sessions);
}

static void a_user_who_is_signed_out_is_nobody(void **state) {
    (void)state;
    struct pl_sessions *sessions = pl_sessions_new();
    struct pl_identity anna = person("anna"), bert = person("bert"), found;
    char first[PL_TOKEN_TEXT], second[PL_TOKEN_TEXT], berts[PL_TOKEN_TEXT];
    pl_sessions_begin(sessions, &anna, first);
    pl_sessions_begin(sessions, &anna, second);
    pl_sessions_begin(sessions, &bert, berts);
    pl_sessions_end_user(sessions, "anna");
    assert_false(pl_sessions_find(sessions, first, &found) || pl_sessions_find(sessions, second, &found));
    assert_true(pl_sessions_find(sessions, berts, &found));
    pl_sessions_free(sessions);
}

/* Past the limit the one that was unused longest makes room. */
static void there_are_so_many_and_no_more(void **state) {
    (void)state;
    struct pl_sessions *sessions = pl_sessions_new();
    struct pl_identity anna = person("anna"), found;
    static char tokens[PL_SESSIONS_MAX + 1][PL_TOKEN_TEXT];
    for (int i = 0; i < PL_SESSIONS_MAX; i++)
        assert_true(pl_sessions_begin(sessions, &anna, tokens[i]));
    assert_true(pl_sessions_find(sessions, tokens[0], &found)); /* used just now */
    assert_true(pl_sessions_begin(sessions, &anna, tokens[PL_SESSIONS_MAX]));
    assert_true(pl_sessions_find(sessions, tokens[0], &found));
    assert_false(pl_sessions_find(sessions, tokens[1], &found));
    assert_true(pl_sessions_find(sessions, tokens[PL_SESSIONS_MAX], &found));
    pl_sessions_free(sessions);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_says_who_it_is),
        cmocka_unit_test(a_user_who_is_signed_out_is_nobody),
        cmocka_unit_test(there_are_so_many_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
