#include "anchors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/tag.h>

enum { LINGER_MS = 1000, TOPIC_MAX = 16 + PL_NAME_MAX };

struct pl_anchors {
    void *context, *socket;
    char topic[TOPIC_MAX];
};

enum pl_code pl_anchors_open(const char *endpoint, const char *name, struct pl_anchors **anchors,
                             struct pl_error **error) {
    struct pl_anchors *a = *anchors = PL_NEW(struct pl_anchors);
    if (!a) return pl_error_set(error, PL_NO_MEMORY, "no memory to publish anchors");
    snprintf(a->topic, sizeof a->topic, "audit/anchor/%s", name);
    a->context = zmq_ctx_new();
    a->socket = a->context ? zmq_socket(a->context, ZMQ_PUB) : NULL;
    int linger = LINGER_MS;
    if (a->socket && zmq_setsockopt(a->socket, ZMQ_LINGER, &linger, sizeof linger) == 0 &&
        zmq_bind(a->socket, endpoint) == 0)
        return PL_OK;
    enum pl_code code = pl_error_set(error, PL_UNAVAILABLE, "audit.publish: %s: %s", endpoint, zmq_strerror(errno));
    pl_anchors_close(a);
    *anchors = NULL;
    return code;
}

void pl_anchors_tell(struct pl_anchors *anchors, const char *place) {
    if (!anchors) return;
    if (zmq_send(anchors->socket, anchors->topic, strlen(anchors->topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return;
    zmq_send(anchors->socket, place, strlen(place), ZMQ_DONTWAIT);
}

void pl_anchors_close(struct pl_anchors *anchors) {
    if (!anchors) return;
    if (anchors->socket) zmq_close(anchors->socket);
    if (anchors->context) zmq_ctx_term(anchors->context);
    pl_free(anchors);
}
