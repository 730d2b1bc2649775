/* sink.csv: rows as lines of text, to a file, a pipe or standard output: the text library's writer, and what becomes of
 * its lines as files/writing.h says. Samples can also become a table (text/wide.h).
 */
#include "csv.h"

#include "layout.h"
#include "wide.h"
#include "writer.h"
#include "writing.h"

struct sink {
    struct pl_file file;
    struct pl_writing writing;
    uint32_t layout;
    struct pl_writer writer;
    struct pl_wide wide;
};

/* ---- Lines ---- */

static size_t room(const void *writer, const struct pl_batch *batch, uint32_t row) {
    const struct sink *s = writer;
    return s->layout == PL_WIDE ? pl_wide_room(&s->wide) : pl_writer_room(&s->writer, batch, row);
}

static bool write_rows(void *writer, const struct pl_batch *batch, uint32_t *row, char *text, size_t size,
                       size_t *used) {
    struct sink *s = writer;
    if (s->layout == PL_WIDE) {
        *used = pl_wide_rows(&s->wide, batch, row, text, size);
        return !s->wide.failed;
    }
    *used = pl_writer_rows(&s->writer, batch, row, text, size);
    return !s->writer.failed;
}

static size_t header_room(const void *writer) {
    const struct sink *s = writer;
    if (!s->writing.header) return 0;
    return s->layout == PL_WIDE ? pl_wide_header_room(&s->wide) : pl_writer_header_room(&s->writer);
}

static char *header(const void *writer, char *at) {
    const struct sink *s = writer;
    return s->layout == PL_WIDE ? pl_wide_header(&s->wide, at) : pl_writer_header(&s->writer, at);
}

static size_t rest_room(const void *writer) {
    const struct sink *s = writer;
    return s->layout == PL_WIDE && s->wide.have ? pl_wide_room(&s->wide) : 0;
}

static char *rest(void *writer, char *at) {
    return pl_wide_rest(&((struct sink *)writer)->wide, at);
}

static const struct pl_writing_format format = {room, write_rows, header_room, header, rest_room, rest};

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    struct sink *s = self;
    pl_writing_check(&s->writing, check);
    pl_file_check(&s->file, check);
    if (s->layout == PL_WIDE && !s->writing.columns.count)
        pl_check_error(check, "columns", "the wide layout needs its columns: [time, SIGNAL, ...]");
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    enum pl_code code;
    if (s->layout == PL_WIDE && pl_node_kind(node) != PL_SAMPLES)
        return pl_error_set(error, PL_USAGE, "layout: wide is for samples, and %s come in",
                            pl_kind_info[pl_node_kind(node)].name);
    if (s->layout == PL_WIDE)
        code = pl_wide_init(&s->wide, &s->writing, pl_node_tags(node), error);
    else
        code = pl_writer_init(&s->writer, pl_node_kind(node), &s->writing, pl_node_tags(node), error);
    return code ? code : pl_file_open(&s->file, node, &format, s, error);
}

static enum pl_flow sink_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)node;
    (void)input;
    return pl_file_process(&((struct sink *)self)->file, batch);
}

static void sink_stop(void *self, struct pl_node *node) {
    (void)node;
    pl_file_stop(&((struct sink *)self)->file);
}

static void sink_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    (void)node;
    struct sink *s = (struct sink *)(uintptr_t)self;
    if (s->layout == PL_WIDE) pl_pack_array(pack, 2); /* the file, and the line at hand */
    pl_file_snapshot(&s->file, pack);
    if (s->layout == PL_WIDE) pl_wide_pack(&s->wide, pack);
}

static enum pl_code sink_restore(void *self, struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    (void)node;
    struct sink *s = self;
    uint32_t items;
    if (s->layout != PL_WIDE) return pl_file_restore(&s->file, unpack, error);
    if (!pl_unpack_array(unpack, &items) || items != 2) return pl_error_set(error, PL_CORRUPT, "not a wide table");
    enum pl_code code = pl_file_restore(&s->file, unpack, error);
    if (!code && !pl_wide_unpack(&s->wide, unpack))
        code = pl_error_set(error, PL_CORRUPT, "not a line of a wide table");
    return code;
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    pl_file_close(&s->file);
    pl_writer_fini(&s->writer);
    pl_wide_fini(&s->wide);
}

/* ---- Descriptor ---- */

static const struct pl_option sink_options[] = {
    PL_FILE_OPTIONS(struct sink, file),
    PL_WRITING_OPTIONS(struct sink, writing),
    PL_OPT_CHOICE(
        struct sink, layout, "layout", "long", pl_layout_shapes, PL_STATE,
        "long: a row a line; wide: a line a time and asset, and a column for each signal that `columns` names, "
        "among time, time_ns, asset and row."),
    PL_OPT_END,
};

const struct pl_operator pl__sink_csv = {
    PL_OPERATOR("sink.csv", "Writes rows as delimited text to a file, a pipe or standard output."),
    .doc =
        "A row is a line. Lines leave at the end of the turn that brought them, many of them in one write, so nothing "
        "waits "
        "while the stream is quiet. Missing numbers are empty fields. A pipe whose reader is slow makes the node busy; "
        "the edge's on_full says what happens then. On a full disk they wait for room; any other write that fails "
        "stops the node and says so.",
    .guarantee = PL_FILE_GUARANTEE,
    .inputs = PL_PORTS({.name = "in", .kinds = PL_WRITER_KINDS, .doc = "The rows."}),
    .options = sink_options,
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct sink),
    .check = sink_check,
    .open = sink_open,
    .process = sink_process,
    .snapshot = sink_snapshot,
    .restore = sink_restore,
    .stop = sink_stop,
    .close = sink_close,
};
