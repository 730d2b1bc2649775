/* sink.csv: rows as lines of text, to a file, a pipe or standard output: the text library's writer, and what becomes of
 * its lines as files/writing.h says.
 */
#include "csv.h"

#include "writer.h"
#include "writing.h"

struct sink {
    struct pl_file file;
    struct pl_writing writing;
    struct pl_writer writer;
};

/* ---- Lines ---- */

static size_t room(const void *writer, const struct pl_batch *batch, uint32_t row) {
    return pl_writer_room(&((const struct sink *)writer)->writer, batch, row);
}

static bool write_rows(void *writer, const struct pl_batch *batch, uint32_t *row, char *text, size_t size,
                       size_t *used) {
    struct sink *s = writer;
    *used = pl_writer_rows(&s->writer, batch, row, text, size);
    return !s->writer.failed;
}

static size_t header_room(const void *writer) {
    const struct sink *s = writer;
    return s->writing.header ? pl_writer_header_room(&s->writer) : 0;
}

static char *header(const void *writer, char *at) {
    return pl_writer_header(&((const struct sink *)writer)->writer, at);
}

static const struct pl_writing_format format = {room, write_rows, header_room, header};

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    struct sink *s = self;
    pl_writing_check(&s->writing, check);
    pl_file_check(&s->file, check);
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    enum pl_code code = pl_writer_init(&s->writer, pl_node_kind(node), &s->writing, pl_node_tags(node), error);
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
    pl_file_snapshot(&((struct sink *)(uintptr_t)self)->file, pack);
}

static enum pl_code sink_restore(void *self, struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error) {
    (void)node;
    return pl_file_restore(&((struct sink *)self)->file, unpack, error);
}

static void sink_close(void *self, struct pl_node *node) {
    struct sink *s = self;
    (void)node;
    pl_file_close(&s->file);
    pl_writer_fini(&s->writer);
}

/* ---- Descriptor ---- */

static const struct pl_option sink_options[] = {
    PL_FILE_OPTIONS(struct sink, file),
    PL_WRITING_OPTIONS(struct sink, writing),
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
