/* Notifications as they arrive at a web server in this process: who is told, how often, and what happens when nobody
 * listens. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../testing.h"
#include "notify.h"

/* ---- A web server ---- */

enum { HEARD_MAX = 64, HEARD_SIZE = 8192 };

static struct server {
    int fd, port;
    int statuses[HEARD_MAX]; /* of the first answers; then 200. 0: hangs up; -1: says nothing */
    unsigned scripted;
    pthread_t thread;
    pthread_mutex_t lock;
    unsigned count;
    char heard[HEARD_MAX][HEARD_SIZE];
    _Atomic bool over;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool whole(const char *text) {
    const char *body = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
    return body && (!length || strlen(body + 4) >= (size_t)atoi(length + 16));
}

static void answer(int fd) {
    char text[HEARD_SIZE] = "", reply[128];
    size_t used = 0;
    for (ssize_t n; !whole(text) && used < sizeof text - 1; used += (size_t)n, text[used] = 0)
        if ((n = read(fd, text + used, sizeof text - 1 - used)) <= 0) break;
    pthread_mutex_lock(&server.lock);
    int status = server.count < server.scripted ? server.statuses[server.count] : 200;
    if (server.count < HEARD_MAX) memcpy(server.heard[server.count], text, used + 1);
    server.count++;
    pthread_mutex_unlock(&server.lock);
    int n = snprintf(reply, sizeof reply, "HTTP/1.1 %d so\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
    if (status > 0 && write(fd, reply, (size_t)n) < 0) fail_msg("the server cannot answer");
    if (status >= 0) close(fd);
}

static void *serve(void *arg) {
    (void)arg;
    while (!server.over) {
        struct pollfd ready = {.fd = server.fd, .events = POLLIN};
        if (poll(&ready, 1, 20) > 0) answer(accept(server.fd, NULL, NULL));
    }
    return NULL;
}

static int bound_socket(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void server_listen(void) {
    assert_int_equal(listen(server.fd, 8), 0);
    server.over = false;
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

/* Its port is taken, but nobody listens until server_listen. */
static int server_begin(void **state) {
    (void)state;
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    server.fd = bound_socket(0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&at, &size), 0);
    server.port = ntohs(at.sin_port);
    server.count = server.scripted = 0;
    server.thread = 0;
    return 0;
}

static int server_end(void **state) {
    (void)state;
    server.over = true;
    if (server.thread) pthread_join(server.thread, NULL);
    close(server.fd);
    return 0;
}

static unsigned server_count(void) {
    pthread_mutex_lock(&server.lock);
    unsigned count = server.count;
    pthread_mutex_unlock(&server.lock);
    return count;
}

/* ---- A node ---- */

/* A Monday, 08:00 UTC. */
static const pl_time START = INT64_C(1750060800) * PL_SECOND;

struct rig {
    struct pl_harness *h;
    char options[2048];
    pl_time now;
};

static void rig_open(struct rig *rig) {
    struct pl_error *error = NULL;
    rig->h = pl_harness_new("notify.webhook", rig->options, PL_EVENTS, &error);
    if (!rig->h) fail_msg("%s", pl_error_text(error));
    pl_harness_clock(rig->h, rig->now);
    pl_harness_self(rig->h);
}

static struct rig rig_new(const char *people, const char *routes, const char *more) {
    struct rig rig = {.now = START};
    snprintf(rig.options, sizeof rig.options,
             "{url: 'http://127.0.0.1:%d/{user}', retry: 1s, people: [%s], routes: [%s]%s}", server.port, people,
             routes, more);
    rig_open(&rig);
    return rig;
}

static void rig_free(struct rig *rig) {
    if (pl_harness_failure(rig->h)) fail_msg("%s", pl_harness_failure(rig->h));
    pl_harness_free(rig->h);
}

static void turn(struct rig *rig, int times) {
    while (times-- > 0) {
        pl_harness_turn(rig->h);
        usleep(1000);
    }
}

static void pass(struct rig *rig, pl_time time) {
    rig->now += time;
    pl_harness_clock(rig->h, rig->now);
    turn(rig, 400); /* its own clock ticks every 250 ms */
}

static void expect_heard(struct rig *rig, unsigned count) {
    for (int patience = 0; server_count() < count && patience < 20000; patience++)
        turn(rig, 1);
    turn(rig, 50);
    assert_int_equal(server_count(), count);
}

static uint64_t count_of(struct rig *rig, const char *name) {
    return pl_harness_counter(rig->h, name);
}

static void say(struct rig *rig, const char *kind, unsigned severity, const char *subject, const char *message) {
    static uint64_t id;
    struct pl_pack *body = pl_pack_new();
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 1, 4096);
    pl_pack_map(body, 2);
    pl_pack_pair_str(body, "alarm", subject);
    pl_pack_pair_str(body, "message", message);
    b->events.time[0] = rig->now;
    b->events.id[0] = ++id;
    b->events.kind[0] = pl_harness_tag(rig->h, kind);
    b->events.severity[0] = (uint16_t)severity;
    b->events.asset[0] = pl_harness_tag(rig->h, "line1.pot07");
    b->events.tag[0] = pl_harness_tag(rig->h, "line1.pot07.voltage");
    assert_non_null(pl_batch_heap(b, 0, pl_pack_data(body), (uint32_t)pl_pack_size(body)));
    b->events.end[0] = b->heap_used[0];
    b->rows = 1;
    pl_pack_free(body);
    assert_int_equal(pl_harness_push(rig->h, 0, b), PL_FLOW_OK);
}

static void assert_said(unsigned index, const char *part) {
    if (!strstr(server.heard[index], part)) fail_msg("'%s' is not in:\n%s", part, server.heard[index]);
}

/* The id of what was heard. */
static const char *id_of(unsigned index) {
    static char ids[2][32];
    static unsigned turn_of;
    const char *at = strstr(server.heard[index], "Idempotency-Key: ");
    assert_non_null(at);
    char *id = ids[++turn_of % 2];
    snprintf(id, 17, "%s", at + 17);
    return id;
}

#define ANNA "{user: anna, role: engineer, to: '+47 123'}"
#define BERT "{user: bert, role: operator}"
#define ALL_TO_ANNA "{events: '*', to: anna}"

/* ---- What arrives ---- */

static void an_event_arrives(void **state) {
    (void)state;
    server_listen();
    struct rig rig = rig_new(ANNA, "{events: 'alarm.un*', severity: 500, to: 'role:engineer'}", "");
    say(&rig, "alarm.unacknowledged", 499, "hot@line1.pot07", "not severe");
    say(&rig, "alarm.returned", 950, "hot@line1.pot07", "another kind");
    say(&rig, "alarm.unacknowledged", 950, "hot@line1.pot07", "very \"hot\"");
    expect_heard(&rig, 1);
    assert_said(0, "POST /anna HTTP/1.1");
    assert_said(0, "\"subject\":\"hot@line1.pot07\"");
    assert_said(0, "\"message\":\"very \\\"hot\\\"\"");
    assert_said(0, "\"tag\":\"line1.pot07.voltage\"");
    assert_said(0, id_of(0));
    assert_int_equal(count_of(&rig, "sent"), 1);
    rig_free(&rig);
}

static void templates_are_escaped(void **state) {
    (void)state;
    server_listen();
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA,
                             ", text: '{\"text\": \"{message} {nothing}\", \"x\": {severity}}', "
                             "headers: {X-About: '{message}'}");
    say(&rig, "a", 700, "s", "a\"b\\\r\nX-Evil: 1");
    expect_heard(&rig, 1);
    assert_said(0, "{\"text\": \"a\\\"b\\\\\\r\\nX-Evil: 1 \", \"x\": 700}");
    assert_said(0, "X-About: a\"b\\  X-Evil: 1\r\n");
    rig_free(&rig);
}

static void forms_and_addresses_are_escaped(void **state) {
    (void)state;
    server_listen();
    struct rig rig = rig_new("{user: anna, to: '+47 1&2'}", ALL_TO_ANNA,
                             ", content: application/x-www-form-urlencoded, text: 'to={to}&text={message}'");
    say(&rig, "a", 700, "s", "50 % & more=\xc3\xa6");
    expect_heard(&rig, 1);
    assert_said(0, "to=%2B47%201%262&text=50%20%25%20%26%20more%3D%C3%A6");
    rig_free(&rig);
}

static void all_of_it_is_escaped_in_a_form(void **state) {
    (void)state;
    server_listen();
    struct rig rig =
        rig_new(ANNA, ALL_TO_ANNA, ", content: application/x-www-form-urlencoded, text: 'payload={json}&to={to}'");
    say(&rig, "a", 700, "s", "x&to=evil");
    expect_heard(&rig, 1);
    assert_said(0, "payload=%7B%22id%22%3A%22");
    assert_said(0, "x%26to%3Devil");
    rig_free(&rig);
}

/* ---- Whom ---- */

static void who_is_on_duty_is_told(void **state) {
    (void)state;
    server_listen();
    struct rig rig = rig_new("{user: early, hours: '06:00-14:00'}, {user: night, hours: '22:00-06:00', days: [mon]}",
                             "{events: '*', to: 'role:operator'}", ", dedupe: 0s");
    say(&rig, "a", 700, "s", "");
    expect_heard(&rig, 1);
    assert_said(0, "/early");
    pass(&rig, 21 * PL_HOUR); /* Tuesday, 05:00: the shift that began on Monday */
    say(&rig, "a", 700, "s", "");
    expect_heard(&rig, 2);
    assert_said(1, "/night");
    pass(&rig, 12 * PL_HOUR); /* nobody: all are told */
    say(&rig, "a", 700, "s", "");
    expect_heard(&rig, 4);
    rig_free(&rig);
}

static void escalation_ends_with_an_acknowledgement(void **state) {
    (void)state;
    server_listen();
    struct rig rig =
        rig_new(BERT "," ANNA, "{events: a, to: bert}, {events: a, after: 5m, to: 'role:engineer'}", ", dedupe: 0s");
    say(&rig, "a", 700, "one", "");
    say(&rig, "a", 700, "two", "");
    expect_heard(&rig, 2);
    say(&rig, "alarm.acknowledged", 700, "one", "");
    assert_int_equal(count_of(&rig, "ended"), 1);
    pass(&rig, 4 * PL_MINUTE);
    expect_heard(&rig, 2);
    pass(&rig, 61 * PL_SECOND);
    expect_heard(&rig, 3);
    assert_said(2, "/anna");
    assert_said(2, "\"subject\":\"two\"");
    rig_free(&rig);
}

static void an_acknowledgement_by_command_ends_it(void **state) {
    (void)state;
    char *reply = NULL;
    struct rig rig = rig_new(ANNA, "{events: a, after: 5m, to: anna}", "");
    say(&rig, "a", 700, "one", "");
    assert_int_equal(pl_harness_command(rig.h, "notify list", "", &reply, NULL), PL_OK);
    assert_non_null(strstr(reply, "\"waits\":\"escalation\""));
    pl_free(reply);
    assert_int_equal(pl_harness_command(rig.h, "notify ack", "{subject: other}", &reply, NULL), PL_NOT_FOUND);
    pl_free(reply);
    assert_int_equal(pl_harness_command(rig.h, "notify ack", "{subject: 'o*'}", &reply, NULL), PL_OK);
    pl_free(reply);
    assert_int_equal(count_of(&rig, "ended"), 1);
    rig_free(&rig);
}

/* ---- How often ---- */

static void alike_is_told_once(void **state) {
    (void)state;
    server_listen();
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, ", dedupe: 10m");
    for (int i = 0; i < 5; i++)
        say(&rig, "a", 700, "one", "");
    say(&rig, "a", 700, "two", "");
    say(&rig, "b", 700, "one", "");
    expect_heard(&rig, 3);
    assert_int_equal(count_of(&rig, "alike"), 4);
    rig.now += 11 * PL_MINUTE;
    pl_harness_clock(rig.h, rig.now);
    say(&rig, "a", 700, "one", "");
    expect_heard(&rig, 4);
    assert_said(3, "\"alike\":4");
    rig_free(&rig);
}

static void too_many_wait_but_not_the_urgent(void **state) {
    (void)state;
    server_listen();
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, ", dedupe: 0s, rate: 1/m, burst: 2");
    for (int i = 0; i < 4; i++)
        say(&rig, "a", 300, "many", "");
    expect_heard(&rig, 2);
    say(&rig, "b", 899, "more severe", "");
    say(&rig, "c", 900, "urgent", "");
    expect_heard(&rig, 3);
    assert_said(2, "urgent");
    pass(&rig, 61 * PL_SECOND);
    expect_heard(&rig, 4);
    assert_said(3, "more severe");
    rig_free(&rig);
}

static void the_least_severe_make_room(void **state) {
    (void)state;
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, ", dedupe: 0s, max_waiting: 6, rate: 1/d, burst: 1, urgent: 1001");
    for (unsigned i = 0; i < 10; i++)
        say(&rig, "a", 100 + i, "s", "");
    say(&rig, "a", 1, "the least", "");
    assert_int_equal(count_of(&rig, "dropped"), 5);
    rig_free(&rig);
}

/* What found no room was not told, so the next one like it is no repetition. */
static void what_had_no_room_is_told_later(void **state) {
    (void)state;
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, ", dedupe: 10m, max_waiting: 2, rate: 1/d, burst: 1, urgent: 1001");
    say(&rig, "full", 800, "one", "");
    say(&rig, "full", 800, "two", "");
    for (unsigned i = 0; i < 2; i++)
        say(&rig, "a", 800, "three", "");
    assert_int_equal(count_of(&rig, "dropped"), 2);
    assert_int_equal(count_of(&rig, "alike"), 0);
    rig_free(&rig);
}

/* ---- Again ---- */

static void what_fails_is_tried_again_with_its_id(void **state) {
    (void)state;
    server.statuses[0] = 503;
    server.statuses[1] = 0; /* hangs up */
    server.statuses[2] = 429;
    server.scripted = 3;
    server_listen();
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, "");
    say(&rig, "a", 700, "s", "");
    expect_heard(&rig, 1);
    pass(&rig, 1100 * PL_MILLISECOND);
    expect_heard(&rig, 2);
    pass(&rig, 1100 * PL_MILLISECOND);
    expect_heard(&rig, 2); /* the second pause is longer */
    pass(&rig, PL_SECOND);
    expect_heard(&rig, 3);
    pass(&rig, 5 * PL_SECOND);
    expect_heard(&rig, 4);
    assert_string_equal(id_of(0), id_of(3));
    assert_said(3, "\"attempt\":4");
    assert_int_equal(count_of(&rig, "sent"), 1);
    assert_int_equal(count_of(&rig, "retried"), 3);
    rig_free(&rig);
}

static void who_says_nothing_holds_up_nobody(void **state) {
    (void)state;
    server.statuses[0] = server.statuses[1] = -1;
    server.scripted = 2;
    server_listen();
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, ", timeout: 300ms");
    say(&rig, "a", 700, "silent", "");
    expect_heard(&rig, 1);
    say(&rig, "a", 700, "silent too", "");
    say(&rig, "a", 700, "answered", "");
    expect_heard(&rig, 3);
    assert_int_equal(count_of(&rig, "sent"), 1);
    for (int patience = 0; count_of(&rig, "retried") < 2 && patience < 20000; patience++)
        turn(&rig, 1);
    pass(&rig, 2 * PL_SECOND);
    expect_heard(&rig, 5);
    rig_free(&rig);
}

static void what_is_refused_for_good_is_not(void **state) {
    (void)state;
    server.statuses[0] = 404;
    server.scripted = 1;
    server_listen();
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, "");
    say(&rig, "a", 700, "s", "");
    expect_heard(&rig, 1);
    pass(&rig, PL_HOUR);
    expect_heard(&rig, 1);
    assert_int_equal(count_of(&rig, "failed"), 1);
    rig_free(&rig);
}

/* Into another node, whose clock may be another one. */
static void restart(struct rig *rig, pl_time later) {
    struct pl_error *error = NULL;
    size_t size;
    void *bytes = pl_harness_snapshot(rig->h, &size);
    rig_free(rig);
    rig->now += later;
    rig_open(rig);
    if (pl_harness_restore(rig->h, bytes, size, &error)) fail_msg("%s", pl_error_text(error));
    pl_free(bytes);
}

static void fail_once(struct rig *rig) {
    for (int patience = 0; count_of(rig, "retried") == 0 && patience < 20000; patience++)
        turn(rig, 1);
}

static void what_waits_survives_a_restart(void **state) {
    (void)state;
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, "");
    say(&rig, "a", 700, "s", "after the restart");
    fail_once(&rig);
    server_listen();
    restart(&rig, 0);
    pass(&rig, 2 * PL_SECOND);
    expect_heard(&rig, 1);
    assert_said(0, "after the restart");
    say(&rig, "a", 700, "s", "told lately");
    assert_int_equal(count_of(&rig, "alike"), 1);
    rig_free(&rig);
}

static void a_clock_set_back_delays_nothing(void **state) {
    (void)state;
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, "");
    say(&rig, "a", 700, "s", "");
    fail_once(&rig);
    restart(&rig, -PL_DAY);
    server_listen();
    pass(&rig, 0);
    expect_heard(&rig, 0);
    pass(&rig, 2 * PL_SECOND);
    expect_heard(&rig, 1);
    rig_free(&rig);
}

static void a_test_is_sent(void **state) {
    (void)state;
    char *reply = NULL;
    server_listen();
    struct rig rig = rig_new(ANNA "," BERT, "{events: none, to: '*'}", "");
    assert_int_equal(pl_harness_command(rig.h, "notify test", "{to: anna, reason: 'is it on?'}", &reply, NULL), PL_OK);
    expect_heard(&rig, 1);
    assert_said(0, "is it on?");
    assert_non_null(strstr(reply, id_of(0)));
    pl_free(reply);
    rig_free(&rig);
}

static void the_end_waits_for_what_is_on_its_way(void **state) {
    (void)state;
    struct pl_error *error = NULL;
    server_listen();
    struct rig rig = rig_new(ANNA, ALL_TO_ANNA, "");
    pl_harness_free(rig.h);
    rig.h = pl_harness_new("notify.webhook", rig.options, PL_EVENTS, &error);
    pl_harness_forgets(rig.h);
    for (int i = 0; i < 12; i++) {
        char subject[16];
        snprintf(subject, sizeof subject, "s%d", i);
        say(&rig, "a", 950, subject, "");
    }
    pl_harness_end(rig.h);
    expect_heard(&rig, 12);
    rig_free(&rig);
}

/* ---- Mail ---- */

static void headers_hold_what_they_are_given(void **state) {
    (void)state;
    struct notify s = {.sender = "potline@plant.example"};
    struct waiting record = {.id = 0xabc, .made = START, .severity = 950};
    char *mail = mail_write(&s, &record, "anna@plant.example", "Br\xc3\xa6nn\r\nBcc: all@plant.example", "hei\n.\n");
    assert_non_null(mail);
    assert_null(strstr(mail, "\r\nBcc"));
    assert_non_null(strstr(mail, "Subject: =?utf-8?B?QnLDpm5uDQpCY2M6"));
    assert_non_null(strstr(mail, "Message-ID: <0000000000000abc.potline@plant.example>\r\n"));
    assert_non_null(strstr(mail, "Date: Mon, 16 Jun 2025 08:00:00 +0000\r\n"));
    assert_non_null(strstr(mail, "\r\n\r\naGVpCi4K\r\n"));
    pl_free(mail);
}

static void long_words_are_cut_between_characters(void **state) {
    (void)state;
    struct notify s = {.sender = "p@x"};
    struct waiting record = {.id = 1};
    char subject[301] = "";
    for (int i = 0; i < 100; i++)
        strcat(subject, "\xe2\x82\xac");
    char *mail = mail_write(&s, &record, "a@x", subject, "");
    for (char *line = strstr(mail, "Subject"); line && *line;
         line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL)
        assert_true(strcspn(line, "\r") <= 78);
    pl_free(mail);
}

/* What is no UTF-8 takes no more room than what is. */
static void bytes_that_are_no_characters_fit(void **state) {
    (void)state;
    struct notify s = {.sender = "p@x"};
    struct waiting record = {.id = 1};
    char subject[8192];
    memset(subject, 0x80, sizeof subject - 1);
    subject[sizeof subject - 1] = 0;
    char *mail = mail_write(&s, &record, "a@x", subject, "");
    const char *text = strstr(mail, "Subject");
    assert_true(strcspn(text, "\r") <= 78);
    assert_true(strlen(mail) < 2 * sizeof subject);
    pl_free(mail);
}

static int mail_listener(int *port) {
    struct sockaddr_in at = {0};
    socklen_t size = sizeof at;
    int fd = bound_socket(0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(listen(fd, 8), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Takes one mail, and says nothing to whatever comes behind it. */
static void *take_one_mail(void *arg) {
    static const char *const answers[] = {"220 x\r\n", "250 x\r\n", "250 x\r\n", "250 x\r\n", "354 x\r\n", "250 x\r\n"};
    int fd = accept(*(int *)arg, NULL, NULL);
    char text[8192];
    for (size_t i = 0; i < PL_COUNT_OF(answers); i++) {
        const char *end = i == 5 ? "\r\n.\r\n" : "\r\n";
        size_t used = 0;
        for (text[0] = 0; i > 0 && !strstr(text, end) && used < sizeof text - 1; text[used] = 0) {
            ssize_t n = read(fd, text + used, sizeof text - 1 - used);
            if (n <= 0) break;
            used += (size_t)n;
        }
        if (write(fd, answers[i], strlen(answers[i])) < 0) break;
    }
    return (void *)(intptr_t)fd;
}

static void the_end_does_not_wait_for_a_farewell(void **state) {
    (void)state;
    int port, listener = mail_listener(&port);
    pthread_t thread;
    void *fd;
    assert_int_equal(pthread_create(&thread, NULL, take_one_mail, &listener), 0);
    struct rig rig = {.now = START};
    struct pl_error *error = NULL;
    snprintf(rig.options, sizeof rig.options,
             "{server: 'smtp://127.0.0.1:%d', tls: none, sender: p@x.example, timeout: 20s, "
             "people: [{user: anna, to: a@x.example}], routes: [{events: '*', to: anna}]}",
             port);
    rig.h = pl_harness_new("notify.email", rig.options, PL_EVENTS, &error);
    if (!rig.h) fail_msg("%s", pl_error_text(error));
    pl_harness_clock(rig.h, rig.now);
    pl_harness_self(rig.h);
    say(&rig, "a", 950, "s", "");
    for (int patience = 0; count_of(&rig, "sent") == 0 && patience < 20000; patience++)
        turn(&rig, 1);
    assert_int_equal(count_of(&rig, "sent"), 1);
    uint64_t before = uv_hrtime();
    rig_free(&rig);
    assert_true(uv_hrtime() - before < UINT64_C(10000000000));
    pthread_join(thread, &fd);
    close((int)(intptr_t)fd);
    close(listener);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *op, *options, *says;
    } cases[] = {
        {"notify.webhook", "{url: 'ftp://x', people: [{user: a}], routes: []}", "expected http"},
        {"notify.webhook", "{url: 'http://x', people: [{user: a}], routes: [{events: a, to: b}]}", "is nobody"},
        {"notify.webhook", "{url: 'http://x', people: [{user: a, hours: '6-14'}], routes: []}", "expected 06:00-14:00"},
        {"notify.webhook", "{url: 'http://x', people: [{user: a}, {user: a}], routes: []}", "twice"},
        {"notify.webhook", "{url: 'http://x', people: [{user: a}], routes: [], headers: {'a b': c}}", "no header"},
        {"notify.email", "{server: 'smtp://x', sender: a@b, people: [{user: a, to: 'x> y@z'}], routes: []}",
         "no address"},
        {"notify.email", "{server: 'mail', sender: a@b, people: [{user: a, to: y@z}], routes: []}", "expected smtp"},
    };
    for (size_t i = 0; i < PL_COUNT_OF(cases); i++) {
        char *text = test_refusal(cases[i].op, cases[i].options);
        if (!strstr(text, cases[i].says)) fail_msg("%s: %s", cases[i].options, text);
        pl_free(text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_begin, server_end)

int main(void) {
    setenv("TZ", "UTC", 1);
    const struct CMUnitTest tests[] = {
        TEST(an_event_arrives),
        TEST(templates_are_escaped),
        TEST(forms_and_addresses_are_escaped),
        TEST(all_of_it_is_escaped_in_a_form),
        TEST(who_is_on_duty_is_told),
        TEST(escalation_ends_with_an_acknowledgement),
        TEST(an_acknowledgement_by_command_ends_it),
        TEST(alike_is_told_once),
        TEST(too_many_wait_but_not_the_urgent),
        TEST(the_least_severe_make_room),
        TEST(what_had_no_room_is_told_later),
        TEST(what_fails_is_tried_again_with_its_id),
        TEST(who_says_nothing_holds_up_nobody),
        TEST(what_is_refused_for_good_is_not),
        TEST(what_waits_survives_a_restart),
        TEST(a_clock_set_back_delays_nothing),
        TEST(a_test_is_sent),
        TEST(the_end_waits_for_what_is_on_its_way),
        cmocka_unit_test(headers_hold_what_they_are_given),
        cmocka_unit_test(long_words_are_cut_between_characters),
        cmocka_unit_test(bytes_that_are_no_characters_fit),
        cmocka_unit_test(the_end_does_not_wait_for_a_farewell),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
