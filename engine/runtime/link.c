#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/alloc.h>

#include "runtime/program_wire.h"

struct pl_link {
    void *socket;
    void *out;                   /* where is sent to: the same one, but with a program */
    struct pl_program_wire wire; /* of a program */
    bool program;
    zmq_msg_t last; /* what the frame received last stands in */
    bool engine;
    int fd;
    char folder[64]; /* "": gone, or not ours */
    char endpoint[PL_LINK_ENDPOINT_MAX];
};

enum {
    AHEAD = 1000,
    PROGRAM_AHEAD = 64,
    QUIET = 256 /* bytes where nothing is to be said */
};              /* messages of a process that does not keep to what was agreed */

static const char link_name[] = "link", in_name[] = "in", out_name[] = "out";

static bool set(void *socket, int option, int value) {
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static void *new_socket(void *zmq, int ahead, int64_t longest) {
    void *socket = zmq_socket(zmq, ZMQ_PAIR);
    if (!socket) return NULL;
    if (set(socket, ZMQ_SNDHWM, 0) && set(socket, ZMQ_RCVHWM, ahead) && set(socket, ZMQ_LINGER, 0) &&
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &longest, sizeof longest) == 0)
        return socket;
    zmq_close(socket);
    return NULL;
}

static struct pl_link *new_link(void *zmq, bool engine, bool program) {
    struct pl_link *link = PL_NEW(struct pl_link);
    if (!link) return NULL;
    zmq_msg_init(&link->last);
    link->engine = engine;
    link->program = program;
    int64_t longest = program ? PL_PROGRAM_MESSAGE_MAX : PL_FRAME_HEAD + PL_FRAME_BODY_MAX;
    link->socket = new_socket(zmq, program ? PROGRAM_AHEAD : engine ? AHEAD : 0, longest);
    link->out = program ? new_socket(zmq, 1, QUIET) : link->socket;
    size_t size = sizeof link->fd;
    if (link->socket && link->out && (!program || pl_program_wire_init(&link->wire)) &&
        zmq_getsockopt(link->socket, ZMQ_FD, &link->fd, &size) == 0)
        return link;
    pl_link_free(link);
    return NULL;
}

/* Short, whatever the data folder is called: a path of a socket has 107 bytes. Temporary files are not followed into a
 * folder that is too long for it. */
static bool make_folder(struct pl_link *link) {
    const char *places[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < PL_COUNT_OF(places); i++) {
        if (!places[i] || !places[i][0]) continue;
        int length = snprintf(link->folder, sizeof link->folder, "%s/potline-link-XXXXXX", places[i]);
        if (length < (int)sizeof link->folder && mkdtemp(link->folder)) return true; /* 0700 */
    }
    link->folder[0] = 0;
    return false;
}

static enum pl_code give(struct pl_link *link, const char *failed, struct pl_link **result, struct pl_error **error) {
    if (!failed) {
        *result = link;
        return PL_OK;
    }
    enum pl_code code = pl_error_set(error, PL_IO, "cannot %s: %s", failed, zmq_strerror(errno));
    pl_link_free(link);
    *result = NULL;
    return code;
}

enum pl_code pl_link_bind(void *zmq, struct pl_link **result, struct pl_error **error) {
    struct pl_link *link = new_link(zmq, true, false);
    if (!link) return give(NULL, "make a link", result, error);
    if (!make_folder(link)) return give(link, "make a folder for a link", result, error);
    snprintf(link->endpoint, sizeof link->endpoint, "ipc://%s/%s", link->folder, link_name);
    return give(link, zmq_bind(link->socket, link->endpoint) ? "bind a link" : NULL, result, error);
}

enum pl_code pl_link_bind_program(void *zmq, struct pl_link **result, struct pl_error **error) {
    struct pl_link *link = new_link(zmq, true, true);
    if (!link) return give(NULL, "make a link", result, error);
    if (!make_folder(link)) return give(link, "make a folder for a link", result, error);
    struct pl_link_endpoints its;
    pl_link_endpoints(link, &its);
    bool bound = zmq_bind(link->socket, its.out) == 0 && zmq_bind(link->out, its.in) == 0;
    return give(link, bound ? NULL : "bind a link", result, error);
}

enum pl_code pl_link_connect(void *zmq, const char *endpoint, struct pl_link **result, struct pl_error **error) {
    struct pl_link *link = new_link(zmq, false, false);
    if (!link) return give(NULL, "make a link", result, error);
    set(link->socket, ZMQ_RECONNECT_IVL, -1); /* an end that is gone does not come back */
    snprintf(link->endpoint, sizeof link->endpoint, "%s", endpoint);
    return give(link, zmq_connect(link->socket, endpoint) ? "connect a link" : NULL, result, error);
}

void pl_link_found(struct pl_link *link) {
    const char *const names[] = {link_name, in_name, out_name};
    char path[sizeof link->folder + sizeof link_name + 1];
    if (!link->folder[0]) return;
    for (size_t i = 0; i < PL_COUNT_OF(names); i++) {
        snprintf(path, sizeof path, "%s/%s", link->folder, names[i]);
        unlink(path);
    }
    rmdir(link->folder);
    link->folder[0] = 0;
}

void pl_link_free(struct pl_link *link) {
    if (!link) return;
    zmq_msg_close(&link->last);
    if (link->out && link->out != link->socket) zmq_close(link->out);
    if (link->socket) zmq_close(link->socket);
    if (link->program) pl_program_wire_fini(&link->wire);
    pl_link_found(link);
    pl_free(link);
}

const char *pl_link_endpoint(const struct pl_link *link) {
    return link->endpoint;
}

void pl_link_endpoints(const struct pl_link *link, struct pl_link_endpoints *endpoints) {
    snprintf(endpoints->in, sizeof endpoints->in, "ipc://%s/%s", link->folder, in_name);
    snprintf(endpoints->out, sizeof endpoints->out, "ipc://%s/%s", link->folder, out_name);
}

int pl_link_fd(const struct pl_link *link) {
    return link->fd;
}

bool pl_link_listens(struct pl_link *link) {
    int events = 0;
    size_t size = sizeof events;
    if (!link->program) return true;
    zmq_getsockopt(link->socket, ZMQ_EVENTS, &events,
                   &size); /* its descriptor is looked at, though nothing is received */
    size = sizeof events;
    return zmq_getsockopt(link->out, ZMQ_EVENTS, &events, &size) == 0 && events & ZMQ_POLLOUT;
}

int pl_link_out_fd(const struct pl_link *link) {
    int fd = -1;
    size_t size = sizeof fd;
    return link->program && zmq_getsockopt(link->out, ZMQ_FD, &fd, &size) == 0 ? fd : -1;
}

void pl_link_linger(struct pl_link *link, int ms) {
    set(link->socket, ZMQ_LINGER, ms);
}

static bool send_message(struct pl_link *link, zmq_msg_t *message) {
    while (zmq_msg_send(message, link->out, ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR) continue;
        zmq_msg_close(message);
        return false;
    }
    return true;
}

static bool send_to_program(struct pl_link *link, const struct pl_frame *frame) {
    zmq_msg_t message;
    const void *bytes;
    size_t size;
    if (!pl_program_wire_write(&link->wire, frame, &bytes, &size) || zmq_msg_init_size(&message, size)) return false;
    memcpy(zmq_msg_data(&message), bytes, size);
    return send_message(link, &message);
}

bool pl_link_send(struct pl_link *link, const struct pl_frame *frame) {
    zmq_msg_t message;
    if (link->program) return send_to_program(link, frame);
    if (zmq_msg_init_size(&message, PL_FRAME_HEAD + frame->size)) return false;
    uint8_t *bytes = zmq_msg_data(&message);
    pl_frame_write_head(frame, bytes);
    if (frame->size) memcpy(bytes + PL_FRAME_HEAD, frame->body, frame->size);
    return send_message(link, &message);
}

enum pl_received pl_link_receive(struct pl_link *link, struct pl_frame *frame) {
    while (zmq_msg_recv(&link->last, link->socket, ZMQ_DONTWAIT) < 0)
        if (errno != EINTR) return PL_RECEIVED_NOTHING;
    /* A part of several is none of ours, and its head may look like one. */
    bool whole = !zmq_msg_more(&link->last);
    const void *bytes = zmq_msg_data(&link->last);
    size_t size = zmq_msg_size(&link->last);
    bool read = link->program ? pl_program_wire_read(&link->wire, bytes, size, frame)
                              : pl_frame_read(bytes, size, !link->engine, frame);
    if (!whole) snprintf(link->wire.problem, sizeof link->wire.problem, "a message of several parts");
    return whole && read ? PL_RECEIVED_FRAME : PL_RECEIVED_GARBAGE;
}

const char *pl_link_problem(struct pl_link *link) {
    struct pl_program_wire *wire = &link->wire;
    if (link->program && !*wire->problem && wire->type)
        snprintf(wire->problem, sizeof wire->problem, "%s, out of place or with what cannot be read", wire->type);
    return wire->problem;
}
