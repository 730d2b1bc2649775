/* scale.c: an operator in one file, meant to be copied.
 *
 *   1. Copy the folder and rename `scale`.
 *   2. Describe your ports, options and counters: the tables below are their documentation and their parser.
 *   3. Write `process`. Take the batch: change it, emit it, or give it back.
 *   4. Keep what you must remember from row to row in tables (potline/table.h): then it survives a restart.
 *   5. Build, test, and set POTLINE_PLUGIN_PATH to the folder of the shared object.
 */
#include <potline/potline.h>

struct scale {
    double factor;
    double offset;
};

enum { SCALED };

/* Makes the batch ours to change, changes the values, passes it on. Quality and missing values (NaN) stay as they are.
 */
static enum pl_flow scale_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    const struct scale *scale = self;
    (void)input;
    if (!pl_batch_writable(&batch)) {
        pl_batch_unref(batch);
        return pl_fail(node, "no memory for a batch");
    }
    for (uint32_t i = 0; i < batch->rows; i++)
        batch->samples.value[i] = batch->samples.value[i] * scale->factor + scale->offset;
    pl_count(node, SCALED, batch->rows);
    return pl_emit(node, 0, &batch);
}

static const struct pl_option scale_options[] = {
    PL_OPT_NUMBER(struct scale, factor, "factor", NULL, "-1e12", "1e12", PL_LIVE, "What each value is multiplied by."),
    PL_OPT_NUMBER(struct scale, offset, "offset", "0", "-1e12", "1e12", PL_LIVE, "What is added afterwards."),
    PL_OPT_END,
};

static const struct pl_operator scale = {
    PL_OPERATOR("scale", "Multiplies each value and adds an offset."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, "Samples to scale."}),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, "The same samples, scaled."}),
    .options = scale_options,
    .counters = PL_COUNTERS({"scaled", "rows", "Rows that were scaled."}),
    .instance_size = sizeof(struct scale),
    .process = scale_process,
};

PL_PLUGIN(scale, "1.0", &scale)
