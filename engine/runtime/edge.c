/* edge.c: the one place that knows how to use a ZeroMQ pair as an edge. */
#include "edge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "batch/batch_impl.h"

/* Everything but a batch travels as this, in a message that ZeroMQ copies by value (at most 33 bytes). A batch's
 * message is never that short: its table, root pointer, header and pointers alone are longer. */
struct signal {
    int64_t value;
    uint8_t type;
    uint8_t idle;
};

struct pl_edge {
    struct pl_edge_options options;
    void *push;
    void *pull;
    int fd;
    /* sender's */
    struct pl_item *overrun;
    uint32_t overrun_from, overrun_count, overrun_capacity;
    bool marked;
    bool ended;          /* its end has been sent: nothing more goes in, and it keeps nobody from working */
    _Atomic bool broken; /* of one beside the graph: something did not go in */
    /* shared */
    _Atomic uint32_t items;
    _Atomic int64_t bytes;
    _Atomic bool waiting;
    _Atomic uint64_t dropped_rows;
};

static void *new_socket(void *zmq, int type) {
    void *socket = zmq_socket(zmq, type);
    if (!socket) return NULL;
    int none = 0;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    return socket;
}

enum pl_code pl_edge_new(void *zmq, const struct pl_edge_options *options, struct pl_edge **edge,
                         struct pl_error **error) {
    static _Atomic uint64_t number;
    *edge = NULL;
    struct pl_edge *e = PL_NEW(struct pl_edge);
    if (!e) {
        return pl_error_set(error, PL_NO_MEMORY, "no memory for an edge");
    }
    e->options = *options;
    char endpoint[48];
    snprintf(endpoint, sizeof endpoint, "inproc://edge-%" PRIu64, atomic_fetch_add(&number, 1));
    e->push = new_socket(zmq, ZMQ_PUSH);
    e->pull = new_socket(zmq, ZMQ_PULL);
    size_t size = sizeof e->fd;
    if (!e->push || !e->pull || zmq_bind(e->pull, endpoint) || zmq_connect(e->push, endpoint) ||
        zmq_getsockopt(e->pull, ZMQ_FD, &e->fd, &size)) {
        enum pl_code code = pl_error_set(error, PL_LIMIT, "cannot make an edge: %s", zmq_strerror(errno));
        pl_edge_free(e);
        return code;
    }
    *edge = e;
    return PL_OK;
}

void pl_edge_free(struct pl_edge *edge) {
    if (!edge) return;
    for (uint32_t i = edge->overrun_from; i < edge->overrun_count; i++)
        if (edge->overrun[i].type == PL_ITEM_BATCH) pl_batch_unref(edge->overrun[i].batch);
    pl_free(edge->overrun);
    if (edge->push) zmq_close(edge->push);
    if (edge->pull) zmq_close(edge->pull); /* drops what is queued, batches through their free function */
    pl_free(edge);
}

static size_t size_of(const struct pl_item *item) {
    return item->type == PL_ITEM_BATCH ? item->batch->message_size : sizeof(struct signal);
}

/* ---- Sending ---- */

static void transmit(struct pl_edge *edge, const struct pl_item *item) {
    zmq_msg_t message;
    if (item->type == PL_ITEM_BATCH) {
        if (zmq_msg_init_data(&message, item->batch->message, item->batch->message_size, pl_batch_message_free,
                              item->batch)) {
            pl_diag(PL_ERROR, "an edge lost a batch: %s", zmq_strerror(errno));
            atomic_fetch_add_explicit(&edge->dropped_rows, item->batch->rows, memory_order_relaxed);
            pl_batch_unref(item->batch);
            return;
        }
    } else {
        struct signal signal = {.type = (uint8_t)item->type, .idle = item->idle};
        signal.value = item->type == PL_ITEM_BARRIER ? (int64_t)item->epoch : item->time;
        zmq_msg_init_size(&message, sizeof signal);
        memcpy(zmq_msg_data(&message), &signal, sizeof signal);
    }
    atomic_fetch_add(&edge->bytes, (int64_t)size_of(item));
    atomic_fetch_add(&edge->items, 1);
    while (zmq_msg_send(&message, edge->push, ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR) continue;
        pl_diag(PL_ERROR, "an edge lost an item: %s", zmq_strerror(errno)); /* the context is being ended */
        zmq_msg_close(&message);
        return;
    }
}

static bool credit(const struct pl_edge *edge) {
    return atomic_load(&edge->items) < edge->options.batches && atomic_load(&edge->bytes) < edge->options.bytes;
}

static void drop(struct pl_edge *edge, struct pl_batch *batch) {
    atomic_fetch_add_explicit(&edge->dropped_rows, batch->rows, memory_order_relaxed);
    pl_batch_unref(batch);
}

/* ---- Room ---- */

/* Sends what waits as far as there is room; true when nothing waits any more. */
static bool flush(struct pl_edge *edge) {
    while (edge->overrun_from < edge->overrun_count && credit(edge))
        transmit(edge, &edge->overrun[edge->overrun_from++]);
    if (edge->overrun_from < edge->overrun_count) return false;
    edge->overrun_from = edge->overrun_count = 0;
    return true;
}

bool pl_edge_room(struct pl_edge *edge) {
    if (edge->options.beside) return true;
    bool waits_for_nobody = edge->options.drop && !edge->ended;
    if (flush(edge) && (edge->ended || waits_for_nobody || credit(edge))) return true;
    atomic_store(&edge->waiting, true);
    if (!flush(edge) || !(edge->ended || credit(edge))) return waits_for_nobody;
    atomic_store(&edge->waiting, false);
    return true;
}

/* A later watermark says all that an earlier one did. */
static bool merged_into_last(struct pl_edge *edge, const struct pl_item *item) {
    if (item->type != PL_ITEM_WATERMARK || edge->overrun_from == edge->overrun_count) return false;
    struct pl_item *last = &edge->overrun[edge->overrun_count - 1];
    if (last->type != PL_ITEM_WATERMARK) return false;
    *last = *item;
    return true;
}

static void keep(struct pl_edge *edge, const struct pl_item *item) {
    if (merged_into_last(edge, item)) return;
    if (edge->overrun_count == edge->overrun_capacity) {
        uint32_t capacity = edge->overrun_capacity ? edge->overrun_capacity * 2 : 16;
        struct pl_item *grown = pl_realloc(edge->overrun, capacity * sizeof *grown);
        if (!grown) { /* rather one item over the limit than one lost */
            transmit(edge, item);
            return;
        }
        edge->overrun = grown;
        edge->overrun_capacity = capacity;
    }
    edge->overrun[edge->overrun_count++] = *item;
}

/* What is beside the graph goes in whole, or not at all from then on. */
static bool goes_in(struct pl_edge *edge) {
    if (edge->ended || atomic_load_explicit(&edge->broken, memory_order_relaxed)) return false;
    if (!edge->options.beside || credit(edge)) return true;
    atomic_store(&edge->broken, true);
    return false;
}

void pl_edge_send(struct pl_edge *edge, const struct pl_item *item) {
    if (!goes_in(edge)) {
        if (item->type == PL_ITEM_BATCH) pl_batch_unref(item->batch);
        return;
    }
    edge->ended = item->type == PL_ITEM_END;
    bool rows = item->type == PL_ITEM_BATCH;
    if (edge->overrun_from == edge->overrun_count && credit(edge))
        transmit(edge, item);
    else if (rows && edge->options.drop)
        drop(edge, item->batch);
    else
        keep(edge, item);
}

/* ---- Receiving ---- */

static void take_back(struct pl_edge *edge, size_t size) {
    int64_t bytes = atomic_fetch_sub(&edge->bytes, (int64_t)size) - (int64_t)size;
    uint32_t items = atomic_fetch_sub(&edge->items, 1) - 1;
    if (items > edge->options.batches / 2 || bytes > edge->options.bytes / 2) return;
    if (atomic_load(&edge->waiting) && atomic_exchange(&edge->waiting, false)) edge->options.poke(edge->options.sender);
}

bool pl_edge_receive(struct pl_edge *edge, struct pl_item *item) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, edge->pull, ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR) continue;
        return false;
    }
    size_t size = zmq_msg_size(&message);
    take_back(edge, size); /* first: reading the credit orders the sender's writes before our reads */
    if (size == sizeof(struct signal)) {
        struct signal signal;
        memcpy(&signal, zmq_msg_data(&message), sizeof signal);
        *item = (struct pl_item){.type = (enum pl_item_type)signal.type, .idle = signal.idle};
        if (item->type == PL_ITEM_BARRIER)
            item->epoch = (uint64_t)signal.value;
        else
            item->time = signal.value;
    } else {
        *item = (struct pl_item){.type = PL_ITEM_BATCH};
        item->batch = pl_batch_ref(pl_batch_of_message(zmq_msg_data(&message)));
    }
    zmq_msg_close(&message);
    return true;
}

int pl_edge_fd(const struct pl_edge *edge) {
    return edge->fd;
}

bool pl_edge_ready(struct pl_edge *edge) {
    int events = 0;
    size_t size = sizeof events;
    if (zmq_getsockopt(edge->pull, ZMQ_EVENTS, &events, &size)) return false;
    return events & ZMQ_POLLIN;
}

void pl_edge_limit(struct pl_edge *edge, int64_t bytes) {
    edge->options.bytes = bytes;
}

bool pl_edge_broken(const struct pl_edge *edge) {
    return atomic_load(&edge->broken);
}

bool pl_edge_idle(const struct pl_edge *edge) {
    return atomic_load(&edge->items) == 0 && edge->overrun_from == edge->overrun_count;
}

bool pl_edge_fits(const struct pl_edge *edge, const struct pl_edge_options *options) {
    const struct pl_edge_options *own = &edge->options;
    return own->sender == options->sender && own->batches == options->batches && own->bytes == options->bytes &&
           own->drop == options->drop;
}

void pl_edge_mark(struct pl_edge *edge, bool marked) {
    edge->marked = marked;
}

bool pl_edge_marked(const struct pl_edge *edge) {
    return edge->marked;
}

void pl_edge_stats(const struct pl_edge *edge, struct pl_edge_stats *stats) {
    stats->items = atomic_load_explicit(&edge->items, memory_order_relaxed);
    stats->bytes = atomic_load_explicit(&edge->bytes, memory_order_relaxed);
    stats->dropped_rows = atomic_load_explicit(&edge->dropped_rows, memory_order_relaxed);
}
