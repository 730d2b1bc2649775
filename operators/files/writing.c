#include "writing.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/kept.h>

#include "later.h"
#include "turn.h"
#include "watch.h"

enum { BUFFER = 256 << 10, MUCH = 128 << 10, TRY_AGAIN_MS = 250 };

const char *const pl_file_modes[] = {"truncate", "append", "atomic", NULL};

/* ---- Failing ---- */

static enum pl_flow fail(struct pl_file *s, struct pl_error **error) {
    char *text = pl_error_text(*error);
    pl_error_free(error);
    s->failed = true;
    enum pl_flow flow = pl_fail(s->node, "%s", text ? text : "no memory");
    pl_free(text);
    pl_busy(s->node, false); /* so that the failure is seen */
    return flow;
}

static enum pl_flow fail_write(struct pl_file *s) {
    struct pl_error *error = NULL;
    pl_error_set(&error, PL_IO, "%s: %s, after %" PRIu64 " bytes", s->output.path, strerror(s->outlet.error),
                 s->offset + s->outlet.written);
    return fail(s, &error);
}

static enum pl_flow fail_memory(struct pl_file *s) {
    s->failed = true;
    return pl_fail(s->node, "no memory for a line of text");
}

/* ---- Writing ---- */

static void on_writable(void *user);

/* The disk has no room: it is tried again until there is. */
static enum pl_outlet_state wait_for_room(struct pl_file *s) {
    if (!s->later) s->later = pl_later_new(pl_node_loop(s->node), on_writable, s);
    if (!s->later) return PL_OUTLET_BROKEN;
    if (!s->full)
        pl_node_diag(s->node, PL_ERROR, "%s: the disk is full; rows wait until there is room", s->output.path);
    s->full = true;
    pl_later_in(s->later, TRY_AGAIN_MS);
    return PL_OUTLET_WAIT;
}

/* Gives the descriptor what waits. WAIT: it is being watched, or tried again. */
static enum pl_outlet_state flush(struct pl_file *s) {
    enum pl_outlet_state state = pl_outlet_flush(&s->outlet);
    bool full = s->outlet.error == ENOSPC || s->outlet.error == EDQUOT;
    if (state == PL_OUTLET_BROKEN && full && s->output.regular) return wait_for_room(s);
    if (s->full && state != PL_OUTLET_BROKEN) pl_node_diag(s->node, PL_INFO, "%s: there is room again", s->output.path);
    s->full = false;
    if (state == PL_OUTLET_WAIT && s->watch) pl_watch_for(s->watch, PL_WATCH_WRITE);
    return state;
}

/* The batch's rows into the outlet, as far as it takes them. */
static enum pl_flow write_rows(struct pl_file *s) {
    while (s->row < s->batch->rows) {
        size_t least = s->format->room(s->writer, s->batch, s->row);
        if (!pl_outlet_space(&s->outlet, least)) {
            enum pl_outlet_state state = flush(s);
            if (state == PL_OUTLET_BROKEN) return fail_write(s);
            if (state == PL_OUTLET_WAIT) return PL_FLOW_WAIT;
            if (!pl_outlet_space(&s->outlet, least)) return fail_memory(s);
        }
        size_t room, used;
        char *text = pl_outlet_rest(&s->outlet, &room);
        if (!s->format->rows(s->writer, s->batch, &s->row, text, room, &used)) return fail_memory(s);
        pl_outlet_put(&s->outlet, used);
    }
    pl_batch_unref(s->batch);
    s->batch = NULL;
    return PL_FLOW_OK;
}

/* What the format holds back, behind the last batch. */
static enum pl_flow write_rest(struct pl_file *s) {
    size_t room = s->format->rest_room ? s->format->rest_room(s->writer) : 0;
    if (!room) return PL_FLOW_OK;
    char *at = pl_outlet_space(&s->outlet, room);
    if (!at) return fail_memory(s);
    pl_outlet_put(&s->outlet, (size_t)(s->format->rest(s->writer, at) - at));
    return PL_FLOW_OK;
}

/* Everything that can be done now: the batch at hand, then what waits, then the end. */
static enum pl_flow go_on(struct pl_file *s) {
    enum pl_flow flow = s->batch ? write_rows(s) : PL_FLOW_OK;
    if (flow == PL_FLOW_OK && s->stopping) flow = write_rest(s);
    if (flow == PL_FLOW_FAIL) return flow;
    bool now = s->stopping || flow == PL_FLOW_WAIT || pl_outlet_waiting(&s->outlet) >= MUCH;
    enum pl_outlet_state state = now ? flush(s) : PL_OUTLET_WAIT;
    if (state == PL_OUTLET_BROKEN) return fail_write(s);
    if (!now) pl_turn_ask(s->turn);
    pl_busy(s->node, s->batch || (s->stopping && state == PL_OUTLET_WAIT));
    return PL_FLOW_OK;
}

static void finish(struct pl_file *s) {
    struct pl_error *error = NULL;
    if (s->stopping && !s->failed && !s->batch && !pl_outlet_waiting(&s->outlet) &&
        pl_output_finish(&s->output, &error)) {
        fail(s, &error);
    }
}

static void on_turn(void *user) {
    struct pl_file *s = user;
    if (!s->failed && flush(s) == PL_OUTLET_BROKEN) fail_write(s);
}

static void on_writable(void *user) {
    struct pl_file *s = user;
    if (!s->failed && go_on(s) == PL_FLOW_OK) finish(s);
}

/* ---- Beginning ---- */

/* Where a node began to write on, as it is kept until a checkpoint speaks of the file: [epoch, path, offset]. */
static const char beginning[] = "beginning";
enum { BEGINNING_ITEMS = 3 };

static void keep_beginning(const struct pl_file *s) {
    struct pl_error *error = NULL;
    struct pl_pack *pack = pl_pack_new();
    if (!pack) return;
    pl_pack_array(pack, BEGINNING_ITEMS);
    pl_pack_uint(pack, s->epoch);
    pl_pack_str(pack, s->path);
    pl_pack_uint(pack, s->offset);
    if (pl_kept_put(s->node, beginning, pack, &error))
        pl_node_diag(s->node, PL_WARN, "%s: rows may stand there twice after a death before the next checkpoint: %s",
                     s->output.path, error ? error->text : "no memory");
    pl_error_free(&error);
    pl_pack_free(pack);
}

/* One of the epoch that begins again: what is behind it is of a life that no checkpoint knows of. */
static enum pl_code find_beginning(void *arg, const char *key, struct pl_unpack *value, struct pl_error **error) {
    struct pl_file *s = arg;
    (void)error;
    uint32_t items;
    uint64_t epoch, offset;
    const char *path;
    size_t length;
    if (strcmp(key, beginning) != 0 || !pl_unpack_array(value, &items) || items != BEGINNING_ITEMS ||
        !pl_unpack_uint(value, &epoch) || !pl_unpack_str(value, &path, &length) || !pl_unpack_uint(value, &offset))
        return PL_OK;
    s->began = epoch == s->epoch && length == strlen(s->path) && memcmp(path, s->path, length) == 0;
    if (s->began) s->offset = offset;
    return PL_OK;
}

/* Only a run that begins from nothing may empty what is there: behind an epoch it may be the rows of this very node, as
 * it was in the graph before. */
static enum pl_code look_at_beginning(struct pl_file *s, struct pl_error **error) {
    s->epoch = pl_node_epoch(s->node);
    if (s->epoch > 1) s->output.mode = PL_OUTPUT_APPEND;
    bool lasts = s->epoch && s->output.regular && strcmp(s->path, "-") != 0;
    s->writes_on = lasts && s->output.mode == PL_OUTPUT_APPEND;
    return s->writes_on ? pl_kept_each(s->node, find_beginning, s, error) : PL_OK;
}

static enum pl_code begin_file(struct pl_file *s, struct pl_error **error) {
    if (s->began && pl_output_size(&s->output) >= s->offset) return pl_output_resume(&s->output, s->offset, error);
    enum pl_code code = pl_output_begin(&s->output, &s->offset, error);
    if (!code && s->writes_on) keep_beginning(s);
    return code;
}

/* The first output of this run: the file is emptied or written on, and a new one gets its header. */
static enum pl_flow begin(struct pl_file *s) {
    struct pl_error *error = NULL;
    if (s->output.begun) return PL_FLOW_OK;
    if (begin_file(s, &error)) return fail(s, &error);
    size_t room = s->offset == 0 ? s->format->header_room(s->writer) : 0;
    if (!room) return PL_FLOW_OK;
    char *at = pl_outlet_space(&s->outlet, room);
    if (!at) return fail_memory(s);
    pl_outlet_put(&s->outlet, (size_t)(s->format->header(s->writer, at) - at));
    return PL_FLOW_OK;
}

/* ---- Work ---- */

enum pl_flow pl_file_process(struct pl_file *s, struct pl_batch *batch) {
    if (s->failed || begin(s) == PL_FLOW_FAIL) {
        pl_batch_unref(batch);
        return PL_FLOW_FAIL;
    }
    s->batch = batch;
    s->row = 0;
    return go_on(s);
}

void pl_file_stop(struct pl_file *s) {
    s->stopping = true;
    if (!s->failed && begin(s) == PL_FLOW_OK && go_on(s) == PL_FLOW_OK) finish(s);
}

/* ---- Life cycle ---- */

void pl_file_check(const struct pl_file *s, struct pl_check *check) {
    if (!s->path[0]) pl_check_error(check, "path", "names no file");
    if (strcmp(s->path, "-") == 0 && s->mode != PL_OUTPUT_TRUNCATE) {
        pl_check_error(check, "mode", "standard output is written on where it stands");
    }
}

enum pl_code pl_file_open(struct pl_file *s, struct pl_node *node, const struct pl_writing_format *format, void *writer,
                          struct pl_error **error) {
    s->node = node;
    s->format = format;
    s->writer = writer;
    s->output.fd = -1;
    enum pl_code code = pl_output_open(&s->output, s->path, (enum pl_output_mode)s->mode, error);
    if (!code) code = look_at_beginning(s, error);
    if (code) return code;
    if (!pl_outlet_init(&s->outlet, BUFFER))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a buffer of %d bytes", BUFFER);
    s->outlet.fd = s->output.fd;
    s->turn = pl_turn_new(pl_node_loop(node), on_turn, s);
    if (!s->turn) return pl_error_set(error, PL_NO_MEMORY, "no memory for a handle");
    if (s->output.regular) return PL_OK;
    s->watch = pl_watch_new(pl_node_loop(node), s->output.fd, on_writable, s);
    return PL_OK; /* what cannot be watched (/dev/null) never makes anybody wait */
}

void pl_file_close(struct pl_file *s) {
    if (!s->format) return; /* never opened */
    pl_batch_unref(s->batch);
    s->batch = NULL;
    pl_watch_free(s->watch);
    pl_turn_free(s->turn);
    pl_later_free(s->later);
    pl_outlet_fini(&s->outlet);
    pl_output_close(&s->output);
}

/* ---- State: how far the file is written, and, when the disk is full, [that, what is still to be written] ---- */

void pl_file_snapshot(struct pl_file *s, struct pl_pack *pack) {
    if (!s->failed && begin(s) == PL_FLOW_OK && flush(s) == PL_OUTLET_BROKEN) fail_write(s);
    if (s->output.regular) pl_sync_with_state(s->node, s->output.fd);
    if (s->full) pl_pack_array(pack, 2);
    pl_pack_uint(pack, s->offset + s->outlet.written);
    if (s->full) pl_pack_bin(pack, s->outlet.bytes + s->outlet.from, pl_outlet_waiting(&s->outlet));
}

enum pl_code pl_file_restore(struct pl_file *s, struct pl_unpack *unpack, struct pl_error **error) {
    struct pl_unpack start = *unpack;
    const void *bytes = NULL;
    size_t size = 0;
    uint32_t items;
    if (!pl_unpack_uint(unpack, &s->offset)) {
        *unpack = start;
        if (!pl_unpack_array(unpack, &items) || items != 2 || !pl_unpack_uint(unpack, &s->offset) ||
            !pl_unpack_bin(unpack, &bytes, &size))
            return pl_error_set(error, PL_CORRUPT, "not a place in a file");
    }
    char *at = size ? pl_outlet_space(&s->outlet, size) : NULL;
    if (size && !at) return pl_error_set(error, PL_NO_MEMORY, "no memory for what is to be written");
    if (size) memcpy(at, bytes, size);
    pl_outlet_put(&s->outlet, size);
    return pl_output_resume(&s->output, s->offset, error);
}
