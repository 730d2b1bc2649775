#include "control/batch_row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/quality.h>
#include <potline/text.h>

static void pack_cell(struct pl_pack *pack, const struct pl_batch *batch, const struct pl_tags *tags, unsigned column,
                      uint32_t row, bool digits) {
    const struct pl_column_info *info = &pl_kind_info[batch->kind].column[column];
    const void *cells = batch->column[column];
    char text[192];
    switch (info->type) {
    case PL_NAME: pl_pack_str(pack, pl_tags_get(tags, ((const uint32_t *)cells)[row])->name); break;
    case PL_I64:
        pl_pack_strn(pack, text, (size_t)(pl_text_put_time(text, ((const pl_time *)cells)[row]) - text));
        break;
    case PL_F64:
        if (isnan(((const double *)cells)[row]))
            pl_pack_nil(pack);
        else
            pl_pack_f64(pack, ((const double *)cells)[row]);
        break;
    case PL_U64:
        snprintf(text, sizeof text, "%" PRIu64, ((const uint64_t *)cells)[row]);
        if (digits)
            pl_pack_str(pack, text);
        else
            pl_pack_uint(pack, ((const uint64_t *)cells)[row]);
        break;
    case PL_U32: pl_pack_uint(pack, ((const uint32_t *)cells)[row]); break;
    default:
        if (strcmp(info->name, "quality") == 0)
            pl_pack_strn(pack, text, pl_quality_format(((const uint16_t *)cells)[row], text, sizeof text));
        else
            pl_pack_uint(pack, ((const uint16_t *)cells)[row]);
    }
}

uint32_t pl_batch_row_pairs(const struct pl_batch *batch) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    return info->columns - (info->heaps ? 1u : 0u) + (batch->kind == PL_EVENTS ? 1u : 0u);
}

void pl_batch_row_put(struct pl_pack *pack, const struct pl_batch *batch, const struct pl_tags *tags, uint32_t row,
                      bool digits) {
    const struct pl_kind_info *info = &pl_kind_info[batch->kind];
    bool body = batch->kind == PL_EVENTS;
    for (unsigned c = 0; c < info->columns; c++) {
        if (info->heaps && c == info->end) continue;
        pl_pack_str(pack, info->column[c].name);
        pack_cell(pack, batch, tags, c, row, digits);
    }
    if (!body) return;
    uint32_t length;
    const void *bytes = pl_batch_heap_row(batch, 0, row, &length);
    pl_pack_str(pack, "body");
    if (length)
        pl_pack_raw(pack, bytes, length);
    else
        pl_pack_nil(pack);
}
