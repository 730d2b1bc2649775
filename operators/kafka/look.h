/* look.h: asks brokers which partitions topics have, and which offsets are there: a job of a client (client.h).
 *
 * What is asked for stands in the task; what was found is in it when the job is done. A partition that could not be
 * looked at is not among those found, and is looked for the next time.
 */
#ifndef KAFKA_LOOK_H
#define KAFKA_LOOK_H

#include "client.h"
#include "shares.h"

enum pl__start { PL__EARLIEST, PL__LATEST, PL__START_TIME };

struct pl__place {
    uint32_t topic;
    int32_t partition;
    bool asked;        /* low, high and start have been looked up */
    int64_t low, high; /* offsets [low, high) are there */
    int64_t start;     /* where to begin */
};

struct pl__look {
    rd_kafka_topic_t *const *topic; /* borrowed: the node's, which go behind this job */
    uint32_t topic_count;
    enum pl__start start;
    pl_time time;
    bool known[PL__SHARES_MAX]; /* by the index below: offsets need not be looked up */
    struct {
        uint32_t topic;
        int32_t partition;
        bool stop; /* what fetches it is to be stopped first */
    } share[PL__SHARES_MAX];
    unsigned share_count;
    struct pl__place found[PL__SHARES_MAX];
    unsigned found_count;
    bool too_many, missing_topic, answered; /* a broker has answered at all */
    char why[PL__WHY_MAX];                  /* of what could not be looked up; "" */
};

/* Of the option, which pl__topics_check has seen. */
enum pl__start pl__start_of(const char *text, pl_time *time);

void pl__look_work(rd_kafka_t *handle, void *task, const bool *gone);

#endif
