/* source.ndjson: files, pipes and standard input with a JSON object a line as samples.
 *
 * Reading goes on as files/reading.h says, by lines.h.
 */
#include "ndjson.h"

#include "lines.h"
#include "reading.h"

enum { BUFFER = 256 << 10 };

struct source {
    struct pl_reading reading;
    struct pl_shape shape;
    struct pl_lines lines;
};

/* ---- The reader ---- */

static void restart(void *reader, const char *file) {
    pl_lines_restart(reader, file);
}

static enum pl_reader_state read_rows(void *reader, struct pl_batch *batch, struct pl_error **error) {
    return pl_lines_read(reader, batch, error);
}

static struct pl_reader_position position(const void *reader) {
    return pl_lines_position(reader);
}

static void resume(void *reader, struct pl_reader_position *at) {
    pl_lines_resume(reader, at);
}

static uint32_t rows_least(const void *reader) {
    return pl_lines_rows_least(reader);
}

static enum pl_code read_again(const void *reader, const void *bytes, size_t size, struct pl_batch *batch,
                               struct pl_error **error) {
    return pl_lines_again(reader, bytes, size, batch, error);
}

static const struct pl_reading_format format = {restart, NULL, read_rows, position, resume, rows_least, read_again};

/* ---- Life cycle ---- */

static void source_check(void *self, struct pl_check *check) {
    struct source *s = self;
    pl_shape_check(&s->shape, check);
    pl_reading_check(&s->reading, check);
}

static enum pl_code source_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct source *s = self;
    if (!pl_lines_init(&s->lines, &s->shape, pl_node_tags(node), BUFFER))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a buffer of %d bytes", BUFFER);
    struct pl_reading_parts parts = {&s->lines.records, &s->lines.reject, &s->lines.values.counts};
    return pl_reading_open(&s->reading, node, &format, &s->lines, parts, error);
}

static enum pl_flow source_produce(void *self, struct pl_node *node) {
    (void)node;
    return pl_reading_produce(&((struct source *)self)->reading);
}

static enum pl_code source_inject(void *self, struct pl_node *node, const void *bytes, size_t size,
                                  struct pl_error **error) {
    (void)node;
    return pl_reading_inject(&((struct source *)self)->reading, bytes, size, error);
}

static void source_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    (void)node;
    pl_reading_snapshot(&((const struct source *)self)->reading, pack);
}

static enum pl_code source_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                   struct pl_error **error) {
    (void)node;
    return pl_reading_restore(&((struct source *)self)->reading, unpack, error);
}

static void source_close(void *self, struct pl_node *node) {
    struct source *s = self;
    (void)node;
    pl_reading_close(&s->reading);
    pl_lines_fini(&s->lines);
}

/* ---- Descriptor ---- */

static const struct pl_option source_options[] = {
    PL_READING_PATH(struct source, reading),
    PL_SHAPE_OPTIONS(struct source, shape),
    PL_READING_OPTIONS(struct source, reading),
    PL_OPT_END,
};

const struct pl_operator pl__source_ndjson = {
    PL_OPERATOR("source.ndjson", "Reads samples from files, pipes or standard input with a JSON object a line."),
    .doc =
        "A long line is a sample, a wide line a time and each other field a tag, named by its path: {\"pot07\": "
        "{\"volt\": "
        "4.2}} is pot07.volt. Fields of the options are named by their paths too. Times come as numbers, ISO 8601 or "
        "by a "
        "pattern. A value that is null or not there is missing, as is one that is neither a number nor a state of its "
        "tag's enumeration (true and false for a tag without one); an infinity is the string \"inf\". A line that "
        "cannot "
        "be read is malformed: counted, by its cause too, the first few shown with file and line, all of them sent out "
        "of `rejected`. The long layout reads what sink.ndjson and `potline export --format ndjson` write of samples; "
        "rows of another kind are malformed.",
    .guarantee = PL_READING_GUARANTEE,
    .outputs = PL_READING_OUTPUTS,
    .options = source_options,
    .counters = PL_COUNTERS(PL_READING_COUNTERS, PL_LINES_COUNTERS),
    .scope = PL_GLOBAL,
    .flags = PL_OP_REPLAYABLE,
    .instance_size = sizeof(struct source),
    .check = source_check,
    .open = source_open,
    .produce = source_produce,
    .snapshot = source_snapshot,
    .restore = source_restore,
    .close = source_close,
    .inject = source_inject,
};
