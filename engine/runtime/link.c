#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/alloc.h>

struct pl_link {
    void *socket;
    zmq_msg_t last; /* what the frame received last stands in */
    bool engine;
    int fd;
    char folder[64]; /* "": gone, or not ours */
    char endpoint[PL_LINK_ENDPOINT_MAX];
};

enum { AHEAD = 1000 }; /* messages of a process that does not keep to what was agreed */

static const char link_name[] = "link";

static bool set(void *socket, int option, int value) {
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static struct pl_link *new_link(void *zmq, bool engine) {
    struct pl_link *link = PL_NEW(struct pl_link);
    if (!link) return NULL;
    zmq_msg_init(&link->last);
    link->engine = engine;
    link->socket = zmq_socket(zmq, ZMQ_PAIR);
    int64_t longest = PL_FRAME_HEAD + PL_FRAME_BODY_MAX;
    size_t size = sizeof link->fd;
    if (link->socket && set(link->socket, ZMQ_SNDHWM, 0) && set(link->socket, ZMQ_RCVHWM, engine ? AHEAD : 0) &&
        set(link->socket, ZMQ_LINGER, 0) &&
        zmq_setsockopt(link->socket, ZMQ_MAXMSGSIZE, &longest, sizeof longest) == 0 &&
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
    struct pl_link *link = new_link(zmq, true);
    if (!link) return give(NULL, "make a link", result, error);
    if (!make_folder(link)) return give(link, "make a folder for a link", result, error);
    snprintf(link->endpoint, sizeof link->endpoint, "ipc://%s/%s", link->folder, link_name);
    return give(link, zmq_bind(link->socket, link->endpoint) ? "bind a link" : NULL, result, error);
}

enum pl_code pl_link_connect(void *zmq, const char *endpoint, struct pl_link **result, struct pl_error **error) {
    struct pl_link *link = new_link(zmq, false);
    if (!link) return give(NULL, "make a link", result, error);
    set(link->socket, ZMQ_RECONNECT_IVL, -1); /* an end that is gone does not come back */
    snprintf(link->endpoint, sizeof link->endpoint, "%s", endpoint);
    return give(link, zmq_connect(link->socket, endpoint) ? "connect a link" : NULL, result, error);
}

void pl_link_found(struct pl_link *link) {
    char path[sizeof link->folder + sizeof link_name + 1];
    if (!link->folder[0]) return;
    snprintf(path, sizeof path, "%s/%s", link->folder, link_name);
    unlink(path);
    rmdir(link->folder);
    link->folder[0] = 0;
}

void pl_link_free(struct pl_link *link) {
    if (!link) return;
    zmq_msg_close(&link->last);
    if (link->socket) zmq_close(link->socket);
    pl_link_found(link);
    pl_free(link);
}

const char *pl_link_endpoint(const struct pl_link *link) {
    return link->endpoint;
}

int pl_link_fd(const struct pl_link *link) {
    return link->fd;
}

void pl_link_linger(struct pl_link *link, int ms) {
    set(link->socket, ZMQ_LINGER, ms);
}

bool pl_link_send(struct pl_link *link, const struct pl_frame *frame) {
    zmq_msg_t message;
    if (zmq_msg_init_size(&message, PL_FRAME_HEAD + frame->size)) return false;
    uint8_t *bytes = zmq_msg_data(&message);
    pl_frame_write_head(frame, bytes);
    if (frame->size) memcpy(bytes + PL_FRAME_HEAD, frame->body, frame->size);
    while (zmq_msg_send(&message, link->socket, ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR) continue;
        zmq_msg_close(&message);
        return false;
    }
    return true;
}

enum pl_received pl_link_receive(struct pl_link *link, struct pl_frame *frame) {
    while (zmq_msg_recv(&link->last, link->socket, ZMQ_DONTWAIT) < 0)
        if (errno != EINTR) return PL_RECEIVED_NOTHING;
    /* A part of several is none of ours, and its head may look like one. */
    bool whole = !zmq_msg_more(&link->last);
    bool read = pl_frame_read(zmq_msg_data(&link->last), zmq_msg_size(&link->last), !link->engine, frame);
    return whole && read ? PL_RECEIVED_FRAME : PL_RECEIVED_GARBAGE;
}
