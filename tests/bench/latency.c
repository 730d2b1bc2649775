/* latency.c: how long rows take through a program, at a given rate, from the moment each was due.
 *
 *     latency -r ROWS_PER_SECOND -t SECONDS -i PORT -o PORT     rows go to a TCP listener and come back to ours
 *     latency -r ROWS_PER_SECOND -t SECONDS -- COMMAND ...      rows go to its standard input, come from its output
 *
 * A row carries the time at which it was due to be sent, so a program that stalls the sender pays for it. Rows due in
 * the same millisecond leave in one write. The first tenth is warm-up. Prints one line: rate, rows sent and received,
 * p50, p99, p99.9 and maximum in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STAMP = 19, READ_BUFFER = 1 << 20, TAIL_SECONDS = 3 };
static const char rest_of_row[] = ",line1.pot01.voltage,4.1485\n";

struct meter {
    int in;  /* where rows go */
    int out; /* where they come back */
    uint64_t expected;
    _Atomic uint64_t received;
    _Atomic bool sent_all;
    uint32_t *lags; /* microseconds, tenths */
};

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* The stamp that begins a line; 0 when there is none. */
static uint64_t stamp_of(const char *line) {
    uint64_t stamp = 0;
    for (int i = 0; i < STAMP; i++) {
        if (line[i] < '0' || line[i] > '9') return 0;
        stamp = stamp * 10 + (uint64_t)(line[i] - '0');
    }
    return stamp;
}

static void note(struct meter *meter, uint64_t stamp, uint64_t now) {
    uint64_t n = atomic_load(&meter->received);
    if (!stamp || n >= meter->expected) return;
    uint64_t lag = now > stamp ? (now - stamp) / 100 : 0;
    meter->lags[n] = lag > UINT32_MAX ? UINT32_MAX : (uint32_t)lag;
    atomic_store(&meter->received, n + 1);
}

static void *receive(void *arg) {
    struct meter *meter = arg;
    static char buffer[READ_BUFFER];
    size_t have = 0;
    struct timeval patience = {.tv_sec = TAIL_SECONDS};
    setsockopt(meter->out, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (atomic_load(&meter->received) < meter->expected) {
        ssize_t got = read(meter->out, buffer + have, sizeof buffer - have);
        if (got < 0 && (errno == EAGAIN || errno == EINTR) && !atomic_load(&meter->sent_all)) continue;
        if (got <= 0) break;
        uint64_t now = now_ns();
        have += (size_t)got;
        size_t at = 0;
        for (char *end; (end = memchr(buffer + at, '\n', have - at)); at = (size_t)(end - buffer) + 1)
            if (end - (buffer + at) >= STAMP) note(meter, stamp_of(buffer + at), now);
        memmove(buffer, buffer + at, have - at);
        have -= at;
    }
    return NULL;
}

static void write_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t done = write(fd, bytes, size);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) die("sending");
        bytes += done;
        size -= (size_t)done;
    }
}

static void sleep_until(uint64_t ns) {
    struct timespec at = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

/* Rows are due evenly in ticks: of a millisecond, or of a row where they are fewer. */
static double send_rows(struct meter *meter, double rate) {
    static char buffer[1 << 20];
    uint64_t tick = rate >= 1000 ? 1000000 : (uint64_t)(1e9 / rate), start = now_ns() + 1000000, sent = 0;
    double a_tick = rate * (double)tick * 1e-9;
    for (uint64_t k = 0; sent < meter->expected; k++) {
        uint64_t due = start + k * tick, until = (uint64_t)((double)(k + 1) * a_tick + 0.5);
        if (due > now_ns()) sleep_until(due);
        if (until > meter->expected) until = meter->expected;
        size_t size = 0;
        for (; sent < until; sent++)
            size += (size_t)sprintf(buffer + size, "%019" PRIu64 "%s", due, rest_of_row);
        if (size) write_all(meter->in, buffer, size);
    }
    return (double)(now_ns() - start) * 1e-9;
}

static int loopback(int port, bool listening) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (listening) {
        if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 1)) die("listening");
        return fd;
    }
    for (int attempt = 0; connect(fd, (struct sockaddr *)&at, sizeof at); attempt++) {
        if (attempt == 100) die("connecting");
        close(fd);
        usleep(50000);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return fd;
}

static pid_t spawn(char **command, struct meter *meter) {
    int to[2], from[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, to) || socketpair(AF_UNIX, SOCK_STREAM, 0, from)) die("socketpair");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        close(to[1]);
        close(from[0]);
        execvp(command[0], command);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    meter->in = to[1];
    meter->out = from[0];
    return pid;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(struct meter *meter, double rate, double seconds, double took) {
    uint64_t n = meter->received, skip = n / 10, m = n - skip;
    if (!m) {
        printf("rate %.0f sent %" PRIu64 " received 0\n", rate, meter->expected);
        exit(1);
    }
    uint32_t *lags = meter->lags + skip;
    qsort(lags, m, sizeof *lags, by_value);
    printf("rate %.0f sent %" PRIu64 " received %" PRIu64 " p50 %.1f p99 %.1f p99.9 %.1f max %.1f us%s\n", rate,
           meter->expected, n, lags[m / 2] / 10.0, lags[m * 99 / 100] / 10.0,
           lags[(uint64_t)((double)m * 0.999)] / 10.0, lags[m - 1] / 10.0, took > seconds * 1.05 ? " saturated" : "");
}

int main(int argc, char **argv) {
    double rate = 0, seconds = 5;
    int in = 0, out = 0;
    for (int c; (c = getopt(argc, argv, "+r:t:i:o:")) != -1;)
        switch (c) {
        case 'r': rate = atof(optarg); break;
        case 't': seconds = atof(optarg); break;
        case 'i': in = atoi(optarg); break;
        case 'o': out = atoi(optarg); break;
        default: return 2;
        }
    if (rate <= 0 || (optind == argc && (!in || !out))) {
        fprintf(stderr, "usage: latency -r ROWS_PER_SECOND [-t SECONDS] (-i PORT -o PORT | -- COMMAND ...)\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct meter meter = {.expected = (uint64_t)(rate * seconds)};
    meter.lags = calloc(meter.expected + 1, sizeof *meter.lags);
    pid_t pid = 0;
    if (!meter.lags) die("memory");
    if (optind < argc) {
        pid = spawn(argv + optind, &meter);
    } else {
        int listener = loopback(out, true);
        meter.in = loopback(in, false);
        meter.out = accept(listener, NULL, NULL);
    }
    pthread_t thread;
    pthread_create(&thread, NULL, receive, &meter);
    double took = send_rows(&meter, rate);
    atomic_store(&meter.sent_all, true);
    pthread_join(thread, NULL);
    report(&meter, rate, seconds, took);
    close(meter.in);
    if (pid) {
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
    }
    return 0;
}
