/* example.c: an operator in one file: multiplies each value and adds an offset.
 *
 *   1. Describe your ports, options and counters: the tables below are their documentation and their parser.
 *   2. Write `process`. Take the batch: change it, emit it, or give it back.
 *   3. Keep what you must remember from row to row in tables (potline/table.h): then it survives a restart.
 */
#include <potline/potline.h>

struct example {
    double factor;
    double offset;
};

enum { COUNT_CHANGED };

/* Makes the batch ours to change, changes the values, passes it on. Quality and missing values (NaN) stay as they are.
 */
static enum pl_flow example_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    const struct example *e = self;
    (void)input;
    if (!pl_batch_writable(&batch)) {
        pl_batch_unref(batch);
        return pl_fail(node, "no memory for a batch");
    }
    for (uint32_t i = 0; i < batch->rows; i++)
        batch->samples.value[i] = batch->samples.value[i] * e->factor + e->offset;
    pl_count(node, COUNT_CHANGED, batch->rows);
    return pl_emit(node, 0, &batch);
}

static const struct pl_option example_options[] = {
    PL_OPT_NUMBER(struct example, factor, "factor", NULL, "-1e12", "1e12", PL_LIVE,
                  "What each value is multiplied by."),
    PL_OPT_NUMBER(struct example, offset, "offset", "0", "-1e12", "1e12", PL_LIVE, "What is added afterwards."),
    PL_OPT_END,
};

static const struct pl_operator example = {
    PL_OPERATOR("example", "Multiplies each value and adds an offset."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, "Samples to change."}),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, "The same samples, changed."}),
    .options = example_options,
    .counters = PL_COUNTERS({"changed", "rows", "Rows that were changed."}),
    .instance_size = sizeof(struct example),
    .process = example_process,
};

PL_PLUGIN(example, "1.0", &example)
