/* zone_each.c: what a node has put into a zone, for the node itself (potline/zone.h). */
#include <potline/operator.h>

#include "store/lake.h"

enum pl_code pl_zone_each(struct pl_node *node, enum pl_zone_id id, pl_time from, pl_time to, pl_zone_visitor *each,
                          void *arg, struct pl_error **error) {
    if (pl_node_abroad(node))
        return pl_error_set(error, PL_UNAVAILABLE,
                            "zone %s: node %s works in a process of its own, which cannot read it", pl_zone_names[id],
                            pl_node_name(node));
    struct pl_store *store = pl_node_store(node);
    struct pl_zone_range range = {.node = pl_node_name(node), .from = from, .to = to};
    struct pl_zone_scan *scan;
    struct pl_zone_record record;
    if (!store)
        return pl_error_set(error, PL_UNAVAILABLE, "zone %s: this run has no data folder to read it from",
                            pl_zone_names[id]);
    enum pl_code code = pl_zone_scan_new(store, pl_node_tags(node), id, &range, &scan, error);
    bool more = true;
    while (!code && more && !(code = pl_zone_scan_next(scan, &record, error))) {
        more = each(arg, record.batch);
        pl_batch_unref(record.batch);
    }
    pl_zone_scan_free(scan);
    return code == PL_NOT_FOUND ? PL_OK : code;
}
