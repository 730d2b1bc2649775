#include "replay.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "store/epochs.h"

static const uint64_t nowhere = UINT64_MAX;

/* Rows that stand behind a watermark higher than their time: until they have passed it may not rise above `least`. */
struct late {
    uint64_t sequence; /* of the record they are in */
    pl_time least;
};

/* What is known of a feed in a partition. */
struct course {
    pl_time watermark; /* while the log is looked through */
    bool idle;
    bool speaks;       /* there is a record of it */
    uint64_t over;     /* the sequence of its end; `nowhere`: none */
    struct late *late; /* a complete replay: sequences and times both rise */
    uint32_t late_count, late_room, late_passed;
};

struct pl_replay_part {
    struct pl_replay *replay;
    uint64_t begin, end;
    uint64_t covered;       /* the last epoch's barrier stands here */
    uint64_t passed;        /* the epoch of the barrier that it has passed last, or that stands in front of its begin */
    struct course *courses; /* [feed] */
};

struct pl_replay {
    struct pl_replay_options options;
    const struct pl_feeds *feeds;
    struct pl_log *log;
    unsigned partitions;
    struct pl_replay_part *parts;
    uint64_t rows;
    struct pl_epoch last; /* of the folder */
    bool ended;           /* its ends are played, which belong to the epoch behind it */
    pl_time complete_from;
    pl_time first;                      /* event time; PL_TIME_MIN: nothing has been passed on yet */
    int64_t first_at;                   /* and when that was, monotonic */
    struct pl_settings_entry *settings; /* in order; they and what is in them are owned */
    uint32_t setting_count, setting_room, setting_at;
    unsigned settings_done;
    bool settings_whole;
};

/* ---- Looking through the log ---- */

static pl_time below(pl_time time, pl_time margin) {
    return time > PL_TIME_MIN + margin ? time - margin : PL_TIME_MIN;
}

static pl_time above(pl_time time, pl_time margin) {
    return time < PL_TIME_MAX - margin ? time + margin : PL_TIME_MAX;
}

static int feed_of(const struct pl_replay *replay, uint32_t source) {
    const struct pl_feeds *feeds = replay->feeds;
    for (unsigned i = 0; source != PL_NO_ID && i < feeds->count; i++)
        if (feeds->names[i] == source || feeds->were[i] == source) return feeds->feed[i].options.letters ? -1 : (int)i;
    return -1;
}

/* How far all have come that are not silent; PL_TIME_MAX: nobody counts. Whoever has not said anything yet holds the
 * others up, but for those who say nothing in all of the log. */
static pl_time reach_of(const struct pl_replay_part *part) {
    const struct pl_feeds *feeds = part->replay->feeds;
    pl_time reach = PL_TIME_MAX;
    for (unsigned i = 0; i < feeds->count; i++) {
        const struct course *course = &part->courses[i];
        bool counts = course->speaks || feeds->feed[i].watermark > PL_TIME_MIN;
        if (counts && !course->idle && course->watermark < reach) reach = course->watermark;
    }
    return reach;
}

static bool any_over(const struct pl_replay_part *part) {
    for (unsigned i = 0; i < part->replay->feeds->count; i++)
        if (part->courses[i].over != nowhere) return true;
    return false;
}

/* What comes later and is earlier makes what is there already superfluous. */
static bool note_late(struct course *course, const struct pl_log_record *record) {
    const pl_time *times = pl_batch_times(record->batch);
    pl_time least = PL_TIME_MAX;
    for (uint32_t i = 0; i < record->batch->rows; i++)
        least = times[i] < least ? times[i] : least;
    if (least >= course->watermark) return true;
    while (course->late_count && course->late[course->late_count - 1].least >= least)
        course->late_count--;
    if (course->late_count == course->late_room) {
        uint32_t room = course->late_room ? 2 * course->late_room : 16;
        struct late *grown = pl_realloc(course->late, room * sizeof *grown);
        if (!grown) return false;
        course->late = grown;
        course->late_room = room;
    }
    course->late[course->late_count++] = (struct late){record->sequence, least};
    return true;
}

static bool follow(struct course *course, const struct pl_log_record *record) {
    if (record->type == PL_LOG_END) {
        course->over = record->sequence;
        course->idle = true;
        return true;
    }
    if (record->batch && !note_late(course, record)) return false;
    course->over = nowhere;
    course->idle = record->type == PL_LOG_WATERMARK && record->flags & PL_LOG_IDLE;
    if (record->watermark > course->watermark) course->watermark = record->watermark;
    return true;
}

/* One record of the log. *past: what follows only tells whether an end is one. */
static bool look_at(struct pl_replay_part *part, const struct pl_log_record *record, bool *past) {
    struct pl_replay *replay = part->replay;
    int feed = feed_of(replay, record->source);
    if (feed < 0 || (record->type != PL_LOG_ROWS && record->type != PL_LOG_WATERMARK && record->type != PL_LOG_END))
        return true;
    struct course *course = &part->courses[feed];
    course->speaks |= !*past;
    if (*past) {
        if (record->type != PL_LOG_END) course->over = nowhere;
        return true;
    }
    if (!follow(course, record)) return false;
    replay->rows += record->rows;
    pl_time to = replay->options.to, reach = reach_of(part);
    if (to == PL_TIME_MAX || reach == PL_TIME_MAX || reach < above(to, replay->options.margin)) return true;
    part->end = record->sequence + (record->rows ? record->rows : 1);
    *past = true;
    return true;
}

/* The newest time of the rows from one sequence to another; PL_TIME_MIN: there are none. */
static enum pl_code newest_between(struct pl_log *log, unsigned partition, uint64_t from, uint64_t to, pl_time *newest,
                                   struct pl_error **error) {
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    *newest = PL_TIME_MIN;
    enum pl_code code = log->ops->cursor(log, partition, from, false, &cursor, error);
    if (code) return code;
    while (!(code = log->ops->read(cursor, &record, error)) && record.sequence < to) {
        if (!record.batch) continue;
        const pl_time *times = pl_batch_times(record.batch);
        for (uint32_t i = 0; i < record.batch->rows; i++)
            *newest = times[i] > *newest ? times[i] : *newest;
        pl_batch_unref(record.batch);
    }
    if (!code && record.batch) pl_batch_unref(record.batch);
    log->ops->cursor_free(cursor);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* Where a partition begins. A name's rows must all stand in it, so nothing is played of a time when they were shared
 * out to another number. */
static enum pl_code find_begin(struct pl_replay_part *part, unsigned partition, struct pl_error **error) {
    struct pl_replay *replay = part->replay;
    struct pl_log *log = replay->log;
    pl_time from = below(replay->options.from, replay->options.margin), newest;
    struct pl_epoch shared;
    part->begin = log->ops->seek(log, partition, from);
    enum pl_code code = pl_epochs_shared_out(replay->options.store, &shared, error);
    if (code) return code == PL_NOT_FOUND ? PL_OK : code;
    uint64_t since = partition < shared.partitions ? shared.sequence[partition] : 0;
    pl_epoch_fini(&shared);
    if (part->begin >= since) return PL_OK;
    code = newest_between(log, partition, part->begin, since, &newest, error);
    if (code) return code;
    part->begin = since;
    if (newest == PL_TIME_MIN || newest < from) return PL_OK;
    char text[PL_TEXT_TIME_MAX + 1];
    *pl_text_put_time(text, newest) = 0;
    return pl_error_set(error, PL_RANGE,
                        "rows up to %s were shared out to another number of partitions and cannot be played with those "
                        "since: --from has to lie behind that, by the --margin",
                        text);
}

/* Something goes on behind the last epoch: so does not the replay, and no source has ended. */
static void cut(struct pl_replay_part *part) {
    if (part->end > part->covered + 1) part->end = part->covered + 1;
    for (unsigned i = 0; i < part->replay->feeds->count; i++)
        if (part->courses[i].over != nowhere && part->courses[i].over > part->covered) part->courses[i].over = nowhere;
}

static enum pl_code look_through(struct pl_replay_part *part, unsigned partition, struct pl_error **error) {
    struct pl_replay *replay = part->replay;
    struct pl_log *log = replay->log;
    struct pl_log_cursor *cursor;
    bool past = false;
    enum pl_code code = find_begin(part, partition, error);
    if (code) return code;
    part->end = log->ops->next(log, partition);
    code = log->ops->cursor(log, partition, part->begin, !replay->options.complete, &cursor, error);
    if (code) return code;
    while (!code && !(past && !any_over(part))) {
        struct pl_log_record record;
        code = log->ops->read(cursor, &record, error);
        if (code) break;
        if (record.sequence > part->covered && record.type != PL_LOG_END) {
            cut(part);
            if (record.batch) pl_batch_unref(record.batch);
            break;
        }
        if (!look_at(part, &record, &past)) code = pl_error_set(error, PL_NO_MEMORY, "no memory for a replay");
        if (record.batch) pl_batch_unref(record.batch);
    }
    log->ops->cursor_free(cursor);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* What was in front of the log's first record is not there: of rows up to about the newest of the first ones some are
 * missing. A log that begins with another epoch than the first goes on from a savepoint. */
static enum pl_code find_complete(struct pl_replay *replay, unsigned partition, struct pl_error **error) {
    struct pl_log *log = replay->log;
    struct pl_log_cursor *cursor;
    struct pl_log_record record = {0};
    uint64_t first = log->ops->first(log, partition);
    enum pl_code code = log->ops->cursor(log, partition, first, false, &cursor, error);
    if (code) return code;
    bool whole = first == 0;
    for (unsigned n = 0; !(code = log->ops->read(cursor, &record, error)) && !record.batch; n++) {
        if (n == 0 && whole) whole = record.type == PL_LOG_BARRIER && record.epoch == 1;
        if (whole) break;
    }
    if (!code && record.batch) {
        const pl_time *times = pl_batch_times(record.batch);
        for (uint32_t i = 0; i < record.batch->rows && !whole; i++)
            if (times[i] > replay->complete_from) replay->complete_from = times[i];
        pl_batch_unref(record.batch);
    }
    log->ops->cursor_free(cursor);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

/* Between which epochs it begins. */
static enum pl_code find_epoch(struct pl_replay_part *part, unsigned partition, struct pl_error **error) {
    struct pl_replay *replay = part->replay;
    struct pl_log *log = replay->log;
    struct pl_log_cursor *cursor;
    struct pl_log_record record;
    part->passed = replay->last.number;
    if (!replay->setting_count) return PL_OK;
    enum pl_code code = log->ops->cursor(log, partition, part->begin, true, &cursor, error);
    if (code) return code;
    while (!(code = log->ops->read(cursor, &record, error)) && record.type != PL_LOG_BARRIER) {
    }
    if (!code && record.epoch) part->passed = record.epoch - 1;
    log->ops->cursor_free(cursor);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static enum pl_code make_part(struct pl_replay *replay, unsigned partition, struct pl_error **error) {
    struct pl_replay_part *part = &replay->parts[partition];
    unsigned feeds = replay->feeds->count;
    enum pl_code code = find_complete(replay, partition, error);
    if (code) return code;
    part->replay = replay;
    part->covered = partition < replay->last.partitions ? replay->last.sequence[partition] : 0;
    part->courses = pl_alloc((feeds + 1) * sizeof *part->courses);
    if (!part->courses) return pl_error_set(error, PL_NO_MEMORY, "no memory for a replay");
    for (unsigned i = 0; i < feeds; i++)
        part->courses[i] = (struct course){.watermark = PL_TIME_MIN, .over = nowhere};
    code = look_through(part, partition, error);
    return code ? code : find_epoch(part, partition, error);
}

/* ---- What people had set ---- */

static void free_setting(const struct pl_settings_entry *entry) {
    pl_free((char *)(uintptr_t)entry->node);
    pl_free((void *)(uintptr_t)entry->call);
    pl_free((char *)(uintptr_t)entry->graph);
}

static enum pl_code keep_setting(void *arg, const struct pl_settings_entry *entry, struct pl_error **error) {
    struct pl_replay *replay = arg;
    if (replay->setting_count == replay->setting_room) {
        uint32_t room = replay->setting_room ? 2 * replay->setting_room : 16;
        struct pl_settings_entry *grown = pl_realloc(replay->settings, room * sizeof *grown);
        if (!grown) return pl_error_set(error, PL_NO_MEMORY, "no memory for a replay");
        replay->settings = grown;
        replay->setting_room = room;
    }
    void *call = pl_alloc(entry->size + 1);
    struct pl_settings_entry *kept = &replay->settings[replay->setting_count++];
    *kept = (struct pl_settings_entry){.epoch = entry->epoch,
                                       .node = pl_strdup(entry->node),
                                       .call = call,
                                       .size = entry->size,
                                       .graph = pl_strdup(entry->graph)};
    if (!kept->node || !call || !kept->graph) return pl_error_set(error, PL_NO_MEMORY, "no memory for a replay");
    memcpy(call, entry->call, entry->size);
    return PL_OK;
}

static enum pl_code load_settings(struct pl_replay *replay, struct pl_error **error) {
    uint64_t since;
    if (replay->options.plain) return PL_OK;
    enum pl_code code = pl_settings_since(replay->options.store, &since, error);
    replay->settings_whole = since == 0;
    return code ? code : pl_settings_each(replay->options.store, keep_setting, replay, error);
}

bool pl_replay_knows_settings(const struct pl_replay *replay) {
    return replay->settings_whole;
}

const struct pl_settings_entry *pl_replay_setting(const struct pl_replay *replay) {
    return replay->setting_at < replay->setting_count ? &replay->settings[replay->setting_at] : NULL;
}

void pl_replay_next_setting(struct pl_replay *replay) {
    replay->settings_done += replay->settings[replay->setting_at++].node[0] != 0;
}

unsigned pl_replay_settings_done(const struct pl_replay *replay) {
    return replay->settings_done;
}

bool pl_replay_holds(const struct pl_replay_part *part) {
    const struct pl_settings_entry *next = pl_replay_setting(part->replay);
    return next && part->passed >= next->epoch;
}

void pl_replay_pass(struct pl_replay_part *part, const struct pl_log_record *barrier) {
    part->passed = barrier->epoch;
}

/* ---- Opening ---- */

enum pl_code pl_replay_log_open(const struct pl_replay_options *options, struct pl_tags *tags, unsigned partitions,
                                struct pl_log **log, struct pl_error **error) {
    enum pl_code code = pl_log_open_embedded(options->store, tags, 0, log, error);
    if (code || (*log)->partitions >= partitions) return code;
    pl_error_set(error, PL_CONFLICT, "the log has %u partitions, and the graph %u", (*log)->partitions, partitions);
    (*log)->ops->close(*log);
    *log = NULL;
    return PL_CONFLICT;
}

enum pl_code pl_replay_open(const struct pl_replay_options *options, struct pl_log *log, const struct pl_feeds *feeds,
                            unsigned partitions, struct pl_replay **replay, struct pl_error **error) {
    struct pl_replay *r = *replay = PL_NEW(struct pl_replay);
    struct pl_replay_part *parts = pl_alloc(partitions * sizeof *parts);
    if (!r || !parts) {
        pl_free(r);
        pl_free(parts);
        *replay = NULL;
        log->ops->close(log);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a replay");
    }
    *r = (struct pl_replay){.options = *options,
                            .feeds = feeds,
                            .log = log,
                            .parts = parts,
                            .complete_from = PL_TIME_MIN,
                            .first = PL_TIME_MIN};
    enum pl_code code = pl_epochs_last(options->store, &r->last, error);
    if (code == PL_NOT_FOUND && !(error && *error)) pl_error_set(error, code, "there is no epoch to be played");
    if (!code) code = load_settings(r, error);
    while (r->partitions < partitions && !code) {
        unsigned partition = r->partitions++;
        code = make_part(r, partition, error);
    }
    for (unsigned i = 0; i < feeds->count && !code; i++)
        r->ended |= pl_replay_has_ended(r, i);
    if (!code) return PL_OK;
    pl_replay_free(r);
    *replay = NULL;
    return code;
}

void pl_replay_free(struct pl_replay *replay) {
    if (!replay) return;
    for (unsigned p = 0; p < replay->partitions; p++) {
        struct course *courses = replay->parts[p].courses;
        for (unsigned i = 0; courses && i < replay->feeds->count; i++)
            pl_free(courses[i].late);
        pl_free(courses);
    }
    pl_free(replay->parts);
    for (uint32_t i = 0; i < replay->setting_count; i++)
        free_setting(&replay->settings[i]);
    pl_free(replay->settings);
    pl_epoch_fini(&replay->last);
    replay->log->ops->close(replay->log);
    pl_free(replay);
}

struct pl_replay_part *pl_replay_part(const struct pl_replay *replay, unsigned partition) {
    return &replay->parts[partition];
}

uint64_t pl_replay_rows(const struct pl_replay *replay) {
    return replay->rows;
}

bool pl_replay_has_ended(const struct pl_replay *replay, unsigned feed) {
    for (unsigned p = 0; p < replay->partitions; p++)
        if (replay->parts[p].courses[feed].over >= replay->parts[p].end) return false;
    return true;
}

pl_time pl_replay_reach(const struct pl_replay *replay) {
    pl_time reach = PL_TIME_MAX;
    for (unsigned p = 0; p < replay->partitions; p++)
        for (unsigned i = 0; i < replay->feeds->count; i++) {
            pl_time watermark = replay->parts[p].courses[i].watermark;
            if (watermark > PL_TIME_MIN && watermark < reach) reach = watermark;
        }
    return reach == PL_TIME_MAX ? PL_TIME_MIN : reach;
}

pl_time pl_replay_complete_from(const struct pl_replay *replay) {
    return replay->complete_from;
}

uint64_t pl_replay_epoch(const struct pl_replay *replay) {
    return replay->last.number + replay->ended;
}

/* ---- Playing ---- */

uint64_t pl_replay_begin(const struct pl_replay_part *part) {
    return part->begin;
}

uint64_t pl_replay_end(const struct pl_replay_part *part) {
    return part->end;
}

bool pl_replay_is_due(struct pl_replay_part *part, pl_time watermark, pl_time *wait) {
    struct pl_replay *replay = part->replay;
    if (replay->options.speed <= 0 || watermark == PL_TIME_MIN || watermark == PL_TIME_MAX) return true;
    int64_t now = pl_clock_monotonic();
    if (replay->first == PL_TIME_MIN) {
        replay->first = watermark;
        replay->first_at = now;
    }
    double due = ((double)watermark - (double)replay->first) / replay->options.speed;
    double left = due - (double)(now - replay->first_at);
    if (wait && left > 0) *wait = left < (double)PL_MINUTE ? (pl_time)left : PL_MINUTE;
    return left <= 0;
}

bool pl_replay_plays(const struct pl_replay_part *part, const struct pl_log_record *record) {
    return record->type == PL_LOG_BARRIER || feed_of(part->replay, record->source) >= 0;
}

bool pl_replay_is_end(const struct pl_replay_part *part, unsigned feed, uint64_t sequence) {
    return part->courses[feed].over == sequence;
}

bool pl_replay_is_silent(const struct pl_replay_part *part, unsigned feed) {
    return !part->courses[feed].speaks;
}

/* Who is silent holds nobody up, but for one of whom it is known that earlier rows come. */
void pl_replay_correct(struct pl_replay_part *part, unsigned feed, struct pl_log_record *record) {
    struct course *course = &part->courses[feed];
    while (course->late_passed < course->late_count && course->late[course->late_passed].sequence <= record->sequence)
        course->late_passed++;
    if (course->late_passed == course->late_count) return;
    pl_time least = course->late[course->late_passed].least;
    if (least < record->watermark) record->watermark = least;
    record->flags &= (uint16_t)~PL_LOG_IDLE;
}
