#include "group.h"

#include <potline/alloc.h>

#include "log/kafka_member.h"

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
                               struct pl_error **error) {
    const struct pl_graph_settings *settings = &graph->settings;
    const struct pl_graph_log_setting *given = settings->log_settings.items;
    group->drive = drive;
    if (settings->log_kind != PL_LOG_KAFKA || !*settings->log_group) return PL_OK;
    struct pl_kafka_setting *own = pl_alloc((settings->log_settings.count + 1) * sizeof *own);
    if (!own) return pl_error_set(error, PL_NO_MEMORY, "no memory to join a group");
    for (unsigned i = 0; i < settings->log_settings.count; i++)
        own[i] = (struct pl_kafka_setting){given[i].name, given[i].value};
    struct pl_log_kafka_options options = {
        .brokers = settings->log_brokers,
        .topic = *settings->log_topic ? settings->log_topic : settings->name,
        .writer = settings->name, /* the topic is made where there is none */
        .group = settings->log_group,
        .session = settings->log_session,
        .settings = own,
        .setting_count = settings->log_settings.count,
        .replication = (int)settings->log_replication,
        .timeout = settings->log_timeout,
    };
    struct pl_kafka_member_events events = {.rest = rest, .change = change, .owner = group};
    drive->rested = rested;
    joined = group;
    enum pl_code code = pl_kafka_topic_make(&options, (unsigned)settings->partitions, error);
    if (!code) code = pl_kafka_member_new(&options, &events, &group->member, error);
    pl_free(own);
    if (code) return code;
    return pl_drive_await(drive) ? PL_OK : PL_BUSY;
}

void pl_cli_group_leave(struct pl_cli_group *group) {
    pl_kafka_member_free(group->member);
    group->member = NULL;
    joined = NULL;
}
