#include "log/kafka_member.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "log/kafka_impl.h"

enum { POLL_MS = 100 };
static const pl_time heartbeat = 300 * PL_MILLISECOND;

struct pl_kafka_member {
    struct pl_kafka_member_events events;
    rd_kafka_t *handle;
    pthread_t thread;
    bool running;
    struct pl__kafka_lease lease;
    bool settled; /* the group has said once what is ours; of the thread */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool resting, leaving;
    bool *owned; /* [partition] */
    unsigned room;
};

static bool is_leaving(struct pl_kafka_member *member) {
    pthread_mutex_lock(&member->lock);
    bool leaving = member->leaving;
    pthread_mutex_unlock(&member->lock);
    return leaving;
}

/* ---- What the group says, on the member's thread ---- */

static void wait_for_rest(struct pl_kafka_member *member, bool lost) {
    pthread_mutex_lock(&member->lock);
    bool leaving = member->leaving; /* it rests already */
    member->resting = leaving;
    pthread_mutex_unlock(&member->lock);
    if (leaving) return;
    member->events.rest(member->events.owner, lost);
    pthread_mutex_lock(&member->lock);
    while (!member->resting && !member->leaving)
        pthread_cond_wait(&member->changed, &member->lock);
    pthread_mutex_unlock(&member->lock);
}

static bool note(struct pl_kafka_member *member, const rd_kafka_topic_partition_list_t *list, bool owned) {
    pthread_mutex_lock(&member->lock);
    bool good = true;
    for (int i = 0; good && i < list->cnt; i++) {
        unsigned partition = (unsigned)list->elems[i].partition;
        if (partition >= member->room) {
            bool *grown = pl_realloc(member->owned, (partition + 1) * sizeof *grown);
            good = grown != NULL;
            if (!good) break;
            memset(grown + member->room, 0, (partition + 1 - member->room) * sizeof *grown);
            member->owned = grown;
            member->room = partition + 1;
        }
        member->owned[partition] = owned;
    }
    pthread_mutex_unlock(&member->lock);
    return good;
}

static void rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                      void *opaque) {
    struct pl_kafka_member *member = opaque;
    bool gives = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    if (!gives && code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
        pl_diag(PL_ERROR, "the group cannot be joined: %s", rd_kafka_err2str(code));
        return;
    }
    bool lost = !gives && rd_kafka_assignment_lost(handle);
    if (lost) pl__kafka_lease_end(&member->lease);
    if (list->cnt) wait_for_rest(member, lost);
    if (gives) pl__kafka_lease_give(&member->lease);
    rd_kafka_error_t *failed =
        gives ? rd_kafka_incremental_assign(handle, list) : rd_kafka_incremental_unassign(handle, list);
    if (!failed && gives) rd_kafka_pause_partitions(handle, list); /* it is the log that reads */
    if (failed) {
        pl_diag(PL_ERROR, "what the group says does not fit: %s", rd_kafka_error_string(failed));
        rd_kafka_error_destroy(failed);
    }
    if (!note(member, list, gives)) pl_diag(PL_ERROR, "no memory for the partitions of a group");
    bool first = gives && !member->settled; /* who gets nothing is there all the same */
    member->settled |= gives;
    if ((list->cnt || first) && !is_leaving(member)) member->events.change(member->events.owner);
}

static void *attend(void *arg) {
    struct pl_kafka_member *member = arg;
    pthread_setname_np(pthread_self(), "member");
    while (!is_leaving(member)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(member->handle, POLL_MS);
        if (!message) continue;
        if (message->err) pl_diag(PL_WARN, "the group: %s", rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(member->handle); /* gives everything back, by `rest` */
    return NULL;
}

/* ---- Life ---- */

void pl_kafka_member_rested(struct pl_kafka_member *member) {
    pthread_mutex_lock(&member->lock);
    member->resting = true;
    pthread_cond_signal(&member->changed);
    pthread_mutex_unlock(&member->lock);
}

bool pl_kafka_member_owns(struct pl_kafka_member *member, unsigned partition) {
    pthread_mutex_lock(&member->lock);
    bool owns = partition < member->room && member->owned[partition];
    pthread_mutex_unlock(&member->lock);
    return owns;
}

const _Atomic int64_t *pl_kafka_member_lease(const struct pl_kafka_member *member) {
    return &member->lease.until;
}

char *pl__kafka_member_name(struct pl_kafka_member *member) {
    char *name = rd_kafka_memberid(member->handle);
    if (!name || *name) return name;
    rd_kafka_mem_free(member->handle, name);
    return NULL;
}

rd_kafka_consumer_group_metadata_t *pl__kafka_member_metadata(struct pl_kafka_member *member) {
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(member->handle);
    char *name = pl__kafka_member_name(member); /* asked behind it: a lost place comes back only when we rest */
    if (name) rd_kafka_mem_free(member->handle, name);
    if (name || !metadata) return metadata;
    rd_kafka_consumer_group_metadata_destroy(metadata);
    return NULL;
}

rd_kafka_t *pl__kafka_member_handle(struct pl_kafka_member *member) {
    return member->handle;
}

static enum pl_code join(struct pl_kafka_member *member, const struct pl_log_kafka_options *options,
                         struct pl_error **error) {
    char session[24];
    snprintf(session, sizeof session, "%d", (int)(options->session / PL_MILLISECOND));
    char beat[24]; /* by its answer a member hears that the group is changing */
    pl_time third = options->session / 3;
    snprintf(beat, sizeof beat, "%d", (int)((third < heartbeat ? third : heartbeat) / PL_MILLISECOND));
    const char *const settings[] = {"group.id",
                                    options->group,
                                    "partition.assignment.strategy",
                                    "cooperative-sticky",
                                    "enable.auto.commit",
                                    "false",
                                    "isolation.level",
                                    "read_committed",
                                    "auto.offset.reset",
                                    "earliest",
                                    "session.timeout.ms",
                                    session,
                                    "heartbeat.interval.ms",
                                    beat,
                                    NULL};
    const struct pl__kafka_callbacks callbacks = {.opaque = member, .rebalance = rebalance, .lease = &member->lease};
    member->handle = pl__kafka_handle(options, RD_KAFKA_CONSUMER, settings, &callbacks, error);
    if (!member->handle) return PL_USAGE;
    rd_kafka_poll_set_consumer(member->handle);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, options->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t failed = rd_kafka_subscribe(member->handle, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (failed) return pl__kafka_fail(error, failed, NULL, options->group);
    member->running = pthread_create(&member->thread, NULL, attend, member) == 0;
    return member->running ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for a thread");
}

enum pl_code pl_kafka_member_new(const struct pl_log_kafka_options *options,
                                 const struct pl_kafka_member_events *events, struct pl_kafka_member **member,
                                 struct pl_error **error) {
    struct pl_kafka_member *m = *member = PL_NEW(struct pl_kafka_member);
    if (!m) return pl_error_set(error, PL_NO_MEMORY, "no memory for a member of a group");
    m->events = *events;
    m->lease.session = options->session;
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, NULL);
    enum pl_code code = join(m, options, error);
    if (!code) return PL_OK;
    pl_kafka_member_free(m);
    *member = NULL;
    return code;
}

void pl_kafka_member_free(struct pl_kafka_member *member) {
    if (!member) return;
    pthread_mutex_lock(&member->lock);
    member->leaving = true;
    pthread_cond_signal(&member->changed);
    pthread_mutex_unlock(&member->lock);
    if (member->running) pthread_join(member->thread, NULL);
    if (member->handle) rd_kafka_destroy(member->handle);
    pthread_cond_destroy(&member->changed);
    pthread_mutex_destroy(&member->lock);
    pl_free(member->owned);
    pl_free(member);
}
