/* guest_impl.h: across the files of a guest (guest.h): guest.c is its life, guest_work.c what it does with items,
 * guest_wait.c how it waits for the engine in the middle of one. */
#ifndef POTLINE_GUEST_IMPL_H
#define POTLINE_GUEST_IMPL_H

#include "runtime/edge.h"
#include "runtime/guest.h"
#include "runtime/guest_config.h"
#include "runtime/link.h"
#include "runtime/worker.h"

enum { PL__GUEST_ITEMS = 64 }; /* more than the engine has under way (task_child.c) */

struct pl__guest_item {
    struct pl_item item;
    unsigned port;
    uint64_t number;
};

struct pl__guest_kept {
    struct pl__guest_kept *next;
    char *key;
    struct pl_buffer value;
};

struct pl_guest {
    struct pl_runnable runnable; /* first */
    struct pl_guest_options options;
    struct pl_worker *worker;
    void *zmq;
    struct pl_link *link;
    uv_poll_t poll;
    struct pl_clock clock;
    struct pl_tags *tags;
    struct pl_codec *codec;
    struct pl_guest_config config;
    bool configured;
    struct pl_node node;
    bool made; /* the node is */
    bool open; /* and takes items */
    bool failed;
    bool closed;
    bool sent; /* since the last receive that found nothing */
    bool told_busy;
    bool stopping;                                /* the item at the front is an end, and the operator knows */
    struct pl_buffer state;                       /* pieces that are no whole entry yet */
    struct pl__guest_item items[PL__GUEST_ITEMS]; /* a ring */
    unsigned from, count;
    uint64_t emitted, credited; /* bytes */
    uint64_t *counters;         /* as they were told, gauges too */
    unsigned counter_count;
    struct pl__guest_kept *kept;
    uint64_t notes;                /* those that were waited for */
    struct pl__guest_later *later; /* frames that came meanwhile, the oldest first */
    unsigned later_count;
    struct pl__guest_later *taken; /* what was received last, if it was one of them */
    int exit_code;
};

void pl__guest_send(struct pl_guest *guest, const struct pl_frame *frame);
/* What was to be said or kept is lost: the process ends, and another begins anew. */
_Noreturn void pl__guest_give_up(const char *why);
/* The operator cannot go on, or what the engine says makes no sense. */
void pl__guest_fail(struct pl_guest *guest, const char *text);

/* ---- guest_wait.c ---- */

/* As pl_link_receive; what came while it waited is first. */
enum pl_received pl__guest_receive(struct pl_guest *guest, struct pl_frame *frame);
/* Until the engine has the note of that number. */
void pl__guest_wait_noted(struct pl_guest *guest, uint64_t number);
void pl__guest_drop_later(struct pl_guest *guest);

/* ---- guest_work.c ---- */

bool pl__guest_put(struct pl_guest *guest, const struct pl_frame *frame); /* an item; false: it is none */
void pl__guest_work(struct pl_guest *guest);                              /* on what it may now */
/* Values that were kept before; those of the node are there from its open on. */
bool pl__guest_begin_kept(struct pl_guest *guest);
void pl__guest_end_kept(struct pl_guest *guest);
void pl__guest_call(struct pl_guest *guest, const struct pl_frame *frame);
void pl__guest_pong(struct pl_guest *guest, enum pl_frame_type type, uint64_t number);

extern const struct pl_node_host pl__guest_host;

#endif
