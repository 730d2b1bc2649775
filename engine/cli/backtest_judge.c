#include "backtest_judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum { LINE_MAX_ = 4096, FIELDS = 5, KNOWN_MAX = 1000000, ACTIVATIONS_MAX = 10000000 };
enum { FIELD_START, FIELD_END, FIELD_ASSET, FIELD_TAG, FIELD_RULE };
static const char *const field_names[FIELDS] = {"start", "end", "asset", "tag", "rule"};

/* ---- Activations ---- */

static bool add(struct pl__activations *all, struct pl__activation activation) {
    if (all->count == all->room) {
        uint32_t room = all->room * 2 + 256;
        struct pl__activation *grown = room > ACTIVATIONS_MAX ? NULL : pl_realloc(all->list, room * sizeof *grown);
        if (!grown) return false;
        all->list = grown;
        all->room = room;
    }
    all->list[all->count++] = activation;
    return true;
}

/* The text under a key of an event's body. */
static bool body_text(const struct pl_batch *events, uint32_t row, const char *name, const char **text,
                      size_t *length) {
    uint32_t size;
    const void *body = pl_batch_heap_row(events, 0, row, &size);
    return pl_unpack_text(body, size, name, text, length);
}

static bool add_alarm(struct pl__activations *all, struct pl_tags *tags, const struct pl_batch *b, uint32_t row) {
    const char *alarm, *rule;
    size_t alarm_length, rule_length;
    if (!body_text(b, row, "alarm", &alarm, &alarm_length) || !body_text(b, row, "rule", &rule, &rule_length))
        return true;
    struct pl__activation a = {.time = b->events.time[row],
                               .alarm = pl_tags_intern(tags, alarm, alarm_length),
                               .rule = pl_tags_intern(tags, rule, rule_length),
                               .asset = b->events.asset[row],
                               .tag = b->events.tag[row]};
    return a.alarm == PL_NO_ID || a.rule == PL_NO_ID || add(all, a);
}

bool pl__activations_add(struct pl__activations *all, struct pl_tags *tags, const struct pl_batch *events) {
    for (uint32_t i = 0; events->kind == PL_EVENTS && i < events->rows; i++) {
        const char *kind = pl_tags_get(tags, events->events.kind[i])->name;
        all->floods += strcmp(kind, "alarms.flood") == 0;
        all->chattering += strcmp(kind, "alarm.chattering") == 0;
        if (strcmp(kind, "alarm.unacknowledged") == 0 && !add_alarm(all, tags, events, i)) return false;
    }
    return true;
}

/* ---- Known events ---- */

static bool read_time(const char *text, pl_time *time) {
    return pl_text_int(text, strlen(text), time) || pl_text_time(text, strlen(text), time);
}

/* Splits a line without quotes at its commas. */
static unsigned split(char *line, char **fields, unsigned most) {
    unsigned count = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *at = line; at && count < most; count++) {
        fields[count] = at;
        at = strchr(at, ',');
        if (at) *at++ = 0;
    }
    return count;
}

static bool add_known(struct pl__truth *truth, struct pl__known known) {
    struct pl__known *grown = pl_realloc(truth->list, (truth->count + 1) * sizeof *grown);
    if (grown) truth->list = grown;
    if (!grown || !known.place || !known.rule) {
        pl_free(known.place);
        pl_free(known.rule);
        return false;
    }
    truth->list[truth->count++] = known;
    return true;
}

static enum pl_code read_header(FILE *file, const char *path, int column[FIELDS], struct pl_error **error) {
    char line[LINE_MAX_], *fields[32];
    unsigned count = fgets(line, sizeof line, file) ? split(line, fields, 32) : 0;
    for (unsigned f = 0; f < FIELDS; f++) {
        column[f] = -1;
        for (unsigned i = 0; i < count; i++)
            if (strcmp(fields[i], field_names[f]) == 0) column[f] = (int)i;
    }
    bool good =
        column[FIELD_START] >= 0 && column[FIELD_END] >= 0 && (column[FIELD_ASSET] >= 0 || column[FIELD_TAG] >= 0);
    return good ? PL_OK
                : pl_error_at(error, PL_SYNTAX, (struct pl_place){.file = path, .line = 1},
                              "the first line names the columns start, end, asset or tag, and perhaps rule");
}

/* One line, which has been split; an empty one says nothing. */
static enum pl_code read_known(char *fields[], unsigned count, const int column[FIELDS], struct pl_place at,
                               struct pl__truth *truth, struct pl_error **error) {
    struct pl__known known = {0};
    const char *value[FIELDS];
    for (unsigned f = 0; f < FIELDS; f++)
        value[f] = column[f] >= 0 && (unsigned)column[f] < count ? fields[column[f]] : "";
    const char *place = *value[FIELD_TAG] ? value[FIELD_TAG] : value[FIELD_ASSET];
    if (count == 1 && !*fields[0]) return PL_OK;
    if (!*place || !read_time(value[FIELD_START], &known.start) || !read_time(value[FIELD_END], &known.end))
        return pl_error_at(error, PL_SYNTAX, at, "expected a start, an end, and an asset or a tag");
    if (known.end < known.start) return pl_error_at(error, PL_SYNTAX, at, "it ends before it starts");
    if (truth->count == KNOWN_MAX) return pl_error_at(error, PL_RANGE, at, "more than %d known events", KNOWN_MAX);
    known.place = pl_strdup(place);
    known.rule = pl_strdup(value[FIELD_RULE]);
    return add_known(truth, known) ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "%s: out of memory", at.file);
}

enum pl_code pl__truth_read(const char *path, struct pl__truth *truth, struct pl_error **error) {
    FILE *file = fopen(path, "r");
    if (!file) return pl_error_set(error, PL_USAGE, "%s: %s", path, strerror(errno));
    struct pl_place at = {.file = path, .line = 1};
    int column[FIELDS];
    char line[LINE_MAX_], *fields[32];
    enum pl_code code = read_header(file, path, column, error);
    while (!code && fgets(line, sizeof line, file)) {
        at.line++;
        if (!strchr(line, '\n') && !feof(file))
            code = pl_error_at(error, PL_SYNTAX, at, "a line has at most %d bytes", LINE_MAX_ - 2);
        else if (strchr(line, '"'))
            code = pl_error_at(error, PL_SYNTAX, at, "quotes are not read here: write the fields without them");
        else
            code = read_known(fields, split(line, fields, 32), column, at, truth, error);
    }
    fclose(file);
    return code;
}

void pl__truth_free(struct pl__truth *truth) {
    for (uint32_t i = 0; i < truth->count; i++) {
        pl_free(truth->list[i].place);
        pl_free(truth->list[i].rule);
    }
    pl_free(truth->list);
    *truth = (struct pl__truth){0};
}

static bool is_under(const char *name, const char *place) {
    size_t length = strlen(place);
    return strncmp(name, place, length) == 0 && (name[length] == 0 || name[length] == '.');
}

static pl_time earlier(pl_time time, pl_time by) {
    return time < PL_TIME_MIN + by ? PL_TIME_MIN : time - by;
}

static pl_time later(pl_time time, pl_time by) {
    return time > PL_TIME_MAX - by ? PL_TIME_MAX : time + by;
}

/* Is the rule one that the known events are about? */
static bool is_judged(const struct pl__truth *truth, const char *rule) {
    bool named = false;
    for (uint32_t i = 0; i < truth->count; i++) {
        if (!*truth->list[i].rule) return true;
        named = named || strcmp(truth->list[i].rule, rule) == 0;
    }
    return named;
}

struct judging {
    const struct pl__truth *truth;
    const struct pl__backtest *backtest;
    pl_time tolerance;
    const char *rule; /* NULL: all */
};

static const char *name_of(const struct judging *j, uint32_t id) {
    return pl_tags_get(j->backtest->tags, id)->name;
}

static bool concerns(const struct judging *j, const struct pl__activation *a) {
    return !j->rule || strcmp(name_of(j, a->rule), j->rule) == 0;
}

static bool matches(const struct judging *j, const struct pl__known *k, const struct pl__activation *a) {
    if (a->time < earlier(k->start, j->tolerance) || a->time > later(k->end, j->tolerance)) return false;
    if (*k->rule && strcmp(k->rule, name_of(j, a->rule)) != 0) return false;
    return is_under(name_of(j, a->asset), k->place) || is_under(name_of(j, a->tag), k->place);
}

static bool is_right(const struct judging *j, const struct pl__activation *a) {
    for (uint32_t k = 0; k < j->truth->count; k++)
        if (matches(j, &j->truth->list[k], a)) return true;
    return false;
}

/* No activation could match it: the rows of its time were not run over. */
static bool is_outside(const struct judging *j, const struct pl__known *k) {
    return later(k->end, j->tolerance) < j->backtest->from || earlier(k->start, j->tolerance) >= j->backtest->to;
}

/* The first activation that matches; PL_TIME_MAX: none. */
static pl_time first_match(const struct judging *j, const struct pl__known *known) {
    pl_time first = PL_TIME_MAX;
    for (uint32_t i = 0; i < j->backtest->found.count; i++) {
        const struct pl__activation *a = &j->backtest->found.list[i];
        if (a->time < first && concerns(j, a) && matches(j, known, a)) first = a->time;
    }
    return first;
}

static double seconds(pl_time from, pl_time to) {
    return ((double)to - (double)from) * 1e-9;
}

static void judge_known(const struct judging *j, struct pl__verdict *v) {
    double delays = 0, leads = 0;
    for (uint32_t k = 0; k < j->truth->count; k++) {
        const struct pl__known *known = &j->truth->list[k];
        if (j->rule && *known->rule && strcmp(known->rule, j->rule) != 0) continue;
        bool outside = is_outside(j, known);
        v->outside += outside;
        v->known += !outside;
        if (outside) continue;
        pl_time first = first_match(j, known);
        if (first == PL_TIME_MAX) continue;
        double delay = seconds(known->start, first), lead = seconds(first, known->end);
        if (v->caught == 0 || delay > v->delay_max) v->delay_max = delay;
        if (v->caught == 0 || lead < v->lead_least) v->lead_least = lead;
        v->caught++;
        delays += delay;
        leads += lead;
    }
    if (!v->caught) return;
    v->delay_mean = delays / (double)v->caught;
    v->lead_mean = leads / (double)v->caught;
}

void pl__truth_judge(const struct pl__truth *truth, const struct pl__backtest *backtest, pl_time tolerance,
                     const char *rule, struct pl__verdict *verdict) {
    struct judging j = {.truth = truth, .backtest = backtest, .tolerance = tolerance, .rule = rule};
    *verdict = (struct pl__verdict){0};
    for (uint32_t i = 0; i < backtest->found.count; i++) {
        const struct pl__activation *a = &backtest->found.list[i];
        if (!concerns(&j, a) || !is_judged(truth, name_of(&j, a->rule))) continue;
        verdict->judged++;
        verdict->right += is_right(&j, a);
    }
    judge_known(&j, verdict);
}

/* ---- What was told live ---- */

static bool raises(const char *kind) {
    const char *end = strrchr(kind, '.');
    return end && (strcmp(end, ".raised") == 0 || strcmp(end, ".high") == 0 || strcmp(end, ".low") == 0);
}

/* A rule's event, as the alarm it makes. */
static bool add_raise(struct pl__activations *all, struct pl_tags *tags, const struct pl_batch *b, uint32_t row) {
    const char *rule, *kind = pl_tags_get(tags, b->events.kind[row])->name;
    size_t length;
    char id[2 * PL_NAME_MAX];
    if (!raises(kind) || !body_text(b, row, "rule", &rule, &length) || length > PL_NAME_MAX) return true;
    if (length == 0) {
        rule = kind;
        length = (size_t)(strrchr(kind, '.') - kind);
    }
    uint32_t place = b->events.tag[row] ? b->events.tag[row] : b->events.asset[row];
    int size = snprintf(id, sizeof id, "%.*s@%s", (int)length, rule, pl_tags_get(tags, place)->name);
    struct pl__activation a = {.time = b->events.time[row],
                               .alarm = pl_tags_intern(tags, id, (size_t)size),
                               .rule = pl_tags_intern(tags, rule, length),
                               .asset = b->events.asset[row],
                               .tag = b->events.tag[row]};
    return a.alarm == PL_NO_ID || a.rule == PL_NO_ID || add(all, a);
}

static enum pl_code scan_live(const struct pl__backtest *b, struct pl__activations *live, bool rules,
                              struct pl_error **error) {
    struct pl_zone_range range = {.from = b->from, .to = b->to};
    struct pl_zone_record record;
    struct pl_zone_scan *scan;
    enum pl_code code = pl_zone_scan_new(b->store, b->tags, PL_GOLD, &range, &scan, error);
    while (!code && !(code = pl_zone_scan_next(scan, &record, error))) {
        bool good = true;
        for (uint32_t i = 0; record.batch->kind == PL_EVENTS && rules && good && i < record.batch->rows; i++)
            good = add_raise(live, b->tags, record.batch, i);
        if (!rules) good = pl__activations_add(live, b->tags, record.batch);
        pl_batch_unref(record.batch);
        if (!good) code = pl_error_set(error, PL_NO_MEMORY, "out of memory");
    }
    pl_zone_scan_free(scan);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* Is it said by a source about itself: of no tag, and with the source for its place? */
static bool is_of_source(const struct pl__backtest *b, const struct pl__activation *a) {
    const char *place = pl_tags_get(b->tags, a->alarm)->name + pl_tags_get(b->tags, a->rule)->length + 1;
    if (a->tag || a->asset) return false;
    for (unsigned i = 0; b->graph && i < b->graph->node_count; i++)
        if (!b->graph->nodes[i].op->inputs && strcmp(b->graph->nodes[i].name, place) == 0) return true;
    return false;
}

enum pl_code pl__live_read(const struct pl__backtest *backtest, struct pl__activations *live, struct pl_error **error) {
    enum pl_code code = scan_live(backtest, live, false, error);
    if (!code && live->count == 0) code = scan_live(backtest, live, true, error);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < live->count; i++) {
        const struct pl__activation *a = &live->list[i];
        if (a->time >= backtest->from && a->time < backtest->to && !is_of_source(backtest, a)) live->list[kept++] = *a;
    }
    live->count = kept;
    return code;
}

static int by_alarm(const void *a, const void *b) {
    const struct pl__activation *l = a, *r = b;
    if (l->alarm != r->alarm) return l->alarm < r->alarm ? -1 : 1;
    return l->time < r->time ? -1 : l->time > r->time;
}

static void sort(struct pl__activations *all) {
    if (all->count) qsort(all->list, all->count, sizeof *all->list, by_alarm);
}

void pl__live_compare(struct pl__activations *found, struct pl__activations *live, pl_time tolerance) {
    sort(found);
    sort(live);
    for (uint32_t i = 0, k = 0; i < found->count && k < live->count;) {
        struct pl__activation *f = &found->list[i], *l = &live->list[k];
        pl_time apart = f->time - l->time;
        if (f->alarm == l->alarm && apart <= tolerance && apart >= -tolerance) {
            f->matched = l->matched = true;
            i++;
            k++;
        } else if (by_alarm(f, l) < 0) {
            i++;
        } else {
            k++;
        }
    }
}
