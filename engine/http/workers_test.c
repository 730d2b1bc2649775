#include "http/workers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the headers above */
#include <cmocka.h>

enum { MANY = 40 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned held, done;
static bool open_now;
static char order[MANY + 1];

static int setup(void **state) {
    (void)state;
    held = done = 0;
    open_now = false;
    memset(order, 0, sizeof order);
    return 0;
}

/* Work that takes as long as the test wants. */
static void hold(void *arg) {
    (void)arg;
    pthread_mutex_lock(&lock);
    held++;
    pthread_cond_broadcast(&changed);
    while (!open_now)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void finish(void *arg) {
    pthread_mutex_lock(&lock);
    order[done++] = *(const char *)arg;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for(const unsigned *count, unsigned wanted) {
    pthread_mutex_lock(&lock);
    while (*count < wanted)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void let_go(void) {
    pthread_mutex_lock(&lock);
    open_now = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* However much somebody asks for and however long it takes, others are served meanwhile. */
static void one_owner_never_has_all_threads(void **state) {
    struct pl_workers *workers = pl_workers_new("t", 4, 100, 50);
    (void)state;
    assert_non_null(workers);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(pl_workers_do(workers, "greedy", hold, NULL));
    wait_for(&held, 2);
    for (unsigned i = 1; i <= MANY; i++) {
        assert_true(pl_workers_do(workers, "modest", finish, "m"));
        wait_for(&done, i);
    }
    assert_int_equal(held, 2);
    assert_true(pl_workers_do(workers, "another", hold, NULL)); /* who also takes long: one is left still */
    wait_for(&held, 3);
    done = 0;
    assert_true(pl_workers_do(workers, "modest", finish, "m"));
    wait_for(&done, 1);
    let_go();
    pl_workers_end(workers); /* behind all of it */
    assert_int_equal(held, MANY + 1);
    pl_workers_free(workers);
}

static void owners_take_turns(void **state) {
    struct pl_workers *workers = pl_workers_new("t", 1, 100, 50);
    (void)state;
    assert_non_null(workers);
    assert_true(pl_workers_do(workers, "c", hold, NULL));
    wait_for(&held, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_true(pl_workers_do(workers, "a", finish, "a"));
    for (unsigned i = 0; i < 2; i++)
        assert_true(pl_workers_do(workers, "b", finish, "b"));
    let_go();
    pl_workers_free(workers);
    assert_string_equal(order, "ababa");
}

static void what_waits_is_bounded(void **state) {
    struct pl_workers *workers = pl_workers_new("t", 1, 5, 3);
    unsigned count[3] = {0};
    (void)state;
    assert_non_null(workers);
    assert_true(pl_workers_do(workers, "first", hold, NULL));
    wait_for(&held, 1);
    for (unsigned i = 0; i < 3; i++) {
        const char *const names[] = {"a", "b", "c"};
        while (pl_workers_do(workers, names[i], finish, "x"))
            count[i]++;
    }
    assert_int_equal(count[0], 3); /* the share of one */
    assert_int_equal(count[1], 2); /* all */
    assert_int_equal(count[2], 0);
    let_go();
    wait_for(&done, 5);
    assert_true(pl_workers_do(workers, "c", finish, "x"));
    pl_workers_end(workers);
    assert_int_equal(done, 6);
    assert_false(pl_workers_do(workers, "c", finish, "x"));
    pl_workers_free(workers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_owner_never_has_all_threads, setup),
        cmocka_unit_test_setup(owners_take_turns, setup),
        cmocka_unit_test_setup(what_waits_is_bounded, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
