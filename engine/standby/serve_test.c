/* What an engine tells its standby, and whom it makes way for; the standby here says just what the test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "standby/serve.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <potline/diag.h>

#include "base/clock.h"
#include "standby/link.h"
#include "store/folder_testing.h"
#include "store/lineage.h"

enum { LARGE = 3 << 20 /* two are more than one answer holds */ };

/* An engine that serves, and the link of a peer to it. */
struct rig {
    char *folder;
    struct pl_standby_secret secret;
    struct pl_store *store;
    struct pl_standby_server *server;
    struct pl_lineage lineage;
    struct pl__link link;
    uint64_t session;
    _Atomic uint64_t passed;
};

static void note_passed(void *arg, uint64_t generation) {
    atomic_store(&((struct rig *)arg)->passed, generation);
}

static void make_key(struct rig *rig) {
    char path[512], text[PL_STORE_KEY_TEXT];
    snprintf(path, sizeof path, "%s/key", rig->folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(pl_store_key_generate(text, NULL), PL_OK);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(pl_standby_secret_read(path, &rig->secret, NULL), PL_OK);
}

static void begin(struct rig *rig, pl_time patience) {
    char path[512], endpoint[512];
    *rig = (struct rig){.folder = make_folder()};
    pl_diag_setup(PL_ERROR, false);
    make_key(rig);
    snprintf(path, sizeof path, "%s/data", rig->folder);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/engine", rig->folder);
    assert_int_equal(pl_store_open(path, &(struct pl_store_options){.ship = true}, &rig->store, NULL), PL_OK);
    assert_int_equal(pl_lineage_read(rig->store, &rig->lineage, NULL), PL_OK);
    struct pl_standby_server_options options = {.store = rig->store,
                                                .key_id = "",
                                                .endpoint = endpoint,
                                                .secret = &rig->secret,
                                                .patience = patience,
                                                .passed = note_passed,
                                                .arg = rig};
    assert_int_equal(pl_standby_server_new(&options, &rig->server, NULL), PL_OK);
    assert_int_equal(pl__link_open(&rig->link, endpoint, &rig->secret, NULL), PL_OK);
}

static void end(struct rig *rig) {
    pl__link_close(&rig->link);
    pl_store_close(rig->store);
    pl_standby_server_free(rig->server);
    remove_folder(rig->folder);
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* The next answer, which may be asked for again while none comes. */
static struct pl__wire ask(struct rig *rig, const struct pl__wire *question) {
    struct pl__wire answer;
    for (int i = 0; i < 1000; i++) {
        if (i % 100 == 0) pl__link_send(&rig->link, question);
        while (pl__link_receive(&rig->link, &answer))
            if (answer.type != PL__BYE) return answer;
        pause_ms(5);
    }
    fail_msg("no answer");
    return answer;
}

static struct pl__wire hello_of(const struct rig *rig, enum pl__caller caller, uint64_t generation,
                                const uint8_t run[PL_LINEAGE_ID]) {
    struct pl__wire hello = {.type = PL__HELLO, .number = {PL__WIRE_VERSION, caller, generation, 0, 0, 5}};
    hello.bytes[PL__HELLO_ID].data = rig->lineage.id;
    hello.bytes[PL__HELLO_RUN].data = run;
    hello.bytes[PL__HELLO_ID].size = hello.bytes[PL__HELLO_RUN].size = PL_LINEAGE_ID;
    hello.bytes[PL__HELLO_KEY].data = "";
    return hello;
}

static struct pl__wire pull(struct rig *rig, uint64_t position) {
    struct pl__wire question = {.type = PL__PULL, .number = {rig->session, position}};
    return ask(rig, &question);
}

/* The sequence number behind the batches of an answer. */
static uint64_t behind(const struct pl__wire *writes, uint64_t position) {
    struct pl__batch batch;
    size_t offset = 0;
    assert_int_equal(writes->type, PL__WRITES);
    while (offset < writes->bytes[PL__WRITES_BATCHES].size) {
        assert_true(pl__wire_next_batch(writes->bytes[PL__WRITES_BATCHES].data, writes->bytes[PL__WRITES_BATCHES].size,
                                        &offset, PL__WIRE_FAMILIES, &batch));
        position = batch.first + batch.count - 1;
    }
    return position;
}

static uint64_t latest(const struct rig *rig) {
    return rocksdb_get_latest_sequence_number(rig->store->db);
}

/* It has a copy up to what there is, and is in sync. */
static uint64_t join(struct rig *rig) {
    struct pl__wire hello = hello_of(rig, PL__FOLLOWS, 0, (const uint8_t[PL_LINEAGE_ID]){0});
    struct pl__wire answer = ask(rig, &hello);
    assert_int_equal(answer.type, PL__WELCOME);
    rig->session = answer.number[PL__SESSION];
    uint64_t position = latest(rig);
    do
        answer = pull(rig, position);
    while (!answer.number[PL__WRITES_IN_SYNC]);
    return behind(&answer, position);
}

static void write_some(const struct rig *rig, size_t size) {
    static char bytes[LARGE];
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_put_cf(writes, rig->store->family[PL_STORE_META], "some", 4, bytes, size);
    assert_int_equal(pl_store_write(rig->store, writes, NULL), PL_OK);
    rocksdb_writebatch_destroy(writes);
}

/* ---- In sync ---- */

/* A sync that was answered without the standby is owed to it: who takes over by a lease must not lack it. */
static void in_sync_is_who_has_all_that_was_answered(void **state) {
    struct rig rig;
    (void)state;
    begin(&rig, 200 * PL_MILLISECOND);
    struct pl_standby_view view = {0};
    uint64_t position = 0;
    for (int tries = 0; !view.alone && tries < 20; tries++) { /* a slow machine may be too late to be waited for */
        position = join(&rig);
        for (int i = 0; i < 4; i++)
            write_some(&rig, LARGE);
        assert_int_equal(pl_store_sync(rig.store, NULL), PL_OK); /* nobody pulls: alone, after a while */
        pl_standby_server_look(rig.server, &view);
    }
    assert_int_equal(view.alone, 1);
    const uint64_t owed = latest(&rig);
    unsigned answers = 0;
    for (; position < owed && answers < 10; answers++) {
        struct pl__wire answer = pull(&rig, position);
        position = behind(&answer, position);
        assert_true(!answer.number[PL__WRITES_IN_SYNC] || position >= owed);
        pl_standby_server_look(rig.server, &view);
        assert_false(view.in_sync);
    }
    assert_true(answers > 1);
    struct pl__wire answer = pull(&rig, position);
    assert_true(answer.number[PL__WRITES_IN_SYNC]);
    end(&rig);
}

struct syncing {
    struct pl_store *store;
    pthread_t thread;
    int64_t took;
};

static void *sync_once(void *arg) {
    struct syncing *syncing = arg;
    int64_t begun = pl_clock_monotonic();
    pl_store_sync(syncing->store, NULL);
    syncing->took = pl_clock_monotonic() - begun;
    return NULL;
}

/* A patience that is longer than the usual one is had with a standby that is silent for as long, too. */
static void a_sync_waits_for_as_long_as_it_was_told(void **state) {
    struct rig rig;
    struct pl_standby_view view;
    (void)state;
    begin(&rig, 10 * PL_SECOND);
    join(&rig);
    struct syncing syncing = {.store = rig.store};
    write_some(&rig, 1);
    pthread_create(&syncing.thread, NULL, sync_once, &syncing);
    pause_ms(1800);
    struct pl__wire question = {.type = PL__PULL, .number = {rig.session, latest(&rig)}};
    pl__link_send(&rig.link, &question);
    pthread_join(syncing.thread, NULL);
    pl_standby_server_look(rig.server, &view);
    assert_int_equal(view.alone, 0);
    assert_true(view.in_sync);
    assert_true(syncing.took > PL_SECOND);
    end(&rig);
}

/* ---- Who makes way ---- */

static struct pl__wire meet(struct rig *rig, uint64_t generation, const uint8_t run[PL_LINEAGE_ID]) {
    struct pl__wire hello = hello_of(rig, PL__WRITES_TOO, generation, run);
    return ask(rig, &hello);
}

/* Two copies have taken the same place: one of them ends, and knows which. */
static void of_one_generation_one_makes_way(void **state) {
    struct rig rig;
    uint8_t lower[PL_LINEAGE_ID] = {0}, higher[PL_LINEAGE_ID];
    (void)state;
    begin(&rig, PL_SECOND);
    memset(higher, 255, sizeof higher);
    uint64_t generation = rig.lineage.generation;
    struct pl__wire answer = meet(&rig, generation, rig.lineage.run);
    assert_int_equal(answer.number[PL__REFUSED_WHY], PL__NEVER); /* itself */
    answer = meet(&rig, generation, lower);
    assert_int_equal(answer.number[PL__REFUSED_WHY], PL__NOT_NEWER);
    assert_int_equal(answer.number[PL__REFUSED_GENERATION], generation);
    assert_int_equal(rig.passed, 0);
    answer = meet(&rig, generation, higher);
    assert_int_equal(answer.number[PL__REFUSED_WHY], PL__NOT_NEWER);
    assert_int_equal(answer.number[PL__REFUSED_GENERATION], 0);
    assert_int_equal(rig.passed, generation);
    end(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_sync_is_who_has_all_that_was_answered),
        cmocka_unit_test(a_sync_waits_for_as_long_as_it_was_told),
        cmocka_unit_test(of_one_generation_one_makes_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
