/* sink.ndjson: rows of any kind, a JSON object a line, to a file, a pipe or standard output: rows as potline/row.h has
 * them, and what becomes of the lines as files/writing.h says.
 */
#include "ndjson.h"

#include <string.h>

#include <potline/json.h>
#include <potline/row.h>

#include "writing.h"

enum time_form { TIME_RFC3339, TIME_NS };
enum infinities { INFINITIES_NULL, INFINITIES_TEXT };
enum { NODE_ROOM = sizeof("{,\"node\":}\n") + PL_JSON_STRING_ROOM(PL_NAME_MAX) };

struct sink {
    struct pl_file file;
    uint32_t time;
    uint32_t infinities;
    bool node;
    const struct pl_tags *tags;
};

/* ---- Lines ---- */

static size_t room(const void *writer, const struct pl_batch *batch, uint32_t row) {
    (void)writer;
    return pl_row_room(batch, row) + NODE_ROOM;
}

/* A line's end is the same for all rows of a batch: who gave them. */
static size_t put_end(const struct sink *s, const struct pl_batch *batch, char *end) {
    char *at = end;
    if (s->node && batch->source) {
        const struct pl_tag *node = pl_tags_get(s->tags, batch->source);
        at = (char *)memcpy(at, ",\"node\":", 8) + 8;
        at = pl_json_put_string(at, node->name, node->length);
    }
    *at++ = '}';
    *at++ = '\n';
    return (size_t)(at - end);
}

static bool write_rows(void *writer, const struct pl_batch *batch, uint32_t *row, char *text, size_t size,
                       size_t *used) {
    const struct sink *s = writer;
    const struct pl_row_form form = {s->time == TIME_NS, s->infinities == INFINITIES_TEXT};
    char end[NODE_ROOM], *at = text;
    size_t end_length = put_end(s, batch, end);
    for (; *row < batch->rows && room(s, batch, *row) <= size - (size_t)(at - text); ++*row) {
        *at++ = '{';
        at = pl_row_put(at, &form, s->tags, batch, *row);
        if (!at) return false;
        at = (char *)memcpy(at, end, end_length) + end_length;
    }
    *used = (size_t)(at - text);
    return true;
}

static size_t no_header(const void *writer) {
    (void)writer;
    return 0;
}

static const struct pl_writing_format format = {.room = room, .rows = write_rows, .header_room = no_header};

/* ---- Life cycle ---- */

static void sink_check(void *self, struct pl_check *check) {
    pl_file_check(&((struct sink *)self)->file, check);
}

static enum pl_code sink_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct sink *s = self;
    s->tags = pl_node_tags(node);
    return pl_file_open(&s->file, node, &format, s, error);
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
    (void)node;
    pl_file_close(&((struct sink *)self)->file);
}

/* ---- Descriptor ---- */

static const char *const times[] = {"rfc3339", "ns", NULL};
static const char *const infinities[] = {"null", "text", NULL};

static const struct pl_option sink_options[] = {
    PL_FILE_OPTIONS(struct sink, file),
    PL_OPT_CHOICE(struct sink, time, "time", "rfc3339", times, PL_FIXED,
                  "Times as text, or as whole nanoseconds in members called time_ns."),
    PL_OPT_CHOICE(
        struct sink, infinities, "infinities", "null", infinities, PL_FIXED,
        "What an infinity is, which JSON has no number for: null as NaN is, or the string \"inf\" or \"-inf\", "
        "as `potline export` writes it and source.ndjson reads it back."),
    PL_OPT_BOOL(struct sink, node, "node", "true", PL_FIXED, "Say in each line which node gave the row."),
    PL_OPT_END,
};

const struct pl_operator pl__sink_ndjson = {
    PL_OPERATOR("sink.ndjson", "Writes rows as JSON objects, one a line, to a file, a pipe or standard output."),
    .doc =
        "A line is what `potline export --format ndjson` writes: type (the kind), the columns by their names, what the "
        "row has besides (positions, values, reason, body), and the node that gave it. Numbers read back the same; NaN "
        "is null. Ids and tokens are strings of digits. Lines leave at the end of the turn that brought them, many of "
        "them in one write. A pipe whose reader is slow makes the node busy; the edge's on_full says what happens "
        "then. On a full disk they wait for room; any other write that fails stops the node and says so.",
    .guarantee = PL_FILE_GUARANTEE,
    .inputs = PL_PORTS({.name = "in", .kinds = PL_SET_ALL, .doc = "The rows."}),
    .options = sink_options,
    .scope = PL_GLOBAL,
    .flags = PL_OP_MIXED | PL_OP_BY_SOURCE,
    .instance_size = sizeof(struct sink),
    .check = sink_check,
    .open = sink_open,
    .process = sink_process,
    .snapshot = sink_snapshot,
    .restore = sink_restore,
    .stop = sink_stop,
    .close = sink_close,
};
