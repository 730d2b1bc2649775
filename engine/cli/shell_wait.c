#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "base/clock.h"
#include "shell.h"

static volatile sig_atomic_t interrupted, ended, resized, continued;
static sigset_t waiting; /* the signals that are blocked while the shell sleeps: those that were from the beginning */

static void on_signal(int number) {
    switch (number) {
    case SIGINT: interrupted = 1; break;
    case SIGWINCH: resized = 1; break;
    case SIGCONT: continued = 1; break;
    default: ended = number;
    }
}

void pl_shell_signals_begin(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < PL_COUNT_OF(numbers); i++) {
        sigaddset(&blocked, numbers[i]);
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, &waiting);
    for (size_t i = 0; i < PL_COUNT_OF(numbers); i++)
        sigdelset(&waiting, numbers[i]);
}

static unsigned take_signals(struct pl_shell *shell) {
    unsigned wake = 0;
    if (interrupted) wake |= PL_WAKE_INTERRUPT;
    if (resized) wake |= PL_WAKE_RESIZE;
    if (continued) wake |= PL_WAKE_CONTINUED;
    interrupted = resized = continued = 0;
    if (ended) {
        shell->signal = ended;
        shell->ended = true;
        wake |= PL_WAKE_END;
    }
    return wake;
}

static bool time_left(int64_t deadline, struct timespec *left) {
    int64_t span = deadline - pl_clock_monotonic();
    if (deadline == INT64_MAX) span = PL_HOUR;
    if (span < 0) span = 0;
    *left = (struct timespec){.tv_sec = span / PL_SECOND, .tv_nsec = span % PL_SECOND};
    return span > 0;
}

unsigned pl_shell_wait(struct pl_shell *shell, bool keys, int64_t deadline) {
    struct pollfd polled[3] = {{.fd = -1}, {.fd = -1}, {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN}};
    int fds[2];
    if (shell->client) {
        pl_client_fds(shell->client, fds);
        for (unsigned i = 0; i < 2; i++)
            polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    for (;;) {
        struct timespec left;
        bool more = time_left(deadline, &left);
        int ready = ppoll(polled, PL_COUNT_OF(polled), &left, &waiting);
        unsigned wake = take_signals(shell);
        if (ready > 0 && (polled[0].revents || polled[1].revents)) wake |= PL_WAKE_LINK;
        if (ready > 0 && polled[2].revents) wake |= PL_WAKE_KEY;
        if (wake || !more || (ready < 0 && errno != EINTR)) return wake;
    }
}
