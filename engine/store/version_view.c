/* version_view.c: which version of a node's rows is the one that counts. */
#include <string.h>

#include "store/version.h"

bool pl_version_counts(const struct pl_version *version, const char *node) {
    for (unsigned i = 0; i < version->node_count; i++) {
        const struct pl_version_node *own = &version->nodes[i];
        if (own->counts && (strcmp(own->name, node) == 0 || (own->was[0] && strcmp(own->was, node) == 0))) return true;
    }
    return false;
}

bool pl_version_covers(const struct pl_version *version, enum pl_zone_id zone, pl_time time) {
    unsigned low = 0, high = version->span_count; /* the last span of the zone that begins at or before the time */
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const struct pl_version_span *span = &version->spans[middle];
        if (span->zone < zone || (span->zone == zone && span->from <= time))
            low = middle + 1;
        else
            high = middle;
    }
    return low && version->spans[low - 1].zone == zone && time < version->spans[low - 1].to;
}

int pl_versions_answer(const struct pl_version *const *published, unsigned count, enum pl_zone_id zone,
                       const char *node, pl_time time) {
    int found = -1;
    for (unsigned i = 0; i < count; i++)
        if ((found < 0 || published[i]->published > published[found]->published) &&
            pl_version_covers(published[i], zone, time) && pl_version_counts(published[i], node))
            found = (int)i;
    return found;
}
