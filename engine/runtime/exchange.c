#include "exchange.h"

#include <pthread.h>

#include <potline/alloc.h>

#include "log/kafka.h"
#include "runtime/spill.h"

enum { ITEMS_A_RUN = 64, ENTRIES_MAX = 1 << 22 };

struct entry {
    struct pl_batch *batch; /* owned; NULL: spilled, or a watermark */
    uint64_t ticket;        /* of the spill; 0: not there */
    pl_time watermark;
    bool idle;
};

struct pl_exchanged {
    struct pl_stream *stream;
    struct entry *entries;
    uint32_t count, room;
    int64_t bytes; /* of batches in memory */
};

struct pl_stream {
    struct pl_runnable runnable;
    struct pl_stream_options options;
    struct pl_edge *edge;
    struct pl_exchanged *gathered; /* behind the last barrier; NULL: nothing */
    bool failed, ended;
    pthread_mutex_t lock; /* of the spill */
    struct pl_spill *spill;
};

/* ---- What was gathered ---- */

static struct pl_batch *look(struct pl_stream *stream, const struct entry *entry) {
    if (!entry->ticket) return entry->batch ? pl_batch_ref(entry->batch) : NULL;
    pthread_mutex_lock(&stream->lock);
    struct pl_batch *batch = pl_spill_look(stream->spill, entry->ticket);
    pthread_mutex_unlock(&stream->lock);
    return batch;
}

enum pl_code pl_exchanged_put(const struct pl_exchanged *exchanged, struct pl_log *log, struct pl_error **error) {
    struct pl_stream *stream = exchanged->stream;
    enum pl_code code = PL_OK;
    for (uint32_t i = 0; i < exchanged->count && !code; i++) {
        const struct entry *entry = &exchanged->entries[i];
        struct pl_log_record record = {.type = PL_LOG_WATERMARK,
                                       .partition = stream->options.lane,
                                       .flags = entry->idle ? PL_LOG_IDLE : 0,
                                       .source = stream->options.name,
                                       .watermark = entry->watermark,
                                       .batch = look(stream, entry)};
        if (record.batch)
            record.type = PL_LOG_ROWS;
        else if (entry->ticket)
            return pl_error_set(error, PL_IO, "rows for the global section that were spilled cannot be read");
        code = pl_kafka_commit_record(log, &record, error);
        pl_batch_unref(record.batch);
    }
    return code;
}

void pl_exchanged_free(struct pl_exchanged *exchanged) {
    if (!exchanged) return;
    struct pl_stream *stream = exchanged->stream;
    for (uint32_t i = 0; i < exchanged->count; i++) {
        const struct entry *entry = &exchanged->entries[i];
        pl_batch_unref(entry->batch);
        if (!entry->ticket) continue;
        pthread_mutex_lock(&stream->lock);
        pl_spill_drop(stream->spill, entry->ticket);
        pthread_mutex_unlock(&stream->lock);
    }
    pl_free(exchanged->entries);
    pl_free(exchanged);
}

/* ---- Gathering ---- */

/* The next one, at the end; NULL without memory. */
static struct entry *new_entry(struct pl_stream *stream) {
    struct pl_exchanged *all = stream->gathered;
    if (!all) all = stream->gathered = PL_NEW(struct pl_exchanged);
    if (!all) return NULL;
    all->stream = stream;
    if (all->count == all->room) {
        uint32_t room = all->room ? 2 * all->room : 16;
        struct entry *grown = room > ENTRIES_MAX ? NULL : pl_realloc(all->entries, room * sizeof *grown);
        if (!grown) return NULL;
        all->entries = grown;
        all->room = room;
    }
    struct entry *entry = &all->entries[all->count++];
    *entry = (struct entry){.watermark = PL_TIME_MIN};
    return entry;
}

static void fail(struct pl_stream *stream, const char *why) {
    if (!stream->failed) stream->options.failed(stream->options.engine, why);
    stream->failed = true;
}

/* Takes the batch. */
static void gather_rows(struct pl_stream *stream, struct pl_batch *batch) {
    struct entry *entry = stream->failed ? NULL : new_entry(stream);
    if (!entry) {
        if (!stream->failed) fail(stream, "no memory for rows that go to the global section");
        pl_batch_unref(batch);
        return;
    }
    struct pl_exchanged *all = stream->gathered;
    if (all->bytes + (int64_t)batch->message_size <= stream->options.hold) {
        all->bytes += (int64_t)batch->message_size;
        entry->batch = batch;
        return;
    }
    pthread_mutex_lock(&stream->lock);
    entry->ticket = pl_spill_put(stream->spill, batch);
    pthread_mutex_unlock(&stream->lock);
    if (!entry->ticket) fail(stream, "no room for rows that go to the global section until the next checkpoint");
}

/* Of several without rows between them the last one says it all; but how far a stream was when it fell silent is said
 * before that it has, as somebody who is silent moves no time on. */
static void gather_watermark(struct pl_stream *stream, const struct pl_item *item) {
    struct pl_exchanged *all = stream->gathered;
    struct entry *last = all && all->count ? &all->entries[all->count - 1] : NULL;
    bool replaces = last && !last->batch && !last->ticket && last->idle == item->idle;
    struct entry *entry = replaces ? last : stream->failed ? NULL : new_entry(stream);
    if (!entry) {
        fail(stream, "no memory for rows that go to the global section");
        return;
    }
    if (item->time > entry->watermark) entry->watermark = item->time;
    entry->idle = item->idle;
}

static void pass_barrier(struct pl_stream *stream, uint64_t epoch) {
    struct pl_changes changes = {.exchanged = stream->gathered};
    pl_buffer_init(&changes.entries, 0);
    stream->gathered = NULL;
    pl_checkpoint_passed(stream->options.checkpoints, stream->options.participant, epoch, &changes);
}

static void end(struct pl_stream *stream) {
    struct pl_changes changes = {0};
    pl_buffer_init(&changes.entries, 0);
    stream->ended = true;
    pl_exchanged_free(stream->gathered);
    stream->gathered = NULL;
    pl_checkpoint_ended(stream->options.checkpoints, stream->options.participant, 0, &changes);
    stream->options.ended(stream->options.engine);
}

static void run_stream(struct pl_runnable *runnable) {
    struct pl_stream *stream = (struct pl_stream *)(void *)runnable;
    struct pl_item item;
    for (int i = 0; i < ITEMS_A_RUN; i++) {
        if (!pl_edge_receive(stream->edge, &item)) return;
        switch (item.type) {
        case PL_ITEM_BATCH: gather_rows(stream, item.batch); break;
        case PL_ITEM_WATERMARK: gather_watermark(stream, &item); break;
        case PL_ITEM_BARRIER: pass_barrier(stream, item.epoch); break;
        case PL_ITEM_END:
            if (!stream->ended) end(stream);
            break;
        }
    }
    pl_ready(runnable);
}

/* ---- Life ---- */

static void nothing(struct pl_runnable *runnable) {
    (void)runnable;
}

enum pl_code pl_stream_new(const struct pl_stream_options *options, struct pl_stream **stream,
                           struct pl_error **error) {
    struct pl_stream *s = *stream = PL_NEW(struct pl_stream);
    if (!s) return pl_error_set(error, PL_NO_MEMORY, "no memory for a stream");
    s->runnable = (struct pl_runnable){.run = run_stream, .start = nothing, .finish = nothing};
    s->options = *options;
    pthread_mutex_init(&s->lock, NULL);
    s->spill = pl_spill_new(
        &(struct pl_spill_options){.store = options->store, .tags = options->tags, .limit = options->spill});
    if (s->spill) return PL_OK;
    pl_stream_free(s);
    *stream = NULL;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a stream");
}

void pl_stream_free(struct pl_stream *stream) {
    if (!stream) return;
    pl_exchanged_free(stream->gathered);
    pl_spill_free(stream->spill);
    pthread_mutex_destroy(&stream->lock);
    pl_free(stream);
}

struct pl_runnable *pl_stream_runnable(struct pl_stream *stream) {
    return &stream->runnable;
}

void pl_stream_connect(struct pl_stream *stream, struct pl_edge *edge) {
    stream->edge = edge;
}
