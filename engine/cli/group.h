/* group.h: an engine of a group, for `potline run`: it joins, and tells the drive what the group says. */
#ifndef POTLINE_CLI_GROUP_H
#define POTLINE_CLI_GROUP_H

#include "drive.h"

struct pl_kafka_member;

struct pl_cli_group {
    struct pl_kafka_member *member; /* NULL: the graph has no group */
    struct pl_cluster *cluster;     /* the same */
    struct pl_replicas *replicas;   /* the same */
    struct pl_drive *drive;
};

/* Joins, where the graph says so, and waits for what it is to work off. *go: there is something; else it is to end. */
enum pl_code pl_cli_group_join(struct pl_cli_group *group, const struct pl_graph *graph, struct pl_drive *drive,
                               bool *go, struct pl_error **error);
/* Leaves. */
void pl_cli_group_leave(struct pl_cli_group *group);

#endif
