/* batch_row.h: a row of a batch as pairs of a msgpack map, as people are shown it: times and quality as text, missing
 * numbers as nil, an event's body as it is. Heaps of other kinds are left out. With `digits` ids and tokens are
 * texts of digits: a number of JavaScript does not hold all 64 bits.
 */
#ifndef POTLINE_CONTROL_BATCH_ROW_H
#define POTLINE_CONTROL_BATCH_ROW_H

#include <potline/batch.h>
#include <potline/pack.h>

uint32_t pl_batch_row_pairs(const struct pl_batch *batch);
void pl_batch_row_put(struct pl_pack *pack, const struct pl_batch *batch, const struct pl_tags *tags, uint32_t row,
                      bool digits);

#endif
