#include <math.h>
#include <string.h>

#include "map.h"

enum { OUT_ROWS = 4096 };

static void compute(struct map *m, struct entry *entry) {
    struct pl_expr_value with[PL_EXPR_VARIABLES_MAX];
    double value[MAP_BLOCK];
    for (unsigned v = 0; v < entry->names; v++)
        with[v] = (struct pl_expr_value){.values = entry->block + (size_t)v * MAP_BLOCK};
    pl_expr_eval(entry->expr, with, entry->filled, value);
    const struct pl_samples *rows = &m->out->samples;
    uint64_t undefined = 0;
    for (uint32_t k = 0; k < entry->filled; k++) {
        uint32_t i = entry->row[k];
        bool defined = isfinite(value[k]);
        rows->value[i] = defined ? value[k] : (double)NAN;
        if (!defined)
            rows->quality[i] |= PL_Q_BAD | PL_Q_MISSING;
        else if (entry->bad[k])
            rows->quality[i] = (uint16_t)((rows->quality[i] & ~(PL_Q_SEVERITY | PL_Q_MISSING)) | PL_Q_UNCERTAIN);
        undefined += !defined;
    }
    pl_count(m->node, COUNT_COMPUTED, entry->filled);
    if (undefined) pl_count(m->node, COUNT_UNDEFINED, undefined);
    entry->filled = 0;
}

bool output_flush(struct map *m) {
    if (!m->out) return true;
    for (uint32_t e = 0; e < m->values.count; e++)
        if (m->entries[e].filled) compute(m, &m->entries[e]);
    return pl_emit(m->node, 0, &m->out) != PL_FLOW_FAIL;
}

bool output_row(struct map *m, struct entry *entry, pl_time time, uint32_t tag, uint16_t quality, bool bad,
                uint32_t *at) {
    if (m->out && m->out->rows == m->out->capacity && !output_flush(m)) return false;
    if (!m->out) m->out = pl_node_batch(m->node, PL_SAMPLES, OUT_ROWS, 0);
    if (!m->out) return false;
    if (entry->filled == MAP_BLOCK) compute(m, entry);
    uint32_t i = m->out->rows++;
    m->out->samples.time[i] = time;
    m->out->samples.tag[i] = tag;
    m->out->samples.quality[i] = quality;
    *at = entry->filled++;
    entry->row[*at] = (uint16_t)i;
    entry->bad[*at] = bad;
    return true;
}
