#include "store/letters.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/tag.h>

#include "store/epochs.h"
#include "store/lake.h"
#include "store/letters_impl.h"

const char *const pl_letter_states[PL_LETTER_STATES + 1] = {"kept", "queued", "reinjected", "refused", NULL};

static const char letter_kind[] = "dead.letter", reinjected_kind[] = "dead.reinjected";

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for dead letters");
}

/* ---- Events ---- */

bool pl__letter_event_add(struct pl__letter_events *events, const struct pl__letter_event *event) {
    if (events->count == events->room) {
        uint32_t room = events->room ? 2 * events->room : 64;
        struct pl__letter_event *grown = pl_realloc(events->list, room * sizeof *grown);
        if (!grown) return false;
        events->list = grown;
        events->room = room;
    }
    events->list[events->count++] = *event;
    return true;
}

static int by_letter(const void *one, const void *other) {
    const struct pl__letter_event *a = one, *b = other;
    if (a->letter != b->letter) return a->letter < b->letter ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

void pl__letter_events_sort(struct pl__letter_events *events) {
    if (events->count) qsort(events->list, events->count, sizeof *events->list, by_letter);
}

const struct pl__letter_event *pl__letter_event_last(const struct pl__letter_events *events, uint64_t letter) {
    uint32_t low = 0, high = events->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (events->list[middle].letter <= letter)
            low = middle + 1;
        else
            high = middle;
    }
    return low && events->list[low - 1].letter == letter ? &events->list[low - 1] : NULL;
}

/* ---- What is in an event's body ---- */

struct body {
    const char *place, *cause, *reason;
    size_t place_length, cause_length, reason_length;
    const void *bytes;
    size_t size;
    bool cut, done;
    int64_t near, samples;
    uint64_t letter, number;
};

static bool is_key(const char *key, size_t length, const char *wanted) {
    return length == strlen(wanted) && memcmp(key, wanted, length) == 0;
}

static bool read_pair(struct pl_unpack *u, struct body *b) {
    const char *key;
    size_t length;
    if (!pl_unpack_str(u, &key, &length)) return false;
    if (is_key(key, length, "place")) return pl_unpack_str(u, &b->place, &b->place_length);
    if (is_key(key, length, "cause")) return pl_unpack_str(u, &b->cause, &b->cause_length);
    if (is_key(key, length, "reason")) return pl_unpack_str(u, &b->reason, &b->reason_length);
    if (is_key(key, length, "bytes")) return pl_unpack_bin(u, &b->bytes, &b->size);
    if (is_key(key, length, "cut")) return pl_unpack_bool(u, &b->cut);
    if (is_key(key, length, "done")) return pl_unpack_bool(u, &b->done);
    if (is_key(key, length, "near")) return pl_unpack_int(u, &b->near);
    if (is_key(key, length, "samples")) return pl_unpack_int(u, &b->samples);
    if (is_key(key, length, "letter")) return pl_unpack_uint(u, &b->letter);
    if (is_key(key, length, "number")) return pl_unpack_uint(u, &b->number);
    return pl_unpack_skip(u);
}

static bool read_body(const struct pl_batch *batch, uint32_t row, struct body *body) {
    struct pl_unpack unpack;
    uint32_t size, pairs;
    const void *bytes = pl_batch_heap_row(batch, 0, row, &size);
    *body = (struct body){.place = "", .cause = "", .reason = "", .bytes = ""};
    pl_unpack_init(&unpack, bytes, size);
    if (!pl_unpack_map(&unpack, &pairs)) return false;
    while (pairs--)
        if (!read_pair(&unpack, body)) return false;
    return true;
}

/* ---- Walking over the zone ---- */

typedef enum pl_code visit_event(struct pl_letters *letters, void *arg, const struct pl_zone_record *record,
                                 uint32_t row, struct pl_error **error);

static enum pl_code walk(struct pl_letters *letters, pl_time from, pl_time to, visit_event *visit, void *arg,
                         struct pl_error **error) {
    struct pl_zone_range range = {.from = from, .to = to};
    struct pl_zone_scan *scan;
    struct pl_zone_record record;
    enum pl_code code = pl_zone_scan_new(letters->store, letters->tags, PL_DEAD, &range, &scan, error);
    if (code) return code;
    while (!code && !(code = pl_zone_scan_next(scan, &record, error))) {
        for (uint32_t row = 0; record.batch->kind == PL_EVENTS && row < record.batch->rows && !code; row++)
            code = visit(letters, arg, &record, row, error);
        pl_batch_unref(record.batch);
    }
    pl_zone_scan_free(scan);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static enum pl_code take_outcome(struct pl_letters *letters, void *arg, const struct pl_zone_record *record,
                                 uint32_t row, struct pl_error **error) {
    const uint64_t *last = arg;
    struct body body;
    if (record->batch->events.kind[row] != letters->reinjected || !read_body(record->batch, row, &body)) return PL_OK;
    struct pl__letter_event event = {body.letter, body.number, body.done, record->epoch <= *last};
    return pl__letter_event_add(&letters->outcomes, &event) ? PL_OK : no_memory(error);
}

enum pl_code pl_letters_open(struct pl_store *store, struct pl_tags *tags, struct pl_letters **letters,
                             struct pl_error **error) {
    struct pl_letters *l = *letters = PL_NEW(struct pl_letters);
    struct pl_epoch last = {0};
    if (!l) return no_memory(error);
    l->store = store;
    l->tags = tags;
    l->letter = pl_tags_intern(tags, letter_kind, strlen(letter_kind));
    l->reinjected = pl_tags_intern(tags, reinjected_kind, strlen(reinjected_kind));
    enum pl_code code = pl_epochs_last(store, &last, error);
    if (code == PL_NOT_FOUND) code = PL_OK;
    /* Orders first: one that goes meanwhile has its outcome in the zone before. */
    if (!code) code = pl__letter_orders_read(l, error);
    if (!code) code = walk(l, PL_TIME_MIN, PL_TIME_MAX, take_outcome, &last.number, error);
    pl_epoch_fini(&last);
    pl__letter_events_sort(&l->orders);
    pl__letter_events_sort(&l->outcomes);
    if (!code) return PL_OK;
    pl_letters_close(l);
    *letters = NULL;
    return code;
}

void pl_letters_close(struct pl_letters *letters) {
    if (!letters) return;
    pl_free(letters->orders.list);
    pl_free(letters->ordered.list);
    pl_free(letters->outcomes.list);
    pl_free(letters);
}

/* ---- Letters ---- */

struct each {
    const struct pl_letters_query *query;
    pl_letters_visitor *each;
    void *arg;
};

static enum pl_letter_state state_of(const struct pl_letters *letters, uint64_t letter) {
    const struct pl__letter_event *order = pl__letter_event_last(&letters->orders, letter);
    const struct pl__letter_event *outcome = pl__letter_event_last(&letters->outcomes, letter);
    if (order && (!outcome || outcome->number < order->number)) return PL_LETTER_QUEUED;
    if (!outcome) return PL_LETTER_KEPT;
    return outcome->done ? PL_LETTER_REINJECTED : PL_LETTER_REFUSED;
}

static bool fits(const struct pl_letters_query *query, const struct pl_dead_letter *letter) {
    return letter->time >= query->from && (letter->time < query->to || query->to == PL_TIME_MAX) &&
           (!query->id || query->id == letter->id) && (!query->states || query->states & 1u << letter->state) &&
           (!query->source || pl_glob(query->source, letter->source)) &&
           (!query->tag || pl_glob(query->tag, letter->tag)) &&
           (!query->cause || pl_glob(query->cause, letter->cause)) &&
           (!query->reason || pl_glob(query->reason, letter->reason));
}

static const char *text_of(char out[PL_LETTER_TEXT_MAX + 1], const char *text, size_t length) {
    if (length > PL_LETTER_TEXT_MAX) length = PL_LETTER_TEXT_MAX;
    memcpy(out, text, length);
    out[length] = 0;
    return out;
}

static enum pl_code take_letter(struct pl_letters *letters, void *arg, const struct pl_zone_record *record,
                                uint32_t row, struct pl_error **error) {
    const struct each *each = arg;
    const struct pl_batch *batch = record->batch;
    char texts[3][PL_LETTER_TEXT_MAX + 1];
    struct body body;
    if (batch->events.kind[row] != letters->letter || !read_body(batch, row, &body)) return PL_OK;
    struct pl_dead_letter letter = {
        .id = batch->events.id[row],
        .time = batch->events.time[row],
        .source = record->node,
        .tag = pl_tags_get(letters->tags, batch->events.tag[row])->name,
        .place = text_of(texts[0], body.place, body.place_length),
        .cause = text_of(texts[1], body.cause, body.cause_length),
        .reason = text_of(texts[2], body.reason, body.reason_length),
        .bytes = body.bytes,
        .size = body.size,
        .cut = body.cut,
        .near = body.near,
        .samples = body.samples,
        .state = state_of(letters, batch->events.id[row]),
    };
    return fits(each->query, &letter) ? each->each(each->arg, &letter, error) : PL_OK;
}

enum pl_code pl_letters_each(struct pl_letters *letters, const struct pl_letters_query *query, pl_letters_visitor *each,
                             void *arg, struct pl_error **error) {
    struct each what = {query, each, arg};
    return walk(letters, query->from, query->to, take_letter, &what, error);
}
