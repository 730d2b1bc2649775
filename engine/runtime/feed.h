/* feed.h: what the intake knows of a source: its watermark and idleness, a feed for each of its ports, and where it
 * stands in what it reads.
 *
 * It is a function of the records in the log: a barrier's body says it as of there, the records behind it say the rest.
 */
#ifndef POTLINE_FEED_H
#define POTLINE_FEED_H

#include <potline/pack.h>

#include "base/buffer.h"
#include "log/log.h"
#include "runtime/edge.h"

struct pl_durable;

struct pl_feed_options {
    const char *name; /* of the source's port: "in", "plc.events" */
    const char *was;  /* what it was called before; NULL: nothing else */
    pl_time disorder;
    pl_time idle;
    bool replayable;
    bool letters; /* what did not become rows (losses.h): of no graph, and without a watermark */
    uint64_t generation;
    unsigned slot;              /* in a group: the partition whose engine runs the source */
    struct pl_durable *durable; /* who is told what the log has of it; NULL: nobody. Borrowed */
};

struct pl_feed {
    struct pl_feed_options options;
    uint32_t name;
    unsigned inlet;        /* its index */
    pl_time highest;       /* event time */
    pl_time progress;      /* what the source said itself */
    pl_time watermark;     /* the last one recorded */
    _Atomic pl_time heard; /* engine clock; any thread reads */
    bool idle;
    bool ended;   /* nothing comes any more */
    bool stopped; /* ended by us, or ended in a run that goes on: its end is not in the log */
};

/* A source: its feeds come over one edge, so that what it makes at once stays together. */
struct pl_inlet {
    struct pl_edge *edge;
    unsigned first, count; /* its feeds */
    bool replayable;
    bool ended;
    bool closing;            /* and its end is still to be recorded */
    struct pl_batch **group; /* made at once, and not all here yet; owned */
    unsigned group_count, group_room;
    uint64_t groups; /* so far: which position is the newest */
    uint64_t told;   /* of `groups`, to `durable` */
    struct pl_durable *durable;
    struct pl_buffer position; /* where it stands behind what was recorded; empty: not said */
};

struct pl_feeds {
    struct pl_feed *feed;
    uint32_t *names; /* of the feeds; what lanes tell them apart by */
    uint32_t *were;  /* and the names they had before, PL_NO_ID where they had none */
    unsigned count, limit;
    struct pl_inlet *inlet;
    unsigned inlet_count;
};

bool pl_feeds_init(struct pl_feeds *feeds, unsigned limit); /* false without memory; pl_feeds_fini all the same */
void pl_feeds_fini(struct pl_feeds *feeds);

/* Feeds of one edge follow each other and make an inlet. Returns the index; -1: past the limit, or no name. */
int pl_feeds_add(struct pl_feeds *feeds, struct pl_edge *edge, const struct pl_feed_options *options,
                 struct pl_tags *tags);

/* What the source said itself counts; else its newest row less its disorder. False: the watermark stays. */
bool pl_feed_raise(struct pl_feed *feed);

/* Adds a batch to what is not whole yet; false without memory. */
bool pl_inlet_gather(struct pl_inlet *inlet, struct pl_batch *batch);

/* ---- Across runs ---- */

/* Those of one slot, PL_FEEDS_ALL: of all. */
enum { PL_FEEDS_ALL = -1 };
void pl_feeds_pack(const struct pl_feeds *feeds, const struct pl_tags *tags, int slot, struct pl_pack *pack);
/* As of a barrier with that body; feeds that are not ours are passed over. */
bool pl_feeds_unpack(struct pl_feeds *feeds, const struct pl_tags *tags, const void *body, size_t size);
/* And behind one more record, in the order of its partition. An end does not count: its source goes on. */
void pl_feeds_follow(struct pl_feeds *feeds, const struct pl_log_record *record);
/* Behind the last one. */
void pl_feeds_settle(struct pl_feeds *feeds);

#endif
