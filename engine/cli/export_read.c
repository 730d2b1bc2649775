#include "export_read.h"

#include <string.h>

#include <potline/alloc.h>

#include "log/log.h"

struct pl__export_reader {
    const struct pl_zone_range *range;
    struct pl_tags *tags;
    struct pl_zone_scan *scan; /* of the lake */
    struct pl_log *log;        /* of bronze */
    struct pl_log_cursor *cursor;
    unsigned partition; /* the next to be read */
};

enum pl_code pl__export_open(struct pl_store *store, struct pl_tags *tags, enum pl_zone_id zone,
                             const struct pl_zone_range *range, struct pl__export_reader **reader,
                             struct pl_error **error) {
    struct pl__export_reader *r = *reader = PL_NEW(struct pl__export_reader);
    if (!r) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    r->range = range;
    r->tags = tags;
    enum pl_code code = zone == PL_BRONZE ? pl_log_open_embedded(store, tags, 0, &r->log, error)
                                          : pl_zone_scan_new(store, tags, zone, range, &r->scan, error);
    if (!code) return PL_OK;
    pl__export_close(r);
    *reader = NULL;
    return code;
}

void pl__export_close(struct pl__export_reader *reader) {
    if (!reader) return;
    pl_zone_scan_free(reader->scan);
    if (reader->log) {
        reader->log->ops->cursor_free(reader->cursor);
        reader->log->ops->close(reader->log);
    }
    pl_free(reader);
}

static enum pl_code next_of_lake(struct pl__export_reader *reader, struct pl__export_part *part,
                                 struct pl_error **error) {
    struct pl_zone_record record;
    enum pl_code code = pl_zone_scan_next(reader->scan, &record, error);
    if (!code) *part = (struct pl__export_part){record.node, record.partition, 0, record.batch};
    return code;
}

static bool is_from(const char *source, const char *node) {
    size_t length = node ? strlen(node) : 0;
    return !node || (strncmp(source, node, length) == 0 && (source[length] == 0 || source[length] == '.'));
}

/* The next record of the partition that is at hand. */
static enum pl_code next_of_partition(struct pl__export_reader *reader, struct pl__export_part *part,
                                      struct pl_error **error) {
    struct pl_log_record record;
    enum pl_code code;
    while (!(code = reader->log->ops->read(reader->cursor, &record, error))) {
        if (!record.batch) continue;
        const char *source = pl_tags_get(reader->tags, record.source)->name;
        *part = (struct pl__export_part){source, record.partition, record.sequence, record.batch};
        if (is_from(source, reader->range->node)) return PL_OK;
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
        uint64_t from = log->ops->seek(log, partition, reader->range->from);
        code = log->ops->cursor(log, partition, from, false, &reader->cursor, error);
        if (code) return code;
    }
}

enum pl_code pl__export_next(struct pl__export_reader *reader, struct pl__export_part *part, struct pl_error **error) {
    return reader->log ? next_of_log(reader, part, error) : next_of_lake(reader, part, error);
}
