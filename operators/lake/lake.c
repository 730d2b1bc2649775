/* lake.c: sink.lake, which keeps batches in a zone of the data folder: silver for cleansed rows, gold for aggregates,
 * KPIs and profiles. `potline export` reads them. Writing goes through RocksDB and may wait for it, so a node has a
 * thread of its own.
 */
#include <potline/potline.h>

#include "later.h"

enum { ZONE_SILVER, ZONE_GOLD };
enum { COUNT_ROWS, COUNT_BATCHES };
enum { TRY_AGAIN_MS = 250 };

struct lake {
    uint32_t choice;
    struct pl_zone *zone;
    struct pl_node *node;
    struct pl_batch *batch; /* waits for room on the disk; NULL: none does */
    struct pl_later *later; /* NULL: nothing has ever waited */
};

static const char *const zone_choices[] = {"silver", "gold", NULL};

static const struct pl_option lake_options[] = {
    PL_OPT_CHOICE(struct lake, choice, "zone", NULL, zone_choices, PL_FIXED, "The zone to write to."),
    PL_OPT_END,
};

static enum pl_code open_lake(void *self, struct pl_node *node, struct pl_error **error) {
    struct lake *lake = self;
    lake->node = node;
    return pl_zone_open(node, lake->choice == ZONE_GOLD ? PL_GOLD : PL_SILVER, &lake->zone, error);
}

static void try_again(void *user);

static enum pl_flow fail(struct lake *lake, enum pl_code code, struct pl_error *error) {
    char *text = pl_error_text(error);
    enum pl_flow flow =
        pl_fail(lake->node, "zone %s: %s", zone_choices[lake->choice], text ? text : pl_code_text(code));
    pl_free(text);
    pl_error_free(&error);
    pl_busy(lake->node, false); /* so that the failure is seen */
    return flow;
}

/* Nothing of the batch is written: it stays, and nothing else comes until it is. */
static enum pl_flow wait_for_room(struct lake *lake, struct pl_batch *batch, struct pl_error *error) {
    if (!lake->later) lake->later = pl_later_new(pl_node_loop(lake->node), try_again, lake);
    if (!lake->later) {
        pl_batch_unref(batch);
        return fail(lake, PL_NO_MEMORY, error);
    }
    if (!lake->batch) pl_node_diag(lake->node, PL_ERROR, "%s; rows wait until there is room", error ? error->text : "");
    pl_error_free(&error);
    lake->batch = batch;
    pl_busy(lake->node, true);
    pl_later_in(lake->later, TRY_AGAIN_MS);
    return PL_FLOW_OK;
}

static enum pl_flow put(struct lake *lake, struct pl_batch *batch) {
    struct pl_error *error = NULL;
    enum pl_code code = pl_zone_put(lake->zone, batch, &error);
    if (PL_UNLIKELY(code == PL_UNAVAILABLE)) return wait_for_room(lake, batch, error);
    uint32_t rows = batch->rows;
    bool waited = lake->batch;
    lake->batch = NULL;
    pl_batch_unref(batch);
    if (PL_UNLIKELY(code)) return fail(lake, code, error);
    pl_count(lake->node, COUNT_ROWS, rows);
    pl_count(lake->node, COUNT_BATCHES, 1);
    if (waited) pl_busy(lake->node, false);
    return PL_FLOW_OK;
}

static void try_again(void *user) {
    struct lake *lake = user;
    if (lake->batch) put(lake, lake->batch);
}

static enum pl_flow process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    (void)node, (void)input;
    return put(self, batch);
}

static void close_lake(void *self, struct pl_node *node) {
    struct lake *lake = self;
    (void)node;
    pl_later_free(lake->later);
    pl_batch_unref(lake->batch);
    lake->batch = NULL;
    lake->later = NULL;
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
                        .kinds = PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS) | PL_SET(PL_PROFILES) | PL_SET(PL_SETPOINTS) |
                                 PL_SET(PL_EVENTS),
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
