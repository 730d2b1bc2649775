/* rogue.c: modbus_rogue_device PORT MODE [NUMBER]: a device that misbehaves in one chosen way, one connection after the
 * other. Answers to function 3 carry the address asked for in every register. */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 260, HELD_MAX = 64 };

struct request {
    uint8_t bytes[FRAME];
    size_t size;
};

static int connection;
static long number;

static bool receive(uint8_t *bytes, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t got = read(connection, bytes + at, size - at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += (size_t)got;
    }
    return true;
}

static bool next_request(struct request *request) {
    if (!receive(request->bytes, 6)) return false;
    size_t rest = (size_t)request->bytes[4] << 8 | request->bytes[5];
    request->size = 6 + rest;
    return rest >= 6 && request->size <= FRAME && receive(request->bytes + 6, rest);
}

static bool put(const void *bytes, size_t size) {
    return write(connection, bytes, size) == (ssize_t)size;
}

static void pause_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* The right answer to a request with function 3; returns its size. */
static size_t answer(const struct request *request, uint8_t *frame) {
    unsigned count = (unsigned)request->bytes[10] << 8 | request->bytes[11];
    memcpy(frame, request->bytes, 8);
    frame[8] = (uint8_t)(2 * count);
    for (unsigned i = 0; i < count; i++)
        memcpy(frame + 9 + 2 * i, request->bytes + 8, 2);
    size_t size = 9 + 2 * (size_t)count;
    frame[4] = (uint8_t)((size - 6) >> 8);
    frame[5] = (uint8_t)(size - 6);
    return size;
}

/* ---- One connection in each mode; they return when it is to be closed ---- */

static void honest(void) {
    struct request request;
    uint8_t frame[FRAME];
    while (next_request(&request) && put(frame, answer(&request, frame)))
        ;
}

static void slow(void) {
    struct request request;
    uint8_t frame[FRAME];
    while (next_request(&request)) {
        pause_ms(number);
        if (!put(frame, answer(&request, frame))) return;
    }
}

/* The first request of all is answered late, the others at once. */
static void late_once(void) {
    static bool was;
    struct request request;
    uint8_t frame[FRAME];
    while (next_request(&request)) {
        if (!was) pause_ms(number);
        was = true;
        if (!put(frame, answer(&request, frame))) return;
    }
}

static void backwards(void) {
    static struct request held[HELD_MAX];
    uint8_t frame[FRAME];
    for (;;) {
        for (long i = 0; i < number; i++)
            if (!next_request(&held[i])) return;
        for (long i = number; i-- > 0;)
            if (!put(frame, answer(&held[i], frame))) return;
    }
}

static void garbage(void) {
    struct request request;
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    if (next_request(&request) && put(text, sizeof text - 1)) honest();
}

static void half(void) {
    struct request request;
    uint8_t frame[FRAME];
    if (!next_request(&request)) return;
    put(frame, answer(&request, frame) / 2);
    while (next_request(&request))
        ;
}

static void dribble(void) {
    struct request request;
    uint8_t frame[FRAME];
    while (next_request(&request)) {
        size_t size = answer(&request, frame);
        for (size_t i = 0; i < size; i++) {
            if (!put(frame + i, 1)) return;
            if (i % 4 == 0) pause_ms(1);
        }
    }
}

static void close_on_request(void) {
    struct request request;
    next_request(&request);
}

static void reset_on_request(void) {
    struct request request;
    struct linger linger = {1, 0};
    next_request(&request);
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* One byte of the right answer is changed: its place is the number. */
static void wrong_byte(void) {
    struct request request;
    uint8_t frame[FRAME];
    while (next_request(&request)) {
        size_t size = answer(&request, frame);
        frame[number] ^= 0x15;
        if (!put(frame, size)) return;
    }
}

static bool put_strays(const struct request *request, long count) {
    uint8_t frame[FRAME];
    size_t size = answer(request, frame);
    frame[0] ^= 0x80;
    for (long i = 0; i < count; i++)
        if (!put(frame, size)) return false;
    return true;
}

static void strays_first(void) {
    struct request request;
    uint8_t frame[FRAME];
    while (next_request(&request) && put_strays(&request, number) && put(frame, answer(&request, frame)))
        ;
}

static void flood(void) {
    struct request request;
    if (!next_request(&request)) return;
    while (put_strays(&request, 100))
        ;
}

static void mute(void) {
    struct request request;
    while (next_request(&request))
        ;
}

static void deaf(void) {
    pause_ms(number);
}

static void close_at_once(void) {
}

static const struct {
    const char *name;
    void (*run)(void);
} modes[] = {
    {"honest", honest},
    {"slow", slow},
    {"late-once", late_once},
    {"backwards", backwards},
    {"garbage", garbage},
    {"half", half},
    {"dribble", dribble},
    {"close-on-request", close_on_request},
    {"reset", reset_on_request},
    {"wrong-byte", wrong_byte},
    {"strays-first", strays_first},
    {"flood", flood},
    {"mute", mute},
    {"deaf", deaf},
    {"close-at-once", close_at_once},
};

int main(int count, char **arguments) {
    if (count < 3) return 2;
    number = count > 3 ? atol(arguments[3]) : 0;
    void (*run)(void) = NULL;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(modes[i].name, arguments[2]) == 0) run = modes[i].run;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(arguments[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1, least = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (run == deaf) setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    if (!run || bind(listener, (struct sockaddr *)&address, size) || listen(listener, 16) ||
        getsockname(listener, (struct sockaddr *)&address, &size)) {
        perror("modbus_rogue_device");
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        connection = accept(listener, NULL, NULL);
        if (connection < 0) return 1;
        run();
        close(connection);
    }
}
