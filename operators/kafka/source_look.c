/* source_look.c: which partitions there are, where they are read on, and whether anybody answers. */
#include <inttypes.h>
#include <uv.h>

#include <potline/alloc.h>

#include "look.h"
#include "source_impl.h"

enum { RETRY_MOST = 8000 /* ms */ };

static void on_looked(void *user, void *task);

static void look(struct source *s) {
    struct pl__look *look = PL_NEW(struct pl__look);
    if (!look) {
        pl_fail(s->node, "no memory to look at topics");
        pl_wake(s->node);
        return;
    }
    look->topic = s->all->handle;
    look->topic_count = s->all->count;
    look->start = s->looked ? PL__EARLIEST : pl__start_of(s->start, &look->time);
    for (unsigned i = 0; i < s->all->shares.count; i++) {
        struct pl__share *share = &s->all->shares.share[i];
        look->share[i].topic = share->topic;
        look->share[i].partition = share->partition;
        look->share[i].stop = share->reading && share->check;
        look->known[i] = share->reading && !share->check;
        if (!look->share[i].stop) continue;
        pl__share_drop(share);
        rd_kafka_queue_destroy(share->queue);
        share->queue = NULL;
        share->reading = false;
    }
    look->share_count = s->all->shares.count;
    static const struct pl__job job = {pl__look_work, on_looked, NULL};
    pl__client_job(s->client, &job, look);
}

void pl__source_tick(void *user) {
    struct source *s = user;
    if (!pl__client_works(s->client) && uv_hrtime() >= s->look_at) look(s);
    pl_later_in(s->tick, SOURCE_TICK);
}

static void say_lost(struct source *s, const struct pl__share *share, const struct pl__place *found, uint64_t count) {
    pl_count(s->node, LOST, count);
    pl_count(s->node, RESETS, 1);
    pl_node_diag(s->node, PL_ERROR,
                 "%s[%d]: offset %" PRId64 " is not there any more, there are %" PRId64 " to %" PRId64 "; %" PRIu64
                 " messages are lost, and reading goes on with on_lost",
                 s->topics.items[share->topic], share->partition, share->next, found->low, found->high, count);
    pl_lost(s->node, PL_LOSS_MISSING, 0, s->last ? s->last : PL_TIME_MIN, count ? count : 1,
            share->next < found->low ? "deleted" : "replaced");
}

/* Where to read on; false: the node ends. What lies beyond the end is of a topic that was made anew, or of messages
 * that a broker has lost. */
static bool place(struct source *s, struct pl__share *share, const struct pl__place *found) {
    if (share->next < 0) {
        share->next = found->start;
        return true;
    }
    if (share->next >= found->low && share->next <= found->high) return true;
    uint64_t count = share->next < found->low ? (uint64_t)(found->low - share->next) : 0;
    if (s->on_lost == LOST_STOP) {
        pl_fail(s->node, "%s[%d]: offset %" PRId64 " is not there any more, there are %" PRId64 " to %" PRId64,
                s->topics.items[share->topic], share->partition, share->next, found->low, found->high);
        return false;
    }
    say_lost(s, share, found, count);
    share->next = s->on_lost == LOST_LATEST ? found->high : found->low;
    return true;
}

static bool begin_reading(struct source *s, const struct pl__place *found) {
    struct pl__share *share = pl__shares_at(&s->all->shares, found->topic, found->partition);
    if (!share) {
        pl_fail(s->node, "no memory, or more than %d partitions", PL__SHARES_MAX);
        return false;
    }
    if (share->reading || !found->asked) return true;
    if (!place(s, share, found)) return false;
    if (s->until == UNTIL_END && share->end < 0) share->end = s->complete ? 0 : found->high;
    if (pl__share_is_done(share)) return true;
    rd_kafka_topic_t *topic = s->all->handle[share->topic];
    share->queue = rd_kafka_queue_new(pl__client_handle(s->client));
    pl__client_ring_for(s->client, share->queue);
    if (rd_kafka_consume_start_queue(topic, share->partition, share->next, share->queue)) {
        pl_fail(s->node, "%s[%d] cannot be read: %s", s->topics.items[share->topic], share->partition,
                rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_queue_destroy(share->queue);
        share->queue = NULL;
        return false;
    }
    share->reading = true;
    share->check = share->at_end = share->passed = share->silent = false;
    return true;
}

void pl__source_reach(struct source *s) {
    s->registry_away = !pl__registry_there(s->values.registry);
    pl_reach(s->node, s->complete && !s->told && !s->registry_away);
}

static void tell_trouble(struct source *s, const struct pl__look *look) {
    if (look->why[0] && !s->told)
        pl_node_diag(s->node, PL_WARN, "%s: %s; tried again until it works",
                     look->answered ? "Kafka" : "no broker answers", look->why);
    else if (!look->why[0] && s->told)
        pl_node_diag(s->node, PL_INFO, "Kafka is there again");
    s->told = look->why[0] != 0;
}

static void on_looked(void *user, void *task) {
    struct source *s = user;
    const struct pl__look *look = task;
    pl_wake(s->node);
    if (look->too_many) {
        pl_fail(s->node, "more than %d partitions", PL__SHARES_MAX);
        return;
    }
    tell_trouble(s, look);
    for (unsigned i = 0; i < look->found_count; i++)
        if (!begin_reading(s, &look->found[i])) return;
    bool fine = !look->why[0];
    if (fine) s->looked = s->complete = true;
    pl__source_reach(s);
    s->retry = fine ? SOURCE_TICK : s->retry * 2 < RETRY_MOST ? s->retry * 2 : RETRY_MOST;
    s->look_at = uv_hrtime() +
                 (fine && !pl__topics_need_a_look(s->all) ? (uint64_t)s->refresh : s->retry * (uint64_t)PL_MILLISECOND);
}
