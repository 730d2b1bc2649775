/* example.c: a source in one file: makes samples of one tag, each one step later and higher.
 *
 *   1. Describe your ports and options: the tables below are their documentation and their parser.
 *   2. Write `produce`: emit about one batch. PL_FLOW_WAIT says that there is nothing now (pl_wake when there is, from
 * a callback on pl_node_loop), PL_FLOW_END that there never will be.
 *   3. Say in `snapshot` where you stand behind what you have emitted, and go on there in `restore`: the place travels
 *      with the rows into the log, so that after a death each row is there once.
 */
#include <string.h>

#include <potline/potline.h>

struct example {
    const char *tag;
    pl_time start, step;
    int64_t count;

    uint32_t id;
    uint64_t row; /* the next one: all that there is to remember */
};

enum { BATCH_ROWS = 1024 };

static enum pl_code example_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct example *e = self;
    e->id = pl_tags_intern(pl_node_tags(node), e->tag, strlen(e->tag));
    return e->id != PL_NO_ID ? PL_OK : pl_error_set(error, PL_LIMIT, "no room for the tag %s", e->tag);
}

static enum pl_flow example_produce(void *self, struct pl_node *node) {
    struct example *e = self;
    uint64_t left = (uint64_t)e->count - e->row;
    if (left == 0) return PL_FLOW_END;
    uint32_t rows = left < BATCH_ROWS ? (uint32_t)left : BATCH_ROWS;
    struct pl_batch *batch = pl_node_batch(node, PL_SAMPLES, rows, 0);
    if (!batch) return pl_fail(node, "no memory for a batch");
    for (; batch->rows < rows; batch->rows++, e->row++) {
        batch->samples.time[batch->rows] = e->start + (pl_time)e->row * e->step;
        batch->samples.tag[batch->rows] = e->id;
        batch->samples.value[batch->rows] = (double)e->row;
        batch->samples.quality[batch->rows] = PL_Q_GOOD;
    }
    return pl_emit(node, 0, &batch);
}

static void example_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack) {
    (void)node;
    pl_pack_uint(pack, ((const struct example *)self)->row);
}

static enum pl_code example_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                    struct pl_error **error) {
    (void)node;
    struct example *e = self;
    if (pl_unpack_uint(unpack, &e->row) && e->row <= (uint64_t)e->count) return PL_OK;
    return pl_error_set(error, PL_CORRUPT, "not a place among %lld rows", (long long)e->count);
}

static const struct pl_option example_options[] = {
    PL_OPT_STRING(struct example, tag, "tag", NULL, PL_STATE, "The tag of its samples."),
    PL_OPT_TIME(struct example, start, "start", "2026-01-01T00:00:00Z", PL_STATE, "Time of the first sample."),
    PL_OPT_DURATION(struct example, step, "step", "1s", "1ms", "1d", PL_STATE, "From a sample to the next one."),
    PL_OPT_INT(struct example, count, "count", "10", "1", "1000000000", PL_STATE, "Samples in all."),
    PL_OPT_END,
};

static const struct pl_operator example = {
    PL_OPERATOR("source.example", "Makes samples of one tag, each one step later and higher."),
    .guarantee = "Each row once: a row depends on its number alone, and the log keeps the number.",
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, "The samples."}),
    .options = example_options,
    .flags = PL_OP_REPLAYABLE,
    .instance_size = sizeof(struct example),
    .open = example_open,
    .produce = example_produce,
    .snapshot = example_snapshot,
    .restore = example_restore,
};

PL_PLUGIN(example, "1.0", &example)
