#include "points.h"

#include <math.h>
#include <potline/alloc.h>
#include <potline/quality.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool table_of_bits(uint32_t table) {
    return table == PL__COIL || table == PL__DISCRETE;
}

static uint8_t row_length(const struct pl__register *row) {
    return table_of_bits(row->table) ? 1 : (uint8_t)pl_modbus_type_registers(row->type);
}

static uint8_t row_unit(const struct pl__map_options *map, const struct pl__register *row) {
    return row->unit < 0 ? map->unit : (uint8_t)row->unit;
}

/* ---- Checks ---- */

static void PL_PRINTF(4, 5)
    row_error(struct pl_check *check, uint32_t row, const char *option, const char *format, ...) {
    char path[64], text[512];
    snprintf(path, sizeof path, "registers[%u].%s", row, option);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pl_check_error(check, path, "%s", text);
}

static void row_check(const struct pl__map_options *map, uint32_t index, struct pl_check *check) {
    const struct pl__register *row = &map->rows[index];
    char type[64];
    snprintf(type, sizeof type, "registers[%u].type", index);
    size_t length = strlen(row->tag);
    if (length == 0 || length > PL_NAME_MAX)
        row_error(check, index, "tag", "a name of 1 to %d bytes is wanted, this one has %zu", PL_NAME_MAX, length);
    if (row->address + row_length(row) > 65536)
        row_error(check, index, "address", "%s at %lld reaches beyond register 65535", pl_modbus_type_names[row->type],
                  (long long)row->address);
    if (table_of_bits(row->table) && row->type != PL_MODBUS_BOOL && pl_check_given(check, type))
        row_error(check, index, "type", "coils and discrete inputs are bool, not %s", pl_modbus_type_names[row->type]);
    if (row->bit >= 0 && (table_of_bits(row->table) || row->type != PL_MODBUS_BOOL))
        row_error(check, index, "bit", "only a bool in a register has bits to choose from");
    if (row->scale == 0.0) row_error(check, index, "scale", "a scale of 0 makes every value the same");
    if (!table_of_bits(row->table) && row_length(row) > map->limits.registers)
        row_error(check, index, "type", "%s takes %u registers, more than max_registers (%u)",
                  pl_modbus_type_names[row->type], row_length(row), map->limits.registers);
}

static int by_tag(const void *a, const void *b, void *context) {
    const struct pl__register *rows = context;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    int order = strcmp(rows[i].tag, rows[j].tag);
    if (order != 0) return order;
    return i < j ? -1 : i > j;
}

static void tags_check(const struct pl__map_options *map, struct pl_check *check) {
    uint32_t *order = pl_alloc((map->count + 1) * sizeof *order);
    if (!order) {
        pl_check_error(check, "registers", "no memory to look for tags that are there twice");
        return;
    }
    for (uint32_t i = 0; i < map->count; i++)
        order[i] = i;
    qsort_r(order, map->count, sizeof *order, by_tag, (void *)(uintptr_t)map->rows);
    for (uint32_t i = 1; i < map->count; i++)
        if (strcmp(map->rows[order[i - 1]].tag, map->rows[order[i]].tag) == 0)
            row_error(check, order[i], "tag", "'%s' is there already, in registers[%u]", map->rows[order[i]].tag,
                      order[i - 1]);
    pl_free(order);
}

void pl__map_check(const struct pl__map_options *map, struct pl_check *check) {
    if (map->count == 0) pl_check_error(check, "registers", "at least one register is wanted");
    for (uint32_t i = 0; i < map->count; i++)
        row_check(map, i, check);
    tags_check(map, check);
}

/* ---- Making ---- */

static enum pl_code no_memory(struct pl_error **error, uint32_t count) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a map of %u registers", count);
}

static enum pl_code plan_make(struct pl__plan *plan, const struct pl__map_options *map, struct pl_error **error) {
    struct pl__plan_row *rows = pl_alloc(map->count * sizeof *rows);
    if (!rows) return no_memory(error, map->count);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct pl__register *row = &map->rows[i];
        rows[i] =
            (struct pl__plan_row){row_unit(map, row), (uint8_t)row->table, row_length(row), (uint16_t)row->address};
    }
    bool made = pl__plan_init(plan, rows, map->count, &map->limits);
    pl_free(rows);
    return made ? PL_OK : no_memory(error, map->count);
}

static bool points_allocate(struct pl__points *points, uint32_t count, uint32_t ranges) {
    points->count = count;
    points->range_count = ranges;
    points->point = pl_alloc(count * sizeof *points->point);
    points->tag = pl_alloc(count * sizeof *points->tag);
    points->value = pl_alloc(count * sizeof *points->value);
    points->quality = pl_alloc(count * sizeof *points->quality);
    points->range = pl_alloc(ranges * sizeof *points->range);
    points->unit = pl_alloc(ranges * sizeof *points->unit);
    return points->point && points->tag && points->value && points->quality && points->range && points->unit;
}

static bool order_little(uint32_t choice, bool node) {
    return choice == PL__ORDER_NODE ? node : choice == PL__ORDER_LITTLE;
}

static struct pl__point point_of(const struct pl__register *row, const struct pl__map_options *map, uint16_t address) {
    return (struct pl__point){
        .scale = row->scale,
        .offset = row->offset,
        .at = (uint16_t)(row->address - address),
        .format = {.type = (uint8_t)row->type,
                   .bit = (int8_t)row->bit,
                   .order = {order_little(row->words, map->order.words_little),
                             order_little(row->bytes, map->order.bytes_little)}},
    };
}

/* Requests are sorted by unit: a new one differs from the last. */
static uint32_t unit_of(struct pl__points *points, uint8_t id) {
    if (points->unit_count == 0 || points->unit[points->unit_count - 1].id != id)
        points->unit[points->unit_count++] = (struct pl__unit){.id = id};
    return points->unit_count - 1;
}

static struct pl__range range_of(struct pl__points *points, const struct pl__plan_request *request) {
    static const uint8_t function[] = {
        [PL__HOLDING] = PL_MODBUS_READ_HOLDING,
        [PL__INPUT] = PL_MODBUS_READ_INPUT,
        [PL__COIL] = PL_MODBUS_READ_COILS,
        [PL__DISCRETE] = PL_MODBUS_READ_DISCRETE,
    };
    return (struct pl__range){
        .call = {request->unit, function[request->table], request->address, request->count, NULL},
        .first = request->first,
        .count = request->rows,
        .unit = unit_of(points, request->unit),
        .bits = table_of_bits(request->table),
        .answered = PL_TIME_MIN,
    };
}

enum pl_code pl__points_init(struct pl__points *points, const struct pl__map_options *map, struct pl_tags *tags,
                             struct pl_error **error) {
    struct pl__plan plan = {0};
    enum pl_code code = plan_make(&plan, map, error);
    if (!code && !points_allocate(points, map->count, plan.request_count)) code = no_memory(error, map->count);
    for (uint32_t r = 0; !code && r < plan.request_count; r++)
        points->range[r] = range_of(points, &plan.requests[r]);
    for (uint32_t r = 0, i = 0; !code && i < map->count; i++) {
        if (i == plan.requests[r].first + plan.requests[r].rows) r++;
        const struct pl__register *row = &map->rows[plan.order[i]];
        points->point[i] = point_of(row, map, plan.requests[r].address);
        points->value[i] = NAN;
        points->tag[i] = pl_tags_intern(tags, row->tag, strlen(row->tag));
        if (points->tag[i] == PL_NO_ID)
            code = pl_error_set(error, PL_LIMIT, "'%s' cannot be a tag: not a name, or max_tags is reached", row->tag);
    }
    pl__plan_fini(&plan);
    return code;
}

void pl__points_fini(struct pl__points *points) {
    pl_free(points->point);
    pl_free(points->tag);
    pl_free(points->value);
    pl_free(points->quality);
    pl_free(points->range);
    pl_free(points->unit);
    *points = (struct pl__points){0};
}

/* ---- Data ---- */

uint32_t pl__points_take(struct pl__points *points, struct pl__range *range, const uint8_t *data, pl_time time) {
    uint32_t missing = 0;
    for (uint32_t i = range->first; i < range->first + range->count; i++) {
        const struct pl__point *point = &points->point[i];
        double raw =
            range->bits ? pl_modbus_bit(data, point->at) : pl_modbus_value(data + 2 * (size_t)point->at, point->format);
        double value = raw * point->scale + point->offset;
        bool present = isfinite(value);
        points->value[i] = present ? value : NAN;
        points->quality[i] = present ? PL_Q_GOOD : PL_Q_BAD | PL_Q_MISSING;
        missing += !present;
    }
    range->time = range->answered = time;
    return missing;
}

void pl__points_stale(struct pl__points *points, struct pl__range *range, pl_time time, pl_time stale_after) {
    bool old = range->answered == PL_TIME_MIN || time - range->answered > stale_after;
    uint16_t last = (uint16_t)((old ? PL_Q_BAD : PL_Q_UNCERTAIN) | PL_Q_STALE);
    for (uint32_t i = range->first; i < range->first + range->count; i++)
        points->quality[i] = isnan(points->value[i]) ? PL_Q_BAD | PL_Q_STALE | PL_Q_MISSING : last;
    range->time = time;
}

uint32_t pl__points_fill(const struct pl__points *points, uint32_t from, struct pl_batch *batch) {
    uint32_t at = from, row = batch->rows;
    uint32_t end = points->count - from < batch->capacity - row ? points->count : from + (batch->capacity - row);
    const struct pl__range *range = points->range;
    for (; at < end; at++, row++) {
        while (at >= range->first + range->count)
            range++;
        batch->samples.time[row] = range->time;
        batch->samples.tag[row] = points->tag[at];
        batch->samples.value[row] = points->value[at];
        batch->samples.quality[row] = points->quality[at];
    }
    batch->rows = row;
    return at;
}
