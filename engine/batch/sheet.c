#include "sheet.h"

#include <math.h>
#include <string.h>

enum pl_code pl__kind_find(const char *name, size_t length, enum pl_kind *kind, struct pl_error **error) {
    for (unsigned i = 0; i < PL_KINDS; i++) {
        if (strlen(pl_kind_info[i].name) != length || memcmp(pl_kind_info[i].name, name, length) != 0) continue;
        *kind = (enum pl_kind)i;
        return PL_OK;
    }
    return pl_error_set(error, PL_CORRUPT,
                        "a kind (samples, windows, profiles, setpoints, events) expected, found '%.*s'",
                        (int)(length > 40 ? 40 : length), name);
}

enum pl_code pl__sheet_begin(struct pl_sheet *sheet, struct pl_codec *codec, enum pl_kind kind,
                             struct pl_error **error) {
    memset(sheet, 0, sizeof(*sheet));
    sheet->codec = codec;
    sheet->error = error;
    sheet->info = &pl_kind_info[kind];
    sheet->wire.header = (struct pl_batch_header){.version = PL_BATCH_VERSION, .kind = (uint16_t)kind};
    sheet->wire.source.at = sheet->wire.model.at = "";

    size_t width = sheet->info->heaps * sizeof(uint32_t);
    for (unsigned i = 0; i < sheet->info->columns; i++)
        width += pl_type_size(sheet->info->column[i].type);
    char *at = pl__scratch(&codec->columns, width * PL_BATCH_ROWS_MAX);
    sheet->wire.names = pl__wire_names(codec, PL_WIRE_NAMES_MAX);
    if (!at || !sheet->wire.names) return pl_error_set(error, PL_NO_MEMORY, "no memory for columns");
    for (unsigned i = 0; i < sheet->info->columns; i++) {
        sheet->column[i] = at;
        at += (size_t)pl_type_size(sheet->info->column[i].type) * PL_BATCH_ROWS_MAX;
    }
    for (unsigned i = 0; i < sheet->info->heaps; i++) {
        pl_buffer_reset(&codec->heap[i]);
        sheet->ends[i] = (uint32_t *)at;
        at += sizeof(uint32_t) * PL_BATCH_ROWS_MAX;
    }
    return PL_OK;
}

static bool is_named(const struct pl_column_info *info, const char *name, size_t length) {
    return strlen(info->name) == length && memcmp(info->name, name, length) == 0;
}

static bool is_end(const struct pl_sheet *sheet, unsigned column) {
    return sheet->info->heaps && column == sheet->info->end;
}

int pl__sheet_list(const struct pl_sheet *sheet, const char *name, size_t length) {
    int lists = sheet->info->columns + sheet->info->heaps;
    for (int i = 0; i < lists; i++) {
        if (is_named(pl__sheet_info(sheet, i), name, length) && !is_end(sheet, (unsigned)i)) return i;
    }
    return PL_SHEET_UNKNOWN;
}

const struct pl_column_info *pl__sheet_info(const struct pl_sheet *sheet, int list) {
    return list < sheet->info->columns ? &sheet->info->column[list] : &sheet->info->heap[list - sheet->info->columns];
}

/* ---- Values ---- */

enum pl_code pl__sheet_refuse(const struct pl_sheet *sheet, int list, const char *expected) {
    return pl_error_set(sheet->error, PL_CORRUPT, "row %u of %s: %s expected", sheet->rows[list],
                        pl__sheet_info(sheet, list)->name, expected);
}

enum pl_code pl__sheet_open(struct pl_sheet *sheet, int list) {
    if (sheet->given[list]) {
        return pl_error_set(sheet->error, PL_CORRUPT, "%s expected once, found twice",
                            pl__sheet_info(sheet, list)->name);
    }
    sheet->given[list] = true;
    return PL_OK;
}

static enum pl_code next_row(struct pl_sheet *sheet, int list, uint32_t *row) {
    *row = sheet->rows[list]++;
    if (PL_LIKELY(*row < PL_BATCH_ROWS_MAX)) return PL_OK;
    return pl__wire_limits(sheet->wire.header.kind, *row + UINT64_C(1), 0, sheet->error);
}

enum pl_code pl__sheet_int(struct pl_sheet *sheet, int list, int64_t value) {
    uint32_t row;
    enum pl_code code = next_row(sheet, list, &row);
    if (!code) ((int64_t *)sheet->column[list])[row] = value;
    return code;
}

enum pl_code pl__sheet_uint(struct pl_sheet *sheet, int list, uint64_t value) {
    enum pl_type type = sheet->info->column[list].type;
    if (type == PL_U16 && value > UINT16_MAX) return pl__sheet_refuse(sheet, list, "0 to 65535");
    if (type == PL_U32 && value > UINT32_MAX) return pl__sheet_refuse(sheet, list, "0 to 4294967295");
    uint32_t row;
    enum pl_code code = next_row(sheet, list, &row);
    if (code) return code;
    switch (type) {
    case PL_U64: ((uint64_t *)sheet->column[list])[row] = value; break;
    case PL_U32: ((uint32_t *)sheet->column[list])[row] = (uint32_t)value; break;
    default: ((uint16_t *)sheet->column[list])[row] = (uint16_t)value; break;
    }
    return PL_OK;
}

enum pl_code pl__sheet_f64(struct pl_sheet *sheet, int list, double value) {
    uint32_t row;
    enum pl_code code = next_row(sheet, list, &row);
    if (!code) ((double *)sheet->column[list])[row] = value;
    return code;
}

static bool is_text(const struct pl_text *text, const char *at, size_t length) {
    return text->length == length && memcmp(text->at, at, length) == 0;
}

/* Rows that follow each other and have one name share it. */
enum pl_code pl__sheet_name(struct pl_sheet *sheet, int list, const char *name, size_t length) {
    uint32_t row;
    enum pl_code code = next_row(sheet, list, &row);
    if (code) return code;
    struct pl_wire *wire = &sheet->wire;
    if (!wire->name_count || !is_text(&wire->names[wire->name_count - 1], name, length))
        wire->names[wire->name_count++] = (struct pl_text){name, (uint32_t)length};
    ((uint32_t *)sheet->column[list])[row] = wire->name_count - 1;
    return PL_OK;
}

enum pl_code pl__sheet_elements(struct pl_sheet *sheet, int list, const void *elements, size_t count) {
    unsigned heap = (unsigned)list - sheet->info->columns;
    size_t width = pl_type_size(sheet->info->heap[heap].type);
    struct pl_buffer *buffer = &sheet->codec->heap[heap];
    if (buffer->size / width + count > PL_BATCH_HEAP_MAX) {
        return pl__wire_limits(sheet->wire.header.kind, 0, buffer->size / width + count, sheet->error);
    }
    if (pl_buffer_put(buffer, elements, count * width)) return PL_OK;
    return pl_error_set(sheet->error, PL_NO_MEMORY, "no memory for %s", sheet->info->heap[heap].name);
}

enum pl_code pl__sheet_row_end(struct pl_sheet *sheet, int list) {
    unsigned heap = (unsigned)list - sheet->info->columns;
    uint32_t row;
    enum pl_code code = next_row(sheet, list, &row);
    if (code) return code;
    sheet->ends[heap][row] = (uint32_t)(sheet->codec->heap[heap].size / pl_type_size(sheet->info->heap[heap].type));
    return PL_OK;
}

/* ---- The batch ---- */

static bool may_be_absent(const struct pl_sheet *sheet, int list) {
    if (list >= sheet->info->columns) return true;
    if (sheet->wire.header.kind == PL_WINDOWS && list > 2) return true;
    return strcmp(sheet->info->column[list].name, "quality") == 0;
}

static void fill_absent(struct pl_sheet *sheet, int list, uint32_t rows) {
    if (list >= sheet->info->columns) {
        memset(sheet->ends[list - sheet->info->columns], 0, rows * sizeof(uint32_t));
        return;
    }
    enum pl_type type = sheet->info->column[list].type;
    memset(sheet->column[list], 0, (size_t)rows * pl_type_size(type));
    if (type != PL_F64) return;
    for (uint32_t i = 0; i < rows; i++)
        ((double *)sheet->column[list])[i] = NAN;
}

static enum pl_code complete_lists(struct pl_sheet *sheet) {
    int lists = sheet->info->columns + sheet->info->heaps;
    uint32_t rows = sheet->rows[sheet->info->time];
    for (int i = 0; i < lists; i++) {
        if (is_end(sheet, (unsigned)i)) continue;
        const char *name = pl__sheet_info(sheet, i)->name;
        if (!sheet->given[i]) {
            if (!may_be_absent(sheet, i)) return pl_error_set(sheet->error, PL_CORRUPT, "a column %s expected", name);
            fill_absent(sheet, i, rows);
        } else if (sheet->rows[i] != rows) {
            return pl_error_set(sheet->error, PL_CORRUPT, "%u values of %s expected, as of %s, found %u", rows, name,
                                sheet->info->column[sheet->info->time].name, sheet->rows[i]);
        }
    }
    sheet->wire.header.rows = rows;
    return PL_OK;
}

static enum pl_code complete_heaps(struct pl_sheet *sheet) {
    const struct pl_kind_info *info = sheet->info;
    uint32_t rows = sheet->wire.header.rows;
    for (unsigned h = 1; h < info->heaps; h++) {
        for (uint32_t i = 0; i < rows; i++) {
            if (sheet->ends[h][i] == sheet->ends[0][i]) continue;
            return pl_error_set(sheet->error, PL_CORRUPT, "row %u: as many %s as %s expected", i, info->heap[h].name,
                                info->heap[0].name);
        }
    }
    for (unsigned h = 0; h < info->heaps; h++)
        sheet->wire.heap[h] = sheet->codec->heap[h].data;
    if (info->heaps) {
        memcpy(sheet->column[info->end], sheet->ends[0], rows * sizeof(uint32_t));
        sheet->wire.heap_length = rows ? sheet->ends[0][rows - 1] : 0;
    }
    return PL_OK;
}

enum pl_code pl__sheet_batch(struct pl_sheet *sheet, struct pl_batch **batch) {
    enum pl_code code = complete_lists(sheet);
    if (!code) code = complete_heaps(sheet);
    if (code) return code;
    for (unsigned i = 0; i < sheet->info->columns; i++)
        sheet->wire.column[i] = sheet->column[i];
    return pl__wire_batch(sheet->codec, &sheet->wire, batch, sheet->error);
}
