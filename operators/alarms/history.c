/* history.c: what happened, read back from gold: the history, and the figures of ISA-18.2. */
#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "alarms.h"

enum { OFFENDERS = 10 };
static const pl_time ten_minutes = 10 * PL_MINUTE;

const struct pl_option history_args[] = {
    PL_OPT_STRING(struct history_args, alarm, "alarm", "*", PL_FIXED, "Id or pattern of the alarms."),
    PL_OPT_TIME(struct history_args, from, "from", "1678-01-01T00:00:00Z", PL_FIXED, "From this time on."),
    PL_OPT_TIME(struct history_args, to, "to", "2262-01-01T00:00:00Z", PL_FIXED, "Before this time."),
    PL_OPT_INT(struct history_args, last, "last", "100", "1", "100000", PL_FIXED, "The last so many rows of it."),
    PL_OPT_END,
};
const struct pl_option rate_args[] = {
    PL_OPT_DURATION(struct rate_args, over, "over", "1d", "10m", "365d", PL_FIXED,
                    "How far back to look, from where event time is."),
    PL_OPT_STRING(struct rate_args, alarm, "alarm", "*", PL_FIXED, "Id or pattern of the alarms that count."),
    PL_OPT_END,
};

/* ---- Rows of gold ---- */

enum { TEXT_ALARM, TEXT_STATE, TEXT_FROM, TEXT_PRIORITY, TEXT_MESSAGE, TEXT_USER, TEXT_REASON, TEXTS };
static const char *const text_keys[TEXTS] = {"alarm", "state", "from", "priority", "message", "user", "reason"};

struct row {
    const char *text[TEXTS];
    size_t length[TEXTS];
};

static bool read_row(const struct pl_batch *batch, uint32_t i, struct row *row) {
    uint32_t size, pairs;
    const void *body = pl_batch_heap_row(batch, 0, i, &size);
    struct pl_unpack unpack;
    memset(row, 0, sizeof *row);
    pl_unpack_init(&unpack, body, size);
    if (!pl_unpack_map(&unpack, &pairs)) return false;
    for (uint32_t k = 0; k < pairs && !unpack.failed; k++) {
        const char *key;
        size_t length;
        if (!pl_unpack_str(&unpack, &key, &length)) return false;
        struct pl_unpack value = unpack;
        for (unsigned t = 0; t < TEXTS; t++)
            if (strlen(text_keys[t]) == length && memcmp(text_keys[t], key, length) == 0 &&
                !pl_unpack_str(&value, &row->text[t], &row->length[t]))
                row->text[t] = NULL;
        pl_unpack_skip(&unpack);
    }
    return !unpack.failed && row->text[TEXT_ALARM];
}

static bool row_fits(const struct row *row, const char *pattern) {
    char id[PL_NAME_MAX + 1];
    alarm_text(id, sizeof id, row->text[TEXT_ALARM], row->length[TEXT_ALARM]);
    return alarm_fits(pattern, id);
}

/* ---- alarms history ---- */

struct history {
    const struct history_args *args;
    const struct pl_tags *tags;
    struct pl_call *call;
    uint64_t skip, met;
    bool count_only;
};

static void reply_event(const struct history *h, const struct pl_batch *batch, uint32_t i, const struct row *row) {
    char time[PL_TEXT_TIME_MAX];
    struct pl_pack *out = pl_reply_row(h->call, 2 + TEXTS);
    pl_pack_str(out, "time");
    pl_pack_strn(out, time, (size_t)(pl_text_put_time(time, batch->events.time[i]) - time));
    pl_pack_pair_str(out, "event", pl_tags_get(h->tags, batch->events.kind[i])->name);
    for (unsigned t = 0; t < TEXTS; t++) {
        pl_pack_str(out, text_keys[t]);
        pl_pack_strn(out, row->text[t] ? row->text[t] : "", row->text[t] ? row->length[t] : 0);
    }
}

static bool see_history(void *arg, const struct pl_batch *batch) {
    struct history *h = arg;
    struct row row;
    for (uint32_t i = 0; batch->kind == PL_EVENTS && i < batch->rows; i++) {
        pl_time time = batch->events.time[i];
        if (time < h->args->from || time >= h->args->to) continue;
        if (!read_row(batch, i, &row) || !row_fits(&row, h->args->alarm)) continue;
        if (h->met++ >= h->skip && !h->count_only) reply_event(h, batch, i, &row);
    }
    return true;
}

/* Counted first, so that the last rows are shown without keeping all of them. */
enum pl_code history_command(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    (void)self;
    struct history h = {.args = args, .tags = pl_node_tags(node), .call = call, .count_only = true};
    enum pl_code code = pl_zone_each(node, PL_GOLD, h.args->from, h.args->to, see_history, &h, error);
    if (code) return code;
    h.skip = h.met > (uint64_t)h.args->last ? h.met - (uint64_t)h.args->last : 0;
    h.met = 0;
    h.count_only = false;
    return pl_zone_each(node, PL_GOLD, h.args->from, h.args->to, see_history, &h, error);
}

/* ---- alarms rate ---- */

struct figures {
    const char *pattern;
    struct pl_tags *tags;
    uint32_t activated, flood;
    pl_time from, to;
    pl_time first;    /* of any event within; PL_TIME_MAX: none */
    uint32_t *bucket; /* activations by ten minutes */
    uint32_t buckets;
    uint32_t *by_alarm; /* by id */
    uint32_t ids;
    uint64_t alarms, floods, by_priority[PRIORITIES];
};

static void count_row(struct figures *f, const struct row *row, pl_time time) {
    f->alarms++;
    f->bucket[(uint64_t)(time - f->from) / (uint64_t)ten_minutes]++;
    uint32_t id = pl_tags_find(f->tags, row->text[TEXT_ALARM], row->length[TEXT_ALARM]);
    if (id < f->ids) f->by_alarm[id]++;
    for (unsigned p = 0; p < PRIORITIES && row->text[TEXT_PRIORITY]; p++)
        if (strlen(alarm_priority_names[p]) == row->length[TEXT_PRIORITY] &&
            memcmp(alarm_priority_names[p], row->text[TEXT_PRIORITY], row->length[TEXT_PRIORITY]) == 0)
            f->by_priority[p]++;
}

static bool see_rate(void *arg, const struct pl_batch *batch) {
    struct figures *f = arg;
    struct row row;
    for (uint32_t i = 0; batch->kind == PL_EVENTS && i < batch->rows; i++) {
        pl_time time = batch->events.time[i];
        if (time < f->from || time >= f->to) continue;
        if (time < f->first) f->first = time;
        if (batch->events.kind[i] == f->flood) f->floods++;
        if (batch->events.kind[i] != f->activated || !read_row(batch, i, &row)) continue;
        if (row_fits(&row, f->pattern)) count_row(f, &row, time);
    }
    return true;
}

static void reply_noted(struct pl_call *call, const char *figure, double value, const char *target, const char *note) {
    struct pl_pack *row = pl_reply_row(call, 4);
    pl_pack_pair_str(row, "figure", figure);
    pl_pack_pair_f64(row, "value", value);
    pl_pack_pair_str(row, "target", target);
    pl_pack_pair_str(row, "note", note);
}

static void reply_figure(struct pl_call *call, const char *figure, double value, const char *target) {
    reply_noted(call, figure, value, target, "");
}

static void reply_offenders(const struct figures *f, struct pl_call *call) {
    uint32_t last = UINT32_MAX;
    for (unsigned n = 0, shown = 0; n < OFFENDERS && shown < OFFENDERS; n++) {
        uint32_t most = 0;
        for (uint32_t id = 0; id < f->ids; id++)
            if (f->by_alarm[id] < last && f->by_alarm[id] > most) most = f->by_alarm[id];
        for (uint32_t id = 0; most && id < f->ids && shown < OFFENDERS; id++) {
            char text[PL_NAME_MAX + 16];
            if (f->by_alarm[id] != most) continue;
            snprintf(text, sizeof text, "often: %s", pl_tags_get(f->tags, id)->name);
            reply_figure(call, text, most, "");
            shown++;
        }
        last = most;
    }
}

static void reply_now(const struct alarms *s, struct pl_node *node, struct pl_call *call) {
    const struct pl_table *table = pl_node_table(node, TABLE_ALARMS);
    unsigned stale = 0, chattering = 0;
    for (struct pl_record *r = pl_table_next(table, NULL); r; r = pl_table_next(table, r)) {
        const struct alarm *alarm = pl_record_data(r);
        stale += alarm->stale && alarm->active;
        chattering += list_chatters(s, alarm, s->latest);
    }
    reply_figure(call, "chattering now", chattering, "0");
    reply_figure(call, "stale now", stale, "< 5");
}

/* Over which time the figures are, and how much of it there is anything from. */
static void reply_span(const struct figures *f, struct pl_call *call) {
    char from[PL_TEXT_TIME_MAX], to[PL_TEXT_TIME_MAX], first[PL_TEXT_TIME_MAX], note[4 * PL_TEXT_TIME_MAX];
    *pl_text_put_time(from, f->from) = 0;
    *pl_text_put_time(to, f->to - 1) = 0;
    *pl_text_put_time(first, f->first) = 0;
    snprintf(note, sizeof note, "%s to %s, in event time", from, to);
    reply_noted(call, "over, h", (double)f->buckets / 6, "", note);
    bool none = f->first == PL_TIME_MAX;
    snprintf(note, sizeof note, none ? "no event of alarms within" : "the first event within: %s", first);
    reply_noted(call, "alarms", (double)f->alarms, "", note);
    bool is_short = !none && f->to - 1 - f->first < ten_minutes;
    reply_noted(call, "per 10 min", (double)f->alarms / f->buckets, "< 1",
                is_short ? "less than 10 min of events were judged; the mean is over all of the time" : "");
}

static void reply_figures(const struct figures *f, const struct alarms *s, struct pl_node *node, struct pl_call *call) {
    static const char *const targets[PRIORITIES] = {"~ 1 %", "~ 5 %", "~ 15 %", "~ 80 %"};
    uint32_t most = 0, flooded = 0;
    for (uint32_t i = 0; i < f->buckets; i++) {
        if (f->bucket[i] > most) most = f->bucket[i];
        flooded += f->bucket[i] > 10;
    }
    double all = f->alarms ? (double)f->alarms : 1;
    reply_span(f, call);
    reply_figure(call, "most in 10 min", most, "<= 10");
    reply_figure(call, "floods", (double)f->floods, "0");
    reply_figure(call, "time in flood, %", 100.0 * flooded / f->buckets, "< 1");
    for (unsigned p = 0; p < PRIORITIES; p++) {
        char text[32];
        snprintf(text, sizeof text, "%s, %%", alarm_priority_names[p]);
        reply_figure(call, text, 100 * (double)f->by_priority[p] / all, targets[p]);
    }
    reply_now(s, node, call);
    reply_offenders(f, call);
}

enum pl_code rate_command(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                          struct pl_error **error) {
    const struct alarms *s = self;
    const struct rate_args *wanted = args;
    pl_time now = s->latest > PL_TIME_MIN ? s->latest : pl_now(node);
    struct figures f = {.pattern = wanted->alarm,
                        .tags = pl_node_tags(node),
                        .activated = s->kind[ALARM_UNACKNOWLEDGED],
                        .flood = s->kind[NOTE_FLOOD],
                        .buckets = (uint32_t)((wanted->over + ten_minutes - 1) / ten_minutes),
                        .to = now < PL_TIME_MAX ? now + 1 : now,
                        .first = PL_TIME_MAX};
    const pl_time over = f.buckets * ten_minutes;
    f.from = f.to < PL_TIME_MIN + over ? PL_TIME_MIN : f.to - over;
    f.ids = pl_tags_count(f.tags);
    f.bucket = pl_alloc(f.buckets * sizeof *f.bucket);
    f.by_alarm = pl_alloc(f.ids * sizeof *f.by_alarm);
    enum pl_code code = PL_NO_MEMORY;
    if (f.bucket && f.by_alarm) {
        code = pl_zone_each(node, PL_GOLD, f.from, f.to, see_rate, &f, error);
        if (!code) reply_figures(&f, s, node, call);
    } else {
        pl_error_set(error, code, "no memory for the figures");
    }
    pl_free(f.bucket);
    pl_free(f.by_alarm);
    return code;
}
