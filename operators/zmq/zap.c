#include "zap.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "context.h"
#include "curve.h"

enum { FRAMES = 7, FRAME_MAX = 256, DOMAIN_MAX = 32 };

struct domain {
    struct domain *next;
    char name[DOMAIN_MAX];
    uint32_t count;
    uint8_t keys[][PL__CURVE_BYTES];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static struct domain *domains;
static pthread_t thread;
static bool running;

/* ---- The handler ---- */

static bool allowed(const char *name, size_t length, const uint8_t *key) {
    bool found = false;
    pthread_mutex_lock(&lock);
    for (const struct domain *d = domains; d && !found; d = d->next) {
        if (strlen(d->name) != length || memcmp(d->name, name, length) != 0) continue;
        for (uint32_t i = 0; i < d->count && !found; i++)
            found = memcmp(d->keys[i], key, PL__CURVE_BYTES) == 0;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* A request: version, id, domain, address, identity, mechanism, credentials. Sockets without a domain ask too, but have
 * no list: whoever has passed the handshake may come in. */
static void answer(void *socket, char frames[FRAMES][FRAME_MAX], const int lengths[FRAMES]) {
    const char *const mechanism = frames[5];
    bool curve = lengths[5] == 5 && memcmp(mechanism, "CURVE", 5) == 0 && lengths[6] == PL__CURVE_BYTES;
    bool good = lengths[2] == 0 || (curve && allowed(frames[2], (size_t)lengths[2], (const uint8_t *)frames[6]));
    zmq_send(socket, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(socket, frames[1], (size_t)lengths[1], ZMQ_SNDMORE);
    zmq_send(socket, good ? "200" : "400", 3, ZMQ_SNDMORE);
    zmq_send(socket, good ? "OK" : "not a known client", good ? 2 : 18, ZMQ_SNDMORE);
    zmq_send(socket, "", 0, ZMQ_SNDMORE);
    zmq_send(socket, "", 0, 0);
}

/* False when the context is being ended. */
static bool handle_one(void *socket) {
    char frames[FRAMES][FRAME_MAX] = {{0}};
    int lengths[FRAMES] = {0}, count = 0, more = 1;
    for (size_t size = sizeof(more); more; count++) {
        char rest[FRAME_MAX];
        int length = zmq_recv(socket, count < FRAMES ? frames[count] : rest, FRAME_MAX, 0);
        if (length < 0) return false;
        if (count < FRAMES) lengths[count] = length < FRAME_MAX ? length : FRAME_MAX;
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size);
    }
    answer(socket, frames, lengths);
    return true;
}

static void *run(void *socket) {
    while (handle_one(socket)) {
    }
    int none = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof(none));
    zmq_close(socket);
    return NULL;
}

/* ---- Domains ---- */

static bool start(void) {
    if (running) return true;
    void *socket = pl__context_socket(ZMQ_REP);
    if (!socket) return false;
    running = zmq_bind(socket, "inproc://zeromq.zap.01") == 0 && pthread_create(&thread, NULL, run, socket) == 0;
    if (running) {
        pl__context_disown();
    } else {
        pl__context_close(socket, 0);
    }
    return running;
}

bool pl__zap_allow(struct pl__link *link, const struct pl_strings *clients) {
    struct domain *domain = pl_alloc(sizeof(*domain) + clients->count * sizeof(domain->keys[0]));
    if (!domain) return false;
    snprintf(domain->name, sizeof(domain->name), "%p", (void *)link);
    for (; domain->count < clients->count; domain->count++) {
        zmq_z85_decode(domain->keys[domain->count], clients->items[domain->count]);
    }
    pthread_mutex_lock(&lock);
    bool started = start();
    if (started) {
        domain->next = domains;
        domains = domain;
    }
    pthread_mutex_unlock(&lock);
    if (!started) {
        pl_free(domain);
        return false;
    }
    link->restricted = true;
    return zmq_setsockopt(link->socket, ZMQ_ZAP_DOMAIN, domain->name, strlen(domain->name)) == 0;
}

void pl__zap_forget(const struct pl__link *link) {
    char name[DOMAIN_MAX];
    snprintf(name, sizeof(name), "%p", (const void *)link);
    pthread_mutex_lock(&lock);
    for (struct domain **at = &domains; *at; at = &(*at)->next) {
        struct domain *domain = *at;
        if (strcmp(domain->name, name) != 0) continue;
        *at = domain->next;
        pl_free(domain);
        break;
    }
    pthread_mutex_unlock(&lock);
}

void pl__zap_stop(void *context) {
    if (!running) return;
    zmq_ctx_shutdown(context);
    pthread_join(thread, NULL);
    running = false;
}
