/* Peers that have the key, and say what nobody should: neither side takes harm, and each goes on with a good one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "standby/follow.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/diag.h>

#include "standby/link.h"
#include "standby/serve.h"
#include "store/folder_testing.h"
#include "store/lineage.h"

enum { ROUNDS = 400 };

static char *folder;
static struct pl_standby_secret secret;
static uint32_t dice;

static uint32_t roll(uint32_t below) {
    dice = dice * 1664525 + 1013904223;
    return (dice >> 8) % below;
}

static void path_in(char path[512], const char *name) {
    snprintf(path, 512, "%s/%s", folder, name);
}

static int set_up(void **state) {
    (void)state;
    char path[512], text[PL_STORE_KEY_TEXT];
    folder = make_folder();
    path_in(path, "key");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    bool good = pl_store_key_generate(text, NULL) == PL_OK && write(fd, text, strlen(text)) > 0 && close(fd) == 0;
    dice = 7;
    return good && pl_standby_secret_read(path, &secret, NULL) == PL_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    remove_folder(folder);
    return 0;
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Of a good message, with bytes changed or cut; or of no message. */
static size_t make_garbage(const struct pl__wire *sample, struct pl_pack *pack, char bytes[4096]) {
    pl__wire_write(sample, pack);
    size_t size = pl_pack_size(pack);
    memcpy(bytes, pl_pack_data(pack), size);
    if (roll(4) == 0) size = roll((uint32_t)size);
    for (uint32_t changes = roll(4); changes && size; changes--)
        bytes[roll((uint32_t)size)] = (char)roll(256);
    return size;
}

/* ---- An engine with a hostile standby ---- */

static void nobody_passes(void *arg, uint64_t generation) {
    (void)generation;
    atomic_fetch_add((_Atomic unsigned *)arg, 1);
}

static struct pl__wire hello_of(const struct pl_lineage *lineage) {
    struct pl__wire hello = {.type = PL__HELLO,
                             .number = {PL__WIRE_VERSION, PL__FOLLOWS, lineage->generation, 0, 0, 5}};
    hello.bytes[PL__HELLO_ID].data = lineage->id;
    hello.bytes[PL__HELLO_RUN].data = lineage->run;
    hello.bytes[PL__HELLO_ID].size = hello.bytes[PL__HELLO_RUN].size = PL_LINEAGE_ID;
    hello.bytes[PL__HELLO_KEY].data = "";
    return hello;
}

static bool is_welcome(struct pl__link *link, const struct pl__wire *hello) {
    struct pl__wire answer;
    for (int i = 0; i < 500; i++) {
        if (i % 50 == 0) pl__link_send(link, hello);
        while (pl__link_receive(link, &answer))
            if (answer.type == PL__WELCOME) return true;
        pause_ms(10);
    }
    return false;
}

static void the_engine_bears_a_hostile_standby(void **state) {
    (void)state;
    char path[512], endpoint[512], bytes[4096];
    struct pl_store *store;
    struct pl_standby_server *server;
    struct pl_lineage lineage;
    struct pl__link link;
    _Atomic unsigned passed = 0;
    path_in(path, "data");
    snprintf(endpoint, sizeof endpoint, "ipc://%s/engine", folder);
    assert_int_equal(pl_store_open(path, &(struct pl_store_options){.ship = true}, &store, NULL), PL_OK);
    struct pl_standby_server_options options = {.store = store,
                                                .key_id = "",
                                                .endpoint = endpoint,
                                                .secret = &secret,
                                                .patience = 100 * PL_MILLISECOND,
                                                .passed = nobody_passes,
                                                .arg = &passed};
    assert_int_equal(pl_standby_server_new(&options, &server, NULL), PL_OK);
    assert_int_equal(pl_lineage_read(store, &lineage, NULL), PL_OK);
    assert_int_equal(pl__link_open(&link, endpoint, &secret, NULL), PL_OK);
    struct pl__wire hello = hello_of(&lineage), answer;
    assert_true(is_welcome(&link, &hello));
    const struct pl__wire samples[] = {{.type = PL__FETCH, .number = {1, UINT64_MAX, UINT64_MAX}},
                                       {.type = PL__FETCH, .number = {1, 0, UINT64_MAX}},
                                       {.type = PL__PULL, .number = {1, UINT64_MAX}},
                                       {.type = PL__PULL, .number = {1, 1}},
                                       {.type = PL__BYE}};
    for (int i = 0; i < ROUNDS; i++) {
        size_t size = make_garbage(&samples[roll(PL_COUNT_OF(samples))], link.pack, bytes);
        zmq_send(link.socket, bytes, size, ZMQ_DONTWAIT);
        while (pl__link_receive(&link, &answer))
            ;
        if (i % 16 == 0) pause_ms(5);
    }
    assert_true(is_welcome(&link, &hello));
    struct pl_standby_view view;
    pl_standby_server_look(server, &view);
    assert_true(view.turned_away > 0);
    assert_int_equal(passed, 0);
    assert_int_equal(pl_store_sync(store, NULL), PL_OK);
    pl__link_close(&link);
    pl_store_close(store);
    pl_standby_server_free(server);
}

/* ---- A standby with a hostile engine ---- */

struct victim {
    struct pl_follow_options options;
    enum pl_code code;
    enum pl_follow_end end;
    pthread_t thread;
};

static void *follow(void *arg) {
    struct victim *victim = arg;
    victim->code = pl_standby_follow(&victim->options, &victim->end, NULL);
    return NULL;
}

static void *serve_badly(void *context, const char *endpoint) {
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    int wait = 50, none = 0;
    assert_true(pl__secret_serve(socket, &secret));
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait, sizeof wait);
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_bind(socket, endpoint), 0);
    return socket;
}

static const uint8_t an_id[PL_LINEAGE_ID] = "0123456789abcde";
static char no_batch[64];

static const struct pl__wire answers[] = {
    {.type = PL__WELCOME, .number = {1, 1, 1, 0}, .bytes = {{an_id, 16}, {an_id, 16}, {"0 default\n", 10}}},
    {.type = PL__WELCOME, .number = {1, 1, 0, 0}, .bytes = {{an_id, 16}, {an_id, 16}, {"0 default\n", 10}}},
    {.type = PL__PIECE, .number = {1, 0, 2, 0, 3, 0}, .bytes = {{"CURRENT", 7}, {"abc", 3}}},
    {.type = PL__PIECE, .number = {1, 0, 1, 0, 0, 0}, .bytes = {{"LOCK", 4}, {"", 0}}},
    {.type = PL__WRITES, .number = {1, 9, 1}, .bytes = {{no_batch, sizeof no_batch}}},
    {.type = PL__REFUSED, .number = {PL__TRY_AGAIN, 9}, .bytes = {{"later", 5}}},
    {.type = PL__REFUSED, .number = {PL__NOT_NEWER, 9}, .bytes = {{"no", 2}}},
    {.type = PL__BYE, .number = {1}},
};

static void *talk_badly(void *socket) {
    struct pl_pack *pack = pl_pack_new();
    char peer[256], bytes[4096];
    for (int i = 0; i < ROUNDS; i++) {
        int size = zmq_recv(socket, peer, sizeof peer, 0);
        if (size < 0) continue;
        zmq_recv(socket, bytes, sizeof bytes, 0);
        for (int n = 0; n < 8; n++) {
            size_t length = make_garbage(&answers[roll(PL_COUNT_OF(answers))], pack, bytes);
            zmq_send(socket, peer, (size_t)size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
            zmq_send(socket, bytes, length, ZMQ_DONTWAIT);
        }
    }
    pl_pack_free(pack);
    return NULL;
}

static void a_standby_bears_a_hostile_engine(void **state) {
    (void)state;
    char path[512], endpoint[512];
    static _Atomic bool stop, take_over;
    path_in(path, "second");
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/engine", folder);
    void *context = zmq_ctx_new(), *socket = serve_badly(context, endpoint);
    struct victim victim = {.options = {.data = path,
                                        .endpoint = endpoint,
                                        .secret = &secret,
                                        .takeover_after = 50 * PL_MILLISECOND,
                                        .stop = &stop,
                                        .take_over = &take_over}};
    pl_diag_setup(PL_ERROR, false);
    pthread_create(&victim.thread, NULL, follow, &victim);
    talk_badly(socket);
    atomic_store(&take_over, true); /* there is nothing to take over */
    pause_ms(200);
    atomic_store(&stop, true);
    pthread_join(victim.thread, NULL);
    assert_int_not_equal(victim.end, PL_FOLLOW_TOOK_OVER);
    path_in(path, "second/store");
    assert_int_not_equal(access(path, F_OK), 0);
    zmq_close(socket);
    zmq_ctx_term(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_engine_bears_a_hostile_standby, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_standby_bears_a_hostile_engine, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
