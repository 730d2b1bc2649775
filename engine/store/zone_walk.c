#include "store/zone_walk.h"

#include <string.h>

#include <potline/alloc.h>

enum { PARTS = 1000, PROBE = 64 };

struct parts {
    const char *node;
    unsigned count;
    struct pl_zone_part part[PARTS];
};

static enum pl_code collect(void *arg, const struct pl_zone_part *part, struct pl_error **error) {
    struct parts *parts = arg;
    if (parts->node && strcmp(parts->node, part->node) != 0) return PL_OK;
    if (parts->count == PARTS) return pl_error_set(error, PL_LIMIT, "too many nodes have written this zone");
    parts->part[parts->count++] = *part;
    return PL_OK;
}

static enum pl_code read_part(const struct pl_zone_walk *walk, const struct pl_zone_part *part, unsigned *records,
                              struct pl_error **error) {
    struct pl_zone_range range = {
        .node = part->node, .one = true, .partition = part->partition, .from = walk->from, .to = walk->to};
    struct pl_zone_scan *scan;
    struct pl_zone_record record;
    bool goes_on = true, found = false;
    enum pl_code code = pl_zone_scan_new(walk->store, walk->names, walk->zone, &range, &scan, error);
    if (!code && walk->begin) walk->begin(walk->arg, part->node);
    for (unsigned i = 0; !code && goes_on && (found || i < PROBE) && (!walk->most || i < walk->most); i++) {
        code = pl_zone_scan_next(scan, &record, error);
        if (code) break;
        bool fits = record.batch->kind == walk->kind;
        found = found || fits;
        if (fits) goes_on = walk->take(walk->arg, record.batch);
        pl_batch_unref(record.batch);
        if (walk->stop && atomic_load(walk->stop))
            code = pl_error_set(error, PL_UNAVAILABLE, "the engine is ending");
        else if (walk->records && ++*records == walk->records)
            code = pl_error_set(error, PL_LIMIT, "too much is to be read for this: ask for less time");
    }
    pl_zone_scan_free(scan);
    return code == PL_NOT_FOUND ? PL_OK : code;
}

enum pl_code pl_zone_walk(const struct pl_zone_walk *walk, struct pl_error **error) {
    unsigned records = 0;
    if (!walk->store) return pl_error_set(error, PL_UNAVAILABLE, "this run has no data folder, so it has no zones");
    struct parts *parts = pl_alloc(sizeof *parts);
    if (!parts) return pl_error_set(error, PL_NO_MEMORY, "no memory for a question");
    parts->node = walk->node;
    parts->count = 0;
    enum pl_code code = pl_zone_parts(walk->store, walk->zone, collect, parts, error);
    for (unsigned i = 0; !code && i < parts->count; i++)
        code = read_part(walk, &parts->part[i], &records, error);
    pl_free(parts);
    return code;
}
