/* A registry asked from a loop, against a server of our own behind a real socket: what it knows, knows later, never
 * answers, or answers without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "registry.h"
#include "runtime/node.h"

enum {
    PATIENCE = 20000 /* ms */,
    KNOWN = 1,
    LATER = 2,
    NEVER = 3,
    NEVER_EITHER = 4,
    LONG = 5,
    ENDLESS = 6,
    BROKEN = 7
};

static uv_loop_t loop;
static struct pl_node node = {.config = {.loop = &loop}, .label = "in"};

/* ---- A server ---- */

static struct server {
    int fd;
    char url[64];
    /* Its threads end some time behind the test whose connections they serve. */
    _Atomic bool silent;
    const char *_Atomic types;
    _Atomic unsigned asked[8]; /* by id */
} server;

static void answer(int fd, int status, const char *begin, size_t blanks, const char *end) {
    char head[160], *space = malloc(blanks + 1);
    int size = snprintf(head, sizeof head, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\n\r\n%s", status,
                        strlen(begin) + blanks + strlen(end), begin);
    memset(space, ' ', blanks + 1);
    bool sent = send(fd, head, (size_t)size, MSG_NOSIGNAL) == size;
    for (size_t at = 0; sent && at < blanks;) {
        ssize_t n = send(fd, space, blanks - at, MSG_NOSIGNAL);
        sent = n > 0;
        at += sent ? (size_t)n : 0;
    }
    if (sent) (void)!send(fd, end, strlen(end), MSG_NOSIGNAL);
    free(space);
}

static void serve(int fd, const char *request) {
    static const char unknown[] = "{\"error_code\":40403,\"message\":\"no\"}";
    const char *end = "\"schemaType\":\"JSON\",\"schema\":\"true\"}";
    int id = 0;
    if (strncmp(request, "POST ", 5) == 0) {
        answer(fd, 200, "{\"id\":77}", 0, "");
    } else if (sscanf(request, "GET /schemas/ids/%d ", &id) != 1) {
        answer(fd, 200, server.types, 0, "");
    } else {
        unsigned times = ++server.asked[id & 7];
        if (id == KNOWN || (id == LATER && times > 2))
            answer(fd, 200, "{", 0, end);
        else if (id == LONG || id == ENDLESS)
            answer(fd, 200, "{", id == LONG ? 3 << 20 : 5 << 20, end);
        else if (id == BROKEN)
            answer(fd, 500, "{}", 0, "");
        else
            answer(fd, 404, unknown, 0, "");
    }
}

static void *attend(void *user) {
    int fd = (int)(intptr_t)user;
    char request[4096];
    size_t size = 0;
    for (ssize_t n; (n = recv(fd, request + size, sizeof request - 1 - size, 0)) > 0;) {
        request[size += (size_t)n] = 0;
        char *body = strstr(request, "\r\n\r\n"), *length = strstr(request, "Content-Length: ");
        if (server.silent || !body || strlen(body + 4) < (length ? strtoul(length + 16, NULL, 10) : 0)) continue;
        size = 0;
        serve(fd, request);
    }
    close(fd);
    return NULL;
}

static void *listen_on(void *user) {
    (void)user;
    for (int fd; (fd = accept(server.fd, NULL, NULL)) >= 0;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, attend, (void *)(intptr_t)fd) == 0) pthread_detach(thread);
    }
    return NULL;
}

static int begin(void **state) {
    static pthread_t thread;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    (void)state;
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    bool good = server.fd >= 0 && bind(server.fd, (struct sockaddr *)&address, size) == 0 &&
                listen(server.fd, 16) == 0 && getsockname(server.fd, (struct sockaddr *)&address, &size) == 0 &&
                pthread_create(&thread, NULL, listen_on, NULL) == 0;
    snprintf(server.url, sizeof server.url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    return good ? 0 : -1;
}

/* ---- Asking ---- */

struct asking {
    struct pl__registry_options options;
    struct pl__registry *registry;
    uv_timer_t patience;
    bool over, changed;
};

static void on_change(void *user) {
    ((struct asking *)user)->changed = true;
}

static void on_patience(uv_timer_t *timer) {
    ((struct asking *)timer->data)->over = true;
}

static void open_registry(struct asking *a) {
    *a = (struct asking){.options = {.given = true,
                                     .rest = {.url = server.url,
                                              .user = "",
                                              .password = "",
                                              .ca = "",
                                              .certificate = "",
                                              .key = "",
                                              .key_password = "",
                                              .timeout = PL_SECOND},
                                     .subject = "",
                                     .auto_register = true}};
    a->registry = pl__registry_new(&a->options, &node, on_change, a);
    assert_non_null(a->registry);
    uv_timer_init(&loop, &a->patience);
    a->patience.data = a;
}

static void wait_ms(struct asking *a, uint64_t most) {
    a->over = false;
    uv_timer_start(&a->patience, on_patience, most, 0);
    uv_run(&loop, UV_RUN_ONCE);
}

static enum pl__lookup look_for(struct asking *a, uint32_t id, const char **why) {
    const struct pl__schema *schema;
    enum pl__lookup found;
    uint64_t begun = uv_hrtime() / (uint64_t)PL_MILLISECOND;
    while ((found = pl__registry_find(a->registry, id, &schema, why)) == PL__SCHEMA_ASKED) {
        assert_true(uv_hrtime() / (uint64_t)PL_MILLISECOND - begun < PATIENCE);
        wait_ms(a, PATIENCE);
    }
    return found;
}

static void close_registries(struct asking *a, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        pl__registry_free(a[i].registry);
        uv_close((uv_handle_t *)&a[i].patience, NULL);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
}

static int set_up(void **state) {
    (void)state;
    server.silent = false;
    server.types = "[\"JSON\",\"AVRO\"]";
    for (unsigned id = 0; id < PL_COUNT_OF(server.asked); id++)
        server.asked[id] = 0;
    return uv_loop_init(&loop);
}

static int tear_down(void **state) {
    (void)state;
    return uv_loop_close(&loop);
}

/* ---- Tests ---- */

static void test_found(void **state) {
    struct asking a;
    const char *why;
    uint32_t id;
    (void)state;
    open_registry(&a);
    assert_int_equal(look_for(&a, KNOWN, &why), PL__SCHEMA_HERE);
    assert_int_equal(look_for(&a, KNOWN, &why), PL__SCHEMA_HERE);
    assert_int_equal(server.asked[KNOWN], 1);
    assert_int_equal(look_for(&a, LONG, &why), PL__SCHEMA_HERE);
    assert_int_equal(look_for(&a, ENDLESS, &why), PL__SCHEMA_NONE);
    assert_non_null(strstr(why, "longer than 4 MiB"));
    assert_int_equal(pl__registry_enter(a.registry, "pots", PL__SCHEMA_JSON, PL_SAMPLES, NULL), PL_OK);
    while (pl__registry_entered(a.registry, &id, &why) == PL__SCHEMA_ASKED)
        wait_ms(&a, PATIENCE);
    assert_int_equal(id, 77);
    close_registries(&a, 1);
}

/* One server of a registry knows a schema later than another; what none knows holds up one message, not each. */
static void test_follower(void **state) {
    struct asking a;
    const char *why;
    (void)state;
    open_registry(&a);
    assert_int_equal(look_for(&a, LATER, &why), PL__SCHEMA_HERE);
    uint64_t begun = uv_hrtime();
    assert_int_equal(look_for(&a, NEVER, &why), PL__SCHEMA_NONE);
    assert_true(uv_hrtime() - begun >= 5 * (uint64_t)PL_SECOND);
    assert_int_equal(look_for(&a, NEVER_EITHER, &why), PL__SCHEMA_NONE);
    assert_int_equal(server.asked[NEVER_EITHER], 1);
    close_registries(&a, 1);
}

/* Nobody asks for a message's schema any more when its partition has been made anew. */
static void test_not_wanted(void **state) {
    struct asking a;
    const struct pl__schema *schema;
    const char *why;
    (void)state;
    open_registry(&a);
    assert_int_equal(pl__registry_find(a.registry, BROKEN, &schema, &why), PL__SCHEMA_ASKED);
    while (!a.changed)
        wait_ms(&a, PATIENCE);
    assert_int_equal(look_for(&a, KNOWN, &why), PL__SCHEMA_HERE);
    close_registries(&a, 1);
}

static void test_there(void **state) {
    struct asking a;
    (void)state;
    assert_true(pl__registry_there(NULL));
    server.types = "{\"page\":\"of somebody else\"}";
    open_registry(&a);
    pl__registry_look(a.registry);
    assert_false(pl__registry_there(a.registry));
    while (!a.changed)
        wait_ms(&a, PATIENCE);
    assert_false(pl__registry_there(a.registry));
    server.types = "[\"JSON\"]";
    while (!pl__registry_there(a.registry) && !a.over)
        wait_ms(&a, PATIENCE);
    assert_true(pl__registry_there(a.registry));
    close_registries(&a, 1);
}

static void do_nothing(uv_work_t *work) {
    (void)work;
}

static void on_done(uv_work_t *work, int status) {
    (void)status;
    *(bool *)work->data = true;
}

/* As many silent registries as libuv's pool has threads: others still get theirs, as for the name of a controller. */
static void test_silent(void **state) {
    struct asking a[4];
    const struct pl__schema *schema;
    const char *why;
    bool done = false;
    uv_work_t work = {.data = &done};
    (void)state;
    server.silent = true;
    for (unsigned i = 0; i < 4; i++) {
        open_registry(&a[i]);
        assert_int_equal(pl__registry_find(a[i].registry, KNOWN, &schema, &why), PL__SCHEMA_ASKED);
    }
    uv_queue_work(&loop, &work, do_nothing, on_done);
    while (!done && !a[0].changed)
        wait_ms(&a[0], PATIENCE);
    assert_false(a[0].changed); /* not behind its time-out */
    while (!a[0].changed)
        wait_ms(&a[0], PATIENCE);
    assert_false(pl__registry_there(a[0].registry));
    close_registries(a, 4); /* which ask, or wait to ask again */
}

/* The end of an engine during a question. */
static void test_end(void **state) {
    struct asking a;
    const struct pl__schema *schema;
    const char *why;
    (void)state;
    server.silent = true;
    open_registry(&a);
    a.options.rest.timeout = 60 * PL_SECOND;
    assert_int_equal(pl__registry_find(a.registry, KNOWN, &schema, &why), PL__SCHEMA_ASKED);
    wait_ms(&a, 100);
    uint64_t begun = uv_hrtime();
    close_registries(&a, 1);
    assert_false(a.changed);
    assert_true(uv_hrtime() - begun < 30 * (uint64_t)PL_SECOND); /* it has not waited for an answer */
}

int main(void) {
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(test_found), TEST(test_follower), TEST(test_not_wanted),
                                       TEST(test_there), TEST(test_silent),   TEST(test_end)};
    return cmocka_run_group_tests(tests, begin, NULL);
}
