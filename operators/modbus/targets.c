#include "targets.h"

#include <math.h>
#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "points.h"

/* ---- Checks ---- */

static void row_error(struct pl_check *check, uint32_t row, const char *option, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "registers[%u].%s", row, option);
    pl_check_error(check, path, "%s", text);
}

static unsigned registers_of(const struct pl__target_row *row) {
    return row->coil ? 1 : pl_modbus_type_registers(row->type);
}

static void row_check(const struct pl__target_row *row, uint32_t index, struct pl_check *check) {
    char type[64];
    snprintf(type, sizeof type, "registers[%u].type", index);
    size_t length = strlen(row->tag);
    if (length == 0 || length > PL_NAME_MAX) row_error(check, index, "tag", "a name of 1 to 255 bytes is wanted");
    if (row->address + registers_of(row) > 65536) row_error(check, index, "address", "it reaches beyond 65535");
    if (row->coil && row->type != PL_MODBUS_BOOL && pl_check_given(check, type))
        row_error(check, index, "type", "a coil is bool");
    if (row->scale == 0.0) row_error(check, index, "scale", "with a scale of 0 every value is the same");
    if (row->manual_bit >= 0 && (row->manual < 0 || row->manual_table == PL__COIL || row->manual_table == PL__DISCRETE))
        row_error(check, index, "manual_bit", "only a register has bits to choose from");
}

static bool overlap(const struct pl__targets_options *options, uint32_t i, uint32_t j) {
    const struct pl__target_row *a = &options->rows[i], *b = &options->rows[j];
    int64_t unit_a = a->unit < 0 ? options->unit : a->unit, unit_b = b->unit < 0 ? options->unit : b->unit;
    return unit_a == unit_b && a->coil == b->coil && a->address < b->address + registers_of(b) &&
           b->address < a->address + registers_of(a);
}

static int by_place(const void *a, const void *b, void *context) {
    const struct pl__targets_options *o = context;
    const struct pl__target_row *x = &o->rows[*(const uint32_t *)a], *y = &o->rows[*(const uint32_t *)b];
    int64_t unit_x = x->unit < 0 ? o->unit : x->unit, unit_y = y->unit < 0 ? o->unit : y->unit;
    if (unit_x != unit_y) return unit_x < unit_y ? -1 : 1;
    if (x->coil != y->coil) return x->coil < y->coil ? -1 : 1;
    return x->address < y->address ? -1 : x->address > y->address;
}

static int by_name(const void *a, const void *b, void *context) {
    const struct pl__targets_options *o = context;
    return strcmp(o->rows[*(const uint32_t *)a].tag, o->rows[*(const uint32_t *)b].tag);
}

void pl__targets_check(const struct pl__targets_options *options, struct pl_check *check) {
    struct pl__targets_options own = *options;
    if (options->count == 0) pl_check_error(check, "registers", "at least one register is wanted");
    for (uint32_t i = 0; i < options->count; i++)
        row_check(&options->rows[i], i, check);
    uint32_t *order = pl_alloc((options->count + 1) * sizeof *order);
    if (!order) {
        pl_check_error(check, "registers", "no memory to look for what is there twice");
        return;
    }
    for (uint32_t i = 0; i < options->count; i++)
        order[i] = i;
    qsort_r(order, options->count, sizeof *order, by_place, &own);
    for (uint32_t i = 1; i < options->count; i++)
        if (overlap(options, order[i - 1], order[i]))
            row_error(check, order[i], "address", "it overlaps with another row; a register has one writer");
    qsort_r(order, options->count, sizeof *order, by_name, &own);
    for (uint32_t i = 1; i < options->count; i++)
        if (strcmp(options->rows[order[i - 1]].tag, options->rows[order[i]].tag) == 0)
            row_error(check, order[i], "tag", "it is there already");
    pl_free(order);
}

const char *pl__targets_taken(const struct pl__targets_options *options, int64_t unit, int64_t address) {
    for (uint32_t i = 0; i < options->count; i++) {
        const struct pl__target_row *row = &options->rows[i];
        if ((row->unit < 0 ? options->unit : row->unit) != unit) continue;
        bool value = !row->coil && address >= row->address && address < row->address + registers_of(row);
        bool manual = row->manual_table == PL__HOLDING && row->manual == address;
        if (value || manual) return row->tag;
    }
    return NULL;
}

/* ---- Making ---- */

static bool little(uint32_t choice, bool node) {
    return choice == PL__ORDER_NODE ? node : choice == PL__ORDER_LITTLE;
}

static struct pl__target target_of(const struct pl__target_row *row, const struct pl__targets_options *options) {
    struct pl_modbus_order order = {little(row->words, options->order.words_little),
                                    little(row->bytes, options->order.bytes_little)};
    return (struct pl__target){
        .format = {.type = (uint8_t)(row->coil ? PL_MODBUS_BOOL : row->type), .bit = -1, .order = order},
        .scale = row->scale,
        .offset = row->offset,
        .tolerance = row->tolerance,
        .unit = row->unit < 0 ? options->unit : (uint8_t)row->unit,
        .coil = row->coil != 0,
        .address = (uint16_t)row->address,
        .registers = (uint8_t)registers_of(row),
        .has_manual = row->manual >= 0,
        .manual_table = (uint8_t)row->manual_table,
        .manual_bit = (int8_t)row->manual_bit,
        .manual = (uint16_t)(row->manual < 0 ? 0 : row->manual),
    };
}

static int by_tag(const void *a, const void *b) {
    uint32_t x = ((const struct pl__target *)a)->tag, y = ((const struct pl__target *)b)->tag;
    return x < y ? -1 : x > y;
}

enum pl_code pl__targets_init(struct pl__targets *targets, const struct pl__targets_options *options,
                              struct pl_tags *tags, struct pl_error **error) {
    *targets = (struct pl__targets){.target = pl_alloc(options->count * sizeof *targets->target)};
    if (!targets->target) return pl_error_set(error, PL_NO_MEMORY, "no memory for %u registers", options->count);
    for (uint32_t i = 0; i < options->count; i++) {
        const char *name = options->rows[i].tag;
        struct pl__target *target = &targets->target[i];
        *target = target_of(&options->rows[i], options);
        target->tag = pl_tags_intern(tags, name, strlen(name));
        if (target->tag == PL_NO_ID)
            return pl_error_set(error, PL_LIMIT, "'%s' cannot be a tag: not a name, or max_tags is reached", name);
        target->asset = pl_tags_get(tags, target->tag)->asset;
    }
    targets->count = options->count;
    qsort(targets->target, targets->count, sizeof *targets->target, by_tag);
    return PL_OK;
}

void pl__targets_fini(struct pl__targets *targets) {
    pl_free(targets->target);
    *targets = (struct pl__targets){0};
}

int64_t pl__targets_find(const struct pl__targets *targets, uint32_t tag) {
    struct pl__target key = {.tag = tag};
    const struct pl__target *found =
        targets->count ? bsearch(&key, targets->target, targets->count, sizeof key, by_tag) : NULL;
    return found ? found - targets->target : -1;
}

/* ---- Values ---- */

/* The bits of a whole number that the type can hold. */
static bool integer_bits(double raw, unsigned bits, bool is_signed, uint64_t *out) {
    double low = is_signed ? -ldexp(1, (int)bits - 1) : 0, high = ldexp(1, (int)bits - (is_signed ? 1 : 0));
    double whole = nearbyint(raw);
    if (!(whole >= low && whole < high)) return false;
    *out = is_signed ? (uint64_t)(int64_t)whole : (uint64_t)whole;
    return true;
}

static bool float_bits(double raw, uint64_t *out) {
    float narrow = (float)raw;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    *out = bits;
    return isfinite(narrow);
}

static bool raw_bits(double raw, enum pl_modbus_type type, uint64_t *out) {
    switch (type) {
    case PL_MODBUS_INT16: return integer_bits(raw, 16, true, out);
    case PL_MODBUS_UINT16: return integer_bits(raw, 16, false, out);
    case PL_MODBUS_INT32: return integer_bits(raw, 32, true, out);
    case PL_MODBUS_UINT32: return integer_bits(raw, 32, false, out);
    case PL_MODBUS_INT64: return integer_bits(raw, 64, true, out);
    case PL_MODBUS_UINT64: return integer_bits(raw, 64, false, out);
    case PL_MODBUS_FLOAT32: return float_bits(raw, out);
    case PL_MODBUS_FLOAT64: memcpy(out, &raw, sizeof raw); return true;
    case PL_MODBUS_BOOL: *out = raw != 0; return raw == 0 || raw == 1;
    case PL_MODBUS_TYPES: break;
    }
    return false;
}

bool pl__target_encode(const struct pl__target *target, double value, uint16_t registers[PL__TARGET_REGISTERS]) {
    double raw = (value - target->offset) / target->scale;
    uint64_t bits = 0;
    if (!isfinite(raw) || !raw_bits(raw, target->format.type, &bits)) return false;
    pl_modbus_put_bits(registers, target->registers, target->format.order, bits);
    if (target->coil) registers[0] = bits != 0;
    return true;
}

double pl__target_decode(const struct pl__target *target, const struct pl_modbus_answer *answer) {
    double raw = target->coil ? pl_modbus_bit(answer->data, 0) : pl_modbus_value(answer->data, target->format);
    return raw * target->scale + target->offset;
}

bool pl__target_matches(const struct pl__target *target, double wanted, double found) {
    uint16_t registers[PL__TARGET_REGISTERS];
    uint8_t bytes[2 * PL__TARGET_REGISTERS];
    if (!pl__target_encode(target, wanted, registers)) return false;
    for (unsigned i = 0; i < target->registers; i++) {
        bytes[2 * i] = (uint8_t)(registers[i] >> 8);
        bytes[2 * i + 1] = (uint8_t)registers[i];
    }
    double written = target->coil ? registers[0] * target->scale + target->offset
                                  : pl_modbus_value(bytes, target->format) * target->scale + target->offset;
    return fabs(found - written) <= target->tolerance;
}

/* ---- Requests ---- */

struct pl_modbus_call pl__target_read(const struct pl__target *target) {
    return (struct pl_modbus_call){target->unit, target->coil ? PL_MODBUS_READ_COILS : PL_MODBUS_READ_HOLDING,
                                   target->address, target->registers, NULL};
}

struct pl_modbus_call pl__target_write(const struct pl__target *target, const uint16_t *registers) {
    uint8_t function = target->coil             ? PL_MODBUS_WRITE_COIL
                       : target->registers == 1 ? PL_MODBUS_WRITE_REGISTER
                                                : PL_MODBUS_WRITE_REGISTERS;
    return (struct pl_modbus_call){target->unit, function, target->address, target->registers, registers};
}

struct pl_modbus_call pl__target_read_manual(const struct pl__target *target) {
    static const uint8_t function[] = {
        [PL__HOLDING] = PL_MODBUS_READ_HOLDING,
        [PL__INPUT] = PL_MODBUS_READ_INPUT,
        [PL__COIL] = PL_MODBUS_READ_COILS,
        [PL__DISCRETE] = PL_MODBUS_READ_DISCRETE,
    };
    return (struct pl_modbus_call){target->unit, function[target->manual_table], target->manual, 1, NULL};
}

bool pl__target_is_manual(const struct pl__target *target, const struct pl_modbus_answer *answer) {
    if (target->manual_table == PL__COIL || target->manual_table == PL__DISCRETE) return pl_modbus_bit(answer->data, 0);
    uint16_t word = pl_modbus_register(answer->data, 0);
    return target->manual_bit < 0 ? word != 0 : (word >> target->manual_bit & 1) != 0;
}
