/* sheet.h: the columns of a batch to be, filled value by value by an encoding that names them (msgpack, json).
 *
 *     pl__sheet_begin(&sheet, codec, kind)
 *     list = pl__sheet_list(&sheet, "value", 5)         // a column or a heap; any order, each once
 *     pl__sheet_f64(&sheet, list, 4.2) ...
 *     pl__sheet_batch(&sheet, &batch)
 *
 * The column of heap ends is not among the lists: a heap has a value a row, and its ends follow from them. Left out may
 * be: quality (good), heaps (empty), and of windows all but tag, start and end (NaN, 0).
 *
 * Every function that returns a code has set the error. Texts are kept as pointers until the batch is made.
 */
#ifndef POTLINE_SHEET_H
#define POTLINE_SHEET_H

#include "codec_impl.h"

enum { PL_SHEET_LISTS = PL_COLUMNS_MAX + PL_HEAPS_MAX, PL_SHEET_UNKNOWN = -1 };

struct pl_sheet {
    struct pl_codec *codec;
    struct pl_error **error;
    const struct pl_kind_info *info;
    struct pl_wire wire;
    void *column[PL_COLUMNS_MAX];
    uint32_t *ends[PL_HEAPS_MAX];
    bool given[PL_SHEET_LISTS];
    uint32_t rows[PL_SHEET_LISTS];
};

/* A kind by its name. */
enum pl_code pl__kind_find(const char *name, size_t length, enum pl_kind *kind, struct pl_error **error);

enum pl_code pl__sheet_begin(struct pl_sheet *sheet, struct pl_codec *codec, enum pl_kind kind,
                             struct pl_error **error);

/* Columns come first, then heaps. PL_SHEET_UNKNOWN: a newer schema's, to be skipped. */
int pl__sheet_list(const struct pl_sheet *sheet, const char *name, size_t length);
const struct pl_column_info *pl__sheet_info(const struct pl_sheet *sheet, int list);

/* The list's values follow; refuses a list that was there before. */
enum pl_code pl__sheet_open(struct pl_sheet *sheet, int list);

/* The next value of a column. */
enum pl_code pl__sheet_int(struct pl_sheet *sheet, int list, int64_t value);
enum pl_code pl__sheet_uint(struct pl_sheet *sheet, int list, uint64_t value);
enum pl_code pl__sheet_f64(struct pl_sheet *sheet, int list, double value);
enum pl_code pl__sheet_name(struct pl_sheet *sheet, int list, const char *name, size_t length);

/* More elements of the heap's present row, then its end. */
enum pl_code pl__sheet_elements(struct pl_sheet *sheet, int list, const void *elements, size_t count);
enum pl_code pl__sheet_row_end(struct pl_sheet *sheet, int list);

/* "row 7 of value: <expected> expected". */
enum pl_code pl__sheet_refuse(const struct pl_sheet *sheet, int list, const char *expected);

enum pl_code pl__sheet_batch(struct pl_sheet *sheet, struct pl_batch **batch);

#endif
