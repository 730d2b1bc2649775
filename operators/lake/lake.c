/* lake.c: sink.lake, which keeps batches in a zone of the data folder: silver for cleansed rows, gold for aggregates,
 * KPIs and profiles. `potline export` reads them. Writing goes through RocksDB and may wait for it, so a node has a
 * thread of its own.
 */
#include <potline/potline.h>

enum { ZONE_SILVER, ZONE_GOLD };
enum { COUNT_ROWS, COUNT_BATCHES };

struct lake {
    uint32_t choice;
    struct pl_zone *zone;
};

static const char *const zone_choices[] = {"silver", "gold", NULL};

static const struct pl_option lake_options[] = {
    PL_OPT_CHOICE(struct lake, choice, "zone", NULL, zone_choices, PL_FIXED, "The zone to write to."),
    PL_OPT_END,
};

static enum pl_code open_lake(void *self, struct pl_node *node, struct pl_error **error) {
    struct lake *lake = self;
    return pl_zone_open(node, lake->choice == ZONE_GOLD ? PL_GOLD : PL_SILVER, &lake->zone, error);
}

static enum pl_flow process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct lake *lake = self;
    struct pl_error *error = NULL;
    (void)input;
    enum pl_code code = pl_zone_put(lake->zone, batch, &error);
    uint32_t rows = batch->rows;
    pl_batch_unref(batch);
    if (PL_LIKELY(!code)) {
        pl_count(node, COUNT_ROWS, rows);
        pl_count(node, COUNT_BATCHES, 1);
        return PL_FLOW_OK;
    }
    char *text = pl_error_text(error);
    enum pl_flow flow = pl_fail(node, "zone %s: %s", zone_choices[lake->choice], text ? text : pl_code_text(code));
    pl_free(text);
    pl_error_free(&error);
    return flow;
}

static void close_lake(void *self, struct pl_node *node) {
    struct lake *lake = self;
    (void)node;
    pl_zone_close(lake->zone);
    lake->zone = NULL;
}

static const struct pl_operator sink_lake = {
    PL_OPERATOR("sink.lake", "Keeps rows in the data folder's silver or gold zone."),
    .doc = "Rows are kept under the node's name and their time, so that `potline export --zone gold --node NAME\n"
           "--from T --to T` reads no more than it prints. A run without a data folder cannot have this node.",
    .guarantee =
        "Each row once. It is kept through the death of the process once it is written, and through a loss of\n"
        "power from the log's next sync on; what was written behind the last checkpoint is taken out again by\n"
        "the next run, and comes anew. Without a log rows of every run are kept.",
    .inputs = PL_PORTS({.name = "in",
                        .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS) | PL_SET(PL_PROFILES) | PL_SET(PL_EVENTS),
                        .doc = "What to keep."}),
    .options = lake_options,
    .counters = PL_COUNTERS({"rows", "rows", "Rows written."}, {"batches", "batches", "Batches written."}),
    .scope = PL_EITHER,
    .flags = PL_OP_BLOCKING | PL_OP_ANY_ORDER,
    .instance_size = sizeof(struct lake),
    .open = open_lake,
    .process = process,
    .close = close_lake,
};

PL_PLUGIN(lake, "1.0", &sink_lake)
