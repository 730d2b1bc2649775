/* results.h: sink.modbus as its parts see it, and what it tells: events, the audit, counters, `setpoints list`.
 *
 * Latencies are from the moment that the engine took in the set point to the moment that it was found in the device;
 * the counters verified_1ms, ... are how many were within that, so that they make a histogram.
 */
#ifndef MODBUS_RESULTS_H
#define MODBUS_RESULTS_H

#include <potline/potline.h>

#include "beats.h"
#include "writes.h"

#define PL__SINK_COUNT_MAP(XX)                                                                                         \
    XX(VERIFIED, "verified", "set points", "Set points that were written and read back.")                              \
    XX(RENEWED, "renewed", "set points", "Set points that stood there already.")                                       \
    XX(REFUSED, "refused", "set points", "Set points that the device will not have, or not in manual.")                \
    XX(FAILED, "failed", "set points", "Set points that could not be verified in time.")                               \
    XX(EXPIRED, "expired", "set points", "Set points that expired before they were written.")                          \
    XX(SUPERSEDED, "superseded", "set points", "Set points whose place a newer one took.")                             \
    XX(WITHDRAWN, "withdrawn", "set points", "Set points that were taken back before they were written.")              \
    XX(UNMAPPED, "unmapped", "set points", "Set points of tags that this device does not have.")                       \
    XX(WRITES, "writes", "requests", "Writes sent, repeated ones included.")                                           \
    XX(READS, "reads", "requests", "Reads around writes.")                                                             \
    XX(BEATS, "heartbeats", "requests", "Heartbeats sent.")                                                            \
    XX(BEATS_FAILED, "heartbeats_failed", "requests", "Heartbeats without a good answer.")                             \
    XX(MS_1, "verified_1ms", "set points", "Verified within 1 ms.")                                                    \
    XX(MS_2, "verified_2ms", "set points", "Verified within 2 ms.")                                                    \
    XX(MS_5, "verified_5ms", "set points", "Verified within 5 ms.")                                                    \
    XX(MS_10, "verified_10ms", "set points", "Verified within 10 ms.")                                                 \
    XX(MS_20, "verified_20ms", "set points", "Verified within 20 ms.")                                                 \
    XX(MS_50, "verified_50ms", "set points", "Verified within 50 ms.")                                                 \
    XX(MS_100, "verified_100ms", "set points", "Verified within 100 ms.")                                              \
    XX(MS_500, "verified_500ms", "set points", "Verified within 500 ms.")                                              \
    XX(MS_2000, "verified_2s", "set points", "Verified within 2 s.")

enum pl__sink_count {
    PL__SINK_COUNT_BEFORE = PL_MODBUS_COUNTS - 1, /* own counters follow those of the client */
#define PL__SINK_COUNT_ENUM(id, name, unit, doc) PL__SINK_COUNT_##id,
    PL__SINK_COUNT_MAP(PL__SINK_COUNT_ENUM)
#undef PL__SINK_COUNT_ENUM
        PL__SINK_COUNTS
};

struct pl__sink {
    const char *endpoint, *pulse;
    int64_t unit, retries, in_flight;
    struct pl_list registers, heartbeats;
    uint32_t words, bytes; /* 0 big, 1 little */
    bool others;
    pl_time deadline, timeout, backoff, backoff_max, heartbeat;

    struct pl_node *node;
    struct pl_modbus_client *client;
    struct pl__targets targets;
    struct pl__writes writes;
    struct pl__beats beats;
    uint32_t pulse_tag; /* 0: none */
    bool up, down;      /* neither: nothing is known yet */
    struct pl_pack *body;
    uint64_t counted[PL__SINK_COUNTS];
};

/* As callbacks of writes.h; `sink` is a struct pl__sink. */
void pl__results_begin(void *sink, const struct pl__slot *slot);
void pl__results_ended(void *sink, const struct pl__slot *slot, const struct pl__ending *ending);
void pl__results_manual(void *sink, const struct pl__slot *slot);

void pl__results_unmapped(struct pl__sink *sink, uint32_t tag, const struct pl__order *order);
void pl__results_link(struct pl__sink *sink, bool up, const char *why);
void pl__results_silent(struct pl__sink *sink, bool silent);

/* Brings the node's counters up to date. */
void pl__results_count(struct pl__sink *sink);

extern const struct pl_command pl__sink_commands[]; /* results_list.c */

#endif
