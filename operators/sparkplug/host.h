/* host.h: what a host application does besides taking data: it listens to groups, says that it is there (STATE), and
 * asks nodes to be born again. Thread: the node's.
 */
#ifndef SPARKPLUG_HOST_H
#define SPARKPLUG_HOST_H

#include "link.h"
#include "topic.h"
#include "wire.h"

struct pl__host {
    const char *id; /* "": it says nothing of itself */
    const struct pl_strings *groups;
    struct pl_node *node;
    struct pl_mqtt *link;
    pl_time since; /* of this connection: birth and will say the same */
    struct pl__bytes bytes;
};

void pl__host_check(const char *id, const struct pl_strings *groups, struct pl_check *check);
void pl__host_fini(struct pl__host *host);

void pl__host_connecting(struct pl__host *host, struct pl_mqtt *link);             /* the will */
void pl__host_up(struct pl__host *host);                                           /* subscriptions, then its birth */
void pl__host_state(struct pl__host *host, const struct pl_mqtt_message *message); /* somebody says that we are not */
bool pl__host_rebirth(struct pl__host *host, const char *group, const char *edge);

/* Before the end: it is not there any more. */
void pl__host_farewell(struct pl__host *host);

#endif
