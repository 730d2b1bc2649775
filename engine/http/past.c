/* past.c: what stood at a time that has passed: the newest sample of each tag, alarms, set points and overrides, with
 * `at`. Without it `alarms`, `setpoints` and `overrides` are commands, as ever.
 *
 * It is put together from what is kept: samples and set points of the zones, the history that an alarm list writes, and
 * the audit. For each name the newest row not behind `at` stands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>
#include <potline/text.h>

#include "batch/tags.h"
#include "http/rest_impl.h"
#include "store/audit.h"
#include "store/zone_walk.h"

enum { NAMES = 200000, RECORDS = 400000, BYTES = 64 << 20 /* of what stands */ };
static const pl_time ALARMS_BACK = 31 * PL_DAY, SETPOINTS_BACK = PL_DAY, READINGS_BACK = 10 * PL_MINUTE;
static const pl_time BACK_MOST = 366 * PL_DAY; /* for `within` */

struct stood {
    pl_time time;
    void *row; /* as msgpack; NULL: nothing stood */
    size_t size;
};

struct past {
    struct pl__call *call;
    enum pl_code (*read)(struct past *past, struct pl_error **error);
    pl_time at, from;
    struct pl_tags *names;
    struct stood *stood; /* [name] */
    uint32_t room;
    size_t bytes; /* of their rows */
    struct pl_pack *row, *page;
    uint32_t count;
    bool more, failed;
    enum pl_code code;
    struct pl_error *error;
    struct pl_http_posted posted;
};

static void free_past(struct past *past) {
    for (uint32_t i = 0; i < past->room; i++)
        pl_free(past->stood[i].row);
    pl_free(past->stood);
    pl_tags_free(past->names);
    pl_pack_free(past->row);
    pl_pack_free(past->page);
    pl_error_free(&past->error);
    pl_free(past);
}

/* ---- What stands of a name ---- */

static struct stood *stood_of(struct past *past, uint32_t name) {
    if (name >= past->room) {
        uint32_t room = name + 1 > 2 * past->room ? name + 64 : 2 * past->room;
        struct stood *more = pl_realloc(past->stood, room * sizeof *more);
        if (!more) {
            past->failed = true;
            return NULL;
        }
        memset(more + past->room, 0, (room - past->room) * sizeof *more);
        past->stood = more;
        past->room = room;
    }
    return &past->stood[name];
}

static bool is_newer(struct past *past, uint32_t name, pl_time time) {
    struct stood *stood = time <= past->at ? stood_of(past, name) : NULL;
    return stood && (!stood->row || time >= stood->time);
}

/* `bytes` NULL: nothing stands from then on. */
static void put_stood(struct past *past, uint32_t name, pl_time time, const void *bytes, size_t size) {
    struct stood *stood = stood_of(past, name);
    void *row = bytes ? pl_alloc(size) : NULL;
    if (!stood || (bytes && !row)) {
        past->failed = true;
        return;
    }
    if (row) memcpy(row, bytes, size);
    past->bytes -= stood->row ? stood->size : 0;
    past->bytes += row ? size : 0;
    past->failed = past->failed || past->bytes > BYTES;
    pl_free(stood->row);
    *stood = (struct stood){.time = time, .row = row, .size = size};
}

static void keep_row(struct past *past, uint32_t name, pl_time time) {
    put_stood(past, name, time, pl_pack_data(past->row), pl_pack_size(past->row));
}

static void put_time(struct pl_pack *row, const char *key, pl_time time, bool there) {
    char text[PL_TEXT_TIME_MAX];
    pl_pack_str(row, key);
    pl_pack_strn(row, text, there ? (size_t)(pl_text_put_time(text, time) - text) : 0);
}

static void put_number(struct pl_pack *row, const char *key, double value) {
    pl_pack_str(row, key);
    if (isfinite(value))
        pl_pack_f64(row, value);
    else
        pl_pack_nil(row);
}

/* The spans that are looked back over from it, and the moment behind it, are times too. */
static pl_time reachable(pl_time time) {
    return time < PL_TIME_MIN + BACK_MOST ? PL_TIME_MIN + BACK_MOST : time == PL_TIME_MAX ? time - 1 : time;
}

static bool fits(const struct past *past, const char *field, const char *name) {
    const char *pattern = pl__call_text(past->call, field);
    return !pattern || pl_glob(pattern, name);
}

/* ---- Samples ---- */

static bool take_samples(void *arg, const struct pl_batch *batch) {
    struct past *past = arg;
    char quality[192];
    for (uint32_t i = 0; i < batch->rows; i++) {
        uint32_t tag = batch->samples.tag[i];
        pl_time time = batch->samples.time[i];
        if (time < past->from || !is_newer(past, tag, time)) continue;
        const char *name = pl_tags_get(past->names, tag)->name;
        if (!fits(past, "tags", name)) continue;
        pl_pack_reset(past->row);
        pl_pack_map(past->row, 4);
        pl_pack_pair_str(past->row, "tag", name);
        put_time(past->row, "time", time, true);
        put_number(past->row, "value", batch->samples.value[i]);
        pl_pack_str(past->row, "quality");
        pl_pack_strn(past->row, quality, pl_quality_format(batch->samples.quality[i], quality, sizeof quality));
        keep_row(past, tag, time);
    }
    return !past->failed;
}

static enum pl_code read_samples(struct past *past, struct pl_error **error) {
    const char *zone = pl__call_text(past->call, "zone"), *within = pl__call_text(past->call, "within");
    pl_time back = READINGS_BACK;
    if (within) pl_text_duration(within, strlen(within), &back);
    past->from = past->at - back;
    const struct pl_zone_walk walk = {.store = pl__rest_store(past->call->rest),
                                      .stop = &past->call->rest->leaving,
                                      .names = past->names,
                                      .zone = zone && strcmp(zone, "gold") == 0 ? PL_GOLD : PL_SILVER,
                                      .kind = PL_SAMPLES,
                                      .from = past->from,
                                      .to = past->at + 1,
                                      .take = take_samples,
                                      .arg = past,
                                      .records = RECORDS};
    return pl_zone_walk(&walk, error);
}

/* ---- Alarms ---- */

static bool take_alarms(void *arg, const struct pl_batch *batch) {
    struct past *past = arg;
    for (uint32_t i = 0; i < batch->rows; i++) {
        const char *alarm;
        size_t length;
        uint32_t size;
        if (strncmp(pl_tags_get(past->names, batch->events.kind[i])->name, "alarm.", 6) != 0) continue;
        const void *body = pl_batch_heap_row(batch, 0, i, &size);
        if (!pl_unpack_text(body, size, "alarm", &alarm, &length)) continue; /* of a flood */
        uint32_t name = pl_tags_intern(past->names, alarm, length);
        if (name != PL_NO_ID && is_newer(past, name, batch->events.time[i]))
            put_stood(past, name, batch->events.time[i], body, size);
    }
    return !past->failed;
}

static bool has(const struct stood *stood, const char *field, const char *wanted) {
    const char *text;
    size_t length;
    return pl_unpack_text(stood->row, stood->size, field, &text, &length) && strlen(wanted) == length &&
           memcmp(text, wanted, length) == 0;
}

static bool wants_attention(const struct stood *stood) {
    static const char *const states[] = {"unacknowledged", "acknowledged", "returned", "latched-unacknowledged",
                                         "latched-acknowledged"};
    for (unsigned i = 0; i < PL_COUNT_OF(states); i++)
        if (has(stood, "state", states[i])) return true;
    return false;
}

/* Of all that stood, as the question wants it. */
static void choose_alarms(struct past *past) {
    const char *state = pl__call_text(past->call, "state"), *priority = pl__call_text(past->call, "priority");
    for (uint32_t i = 0; i < past->room; i++) {
        struct stood *stood = &past->stood[i];
        if (!stood->row) continue;
        bool good = !state || strcmp(state, "attention") == 0 ? wants_attention(stood)
                                                              : strcmp(state, "all") == 0 || has(stood, "state", state);
        good = good && (!priority || strcmp(priority, "any") == 0 || has(stood, "priority", priority));
        if (good && fits(past, "alarm", pl_tags_get(past->names, i)->name)) continue;
        pl_free(stood->row);
        stood->row = NULL;
    }
}

static enum pl_code read_alarms(struct past *past, struct pl_error **error) {
    const struct pl_zone_walk walk = {.store = pl__rest_store(past->call->rest),
                                      .stop = &past->call->rest->leaving,
                                      .names = past->names,
                                      .zone = PL_GOLD,
                                      .kind = PL_EVENTS,
                                      .from = past->at - ALARMS_BACK,
                                      .to = past->at + 1,
                                      .take = take_alarms,
                                      .arg = past,
                                      .records = RECORDS};
    enum pl_code code = pl_zone_walk(&walk, error);
    choose_alarms(past);
    return code;
}

/* ---- Set points ---- */

static bool take_points(void *arg, const struct pl_batch *batch) {
    struct past *past = arg;
    for (uint32_t i = 0; i < batch->rows; i++) {
        const struct pl_setpoints *rows = &batch->setpoints;
        uint32_t length;
        const char *name = pl_tags_get(past->names, rows->tag[i])->name;
        if (!is_newer(past, rows->tag[i], rows->time[i]) || !fits(past, "tag", name)) continue;
        const char *reason = pl_batch_heap_row(batch, 0, i, &length);
        bool holds = isfinite(rows->value[i]) && rows->expiry[i] > past->at;
        pl_pack_reset(past->row);
        pl_pack_map(past->row, 11);
        pl_pack_pair_str(past->row, "tag", name);
        pl_pack_pair_str(past->row, "mode", "");
        pl_pack_pair_str(past->row, "state", holds ? "leased" : isfinite(rows->value[i]) ? "" : "withdrawn");
        put_number(past->row, "stands", rows->value[i]);
        put_number(past->row, "passed", rows->value[i]);
        put_number(past->row, "wished", NAN);
        put_number(past->row, "low", rows->lower[i]);
        put_number(past->row, "high", rows->upper[i]);
        put_time(past->row, "until", rows->expiry[i], holds);
        pl_pack_str(past->row, "reason");
        pl_pack_strn(past->row, reason, length);
        pl_pack_pair_str(past->row, "refused", "");
        keep_row(past, rows->tag[i], rows->time[i]);
    }
    return !past->failed;
}

static enum pl_code read_points(struct past *past, struct pl_error **error) {
    static const enum pl_zone_id zones[] = {PL_SILVER, PL_GOLD};
    enum pl_code code = PL_OK;
    for (unsigned i = 0; !code && i < PL_COUNT_OF(zones); i++) {
        const struct pl_zone_walk walk = {.store = pl__rest_store(past->call->rest),
                                          .stop = &past->call->rest->leaving,
                                          .names = past->names,
                                          .zone = zones[i],
                                          .kind = PL_SETPOINTS,
                                          .from = past->at - SETPOINTS_BACK,
                                          .to = past->at + 1,
                                          .take = take_points,
                                          .arg = past,
                                          .records = RECORDS};
        code = pl_zone_walk(&walk, error);
    }
    return code;
}

/* ---- Overrides ---- */

static enum pl_code take_record(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct past *past = arg;
    if (atomic_load(&past->call->rest->leaving)) return pl_error_set(error, PL_UNAVAILABLE, "the engine is ending");
    bool engages = strcmp(record->action, "override engage") == 0;
    bool releases = strcmp(record->action, "override release") == 0;
    bool done = !*record->outcome || strncmp(record->outcome, "done", strlen("done")) == 0; /* some when it was late */
    uint32_t name = (engages || releases) && done && record->time <= past->at
                        ? pl_tags_intern(past->names, record->object, strlen(record->object))
                        : PL_NO_ID;
    if (name == PL_NO_ID) return PL_OK;
    const struct stood *stood = stood_of(past, name);
    if (engages && stood && stood->row) return PL_OK; /* who was first is remembered */
    bool asked = strcmp(record->origin, "node") != 0; /* else it was a switch or a file */
    pl_pack_reset(past->row);
    pl_pack_map(past->row, 4);
    pl_pack_pair_str(past->row, "scope", record->object);
    pl_pack_pair_str(past->row, "user", asked ? record->user : record->origin);
    put_time(past->row, "since", record->time, true);
    pl_pack_pair_str(past->row, "reason", record->reason);
    if (engages)
        keep_row(past, name, record->time);
    else
        put_stood(past, name, record->time, NULL, 0);
    return past->failed ? pl_error_set(error, PL_NO_MEMORY, "no memory for overrides") : PL_OK;
}

static enum pl_code read_overrides(struct past *past, struct pl_error **error) {
    struct pl_store *store = pl__rest_store(past->call->rest);
    if (!store) return pl_error_set(error, PL_UNAVAILABLE, "this run has no data folder, so it has no audit");
    return pl_audit_each(store, 1, take_record, past, error);
}

/* ---- Asking ---- */

static void put_page(struct past *past) {
    size_t passed = 0;
    for (uint32_t i = 0; i < past->room && !past->more; i++) {
        const struct stood *stood = &past->stood[i];
        if (!stood->row || passed++ < past->call->offset) continue;
        past->more = past->count == past->call->limit;
        if (past->more) continue;
        pl_pack_raw(past->page, stood->row, stood->size);
        past->count++;
    }
}

static void answer(void *arg) { /* on the server's thread again */
    struct past *past = arg;
    struct pl__call *call = past->call;
    if (!past->code && (past->failed || pl_pack_failed(past->page))) past->code = PL_NO_MEMORY;
    if (past->more) pl__next_offset(call, call->offset + past->count);
    if (past->code)
        pl__problem_code(call, past->code, past->error ? past->error->text : NULL);
    else
        pl__answer_rows(call, pl_pack_data(past->page), pl_pack_size(past->page), past->count);
    free_past(past);
}

static void work(void *arg) {
    struct past *past = arg;
    struct pl_rest *rest = past->call->rest;
    past->code = PL_UNAVAILABLE;
    if (pl__rest_enter(rest)) {
        const char *at = pl__call_text(past->call, "at");
        past->at = pl__rest_now(rest);
        if (at) pl_text_time(at, strlen(at), &past->at);
        past->at = reachable(past->at);
        past->code = past->read(past, &past->error);
        pl__rest_leave(rest);
    }
    if (!past->code) put_page(past);
    pl_http_post(rest->options.server, &past->posted, answer, past);
}

static void ask(struct pl__call *call, enum pl_code (*read)(struct past *past, struct pl_error **error)) {
    struct past *past = PL_NEW(struct past);
    if (!past) {
        pl__problem_code(call, PL_NO_MEMORY, NULL);
        return;
    }
    *past = (struct past){.call = call, .read = read};
    past->names = pl_tags_new(&(struct pl_tags_options){.limit = NAMES});
    past->row = pl_pack_new();
    past->page = pl_pack_new();
    if (past->names && past->row && past->page && pl_workers_do(call->rest->quick, call->who.name, work, past)) return;
    free_past(past);
    pl__problem_wait(call, PL__NOT_NOW, 1, "Too many questions at once.");
}

static void ask_or_command(struct pl__call *call, enum pl_code (*read)(struct past *past, struct pl_error **error)) {
    if (pl__call_text(call, "at"))
        ask(call, read);
    else
        pl__call_command(call);
}

void pl__past_readings(struct pl__call *call) {
    const char *within = pl__call_text(call, "within");
    pl_time back = READINGS_BACK;
    if (within) pl_text_duration(within, strlen(within), &back);
    if (back > 0 && back <= BACK_MOST) {
        ask(call, read_samples);
        return;
    }
    json_t *errors = json_array();
    pl__field_error(errors, "within", "a duration above 0 and up to 366d is expected");
    pl__problem_fields(call, errors);
}

void pl__past_alarms(struct pl__call *call) {
    ask_or_command(call, read_alarms);
}

void pl__past_setpoints(struct pl__call *call) {
    ask_or_command(call, read_points);
}

void pl__past_overrides(struct pl__call *call) {
    ask_or_command(call, read_overrides);
}
