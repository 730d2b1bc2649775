#include "group.h"

#include <potline/alloc.h>

#include "log/kafka_member.h"
#include "runtime/cluster.h"
#include "runtime/group_graph.h"
#include "runtime/plan.h"
#include "runtime/replica.h"

static void rest(void *owner, bool lost) { /* on the member's thread, like the next */
    pl_drive_hand_over(((struct pl_cli_group *)owner)->drive, lost);
}

static void change(void *owner) {
    pl_drive_begin(((struct pl_cli_group *)owner)->drive);
}

static struct pl_cli_group *joined; /* one a process, as its drive is */

static void rested(struct pl_drive *drive) {
    (void)drive;
    if (joined) pl_kafka_member_rested(joined->member);
}

enum pl_code pl_cli_group_join(struct pl_cli_group *group, const struct pl_graph *graph, struct pl_drive *drive,
                               bool *go, struct pl_error **error) {
    const struct pl_graph_settings *settings = &graph->settings;
    struct pl_log_kafka_options options;
    group->drive = drive;
    *go = true;
    if (settings->log_kind != PL_LOG_KAFKA || !*settings->log_group) return PL_OK;
    enum pl_code code = pl_group_graph_can_be_said(graph, error);
    if (!code) code = pl_engine_kafka_options(graph, &options, error);
    if (code) return code;
    struct pl_kafka_member_events events = {.rest = rest, .change = change, .owner = group};
    drive->rested = rested;
    joined = group;
    code = pl_kafka_topic_make(&options, pl_plan_lanes(graph), error);
    if (!code) code = pl_cluster_new(&options, &group->cluster, error);
    group->replicas = pl_replicas_new();
    if (!code && !group->replicas) code = pl_error_set(error, PL_NO_MEMORY, "no memory for the state of a group");
    if (!code) code = pl_kafka_member_new(&options, &events, &group->member, error);
    pl_free((void *)(uintptr_t)options.settings);
    *go = !code && pl_drive_await(drive);
    return code;
}

void pl_cli_group_leave(struct pl_cli_group *group) {
    pl_kafka_member_free(group->member);
    pl_cluster_free(group->cluster);
    pl_replicas_free(group->replicas);
    group->replicas = NULL;
    group->member = NULL;
    group->cluster = NULL;
    joined = NULL;
}
