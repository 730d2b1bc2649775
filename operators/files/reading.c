#include "reading.h"

#include <inttypes.h>

#include <potline/alloc.h>
#include <potline/quality.h>

#include "follow.h"
#include "watch.h"

enum { REJECTS_A_BATCH = 64 };
enum on_error { ON_ERROR_SKIP, ON_ERROR_STOP };
enum { COUNT_MALFORMED, COUNT_MISSING, COUNT_TEXTS, COUNT_LEFT_OUT, COUNT_CUTS };

const char *const pl_reading_compressions[] = {"auto", "none", "gzip", "zstd", NULL};
const char *const pl_reading_on_errors[] = {"skip", "stop", NULL};

/* ---- One file after the other ---- */

static const char *path_at(const struct pl_reading *s) {
    return s->files.paths[s->file];
}

static void wake(void *user) {
    pl_wake(((struct pl_reading *)user)->node);
}

static void close_file(struct pl_reading *s) {
    pl_watch_free(s->watch);
    s->watch = NULL;
    pl_input_close(&s->input);
}

static enum pl_code open_file(struct pl_reading *s, struct pl_error **error) {
    enum pl_unzip_kind kind = s->follow ? PL_UNZIP_NONE : (enum pl_unzip_kind)s->compression;
    close_file(s);
    enum pl_code code = pl_input_open(&s->input, path_at(s), kind, s->follow && pl_is_fifo(path_at(s)), error);
    if (code) return code;
    s->format->restart(s->reader, s->input.path);
    pl_reach(s->node, true);
    if (s->follower) pl_follow_opened(s->follower);
    if (s->input.regular) return PL_OK;
    s->watch = pl_watch_new(pl_node_loop(s->node), s->input.fd, wake, s);
    return s->watch ? PL_OK : pl_error_set(error, PL_IO, "%s: cannot be waited for", s->input.path);
}

/* Bytes for the reader. WAIT: none now; END: none any more. */
static enum pl_input_got feed(struct pl_reading *s, struct pl_error **error) {
    size_t room, count;
    char *space = pl_records_space(s->parts.records, &room);
    if (!space) {
        pl_error_set(error, PL_NO_MEMORY, "%s: no memory for a longer record", s->input.path);
        return PL_INPUT_FAILED;
    }
    enum pl_input_got got = pl_input_read(&s->input, space, room, &count, error);
    pl_records_filled(s->parts.records, count);
    return got;
}

/* Reads the header of a file, so that what does not fit is told before any row has left. */
static enum pl_code prepare(struct pl_reading *s, struct pl_error **error) {
    enum pl_reader_state state = PL_READER_MORE;
    while (s->format->prepare && (state = s->format->prepare(s->reader, error)) == PL_READER_MORE) {
        enum pl_input_got got = feed(s, error);
        if (got == PL_INPUT_FAILED) return PL_IO;
        if (got == PL_INPUT_WAIT || (got == PL_INPUT_END && s->follow)) return PL_OK;
        if (got == PL_INPUT_END) pl_records_end(s->parts.records);
    }
    return state == PL_READER_FAILED ? PL_SYNTAX : PL_OK;
}

/* ---- Following ---- */

/* What the end of a followed file means now: WAIT, or END when the file is over and another has its name. */
static enum pl_input_got look_around(struct pl_reading *s, struct pl_error **error) {
    switch (pl_follow_state(s->follower, s->input.fd, s->input.taken)) {
    case PL_FOLLOW_REPLACED: return PL_INPUT_END;
    case PL_FOLLOW_CUT:
        pl_node_diag(s->node, PL_INFO, "%s was cut short: reading it from its begin", s->input.path);
        pl_count(s->node, COUNT_CUTS, 1);
        s->format->restart(s->reader, s->input.path);
        return pl_input_seek(&s->input, 0, error) ? PL_INPUT_FAILED : PL_INPUT_BYTES;
    default: return PL_INPUT_WAIT;
    }
}

/* ---- Reading ---- */

/* The file at hand is over. END when it was the last one, which stays the one at hand: another run looks whether it has
 * grown. */
static enum pl_flow next_file(struct pl_reading *s, struct pl_error **error) {
    if (!s->follower && s->file + 1 == s->files.count) return PL_FLOW_END;
    if (!s->follower) s->file++;
    enum pl_code code = open_file(s, error);
    if (code == PL_NOT_FOUND && s->follower) { /* gone again meanwhile */
        pl_error_free(error);
        return PL_FLOW_WAIT;
    }
    return code || prepare(s, error) ? PL_FLOW_FAIL : PL_FLOW_OK;
}

static enum pl_flow more(struct pl_reading *s, struct pl_error **error) {
    if (s->input.fd < 0) return next_file(s, error);
    enum pl_input_got got = feed(s, error);
    if (got == PL_INPUT_END && s->follower) got = look_around(s, error);
    if (got == PL_INPUT_WAIT && s->watch) pl_watch_for(s->watch, PL_WATCH_READ);
    if (got == PL_INPUT_END) pl_records_end(s->parts.records);
    return got == PL_INPUT_WAIT ? PL_FLOW_WAIT : got == PL_INPUT_FAILED ? PL_FLOW_FAIL : PL_FLOW_OK;
}

static enum pl_flow reject(struct pl_reading *s, const struct pl_batch *batch, struct pl_error **error) {
    const struct pl_reject *reject = s->parts.reject;
    pl_count(s->node, COUNT_MALFORMED, 1);
    if (reject->cause) pl_count(s->node, COUNT_CUTS + reject->cause, 1);
    if (s->on_error == ON_ERROR_STOP) {
        struct pl_place place = {.file = s->input.path, .line = (int)reject->line};
        pl_error_at(error, PL_SYNTAX, place, "%s", reject->reason);
        return PL_FLOW_FAIL;
    }
    pl_time time = batch->rows ? batch->samples.time[batch->rows - 1] : s->last;
    return pl_rejects_take(&s->rejects, s->node, 1, s->input.path, reject, time);
}

/* Rows into the batch until it is full (OK), nothing is there (WAIT), all is read (END) or it cannot go on. */
static enum pl_flow fill(struct pl_reading *s, struct pl_batch *batch, struct pl_error **error) {
    int rejects = 0;
    for (;;) {
        enum pl_flow flow = PL_FLOW_OK;
        enum pl_reader_state state = s->input.fd < 0 ? PL_READER_MORE : s->format->read(s->reader, batch, error);
        switch (state) {
        case PL_READER_FULL: return PL_FLOW_OK;
        case PL_READER_MORE: flow = more(s, error); break;
        case PL_READER_END: flow = next_file(s, error); break;
        case PL_READER_REJECTED: flow = reject(s, batch, error); break;
        case PL_READER_FAILED: return PL_FLOW_FAIL;
        }
        if (flow != PL_FLOW_OK || (state == PL_READER_REJECTED && ++rejects == REJECTS_A_BATCH)) return flow;
    }
}

static void tell_counts(struct pl_reading *s) {
    struct pl_reader_counts now = *s->parts.counts;
    if (now.missing > s->told.missing) pl_count(s->node, COUNT_MISSING, now.missing - s->told.missing);
    if (now.texts > s->told.texts) pl_count(s->node, COUNT_TEXTS, now.texts - s->told.texts);
    if (now.left_out > s->told.left_out) pl_count(s->node, COUNT_LEFT_OUT, now.left_out - s->told.left_out);
    s->told = now;
}

static enum pl_flow fail(struct pl_reading *s, struct pl_error **error) {
    char *text = pl_error_text(*error);
    pl_error_free(error);
    enum pl_flow flow = pl_fail(s->node, "%s", text ? text : "no memory");
    pl_free(text);
    return flow;
}

enum pl_flow pl_reading_produce(struct pl_reading *s) {
    struct pl_error *error = NULL;
    uint32_t capacity = (uint32_t)s->batch, least = s->format->rows_least(s->reader);
    struct pl_batch *batch = pl_node_batch(s->node, PL_SAMPLES, capacity > least ? capacity : least, 0);
    if (!batch) return pl_fail(s->node, "no memory for a batch");
    enum pl_flow flow = fill(s, batch, &error);
    if (batch->rows) s->last = batch->samples.time[batch->rows - 1];
    tell_counts(s);
    enum pl_flow emitted = pl_emit(s->node, 0, &batch);
    if (flow == PL_FLOW_FAIL) return error ? fail(s, &error) : flow;
    return emitted == PL_FLOW_OK ? flow : emitted;
}

enum pl_code pl_reading_inject(struct pl_reading *s, const void *bytes, size_t size, struct pl_error **error) {
    struct pl_batch *batch = pl_node_batch(s->node, PL_SAMPLES, PL_BATCH_ROWS_MAX, 0);
    if (!batch) return pl_error_set(error, PL_NO_MEMORY, "no memory for a batch");
    enum pl_code code = s->format->again(s->reader, bytes, size, batch, error);
    if (!code) return pl_emit(s->node, 0, &batch) == PL_FLOW_OK ? PL_OK : PL_NO_MEMORY;
    pl_batch_unref(batch);
    return code;
}

/* ---- Life cycle ---- */

void pl_reading_check(const struct pl_reading *s, struct pl_check *check) {
    if (s->path.count == 0) pl_check_error(check, "path", "names no file");
    if (s->follow && (s->path.count > 1 || s->compression > PL_UNZIP_NONE)) {
        pl_check_error(check, "follow", "needs a single file that is not compressed");
    }
    for (uint32_t i = 0; s->follow && i < s->path.count; i++) {
        if (strcmp(s->path.items[i], "-") == 0) pl_check_error(check, "follow", "standard input is followed by itself");
    }
}

static enum pl_code open_follower(struct pl_reading *s, struct pl_error **error) {
    if (!s->follow || pl_is_fifo(s->files.paths[0])) return PL_OK;
    s->follower = pl_follow_new(pl_node_loop(s->node), s->files.paths[0], wake, s, error);
    return s->follower ? PL_OK : PL_IO;
}

enum pl_code pl_reading_open(struct pl_reading *s, struct pl_node *node, const struct pl_reading_format *format,
                             void *reader, struct pl_reading_parts parts, struct pl_error **error) {
    s->node = node;
    s->format = format;
    s->reader = reader;
    s->parts = parts;
    enum pl_code code = pl_files_init(&s->files, &s->path, s->follow, error);
    if (!code) code = open_follower(s, error);
    if (!code) code = open_file(s, error);
    if (code == PL_NOT_FOUND && s->follower) {
        pl_error_free(error);
        pl_reach(node, false);
        pl_node_diag(node, PL_INFO, "%s is not there yet: waiting for it", s->files.paths[0]);
        return PL_OK;
    }
    return code ? code : prepare(s, error);
}

void pl_reading_close(struct pl_reading *s) {
    close_file(s);
    pl_follow_free(s->follower);
    pl_rejects_fini(&s->rejects);
    pl_files_fini(&s->files);
}

/* ---- State: where it stands ---- */

void pl_reading_snapshot(const struct pl_reading *s, struct pl_pack *pack) {
    struct pl_reader_position at = s->format->position(s->reader);
    uint32_t used = 0;
    uint64_t print = s->input.path ? pl_input_fingerprint(&s->input, 0, &used) : 0;
    pl_pack_array(pack, 8);
    pl_pack_str(pack, s->files.paths[s->file]);
    pl_pack_uint(pack, at.offset);
    pl_pack_uint(pack, at.line);
    pl_pack_uint(pack, at.row);
    pl_pack_uint(pack, at.form);
    pl_pack_uint(pack, print);
    pl_pack_uint(pack, used);
    pl_pack_int(pack, s->last);
}

/* What a snapshot says. */
struct place {
    const char *path;
    size_t path_length;
    struct pl_reader_position at;
    uint64_t form, print, print_size;
};

static bool read_place(struct pl_reading *s, struct pl_unpack *unpack, struct place *place) {
    uint32_t count;
    return pl_unpack_array(unpack, &count) && count == 8 && pl_unpack_str(unpack, &place->path, &place->path_length) &&
           pl_unpack_uint(unpack, &place->at.offset) && pl_unpack_uint(unpack, &place->at.line) &&
           pl_unpack_uint(unpack, &place->at.row) && pl_unpack_uint(unpack, &place->form) &&
           pl_unpack_uint(unpack, &place->print) && pl_unpack_uint(unpack, &place->print_size) &&
           pl_unpack_int(unpack, &s->last);
}

static enum pl_code go_to(struct pl_reading *s, struct place *place, struct pl_error **error) {
    uint32_t used;
    if (!s->input.regular) {
        pl_node_diag(s->node, PL_WARN, "%s cannot be read again; going on with what comes", s->input.path);
        return PL_OK;
    }
    bool same = pl_input_fingerprint(&s->input, (uint32_t)place->print_size, &used) == place->print;
    if (!same && s->follow) {
        pl_node_diag(s->node, PL_WARN, "%s is another file than before; reading it from its begin", s->input.path);
        return PL_OK;
    }
    if (!same)
        return pl_error_set(error, PL_CONFLICT, "%s: is another file than the one that was being read", s->input.path);
    s->format->resume(s->reader, &place->at);
    return pl_input_seek(&s->input, place->at.offset, error);
}

enum pl_code pl_reading_restore(struct pl_reading *s, struct pl_unpack *unpack, struct pl_error **error) {
    struct place place = {.path = NULL};
    if (!read_place(s, unpack, &place) || place.form > UINT32_MAX) {
        return pl_error_set(error, PL_CORRUPT, "not a place in a file");
    }
    place.at.form = (uint32_t)place.form;
    for (s->file = 0; s->file < s->files.count; s->file++) {
        const char *path = path_at(s);
        if (strlen(path) == place.path_length && memcmp(path, place.path, place.path_length) == 0) break;
    }
    if (s->file == s->files.count) {
        return pl_error_set(error, PL_NOT_FOUND, "%.*s: was being read, and is not among the files any more",
                            (int)place.path_length, place.path);
    }
    enum pl_code code = open_file(s, error);
    if (code == PL_NOT_FOUND && s->follower) {
        pl_error_free(error);
        return PL_OK;
    }
    if (!code) code = prepare(s, error);
    return code ? code : go_to(s, &place, error);
}
