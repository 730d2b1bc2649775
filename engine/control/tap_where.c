#include "control/tap_where.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/expr.h>
#include <potline/pack.h>

#include "batch/batch_impl.h"

enum { FIELDS_MAX = 8, FIELD_TEXT = 64 };

struct pl_where {
    enum pl_kind kind;
    struct pl_expr *expr;
    char field[FIELDS_MAX][FIELD_TEXT]; /* of the body; their numbers stand behind the columns */
    unsigned fields;
};

/* ---- Names ---- */

static bool is_usable(const struct pl_kind_info *info, int column) {
    return info->column[column].type != PL_NAME && !(info->heaps && column == info->end);
}

static int field_of(struct pl_where *where, const char *name, size_t length) {
    static const char before[] = "body.";
    size_t skip = strlen(before);
    if (where->kind != PL_EVENTS || length <= skip || length - skip >= FIELD_TEXT) return -1;
    if (memcmp(name, before, skip) != 0) return -1;
    unsigned at = 0;
    while (at < where->fields &&
           (strlen(where->field[at]) != length - skip || memcmp(where->field[at], name + skip, length - skip) != 0))
        at++;
    if (at == FIELDS_MAX) return -1;
    if (at == where->fields) memcpy(where->field[where->fields++], name + skip, length - skip);
    return pl_kind_info[where->kind].columns + (int)at;
}

static int variable_of(void *arg, const char *name, size_t length) {
    struct pl_where *where = arg;
    const struct pl_kind_info *info = &pl_kind_info[where->kind];
    for (int i = 0; i < info->columns; i++)
        if (strlen(info->column[i].name) == length && memcmp(info->column[i].name, name, length) == 0)
            return is_usable(info, i) ? i : -1;
    return field_of(where, name, length);
}

void pl_where_columns(enum pl_kind kind, const char *between, char text[PL_WHERE_COLUMNS_TEXT]) {
    const struct pl_kind_info *info = &pl_kind_info[kind];
    size_t used = 0;
    *text = 0;
    for (int i = 0; i < info->columns && used < PL_WHERE_COLUMNS_TEXT; i++)
        if (is_usable(info, i))
            used += (size_t)snprintf(text + used, PL_WHERE_COLUMNS_TEXT - used, "%s%s", used ? between : "",
                                     info->column[i].name);
    if (kind == PL_EVENTS && used < PL_WHERE_COLUMNS_TEXT)
        snprintf(text + used, PL_WHERE_COLUMNS_TEXT - used, "%sbody.NAME", between);
}

/* ---- Life cycle ---- */

enum pl_code pl_where_new(const char *text, enum pl_kind kind, struct pl_where **made, struct pl_error **error) {
    char columns[PL_WHERE_COLUMNS_TEXT];
    struct pl_error *cause = NULL;
    *made = NULL;
    if (!text[0]) return PL_OK;
    struct pl_where *where = PL_NEW(struct pl_where);
    if (!where) return pl_error_set(error, PL_NO_MEMORY, "no memory for a condition");
    where->kind = kind;
    enum pl_code code = pl_expr_compile(text, variable_of, where, &where->expr, &cause);
    if (!code) {
        *made = where;
        return PL_OK;
    }
    pl_where_free(where);
    pl_where_columns(kind, ", ", columns);
    pl_error_set(error, code, "where, character %d: %s; the columns are %s", cause ? cause->place.column : 0,
                 cause ? cause->text : "no memory", columns);
    pl_error_free(&cause);
    return code;
}

void pl_where_free(struct pl_where *where) {
    if (where) pl_expr_free(where->expr);
    pl_free(where);
}

/* ---- A row ---- */

static double number_at(const struct pl_batch *batch, unsigned column, uint32_t row) {
    const void *cells = batch->column[column];
    switch (pl_kind_info[batch->kind].column[column].type) {
    case PL_F64: return ((const double *)cells)[row];
    case PL_I64: return (double)((const int64_t *)cells)[row];
    case PL_U64: return (double)((const uint64_t *)cells)[row];
    case PL_U32: return ((const uint32_t *)cells)[row];
    case PL_U16: return ((const uint16_t *)cells)[row];
    default: return NAN;
    }
}

/* A reader that fails leaves the next one a copy of where it began. */
static bool read_number(struct pl_unpack *in, double *number) {
    struct pl_unpack begin = *in;
    bool truth;
    if (pl_unpack_f64(in, number)) return true;
    *in = begin;
    if (pl_unpack_bool(in, &truth)) {
        *number = truth;
        return true;
    }
    *in = begin;
    *number = NAN;
    return pl_unpack_skip(in);
}

static void read_fields(const struct pl_where *where, const struct pl_batch *batch, uint32_t row, double *numbers) {
    struct pl_unpack in;
    uint32_t length, pairs = 0;
    const void *body = pl_batch_heap_row(batch, 0, row, &length);
    for (unsigned f = 0; f < where->fields; f++)
        numbers[f] = NAN;
    pl_unpack_init(&in, body, length);
    if (!length || !pl_unpack_map(&in, &pairs)) return;
    for (uint32_t i = 0; i < pairs; i++) {
        const char *key;
        size_t size;
        double number;
        if (!pl_unpack_str(&in, &key, &size) || !read_number(&in, &number)) return;
        for (unsigned f = 0; f < where->fields; f++)
            if (strlen(where->field[f]) == size && memcmp(where->field[f], key, size) == 0) numbers[f] = number;
    }
}

bool pl_where_holds(const struct pl_where *where, const struct pl_batch *batch, uint32_t row) {
    if (!where) return true;
    double cells[PL_EXPR_VARIABLES_MAX] = {0};
    uint64_t uses = pl_expr_uses(where->expr);
    unsigned columns = (unsigned)pl_kind_info[batch->kind].columns;
    for (unsigned i = 0; i < columns; i++)
        if (uses & UINT64_C(1) << i) cells[i] = number_at(batch, i, row);
    if (where->fields) read_fields(where, batch, row, cells + columns);
    double truth = pl_expr_eval_one(where->expr, cells);
    return truth != 0 && !isnan(truth);
}
