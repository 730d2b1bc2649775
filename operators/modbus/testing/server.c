#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_first.h"

static void become(const char *program, const char *port, int out, const char *a, const char *b, const char *c) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(out, STDOUT_FILENO) >= 0) execl(program, program, port, a, b, c, (char *)NULL);
    perror(program);
    _exit(127);
}

static uint16_t read_port(int in) {
    char line[32];
    size_t length = 0;
    while (length < sizeof line - 1) {
        ssize_t size = read(in, line + length, 1);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0 || line[length] == '\n') break;
        length++;
    }
    line[length] = '\0';
    return (uint16_t)atoi(line);
}

void server_start(struct server *server, const char *program, uint16_t port, const char *a, const char *b,
                  const char *c) {
    char text[8];
    int ends[2];
    snprintf(text, sizeof text, "%u", port);
    assert_int_equal(pipe(ends), 0);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) become(program, text, ends[1], a, b, c);
    close(ends[1]);
    server->port = read_port(ends[0]);
    close(ends[0]);
    assert_int_not_equal(server->port, 0);
}

void server_kill(struct server *server) {
    if (server->pid <= 0) return;
    kill(server->pid, SIGKILL);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    server->pid = 0;
}

void server_pause(struct server *server) {
    kill(server->pid, SIGSTOP);
    waitpid(server->pid, NULL, WUNTRACED);
}

void server_continue(struct server *server) {
    kill(server->pid, SIGCONT);
}
