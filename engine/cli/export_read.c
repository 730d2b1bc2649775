#include "export_read.h"

#include <string.h>

#include <potline/alloc.h>

#include "log/log.h"
#include "store/late.h"

struct pl__export_reader {
    const struct pl__export_what *what;
    struct pl_log *log; /* of bronze */
    struct pl_log_cursor *cursor;
    unsigned partition; /* the next to be read */

    struct pl_version_entry *entries; /* of the lake */
    unsigned entry_count;
    const struct pl_version *published[PL_VERSIONS_MAX]; /* those that count */
    unsigned published_count;
    int at;                 /* whose rows are being read: -1 live, else the index of a published one */
    struct pl_store *store; /* of that version */
    struct pl_zone_scan *scan;
    struct pl_late_marks *late; /* of the live rows; NULL: there are none */
};

/* ---- The lake ---- */

/* All that are published; or the one that is asked for, alone. */
static enum pl_code choose_versions(struct pl__export_reader *reader, struct pl_error **error) {
    const struct pl__export_what *what = reader->what;
    enum pl_code code = pl_versions_list(what->data, what->key, &reader->entries, &reader->entry_count, error);
    for (unsigned i = 0; i < reader->entry_count && !code; i++) {
        const struct pl_version_entry *entry = &reader->entries[i];
        bool asked = what->version && strcmp(entry->version.name, what->version) == 0;
        if (entry->damage && (asked || !what->version))
            code =
                pl_error_set(error, PL_CORRUPT,
                             "version '%s' cannot be read (%s); it may be published: --live leaves all versions out, "
                             "potline versions drop removes it",
                             entry->version.name, entry->damage);
        else if (what->version ? asked : entry->version.published != 0)
            reader->published[reader->published_count++] = &entry->version;
    }
    if (!code && what->version && !reader->published_count)
        code = pl_error_set(error, PL_NOT_FOUND, "%s: no version '%s'", what->data, what->version);
    return code;
}

/* Versions were made of all that had come. */
static enum pl_code find_late(struct pl__export_reader *reader, struct pl_error **error) {
    const struct pl__export_what *what = reader->what;
    if (what->zone != PL_GOLD || what->version || what->unmarked) return PL_OK;
    enum pl_code code = pl_late_marks_load(what->store, what->tags, &reader->late, error);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

static enum pl_code flag_late(struct pl__export_reader *reader, struct pl__export_part *part, struct pl_error **error) {
    enum pl_code code = pl_late_marks_flag(reader->late, &part->batch, error);
    if (code) pl_batch_unref(part->batch);
    return code;
}

static void end_scan(struct pl__export_reader *reader) {
    pl_zone_scan_free(reader->scan);
    pl_store_close(reader->store);
    reader->scan = NULL;
    reader->store = NULL;
}

static enum pl_code open_version(struct pl__export_reader *reader, struct pl_error **error) {
    const struct pl__export_what *what = reader->what;
    char *path = pl_version_path(what->data, reader->published[reader->at]->name);
    struct pl_store_options options = {.read_only = true, .key = what->key};
    enum pl_code code = path ? pl_store_open(path, &options, &reader->store, error)
                             : pl_error_set(error, PL_NO_MEMORY, "out of memory");
    pl_free(path);
    return code == PL_NOT_FOUND ? PL_UNAVAILABLE : code; /* it has just been dropped */
}

/* The rows of the next version. PL_NOT_FOUND: that was the last one. */
static enum pl_code begin_scan(struct pl__export_reader *reader, struct pl_error **error) {
    const struct pl__export_what *what = reader->what;
    if (++reader->at == (int)reader->published_count) return PL_NOT_FOUND;
    enum pl_code code = reader->at < 0 ? PL_OK : open_version(reader, error);
    if (code) return code;
    return pl_zone_scan_new(reader->at < 0 ? what->store : reader->store, what->tags, what->zone, &what->range,
                            &reader->scan, error);
}

static enum pl_code next_of_lake(struct pl__export_reader *reader, struct pl__export_part *part,
                                 struct pl_error **error) {
    for (;;) {
        struct pl_zone_record record;
        enum pl_code code = reader->scan ? pl_zone_scan_next(reader->scan, &record, error) : PL_NOT_FOUND;
        if (!code)
            *part = (struct pl__export_part){
                .node = record.node, .partition = record.partition, .epoch = record.epoch, .batch = record.batch};
        if (!code && reader->at < 0 && reader->late) code = flag_late(reader, part, error);
        if (code != PL_NOT_FOUND) return code;
        end_scan(reader);
        code = begin_scan(reader, error);
        if (code) return code;
    }
}

bool pl__export_counts(const struct pl__export_reader *reader, const struct pl__export_part *part, uint32_t row) {
    const struct pl__export_what *what = reader->what;
    pl_time time = pl_batch_times(part->batch)[row];
    if (time < what->range.from || (time >= what->range.to && what->range.to != PL_TIME_MAX)) return false;
    if (!reader->published_count) return true;
    int answer = pl_versions_answer(reader->published, reader->published_count, what->zone, part->node, time);
    if (reader->at >= 0) return answer == reader->at;
    return answer < 0 || part->epoch > reader->published[answer]->epoch;
}

/* ---- Bronze ---- */

static bool is_from(const char *source, const char *node) {
    size_t length = node ? strlen(node) : 0;
    return !node || (strncmp(source, node, length) == 0 && (source[length] == 0 || source[length] == '.'));
}

/* The next record of the partition that is at hand. */
static enum pl_code next_of_partition(struct pl__export_reader *reader, struct pl__export_part *part,
                                      struct pl_error **error) {
    const struct pl__export_what *what = reader->what;
    struct pl_log_record record;
    enum pl_code code;
    while (!(code = reader->log->ops->read(reader->cursor, &record, error))) {
        if (!record.batch) continue;
        const char *source = pl_tags_get(what->tags, record.source)->name;
        *part = (struct pl__export_part){
            .node = source, .partition = record.partition, .sequence = record.sequence, .batch = record.batch};
        if (is_from(source, what->range.node)) return PL_OK;
        pl_batch_unref(record.batch);
    }
    return code;
}

/* A late row may stand anywhere behind, so only the start of the range saves reading. */
static enum pl_code next_of_log(struct pl__export_reader *reader, struct pl__export_part *part,
                                struct pl_error **error) {
    struct pl_log *log = reader->log;
    for (;;) {
        enum pl_code code = reader->cursor ? next_of_partition(reader, part, error) : PL_NOT_FOUND;
        if (code != PL_NOT_FOUND) return code;
        log->ops->cursor_free(reader->cursor);
        reader->cursor = NULL;
        if (reader->partition == log->partitions) return PL_NOT_FOUND;
        unsigned partition = reader->partition++;
        uint64_t from = log->ops->seek(log, partition, reader->what->range.from);
        code = log->ops->cursor(log, partition, from, false, &reader->cursor, error);
        if (code) return code;
    }
}

/* ---- Both ---- */

enum pl_code pl__export_open(const struct pl__export_what *what, struct pl__export_reader **reader,
                             struct pl_error **error) {
    struct pl__export_reader *r = *reader = PL_NEW(struct pl__export_reader);
    if (!r) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    r->what = what;
    r->at = what->version ? -1 : -2; /* in front of the first one */
    enum pl_code code = what->zone == PL_BRONZE ? pl_log_open_embedded(what->store, what->tags, 0, &r->log, error)
                        : what->live            ? PL_OK
                                                : choose_versions(r, error);
    if (!code) code = find_late(r, error);
    if (!code) return PL_OK;
    pl__export_close(r);
    *reader = NULL;
    return code;
}

void pl__export_close(struct pl__export_reader *reader) {
    if (!reader) return;
    end_scan(reader);
    pl_late_marks_free(reader->late);
    pl_versions_free(reader->entries, reader->entry_count);
    if (reader->log) {
        reader->log->ops->cursor_free(reader->cursor);
        reader->log->ops->close(reader->log);
    }
    pl_free(reader);
}

enum pl_code pl__export_next(struct pl__export_reader *reader, struct pl__export_part *part, struct pl_error **error) {
    return reader->log ? next_of_log(reader, part, error) : next_of_lake(reader, part, error);
}
