/* source.csv: files, pipes and standard input as samples.
 *
 * Reading goes on as files/reading.h says, by the text library's reader or, for a table that lies on its side, through
 * that into the table.
 */
#include "csv.h"

#include "reading.h"
#include "transpose.h"

enum { BUFFER = 256 << 10 };

struct source {
    struct pl_reading reading;
    struct pl_layout layout;
    bool transposed;

    struct pl_names names;
    struct pl_reader reader;
    struct pl_transpose table;
};

/* ---- The reader, or the table behind it ---- */

static void restart(void *reader, const char *file) {
    struct source *s = reader;
    pl_transpose_fini(&s->table);
    pl_reader_restart(&s->reader, file);
    pl_transpose_init(&s->table, &s->reader);
}

static enum pl_reader_state prepare(void *reader, struct pl_error **error) {
    struct source *s = reader;
    return s->transposed ? PL_READER_FULL : pl_reader_prepare(&s->reader, error);
}

static enum pl_reader_state read_rows(void *reader, struct pl_batch *batch, struct pl_error **error) {
    struct source *s = reader;
    return s->transposed ? pl_transpose_read(&s->table, batch, error) : pl_reader_read(&s->reader, batch, error);
}

static uint32_t rows_least(const void *reader) {
    const struct source *s = reader;
    return s->transposed ? s->table.line_count : pl_reader_rows_least(&s->reader);
}

static struct pl_reader_position position(const void *reader) {
    const struct source *s = reader;
    struct pl_reader_position at = pl_reader_position(&s->reader);
    if (s->transposed) at.form = s->table.next;
    return at;
}

/* A table is read whole again, and only given out from where it was. */
static void resume(void *reader, struct pl_reader_position *at) {
    struct source *s = reader;
    if (s->transposed) {
        s->table.next = at->form;
        *at = (struct pl_reader_position){.line = 1, .row = at->row};
    }
    pl_reader_resume(&s->reader, at);
}

static enum pl_code read_again(const void *reader, const void *bytes, size_t size, struct pl_batch *batch,
                               struct pl_error **error) {
    const struct source *s = reader;
    if (s->transposed) return pl_error_set(error, PL_UNAVAILABLE, "a line of a transposed table is nothing by itself");
    return pl_reader_again(&s->reader, bytes, size, batch, error);
}

static const struct pl_reading_format format = {restart, prepare, read_rows, position, resume, rows_least, read_again};

/* ---- Life cycle ---- */

static void source_check(void *self, struct pl_check *check) {
    struct source *s = self;
    pl_layout_check(&s->layout, check);
    pl_reading_check(&s->reading, check);
    if (!s->transposed) return;
    if (s->reading.follow) pl_check_error(check, "follow", "a transposed table is read whole");
    if (s->layout.shape != PL_WIDE)
        pl_check_error(check, "transposed", "is a form of the wide layout; add layout: wide");
    if (s->layout.empty != PL_EMPTY_MISSING)
        pl_check_error(check, "empty", "a transposed table has a value for each time");
    if (s->layout.time.count > 1) pl_check_error(check, "time", "a transposed table has one line of times");
}

static enum pl_code source_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct source *s = self;
    s->layout.multiline = true;
    if (!pl_names_init(&s->names, pl_node_tags(node), &s->layout.naming, pl_layout_quote(&s->layout)) ||
        !pl_reader_init(&s->reader, &s->layout, &s->names, BUFFER)) {
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a buffer of %d bytes", BUFFER);
    }
    struct pl_reading_parts parts = {&s->reader.records, &s->reader.reject, &s->reader.values.counts};
    return pl_reading_open(&s->reading, node, &format, s, parts, error);
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
    pl_transpose_fini(&s->table);
    pl_reader_fini(&s->reader);
    pl_names_fini(&s->names);
}

/* ---- Descriptor ---- */

static const struct pl_option source_options[] = {
    PL_READING_PATH(struct source, reading),
    PL_LAYOUT_OPTIONS(struct source, layout),
    PL_OPT_BOOL(struct source, transposed, "transposed", "false", PL_FIXED,
                "The wide table lies on its side: a line is a tag, a column a time."),
    PL_READING_OPTIONS(struct source, reading),
    PL_OPT_END,
};

const struct pl_operator pl__source_csv = {
    PL_OPERATOR("source.csv", "Reads samples from files, pipes or standard input as delimited text."),
    .doc =
        "Long text has a sample a record, wide text a time a record and a column a tag. Times come as numbers, ISO "
        "8601 or by a "
        "pattern, in one column or several, or are counted. A value that is neither a number nor a state of its tag's "
        "enumeration (True and False for a tag without one) is a missing value; a record that cannot be read is "
        "malformed: counted, the first few shown with file and line, all of them sent out of `rejected`.",
    .guarantee = PL_READING_GUARANTEE,
    .outputs = PL_READING_OUTPUTS,
    .options = source_options,
    .counters = PL_COUNTERS(PL_READING_COUNTERS),
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
