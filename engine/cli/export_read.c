#include "export_read.h"

#include <string.h>

#include <potline/alloc.h>

#include "log/log.h"

struct pl__export_reader {
    const struct pl__export_what *what;
    struct pl_log *log; /* of bronze */
    struct pl_log_cursor *cursor;
    unsigned partition; /* the next to be read */

    struct pl_version *versions; /* of the lake */
    unsigned version_count;
    struct pl_version_piece *pieces;
    unsigned piece_count, piece;        /* the next one */
    struct pl_store *store;             /* of the version that is being read; NULL: live rows are */
    struct pl_zone_range range;         /* of the piece at hand */
    const struct pl_version *with;      /* its version */
    enum { DONE, LIVE, VERSION } stage; /* what of that piece is to be read next */
    struct pl_zone_scan *scan;
};

/* ---- The lake ---- */

static int version_named(const struct pl__export_reader *reader, const char *name) {
    for (unsigned i = 0; i < reader->version_count; i++)
        if (strcmp(reader->versions[i].name, name) == 0) return (int)i;
    return -1;
}

/* A version by itself: where it counts, and nothing else. */
static enum pl_code take_spans(struct pl__export_reader *reader, struct pl_error **error) {
    const struct pl__export_what *what = reader->what;
    int index = version_named(reader, what->version);
    if (index < 0) return pl_error_set(error, PL_NOT_FOUND, "%s: no version '%s'", what->data, what->version);
    const struct pl_version *version = &reader->versions[index];
    reader->pieces = pl_alloc((version->span_count + 1) * sizeof *reader->pieces);
    if (!reader->pieces) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    for (unsigned i = 0; i < version->span_count; i++) {
        const struct pl_version_span *span = &version->spans[i];
        pl_time from = span->from > what->range.from ? span->from : what->range.from;
        pl_time to = span->to < what->range.to ? span->to : what->range.to;
        if (span->zone == what->zone && from < to)
            reader->pieces[reader->piece_count++] = (struct pl_version_piece){index, from, to};
    }
    return PL_OK;
}

static enum pl_code take_pieces(struct pl__export_reader *reader, struct pl_error **error) {
    const struct pl__export_what *what = reader->what;
    enum pl_code code =
        what->live ? PL_OK : pl_versions_list(what->data, what->key, &reader->versions, &reader->version_count, error);
    if (code) return code;
    if (what->version) return take_spans(reader, error);
    code = pl_versions_divide(reader->versions, reader->version_count, what->zone, what->range.from, what->range.to,
                              &reader->pieces, &reader->piece_count);
    return code ? pl_error_set(error, code, "out of memory") : PL_OK;
}

static void end_scan(struct pl__export_reader *reader) {
    pl_zone_scan_free(reader->scan);
    pl_store_close(reader->store);
    reader->scan = NULL;
    reader->store = NULL;
}

static enum pl_code open_version(struct pl__export_reader *reader, struct pl_error **error) {
    const struct pl__export_what *what = reader->what;
    char *path = pl_version_path(what->data, reader->with->name);
    struct pl_store_options options = {.read_only = true, .key = what->key};
    enum pl_code code = path ? pl_store_open(path, &options, &reader->store, error)
                             : pl_error_set(error, PL_NO_MEMORY, "out of memory");
    pl_free(path);
    return code == PL_NOT_FOUND ? PL_UNAVAILABLE : code; /* it has just been dropped */
}

static void begin_piece(struct pl__export_reader *reader) {
    const struct pl_version_piece *piece = &reader->pieces[reader->piece++];
    reader->range = reader->what->range;
    reader->range.from = piece->from;
    reader->range.to = piece->to;
    reader->with = piece->version < 0 ? NULL : &reader->versions[piece->version];
    reader->stage = reader->what->version ? VERSION : LIVE;
}

/* Of a piece first the live rows, of nodes that its version does not count for, then the version's. PL_NOT_FOUND: that
 * was all. */
static enum pl_code begin_scan(struct pl__export_reader *reader, struct pl_error **error) {
    const struct pl__export_what *what = reader->what;
    if (reader->stage == DONE) {
        if (reader->piece == reader->piece_count) return PL_NOT_FOUND;
        begin_piece(reader);
    }
    enum pl_code code = reader->stage == VERSION ? open_version(reader, error) : PL_OK;
    if (code) return code;
    reader->stage = reader->stage == LIVE && reader->with ? VERSION : DONE;
    return pl_zone_scan_new(reader->store ? reader->store : what->store, what->tags, what->zone, &reader->range,
                            &reader->scan, error);
}

static bool is_asked_for(const struct pl__export_reader *reader, const char *node) {
    return !reader->with || pl_version_counts(reader->with, node) == (reader->store != NULL);
}

static enum pl_code next_of_lake(struct pl__export_reader *reader, struct pl__export_part *part,
                                 struct pl_error **error) {
    for (;;) {
        struct pl_zone_record record;
        enum pl_code code = reader->scan ? pl_zone_scan_next(reader->scan, &record, error) : PL_NOT_FOUND;
        if (!code && !is_asked_for(reader, record.node)) {
            pl_batch_unref(record.batch);
            continue;
        }
        if (!code)
            *part = (struct pl__export_part){.node = record.node,
                                             .partition = record.partition,
                                             .batch = record.batch,
                                             .from = reader->range.from,
                                             .to = reader->range.to};
        if (code != PL_NOT_FOUND) return code;
        end_scan(reader);
        code = begin_scan(reader, error);
        if (code) return code;
    }
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
        *part = (struct pl__export_part){.node = source,
                                         .partition = record.partition,
                                         .sequence = record.sequence,
                                         .batch = record.batch,
                                         .from = what->range.from,
                                         .to = what->range.to};
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
    enum pl_code code = what->zone == PL_BRONZE ? pl_log_open_embedded(what->store, what->tags, 0, &r->log, error)
                                                : take_pieces(r, error);
    if (!code) return PL_OK;
    pl__export_close(r);
    *reader = NULL;
    return code;
}

void pl__export_close(struct pl__export_reader *reader) {
    if (!reader) return;
    end_scan(reader);
    pl_versions_free(reader->versions, reader->version_count);
    pl_free(reader->pieces);
    if (reader->log) {
        reader->log->ops->cursor_free(reader->cursor);
        reader->log->ops->close(reader->log);
    }
    pl_free(reader);
}

enum pl_code pl__export_next(struct pl__export_reader *reader, struct pl__export_part *part, struct pl_error **error) {
    return reader->log ? next_of_log(reader, part, error) : next_of_lake(reader, part, error);
}
