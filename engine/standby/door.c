#include "standby/door.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/alloc.h>

enum { COMMAND_MAX = 64, PATIENCE_MS = 3000, ENDPOINT = sizeof((struct sockaddr_un *)0)->sun_path + sizeof "ipc://" };

static enum pl_code endpoint_of(const char *folder, char endpoint[ENDPOINT], struct pl_error **error) {
    if (snprintf(endpoint, ENDPOINT, "ipc://%s/" PL_STANDBY_DOOR, folder) < ENDPOINT - 1) return PL_OK;
    return pl_error_set(error, PL_LIMIT, "%s: the path is too long for a socket", folder);
}

enum pl_code pl__door_open(struct pl__door *door, const char *folder, struct pl_error **error) {
    char endpoint[ENDPOINT];
    int none = 0;
    int64_t longest = COMMAND_MAX;
    *door = (struct pl__door){0};
    enum pl_code code = endpoint_of(folder, endpoint, error);
    if (code) return code;
    door->path = pl_strdup(endpoint + strlen("ipc://"));
    door->context = zmq_ctx_new();
    door->socket = door->context && door->path ? zmq_socket(door->context, ZMQ_REP) : NULL;
    if (!door->socket) return pl_error_set(error, PL_LIMIT, "standby: no socket: %s", zmq_strerror(errno));
    zmq_setsockopt(door->socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(door->socket, ZMQ_MAXMSGSIZE, &longest, sizeof longest);
    unlink(door->path);
    mode_t mask = umask(0177);
    int bound = zmq_bind(door->socket, endpoint);
    umask(mask);
    return bound == 0 ? PL_OK : pl_error_set(error, PL_IO, "%s: %s", door->path, zmq_strerror(errno));
}

void pl__door_close(struct pl__door *door) {
    if (door->socket) {
        int a_moment = 100; /* for the last answer */
        zmq_setsockopt(door->socket, ZMQ_LINGER, &a_moment, sizeof a_moment);
        zmq_close(door->socket);
        unlink(door->path);
    }
    if (door->context) zmq_ctx_term(door->context);
    pl_free(door->path);
    *door = (struct pl__door){0};
}

void pl__door_answer(struct pl__door *door, const char *text) {
    zmq_send(door->socket, text, strlen(text), ZMQ_DONTWAIT);
}

static bool is(const char *text, int size, const char *command) {
    return (size_t)size == strlen(command) && memcmp(text, command, (size_t)size) == 0;
}

enum pl__knock pl__door_next(struct pl__door *door) {
    char text[COMMAND_MAX];
    int size;
    while (door->socket && (size = zmq_recv(door->socket, text, sizeof text, ZMQ_DONTWAIT)) >= 0) {
        if (is(text, size, "takeover")) return PL__TAKEOVER;
        if (is(text, size, "status")) return PL__STATUS;
        pl__door_answer(door, "unknown command; there are takeover and status");
    }
    return PL__NOBODY;
}

enum pl_code pl_standby_ask(const char *folder, const char *command, char answer[PL_STANDBY_ANSWER],
                            struct pl_error **error) {
    char endpoint[ENDPOINT];
    int patience = PATIENCE_MS, none = 0, size = -1;
    enum pl_code code = endpoint_of(folder, endpoint, error);
    if (code) return code;
    void *context = zmq_ctx_new(), *socket = context ? zmq_socket(context, ZMQ_REQ) : NULL;
    if (socket) {
        zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
        zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
        if (zmq_connect(socket, endpoint) == 0 && zmq_send(socket, command, strlen(command), 0) >= 0)
            size = zmq_recv(socket, answer, PL_STANDBY_ANSWER - 1, 0);
        zmq_close(socket);
    }
    if (context) zmq_ctx_term(context);
    if (size < 0)
        return pl_error_set(
            error, PL_UNAVAILABLE,
            "%s: nobody answers at %s: is a standby at work there? One that has taken over is an engine; ask it "
            "with potline shell --data %s -c status",
            folder, endpoint, folder);
    answer[size < PL_STANDBY_ANSWER - 1 ? size : PL_STANDBY_ANSWER - 1] = 0;
    return PL_OK;
}
