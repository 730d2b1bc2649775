#include "context.h"

#include <pthread.h>
#include <stdatomic.h>
#include <zmq.h>

#include "zap.h"

enum { SOCKETS_MAX = 8192 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *context;
static atomic_uint open_sockets;

static void make(void) {
    context = zmq_ctx_new();
    if (context) zmq_ctx_set(context, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
}

void *pl__context_socket(int type) {
    pthread_once(&once, make);
    void *socket = context ? zmq_socket(context, type) : NULL;
    if (socket) atomic_fetch_add(&open_sockets, 1);
    return socket;
}

void pl__context_close(void *socket, pl_time linger) {
    int ms = (int)(linger / PL_MILLISECOND);
    zmq_setsockopt(socket, ZMQ_LINGER, &ms, sizeof(ms));
    zmq_close(socket);
    atomic_fetch_sub(&open_sockets, 1);
}

void pl__context_disown(void) {
    atomic_fetch_sub(&open_sockets, 1);
}

/* At the process's end what lingers still has its time. A node that was not closed by then would make the end wait for
 * ever, so the context is left alone. */
__attribute__((destructor)) static void end(void) {
    if (!context) return;
    pl__zap_stop(context);
    if (atomic_load(&open_sockets) == 0) zmq_ctx_term(context);
}
