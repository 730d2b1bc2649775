/* topic.h: outputs that are listened to: each is tapped once, however many listen, and stays so for a while without
 * anybody, so that who was cut off misses nothing (inside of engine/http). All on the server's thread. */
#ifndef POTLINE_HTTP_TOPIC_H
#define POTLINE_HTTP_TOPIC_H

#include "http/rest_impl.h"
#include "http/ring.h"

enum { PL__TOPICS = 16, PL__TOPIC_NAME = 2 * PL_REST_SEGMENT };

struct pl__delivery;

struct pl__topic {
    struct pl__push *push;
    char name[PL__TOPIC_NAME]; /* "": it has ended */
    struct pl__ring rows;
    bool stands;      /* it is tapped: no row from now on is missed */
    uint64_t dropped; /* rows that the tap could not take */
    struct pl_ask *ask;
    struct pl__delivery *last; /* for its last answer, which has to be told */
    unsigned listeners;
    pl_time left; /* when the last one did */
};

/* The output's, tapped as who asks; *topic stays for as long as it has a listener and has not ended. */
enum pl_code pl__topic_open(struct pl__push *push, const struct pl__call *call, const char *name,
                            struct pl__topic **topic, struct pl_error **error);
void pl__topics_tick(struct pl__push *push, pl_time now);
void pl__topics_end(struct pl__push *push, const char *why);
void pl__topics_free(struct pl__push *push);

/* ---- push.c: who listens ---- */

struct pl__push {
    struct pl_rest *rest;
    struct pl__topic *topics[PL__TOPICS];
    struct subscriber *subscribers;
    unsigned count;
};

void pl__push_rows(struct pl__topic *topic);                   /* there are more */
void pl__push_ended(struct pl__topic *topic, const char *why); /* there will be no more; it is let go of */

#endif
