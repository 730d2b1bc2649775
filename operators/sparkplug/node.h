/* node.h: an edge node of Sparkplug B as it speaks: its births, data by alias, its death; what is sent goes to `send`.
 *
 * Metrics and devices come to be as their tags do: a device with a new metric is born again before its data. One
 * connection is one life: bdSeq counts them, also across runs (the owner keeps it). Thread: the owner's.
 */
#ifndef SPARKPLUG_NODE_H
#define SPARKPLUG_NODE_H

#include <potline/operator.h>

#include "naming.h"
#include "topic.h"
#include "wire.h"

enum { PL__NODE_METRICS_MAX = 100000, PL__NODE_DEVICES_MAX = 10000 };

struct pl__node_metric {
    uint32_t tag, device;
    char *name;
    double value;
    pl_time time;
    uint16_t quality;
    bool any; /* it has had a value */
};

struct pl__node_device {
    char *name; /* "": the node itself */
    bool born;
    bool at_hand; /* it has rows in those that are being sent */
};

struct pl__node {
    const char *group, *edge;
    struct pl_mqtt_naming device_naming, metric_naming; /* template "": the node's own metrics */
    struct pl_tags *tags;
    bool (*send)(void *user, const char *topic, const void *bytes, size_t size);
    void *user;

    struct pl__node_metric *metric; /* by alias */
    uint32_t count, room;
    struct pl__node_device *device;
    uint32_t device_count, device_room;
    uint32_t *of_tag; /* alias + 1, by tag */
    uint32_t tag_room;
    uint8_t seq; /* of the next message */
    uint8_t bd;
    bool born;
    uint64_t births, unfit;
    struct pl__bytes bytes;
};

bool pl__node_init(struct pl__node *node); /* with the options set; false without memory */
void pl__node_fini(struct pl__node *node); /* of a zeroed one too */

/* The will of the next connection. False: no memory. */
bool pl__node_death(struct pl__node *node, pl_time now, char topic[PL__SP_TOPIC_MAX + 1]);

/* The node and all its devices are born. */
bool pl__node_birth(struct pl__node *node, pl_time now);
void pl__node_lost(struct pl__node *node);

/* Rows [from, to) of a batch of samples; `historical`: they were kept. False: no memory, or it cannot be sent now. */
bool pl__node_data(struct pl__node *node, const struct pl_batch *batch, uint32_t from, uint32_t to, bool historical,
                   pl_time now);

#endif
