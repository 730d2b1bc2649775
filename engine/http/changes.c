/* changes.c: `changes`: what people and optimisers have changed in a range of time: overrides, modes, limits, rules,
 * options, models and graphs, out of the audit, and the set points that passed, out of the zones. It is for everybody
 * who looks at a trend and asks why; who has asked for what else stays the audit's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "batch/tags.h"
#include "http/rest_impl.h"
#include "store/audit.h"
#include "store/zone_walk.h"

enum { NAMES = 200000, RECORDS = 400000, ROWS = 10000, BYTES = 16 << 20 /* of the rows */, NUMBER = 32 };
static const pl_time LATE = PL_DAY; /* records of a guard that was alone come behind younger ones */

struct change {
    pl_time time;
    size_t at, size; /* in `rows` */
};

struct changes {
    struct pl__call *call;
    const char *asset; /* NULL: of all */
    pl_time from, to;
    struct pl_tags *names;
    double *passed; /* [name]: the value that a set point has; NAN: none yet */
    uint32_t room;
    struct pl_pack *rows;
    struct change *list; /* of ROWS */
    uint32_t count;
    unsigned seen; /* records of the audit */
    bool failed;
    enum pl_code code;
    struct pl_error *error;
    struct pl_http_posted posted;
};

static void free_changes(struct changes *changes) {
    pl_tags_free(changes->names);
    pl_pack_free(changes->rows);
    pl_error_free(&changes->error);
    pl_free(changes->passed);
    pl_free(changes->list);
    pl_free(changes);
}

/* ---- What counts ---- */

/* Of these `object` is an asset, a line, a tag or ALL; of the others it is something of the whole plant. */
static const char *const of_assets[] = {"override ", "guard ", "constraints ", NULL};
static const char *const of_all[] = {"rules ", "set", "pause", "resume", "graph ", "detector ", "optimizations ", NULL};

static bool begins(const char *action, const char *const *beginnings) {
    for (; *beginnings; beginnings++)
        if (strncmp(action, *beginnings, strlen(*beginnings)) == 0) return true;
    return false;
}

static bool is_in(const char *name, size_t length, const char *scope, size_t scope_length) {
    return length >= scope_length && memcmp(name, scope, scope_length) == 0 &&
           (length == scope_length || name[scope_length] == '.');
}

/* Of the asset, of something in it, or of something that it is in. */
static bool concerns(const struct changes *changes, const char *object) {
    const char *asset = changes->asset, *of = strstr(object, " of "); /* "constraint superheat of line1" */
    const char *scope = of ? of + strlen(" of ") : object;
    size_t length = strlen(scope);
    if (!asset || strcmp(scope, "ALL") == 0) return true;
    return is_in(scope, length, asset, strlen(asset)) || is_in(asset, strlen(asset), scope, length);
}

static void put(struct changes *changes, pl_time time, const char *const texts[static 6]) {
    static const char *const keys[] = {"user", "action", "object", "from", "to", "reason"};
    char text[PL_TEXT_TIME_MAX];
    size_t at = pl_pack_size(changes->rows);
    if (changes->count == ROWS || at > BYTES) {
        changes->failed = true;
        return;
    }
    pl_pack_map(changes->rows, 1 + PL_COUNT_OF(keys));
    pl_pack_str(changes->rows, "time");
    pl_pack_strn(changes->rows, text, (size_t)(pl_text_put_time(text, time) - text));
    for (unsigned i = 0; i < PL_COUNT_OF(keys); i++)
        pl_pack_pair_str(changes->rows, keys[i], texts[i]);
    changes->list[changes->count++] = (struct change){.time = time, .at = at, .size = pl_pack_size(changes->rows) - at};
}

/* ---- The audit ---- */

static enum pl_code take_time(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    (void)error;
    *(pl_time *)arg = record->time;
    return PL_BUSY; /* one is enough */
}

/* The sequence to begin with: records in front of it are older than `time`. */
static uint64_t sequence_at(struct pl_store *store, pl_time time) {
    struct pl_audit_place pruned, last;
    if (pl_audit_places(store, &pruned, &last, NULL)) return 1;
    uint64_t low = pruned.sequence + 1, high = last.sequence + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        pl_time found;
        if (pl_audit_each(store, middle, take_time, &found, NULL) != PL_BUSY) return pruned.sequence + 1;
        if (found < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum pl_code take_record(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    struct changes *changes = arg;
    if (atomic_load(&changes->call->rest->leaving)) return pl_error_set(error, PL_UNAVAILABLE, "the engine is ending");
    if (changes->seen++ == RECORDS)
        return pl_error_set(error, PL_LIMIT, "too much was done in that time: a shorter range is needed");
    bool done = !*record->outcome || strncmp(record->outcome, "done", strlen("done")) == 0; /* some when it was late */
    bool scoped = begins(record->action, of_assets);
    if (!done || record->time < changes->from || record->time >= changes->to) return PL_OK;
    if (scoped ? !concerns(changes, record->object) : !begins(record->action, of_all)) return PL_OK;
    bool asked = strcmp(record->origin, "node") != 0; /* else it was a switch or a file */
    const char *const texts[] = {asked ? record->user : record->origin,
                                 record->action,
                                 record->object,
                                 record->from,
                                 record->to,
                                 record->reason};
    put(changes, record->time, texts);
    return changes->failed ? pl_error_set(error, PL_LIMIT, "too many changes: a shorter range is needed") : PL_OK;
}

/* ---- Set points that passed ---- */

static double *passed_of(struct changes *changes, uint32_t name) {
    if (name >= changes->room) {
        uint32_t room = name + 64;
        double *more = pl_realloc(changes->passed, room * sizeof *more);
        if (!more) {
            changes->failed = true;
            return NULL;
        }
        for (uint32_t i = changes->room; i < room; i++)
            more[i] = NAN;
        changes->passed = more;
        changes->room = room;
    }
    return &changes->passed[name];
}

static void put_number(char text[NUMBER], double value) {
    char *end = isfinite(value) ? pl_text_put_f64(text, value) : text;
    *end = 0;
}

/* A lease that is renewed with its value moves nothing. */
static bool take_points(void *arg, const struct pl_batch *batch) {
    struct changes *changes = arg;
    const struct pl_setpoints *rows = &batch->setpoints;
    for (uint32_t i = 0; i < batch->rows; i++) {
        const char *name = pl_tags_get(changes->names, rows->tag[i])->name;
        double *passed = concerns(changes, name) ? passed_of(changes, rows->tag[i]) : NULL, value = rows->value[i];
        if (!passed || value == *passed || (isnan(value) && isnan(*passed))) continue;
        char from[NUMBER], to[NUMBER], reason[PL_AUDIT_TEXT_MAX];
        uint32_t length;
        const char *given = pl_batch_heap_row(batch, 0, i, &length);
        length = length < sizeof reason ? length : (uint32_t)sizeof reason - 1;
        memcpy(reason, given, length);
        reason[length] = 0;
        put_number(from, *passed);
        put_number(to, value);
        *passed = value;
        const char *const texts[] = {
            pl_tags_get(changes->names, rows->origin[i])->name, "move", name, from, to, reason};
        if (rows->time[i] >= changes->from && rows->time[i] < changes->to) put(changes, rows->time[i], texts);
    }
    return !changes->failed;
}

static enum pl_code read_points(struct changes *changes, struct pl_store *store) {
    static const enum pl_zone_id zones[] = {PL_SILVER, PL_GOLD};
    enum pl_code code = PL_OK;
    for (unsigned i = 0; !code && i < PL_COUNT_OF(zones); i++) {
        const struct pl_zone_walk walk = {.store = store,
                                          .stop = &changes->call->rest->leaving,
                                          .names = changes->names,
                                          .zone = zones[i],
                                          .kind = PL_SETPOINTS,
                                          .from = changes->from - PL_DAY, /* what stood before */
                                          .to = changes->to,
                                          .take = take_points,
                                          .arg = changes,
                                          .records = RECORDS};
        code = pl_zone_walk(&walk, &changes->error);
        pl_free(changes->passed);
        changes->passed = NULL;
        changes->room = 0;
    }
    return code;
}

/* ---- Asking ---- */

static int newest_first(const void *a, const void *b) {
    const struct change *one = a, *other = b;
    if (one->time != other->time) return one->time < other->time ? 1 : -1;
    return one->at < other->at ? 1 : -1;
}

/* The newest first, and once where both zones keep it. */
static void put_in_order(struct changes *changes) {
    const char *rows = pl_pack_data(changes->rows);
    struct change *list = changes->list, *last = NULL;
    uint32_t kept = 0;
    if (changes->count) qsort(list, changes->count, sizeof *list, newest_first);
    for (uint32_t i = 0; i < changes->count; i++) {
        if (last && last->size == list[i].size && memcmp(rows + last->at, rows + list[i].at, last->size) == 0) continue;
        list[kept] = list[i];
        last = &list[kept++];
    }
    changes->count = kept;
}

static void answer(void *arg) { /* on the server's thread again */
    struct changes *changes = arg;
    struct pl__call *call = changes->call;
    struct pl_pack *page = pl_pack_new();
    const char *rows = pl_pack_data(changes->rows);
    uint32_t count = 0;
    if (!changes->code && changes->failed) changes->code = PL_LIMIT;
    if (!changes->code && (!page || pl_pack_failed(changes->rows))) changes->code = PL_NO_MEMORY;
    if (changes->code) {
        pl__problem_code(call, changes->code, changes->error ? changes->error->text : NULL);
    } else {
        for (size_t i = call->offset; i < changes->count && count < call->limit; i++, count++)
            pl_pack_raw(page, rows + changes->list[i].at, changes->list[i].size);
        if (call->offset + count < changes->count) pl__next_offset(call, call->offset + count);
        pl__answer_rows(call, pl_pack_data(page), pl_pack_size(page), count);
    }
    pl_pack_free(page);
    free_changes(changes);
}

static void work(void *arg) {
    struct changes *changes = arg;
    struct pl_rest *rest = changes->call->rest;
    changes->code = PL_UNAVAILABLE;
    if (pl__rest_enter(rest)) {
        struct pl_store *store = pl__rest_store(rest);
        changes->code = store ? PL_OK : pl_error_set(&changes->error, PL_UNAVAILABLE, "this run has no data folder");
        if (!changes->code)
            changes->code =
                pl_audit_each(store, sequence_at(store, changes->from - LATE), take_record, changes, &changes->error);
        if (!changes->code) changes->code = read_points(changes, store);
        pl__rest_leave(rest);
    }
    if (!changes->code && !pl_pack_failed(changes->rows)) put_in_order(changes);
    pl_http_post(rest->options.server, &changes->posted, answer, changes);
}

static pl_time time_of(const struct pl__call *call, const char *name) {
    const char *text = pl__call_text(call, name);
    pl_time time = 0;
    if (text) pl_text_time(text, strlen(text), &time);
    return time;
}

void pl__changes(struct pl__call *call) {
    pl_time from = time_of(call, "from"), to = time_of(call, "to"), range;
    if (__builtin_sub_overflow(to, from, &range) || range <= 0 || range > 366 * PL_DAY || from < PL_TIME_MIN + LATE) {
        pl__complain(call, PL__SEMANTIC, "The range must end behind its begin, and be a year at most.");
        return;
    }
    struct changes *changes = PL_NEW(struct changes);
    if (!changes) {
        pl__problem_code(call, PL_NO_MEMORY, NULL);
        return;
    }
    *changes = (struct changes){.call = call, .asset = pl__call_text(call, "asset"), .from = from, .to = to};
    changes->names = pl_tags_new(&(struct pl_tags_options){.limit = NAMES});
    changes->rows = pl_pack_new();
    changes->list = pl_alloc(ROWS * sizeof *changes->list);
    if (changes->names && changes->rows && changes->list &&
        pl_workers_do(call->rest->quick, call->who.name, work, changes))
        return;
    free_changes(changes);
    pl__problem_wait(call, PL__NOT_NOW, 1, "Too many questions at once.");
}
