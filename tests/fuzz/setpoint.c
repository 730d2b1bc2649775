/* What a Modbus device may answer to a set point: the input is what it does with each request that arrives, over a real
 * connection: tells the truth, refuses, lies, garbles, hangs up, says nothing. Whatever it does, each set point has one
 * end; nothing but what was ordered is written, and where it belongs, and not more often than is allowed; what is said
 * to have expired has not been; and what is said to be verified is what was read. */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "expect.h"
#include "modbus/writes.h"

enum {
    TARGETS = 2,
    ORDERS_MAX = 8,
    BASE = 10, /* address of the first target; the manual switch of the second one is at SWITCH */
    SWITCH = 20,
    REGISTERS = 32,
    ANSWER_MAX = 600,
    RETRIES = 2,
};

/* What the device does with a request. */
enum deed { TRUTH, REFUSE, LIE, FORGET, GARBLE, FLIP, TWICE, PIECES, SILENCE, HANG_UP, STALE, DEEDS };

static struct world {
    uv_loop_t loop;
    int listener, peer;
    uint16_t port;
    const uint8_t *at, *end; /* the rest of the input */
    uint16_t memory[REGISTERS];
    uint8_t kept[ANSWER_MAX]; /* an answer that comes too late */
    size_t kept_size;

    struct pl_modbus_client *client;
    struct pl__writes writes;
    struct pl__targets targets;
    struct pl__target target[TARGETS];
    struct pl__order order[ORDERS_MAX];
    unsigned orders, ended;
    bool over[ORDERS_MAX];
} w = {.listener = -1, .peer = -1};

static unsigned next_byte(void) {
    return w.at < w.end ? *w.at++ : 0;
}

static pl_time wall(void *user) {
    struct timespec now;
    (void)user;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * PL_SECOND + now.tv_nsec;
}

/* ---- The device ---- */

static void put_16(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get_16(const uint8_t *at) {
    return (unsigned)(at[0] << 8 | at[1]);
}

/* A write is of one register that is a target's, and of a value that somebody has ordered for it. */
static void judge_write(unsigned address, unsigned value) {
    EXPECT(address >= BASE && address < BASE + TARGETS);
    bool ordered = false;
    for (unsigned i = 0; i < w.orders; i++)
        ordered |= i % TARGETS == address - BASE && w.order[i].value == value;
    EXPECT(ordered);
}

/* The honest answer to a request of `size` bytes; 0: it is none that a device answers. */
static size_t answer_to(const uint8_t *request, size_t size, uint8_t *answer, bool forget, unsigned lie) {
    unsigned function = request[7], address = get_16(request + 8), count = get_16(request + 10), length = 6;
    memcpy(answer, request, 8);
    if (function == PL_MODBUS_READ_HOLDING || function == PL_MODBUS_READ_INPUT) {
        EXPECT(count >= 1 && address + count <= REGISTERS);
        answer[8] = (uint8_t)(2 * count);
        for (unsigned i = 0; i < count; i++)
            put_16(answer + 9 + 2 * (size_t)i, w.memory[address + i] + lie);
        length = 3 + 2 * count;
    } else if (function == PL_MODBUS_WRITE_REGISTER) {
        judge_write(address, count);
        if (!forget) w.memory[address] = (uint16_t)count;
        memcpy(answer + 8, request + 8, 4);
    } else {
        EXPECT(function == PL_MODBUS_WRITE_REGISTERS && count == 1 && size == 15);
        judge_write(address, get_16(request + 13));
        if (!forget) w.memory[address] = (uint16_t)get_16(request + 13);
        memcpy(answer + 8, request + 8, 4);
    }
    put_16(answer + 4, length);
    return 6 + length;
}

static void hang_up(void) {
    if (w.peer >= 0) close(w.peer);
    w.peer = -1;
}

static void say(const uint8_t *bytes, size_t size) {
    if (w.peer >= 0 && size > 0 && send(w.peer, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) hang_up();
}

static void garble(void) {
    uint8_t bytes[255];
    size_t size = next_byte() % sizeof bytes;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)next_byte();
    say(bytes, size);
}

static void meet(const uint8_t *request, size_t size) {
    uint8_t answer[ANSWER_MAX];
    enum deed deed = (enum deed)(next_byte() % DEEDS);
    unsigned lie = deed == LIE ? next_byte() : 0;
    size_t length = answer_to(request, size, answer, deed == FORGET, lie);
    switch (deed) {
    case REFUSE:
        answer[7] |= 0x80;
        answer[8] = (uint8_t)next_byte();
        put_16(answer + 4, 3);
        say(answer, 9);
        break;
    case GARBLE: garble(); break;
    case FLIP:
        answer[next_byte() % length] ^= (uint8_t)next_byte();
        say(answer, length);
        break;
    case TWICE:
        say(answer, length);
        say(answer, length);
        break;
    case PIECES: {
        size_t cut = next_byte() % length;
        say(answer, cut);
        uv_run(&w.loop, UV_RUN_NOWAIT);
        say(answer + cut, length - cut);
        break;
    }
    case STALE: /* the one before, in its place */
        say(w.kept, w.kept_size);
        memcpy(w.kept, answer, length);
        w.kept_size = length;
        break;
    case HANG_UP: hang_up(); break;
    case SILENCE: break;
    default: say(answer, length); break;
    }
}

/* What has arrived, request by request: the client's are whole. */
static void attend(void) {
    uint8_t bytes[4096];
    if (w.peer < 0) w.peer = accept4(w.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (w.peer < 0) return;
    ssize_t size = recv(w.peer, bytes, sizeof bytes, 0);
    if (size == 0) hang_up();
    for (ssize_t at = 0; w.peer >= 0 && at + 6 <= size;) {
        size_t length = 6 + get_16(bytes + at + 4);
        EXPECT(length <= PL_MODBUS_ADU_MAX && at + (ssize_t)length <= size);
        meet(bytes + at, length);
        at += (ssize_t)length;
    }
}

/* ---- Who writes ---- */

static void on_begin(void *user, const struct pl__slot *slot) {
    (void)user;
    EXPECT(slot->phase != PL__IDLE && !slot->written);
}

static void on_ended(void *user, const struct pl__slot *slot, const struct pl__ending *ending) {
    unsigned index = (unsigned)ending->order->id;
    (void)user;
    EXPECT(index < w.orders && !w.over[index]);
    w.over[index] = true;
    w.ended++;
    EXPECT(ending->outcome < PL__OUTCOMES);
    bool there = ending->outcome == PL__VERIFIED || ending->outcome == PL__RENEWED;
    if (there) EXPECT(ending->own && pl__target_matches(slot->target, ending->order->value, slot->found));
    if (ending->outcome == PL__RENEWED) EXPECT(slot->attempts == 0);
    if (ending->own) EXPECT(slot->attempts <= RETRIES + 1);
    if (ending->own && ending->outcome == PL__EXPIRED) EXPECT(slot->attempts == 0);
}

static void nothing(void *user) {
    (void)user;
}

static void on_manual(void *user, const struct pl__slot *slot) {
    (void)user;
    EXPECT(slot->target->has_manual);
}

static void on_link(void *user, bool up, const char *why) {
    (void)user;
    EXPECT(why != NULL);
    if (up) pl__writes_go_on(&w.writes);
}

static void order(unsigned target) {
    struct pl__order *made = &w.order[w.orders];
    pl_time now = wall(NULL), lasts = next_byte() % 8 == 7 ? 2 * PL_MILLISECOND : PL_SECOND;
    *made = (struct pl__order){.id = w.orders++,
                               .time = now,
                               .received = now,
                               .expiry = now + lasts,
                               .ends = (pl_time)uv_hrtime() + lasts,
                               .value = next_byte()};
    pl__writes_take(&w.writes, target, made);
}

static void open_listener(void) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EXPECT(w.listener >= 0 && bind(w.listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(w.listener, 64) == 0);
    EXPECT(getsockname(w.listener, (struct sockaddr *)&at, &size) == 0);
    w.port = ntohs(at.sin_port);
    EXPECT(uv_loop_init(&w.loop) == 0);
    for (unsigned i = 0; i < TARGETS; i++)
        w.target[i] = (struct pl__target){.tag = i + 1,
                                          .format = {.type = PL_MODBUS_UINT16, .bit = -1},
                                          .scale = 1,
                                          .unit = 1,
                                          .address = (uint16_t)(BASE + i),
                                          .registers = 1,
                                          .has_manual = i == 1,
                                          .manual_table = PL__HOLDING,
                                          .manual_bit = -1,
                                          .manual = SWITCH};
    w.targets = (struct pl__targets){TARGETS, w.target};
}

static void begin(void) {
    struct pl_modbus_options options = {.host = "127.0.0.1",
                                        .port = w.port,
                                        .in_flight = 2,
                                        .timeout = 3 * PL_MILLISECOND,
                                        .backoff = PL_MILLISECOND,
                                        .backoff_max = PL_MILLISECOND,
                                        .link = on_link};
    struct pl__writes_options writes = {.deadline = 40 * PL_MILLISECOND,
                                        .retries = RETRIES,
                                        .backoff = PL_MILLISECOND / 2,
                                        .backoff_max = PL_MILLISECOND,
                                        .now = wall,
                                        .begin = on_begin,
                                        .ended = on_ended,
                                        .first = nothing,
                                        .manual = on_manual};
    memset(w.memory, 0, sizeof w.memory);
    memset(w.over, 0, sizeof w.over);
    w.orders = w.ended = 0;
    w.kept_size = 0;
    EXPECT(pl__writes_init(&w.writes, &writes, &w.targets, &w.loop, NULL) == PL_OK);
    w.client = pl_modbus_client_new(&w.loop, &options, NULL);
    EXPECT(w.client);
    w.writes.client = w.client;
}

static void finish(void) {
    pl_modbus_client_free(w.client);
    pl__writes_fini(&w.writes);
    hang_up();
    uv_run(&w.loop, UV_RUN_DEFAULT);
    for (int left; (left = accept4(w.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        close(left);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 2 || size > 512) return 0;
    if (w.listener < 0) open_listener();
    w.at = bytes;
    w.end = bytes + size;
    begin();
    unsigned wanted = 1 + next_byte() % ORDERS_MAX;
    pl_time patience = (pl_time)uv_hrtime() + 20 * PL_SECOND;
    while (w.ended < wanted) {
        if (w.orders < wanted && (w.ended == w.orders || next_byte() % 3 == 0)) order(w.orders % TARGETS);
        attend();
        uv_run(&w.loop, UV_RUN_NOWAIT);
        EXPECT((pl_time)uv_hrtime() < patience);
    }
    finish();
    return 0;
}
