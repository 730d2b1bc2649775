/* source_impl.h: the state of a source. What there is to be read source_look.c finds out; source.c reads it. */
#ifndef KAFKA_SOURCE_IMPL_H
#define KAFKA_SOURCE_IMPL_H

#include "client.h"
#include "later.h"
#include "topics.h"
#include "value.h"

enum { SOURCE_TICK = 250 /* ms */ };

enum { MESSAGES, BYTES, BAD, REFUSED_ROWS, MISSING, EMPTY, LOST, RESETS };
enum { UNTIL_NEVER, UNTIL_END };
enum { LOST_EARLIEST, LOST_LATEST, LOST_STOP };

struct source {
    struct pl__client_options client_options;
    struct pl_strings topics;
    const char *start;
    uint32_t until;
    uint32_t on_lost;
    int64_t buffer;
    pl_time refresh;
    pl_time align;
    struct pl__values values;

    struct pl_node *node;
    struct pl__client *client;
    struct pl__topics *all; /* goes with the client, on another thread */
    struct pl_later *tick, *patience;
    uint64_t look_at; /* when to look at the topics, of uv_hrtime */
    bool looked;      /* once at least, so that partitions that come later are read from their begin */
    bool complete;    /* all there was to be seen at the start has been */
    bool registry_away;
    bool told; /* that no broker answers, or a topic is not there */
    uint64_t retry;
    uint64_t waiting_since; /* for an earlier message; 0: not */
    pl_time last;           /* the time of a row that has come lately */
    bool over;
};

void pl__source_tick(void *user);             /* a source: looks at its topics when it is time to */
void pl__source_reach(struct source *source); /* says whether brokers and registry are there */

#endif
