/* example.c: a sink in one file: writes a line a sample, "tag value", to a file.
 *
 *   1. Describe your port, options and counters: the tables below are their documentation and their parser.
 *   2. Write `process`: what to do with a batch; give it back.
 *   3. Say in `snapshot` how far you have come, and go back to there in `restore`: rows behind a checkpoint come again
 *      after a death, so what had been made of them is taken back first.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <potline/potline.h>

struct example {
    const char *path;

    int fd;          /* -1: not open */
    uint64_t offset; /* bytes that are written */
};

enum { LINE_MAX_BYTES = PL_NAME_MAX + 64 };
enum { COUNT_WRITTEN };

static enum pl_code example_open(void *self, struct pl_node *node, struct pl_error **error) {
    (void)node;
    struct example *e = self;
    e->fd = open(e->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    return e->fd >= 0 ? PL_OK : pl_error_set(error, PL_IO, "%s: %s", e->path, strerror(errno));
}

static void example_close(void *self, struct pl_node *node) {
    (void)node;
    struct example *e = self;
    if (e->fd >= 0) close(e->fd);
    e->fd = -1;
}

/* All of the bytes, behind those that stand there. What was behind them before is of an earlier run. */
static bool put(struct example *e, const char *text, size_t size) {
    if (e->offset == 0 && ftruncate(e->fd, 0)) return false;
    while (size > 0) {
        ssize_t written = pwrite(e->fd, text, size, (off_t)e->offset);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        e->offset += (uint64_t)written;
        text += written;
        size -= (size_t)written;
    }
    return true;
}

static enum pl_flow example_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)input;
    struct example *e = self;
    bool good = true;
    for (uint32_t i = 0; good && i < batch->rows; i++) {
        char line[LINE_MAX_BYTES];
        const char *tag = pl_tags_get(pl_node_tags(node), batch->samples.tag[i])->name;
        int size = snprintf(line, sizeof line, "%s %.17g\n", tag, batch->samples.value[i]);
        good = put(e, line, (size_t)size);
    }
    pl_count(node, COUNT_WRITTEN, good ? batch->rows : 0);
    pl_batch_unref(batch);
    return good ? PL_FLOW_OK : pl_fail(node, "%s: %s", e->path, strerror(errno));
}

static void example_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    const struct example *e = self;
    pl_pack_uint(pack, e->offset);
    pl_sync_with_state(node, e->fd);
}

static enum pl_code example_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                    struct pl_error **error) {
    (void)node;
    struct example *e = self;
    if (!pl_unpack_uint(unpack, &e->offset)) return pl_error_set(error, PL_CORRUPT, "not a place in a file");
    off_t end = lseek(e->fd, 0, SEEK_END);
    if (end < 0 || (uint64_t)end < e->offset)
        return pl_error_set(error, PL_CORRUPT, "%s is shorter than it was at the checkpoint", e->path);
    if (ftruncate(e->fd, (off_t)e->offset)) return pl_error_set(error, PL_IO, "%s: %s", e->path, strerror(errno));
    return PL_OK;
}

static const struct pl_option example_options[] = {
    PL_OPT_PATH(struct example, path, "path", NULL, PL_FIXED, "The file; what is in it goes with the first row."),
    PL_OPT_END,
};

static const struct pl_operator example = {
    PL_OPERATOR("sink.example", "Writes a line a sample, tag and value, to a file."),
    .guarantee = "Each row once: a checkpoint says how far the file was written; what is behind that is cut off.",
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, "Samples to write."}),
    .options = example_options,
    .counters = PL_COUNTERS({"written", "rows", "Rows that were written."}),
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct example),
    .open = example_open,
    .process = example_process,
    .snapshot = example_snapshot,
    .restore = example_restore,
    .close = example_close,
};

PL_PLUGIN(example, "1.0", &example)
