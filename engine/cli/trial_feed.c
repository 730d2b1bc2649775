#include "trial_feed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/quality.h>

#include "trial_read.h"

enum { BATCH_ROWS = 512, BATCH_HEAP = 32 << 10, EVENT_SEVERITY = 500 };

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

/* ---- Batches and rows at hand ---- */

uint32_t pl__fed_add_batch(struct pl__fed *fed, struct pl_batch *batch) {
    if (fed->batch_count == fed->batch_room) {
        uint32_t room = fed->batch_room ? 2 * fed->batch_room : 16;
        struct pl_batch **grown = pl_realloc(fed->batches, room * sizeof *grown);
        if (!grown) {
            pl_batch_unref(batch);
            return UINT32_MAX;
        }
        fed->batches = grown;
        fed->batch_room = room;
    }
    fed->batches[fed->batch_count] = batch;
    return fed->batch_count++;
}

static bool add(struct pl__fed *fed, struct pl__fed_row row) {
    if (fed->count == fed->room) {
        size_t room = fed->room ? 2 * fed->room : 256;
        struct pl__fed_row *grown = room > PL_TRIAL_ROWS_MAX * 2 ? NULL : pl_realloc(fed->rows, room * sizeof *grown);
        if (!grown) return false;
        fed->rows = grown;
        fed->room = room;
    }
    row.order = fed->count;
    fed->rows[fed->count++] = row;
    return true;
}

bool pl__fed_add_row(struct pl__fed *fed, uint32_t feed, uint32_t batch, uint32_t row) {
    pl_time time = pl_batch_times(fed->batches[batch])[row];
    return add(fed, (struct pl__fed_row){.time = time, .feed = feed, .batch = batch, .row = row});
}

bool pl__fed_add_command(struct pl__fed *fed, uint32_t input) {
    pl_time time = fed->count ? fed->rows[fed->count - 1].time : PL_TIME_MIN;
    return add(fed, (struct pl__fed_row){.time = time, .batch = PL__FED_COMMAND, .row = input});
}

bool pl__fed_add_watermark(struct pl__fed *fed, uint32_t feed, pl_time time, bool idle) {
    return add(fed, (struct pl__fed_row){.time = time, .feed = feed, .batch = PL__FED_WATERMARK, .row = idle});
}

/* ---- A row of the file ---- */

/* What an events' or set point's row owns beside its columns. */
struct heap {
    const void *bytes;
    uint32_t size;
};

static uint64_t plain_value(const struct pl_trial_row *row, unsigned column) {
    const struct pl_kind_info *info = &pl_kind_info[row->kind];
    const struct pl_trial_value *value = &row->column[column];
    if (value->type) return (uint64_t)value->integer;
    bool severity = strcmp(info->column[column].name, "severity") == 0;
    return severity ? EVENT_SEVERITY : 0;
}

static pl_time time_value(const struct pl_trial_row *row, unsigned column, uint32_t index) {
    const struct pl_trial_value *value = &row->column[column];
    if (!value->type) value = &row->column[pl_kind_info[row->kind].time];
    return value->integer + index * row->every;
}

/* False without memory for a name. */
static bool put_column(struct pl__fed *fed, struct pl_batch *batch, const struct pl_trial_row *row, unsigned column,
                       uint32_t index, struct pl__trial_formulas *formulas) {
    const struct pl_trial_value *value = &row->column[column];
    void *to = batch->column[column];
    uint32_t at = batch->rows, id = 0;
    switch (pl_kind_info[row->kind].column[column].type) {
    case PL_I64: ((int64_t *)to)[at] = time_value(row, column, index); break;
    case PL_U64: ((uint64_t *)to)[at] = plain_value(row, column); break;
    case PL_U32: ((uint32_t *)to)[at] = (uint32_t)plain_value(row, column); break;
    case PL_U16: ((uint16_t *)to)[at] = (uint16_t)plain_value(row, column); break;
    case PL_BYTE: ((uint8_t *)to)[at] = (uint8_t)plain_value(row, column); break;
    case PL_F64:
        ((double *)to)[at] = value->type ? pl__trial_formula(formulas, column, fed->of->start, index) : NAN;
        break;
    case PL_NAME:
        if (value->type) id = pl_tags_intern(fed->tags, value->text, strlen(value->text));
        ((uint32_t *)to)[at] = id;
        return id != PL_NO_ID;
    }
    return true;
}

/* What has no value is missing, unless the row says otherwise. */
static void mark_missing(const struct pl_trial_row *row, struct pl_batch *batch) {
    if (row->kind != PL_SAMPLES) return;
    const struct pl_kind_info *info = &pl_kind_info[PL_SAMPLES];
    for (unsigned i = 0; i < info->columns; i++)
        if (strcmp(info->column[i].name, "quality") == 0 && row->column[i].type) return;
    if (isnan(batch->samples.value[batch->rows])) batch->samples.quality[batch->rows] = PL_Q_BAD | PL_Q_MISSING;
}

static struct pl_batch *open_batch(struct pl__fed *fed, uint32_t feed, enum pl_kind kind, uint32_t heap) {
    uint32_t open = fed->open[feed];
    struct pl_batch *batch = open == UINT32_MAX ? NULL : fed->batches[open];
    bool fits = batch && batch->rows < batch->capacity && batch->heap_used[0] + heap <= batch->heap_capacity[0];
    if (fits) return batch;
    batch = pl_batch_new(kind, BATCH_ROWS, heap > BATCH_HEAP ? heap : BATCH_HEAP);
    if (!batch) return NULL;
    fed->open[feed] = pl__fed_add_batch(fed, batch);
    return fed->open[feed] == UINT32_MAX ? NULL : batch;
}

static bool put_row(struct pl__fed *fed, const struct pl_trial_row *row, uint32_t index, const struct heap *heap,
                    struct pl__trial_formulas *formulas) {
    const struct pl_kind_info *info = &pl_kind_info[row->kind];
    struct pl_batch *batch = open_batch(fed, row->feed, row->kind, heap->size);
    bool good = batch != NULL;
    for (unsigned i = 0; good && i < info->columns; i++)
        good = (info->heaps && i == info->end) || put_column(fed, batch, row, i, index, formulas);
    if (!good) return false;
    mark_missing(row, batch);
    if (info->heaps) {
        if (heap->size) pl_batch_heap(batch, 0, heap->bytes, heap->size);
        ((uint32_t *)batch->column[info->end])[batch->rows] = batch->heap_used[0];
    }
    batch->rows++;
    return pl__fed_add_row(fed, row->feed, fed->open[row->feed], batch->rows - 1);
}

static void pack_body(struct pl_pack *pack, const struct pl_trial_row *row) {
    pl_pack_map(pack, row->body_count);
    for (unsigned i = 0; i < row->body_count; i++) {
        const struct pl_trial_value *value = &row->body[i].value;
        pl_pack_str(pack, row->body[i].name);
        if (value->type == PL_TRIAL_NUMBER)
            pl_pack_f64(pack, value->number);
        else if (value->type == PL_TRIAL_BOOL)
            pl_pack_bool(pack, value->integer != 0);
        else
            pl_pack_str(pack, value->text);
    }
}

static enum pl_code put_rows(struct pl__fed *fed, const struct pl_trial_row *row, struct pl_error **error) {
    struct pl__trial_formulas *formulas = pl__trial_formulas_new(row);
    struct pl_pack *pack = pl_pack_new();
    struct heap heap = {0};
    bool good = formulas && pack;
    if (good && row->body) {
        pack_body(pack, row);
        heap = (struct heap){pl_pack_data(pack), (uint32_t)pl_pack_size(pack)};
        good = !pl_pack_failed(pack);
    } else if (row->reason) {
        heap = (struct heap){row->reason, (uint32_t)strlen(row->reason)};
    }
    for (uint32_t i = 0; good && i < row->times; i++)
        good = put_row(fed, row, i, &heap, formulas);
    pl_pack_free(pack);
    pl__trial_formulas_free(formulas);
    return good ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for so many rows and names");
}

/* ---- All of them ---- */

static int by_time(const void *a, const void *b) {
    const struct pl__fed_row *l = a, *r = b;
    if (l->time != r->time) return l->time < r->time ? -1 : 1;
    return l->order < r->order ? -1 : l->order > r->order;
}

static enum pl_code take(struct pl__fed *fed, const struct pl_trial_input *input, struct pl_error **error) {
    uint32_t place = (uint32_t)(input - fed->of->inputs);
    switch (input->type) {
    case PL_TRIAL_ROW: return put_rows(fed, &input->row, error);
    case PL_TRIAL_READ: return pl__trial_read_file(fed, input, error);
    case PL_TRIAL_COMMAND:
        if (add(fed, (struct pl__fed_row){.time = input->from, .batch = PL__FED_COMMAND, .row = place})) return PL_OK;
        return no_memory(error);
    case PL_TRIAL_BRONZE: return pl__trial_read_bronze(fed, input, error);
    }
    return PL_OK;
}

enum pl_code pl__fed_make(struct pl__fed *fed, struct pl_error **error) {
    unsigned feeds = fed->of->graph->feed_count;
    fed->open = pl_alloc((feeds + 1) * sizeof *fed->open);
    if (!fed->open) return no_memory(error);
    for (unsigned i = 0; i < feeds; i++)
        fed->open[i] = UINT32_MAX;
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < fed->of->input_count && !code; i++)
        code = take(fed, &fed->of->inputs[i], error);
    if (!code && !fed->of->listed && fed->count) qsort(fed->rows, fed->count, sizeof *fed->rows, by_time);
    return code;
}

void pl__fed_fini(struct pl__fed *fed) {
    for (uint32_t i = 0; i < fed->batch_count; i++)
        pl_batch_unref(fed->batches[i]);
    pl_free(fed->batches);
    pl_free(fed->rows);
    pl_free(fed->open);
}

static uint32_t heap_of(const struct pl__fed *fed, size_t from, uint32_t count) {
    uint32_t all = 0, length;
    for (uint32_t i = 0; i < count; i++) {
        const struct pl__fed_row *row = &fed->rows[from + i];
        const struct pl_batch *batch = fed->batches[row->batch];
        if (!pl_kind_info[batch->kind].heaps) return 0;
        pl_batch_heap_row(batch, 0, row->row, &length);
        all += length;
    }
    return all;
}

/* How many rows from `from` on stand one behind the other in one batch. */
static uint32_t side_by_side(const struct pl__fed *fed, size_t from, uint32_t most) {
    const struct pl__fed_row *first = &fed->rows[from];
    uint32_t n = 1;
    while (n < most && first[n].batch == first->batch && first[n].row == first->row + n)
        n++;
    return n;
}

struct pl_batch *pl__fed_cut(const struct pl__fed *fed, size_t from, uint32_t count) {
    struct pl_batch *batch = pl_batch_like(fed->batches[fed->rows[from].batch], count, heap_of(fed, from, count));
    for (uint32_t i = 0, n; batch && i < count; i += n) {
        const struct pl__fed_row *row = &fed->rows[from + i];
        n = side_by_side(fed, from + i, count - i);
        if (pl_batch_append(batch, fed->batches[row->batch], row->row, n) == n) continue;
        pl_batch_unref(batch);
        return NULL;
    }
    return batch;
}
