#include "wire.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>

#include "sparkplug.pb-c.h"

typedef Pl__Sparkplug__Payload Payload;
typedef Pl__Sparkplug__Metric Metric;
typedef Pl__Sparkplug__PropertyValue PropertyValue;

/* ---- Memory of what is read ---- */

enum { ALIGNMENT = 16, LEAST = 16 << 10 };

/* What does not fit is only counted: the read fails, and is done again in a block that has the room. */
static void *arena_take(void *data, size_t size) {
    struct pl__arena *arena = data;
    size_t whole = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (whole < size || whole > arena->limit - arena->used) {
        arena->overrun = true;
        return NULL;
    }
    arena->used += whole;
    if (arena->used > arena->size) return NULL;
    return arena->block + arena->used - whole;
}

static void arena_give(void *data, void *memory) {
    (void)data;
    (void)memory;
}

static bool arena_grow(struct pl__arena *arena) {
    size_t size = arena->size ? arena->size : LEAST;
    while (size < arena->limit && (size <= arena->size || size < arena->used))
        size *= 2;
    if (size > arena->limit) size = arena->limit;
    if (size <= arena->size) return false;
    pl_free(arena->block);
    arena->block = pl_alloc_aligned(ALIGNMENT, size);
    arena->size = arena->block ? size : 0;
    return arena->block != NULL;
}

void pl__spb_fini(struct pl__spb *wire) {
    pl_free(wire->arena.block);
    *wire = (struct pl__spb){.payload = NULL};
}

/* ---- Reading ---- */

bool pl__spb_read(struct pl__spb *wire, const void *bytes, size_t size, const char **why) {
    struct pl__arena *arena = &wire->arena;
    ProtobufCAllocator allocator = {arena_take, arena_give, arena};
    arena->limit = PL__SPB_LIMIT;
    wire->payload = NULL;
    do {
        arena->used = 0;
        arena->overrun = false;
        if (arena->size) wire->payload = pl__sparkplug__payload__unpack(&allocator, size, bytes);
        if (wire->payload) return true;
        if (arena->size && !arena->overrun && arena->used <= arena->size) {
            *why = "it is no payload of Sparkplug B";
            return false;
        }
    } while (!arena->overrun && arena_grow(arena));
    *why = arena->size && arena->overrun ? "it has too many metrics" : "there is no memory for it";
    return false;
}

/* Milliseconds that are no time of ours are none. */
static bool time_of(uint64_t milliseconds, pl_time *time) {
    if (milliseconds == 0 || milliseconds > INT64_MAX / PL_MILLISECOND) return false;
    *time = (pl_time)milliseconds * PL_MILLISECOND;
    return true;
}

bool pl__spb_time(const struct pl__spb *wire, pl_time *time) {
    const Payload *p = wire->payload;
    return p->has_timestamp && time_of(p->timestamp, time);
}

bool pl__spb_seq(const struct pl__spb *wire, uint64_t *seq) {
    const Payload *p = wire->payload;
    if (p->has_seq) *seq = p->seq;
    return p->has_seq;
}

size_t pl__spb_count(const struct pl__spb *wire) {
    return ((const Payload *)wire->payload)->n_metrics;
}

/* Integers travel as unsigned ones of 32 or 64 bits, negative ones as their complement; some clients widen the sign. */
static double whole(uint64_t bits, uint32_t type, bool is_long) {
    switch (type) {
    case PL__SP_INT8: return (int8_t)bits;
    case PL__SP_INT16: return (int16_t)bits;
    case PL__SP_INT32: return (int32_t)bits;
    case PL__SP_INT64: return (double)(int64_t)bits;
    case PL__SP_UINT8: return (uint8_t)bits;
    case PL__SP_UINT16: return (uint16_t)bits;
    case PL__SP_UINT32: return (uint32_t)bits;
    default: return is_long ? (double)bits : (uint32_t)bits;
    }
}

static void take_value(const Metric *m, struct pl__metric *to) {
    to->holds = PL__HOLDS_NUMBER;
    switch (m->value_case) {
    case PL__SPARKPLUG__METRIC__VALUE_INT_VALUE: to->value = whole(m->int_value, to->type, false); break;
    case PL__SPARKPLUG__METRIC__VALUE_LONG_VALUE: to->value = whole(m->long_value, to->type, true); break;
    case PL__SPARKPLUG__METRIC__VALUE_FLOAT_VALUE: to->value = (double)m->float_value; break;
    case PL__SPARKPLUG__METRIC__VALUE_DOUBLE_VALUE: to->value = m->double_value; break;
    case PL__SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE: to->value = m->boolean_value != 0; break;
    case PL__SPARKPLUG__METRIC__VALUE_STRING_VALUE:
        to->holds = PL__HOLDS_TEXT;
        to->text = m->string_value;
        break;
    case PL__SPARKPLUG__METRIC__VALUE__NOT_SET: to->holds = PL__HOLDS_NOTHING; break;
    default: to->holds = PL__HOLDS_OTHER; break;
    }
    /* An integer in the place of a boolean, and the like, is what its type says. */
    if (to->holds == PL__HOLDS_NUMBER && to->type == PL__SP_BOOLEAN) to->value = to->value != 0;
}

static bool property_number(const PropertyValue *v, int64_t *number) {
    if (v->has_is_null && v->is_null) return false;
    switch (v->value_case) {
    case PL__SPARKPLUG__PROPERTY_VALUE__VALUE_INT_VALUE: *number = (int32_t)v->int_value; return true;
    case PL__SPARKPLUG__PROPERTY_VALUE__VALUE_LONG_VALUE: *number = (int64_t)v->long_value; return true;
    default: return false;
    }
}

static double property_real(const PropertyValue *v) {
    int64_t number;
    if (v->has_is_null && v->is_null) return NAN;
    switch (v->value_case) {
    case PL__SPARKPLUG__PROPERTY_VALUE__VALUE_FLOAT_VALUE: return v->float_value;
    case PL__SPARKPLUG__PROPERTY_VALUE__VALUE_DOUBLE_VALUE: return v->double_value;
    default: return property_number(v, &number) ? (double)number : NAN;
    }
}

/* The specification names Quality alone; the others are what Ignition and Tahu's clients say. */
static void take_property(const char *key, const PropertyValue *v, struct pl__metric *to) {
    bool text = v->value_case == PL__SPARKPLUG__PROPERTY_VALUE__VALUE_STRING_VALUE;
    if (strcmp(key, "Quality") == 0 || strcmp(key, "quality") == 0) to->has_quality = property_number(v, &to->quality);
    if (text && strcmp(key, "engUnit") == 0) to->unit = v->string_value;
    if (text && (strcmp(key, "documentation") == 0 || strcmp(key, "description") == 0))
        to->description = v->string_value;
    if (strcmp(key, "engLow") == 0) to->low = property_real(v);
    if (strcmp(key, "engHigh") == 0) to->high = property_real(v);
}

void pl__spb_metric(const struct pl__spb *wire, size_t index, uint32_t type, struct pl__metric *to) {
    const Metric *m = ((const Payload *)wire->payload)->metrics[index];
    *to = (struct pl__metric){.name = m->name,
                              .has_alias = m->has_alias,
                              .alias = m->has_alias ? m->alias : 0,
                              .historical = m->has_is_historical && m->is_historical,
                              .null = m->has_is_null && m->is_null,
                              .type = m->has_datatype && m->datatype ? m->datatype : type,
                              .value = NAN,
                              .text = "",
                              .unit = "",
                              .description = "",
                              .low = NAN,
                              .high = NAN};
    to->has_time = m->has_timestamp && time_of(m->timestamp, &to->time);
    take_value(m, to);
    if (m->metadata && m->metadata->description) to->description = m->metadata->description;
    const Pl__Sparkplug__PropertySet *set = m->properties;
    for (size_t i = 0; set && i < set->n_keys && i < set->n_values; i++)
        take_property(set->keys[i], set->values[i], to);
}

/* ---- Writing ---- */

void pl__bytes_fini(struct pl__bytes *bytes) {
    pl_free(bytes->data);
    *bytes = (struct pl__bytes){.data = NULL};
}

static uint8_t *reserve(struct pl__bytes *b, size_t size) {
    if (b->failed) return NULL;
    if (size > b->room - b->size) {
        size_t room = 2 * (b->size + size) + 256;
        uint8_t *grown = pl_realloc(b->data, room);
        b->failed = !grown;
        if (!grown) return NULL;
        b->data = grown;
        b->room = room;
    }
    return b->data + b->size;
}

static void put_varint(struct pl__bytes *b, uint64_t value) {
    uint8_t *at = reserve(b, 10);
    if (!at) return;
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        at[n++] = (uint8_t)(value | 0x80);
    at[n++] = (uint8_t)value;
    b->size += n;
}

void pl__put_payload(struct pl__bytes *bytes, pl_time time, int seq) {
    bytes->size = 0;
    bytes->failed = false;
    put_varint(bytes, 1 << 3);
    put_varint(bytes, (uint64_t)(time / PL_MILLISECOND));
    if (seq < 0) return;
    put_varint(bytes, 3 << 3);
    put_varint(bytes, (uint64_t)seq);
}

/* Clamped to what the type holds; a number that it does not is nothing that was measured, so it is null. */
static bool set_value(Metric *m, uint32_t type, double value) {
    static const double low[] = {[PL__SP_INT8] = -128,
                                 [PL__SP_INT16] = -32768,
                                 [PL__SP_INT32] = -2147483648.0,
                                 [PL__SP_INT64] = -9223372036854775808.0,
                                 [PL__SP_UINT64] = 0};
    static const double high[] = {[PL__SP_INT8] = 127,
                                  [PL__SP_INT16] = 32767,
                                  [PL__SP_INT32] = 2147483647,
                                  [PL__SP_INT64] = 9223372036854774784.0,
                                  [PL__SP_UINT8] = 255,
                                  [PL__SP_UINT16] = 65535,
                                  [PL__SP_UINT32] = 4294967295.0,
                                  [PL__SP_UINT64] = 18446744073709549568.0};
    double rounded = nearbyint(value);
    if (type >= PL__SP_INT8 && type <= PL__SP_UINT64) {
        if (!(rounded >= low[type] && rounded <= high[type])) return false;
        bool is_long = type == PL__SP_INT64 || type == PL__SP_UINT64;
        uint64_t bits = rounded < 0 ? (uint64_t)(int64_t)rounded : (uint64_t)rounded;
        m->value_case = is_long ? PL__SPARKPLUG__METRIC__VALUE_LONG_VALUE : PL__SPARKPLUG__METRIC__VALUE_INT_VALUE;
        if (is_long)
            m->long_value = bits;
        else
            m->int_value = (uint32_t)bits;
        return true;
    }
    if (!isfinite(value)) return false;
    if (type == PL__SP_BOOLEAN) {
        m->value_case = PL__SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE;
        m->boolean_value = value != 0;
    } else if (type == PL__SP_FLOAT) {
        m->value_case = PL__SPARKPLUG__METRIC__VALUE_FLOAT_VALUE;
        m->float_value = (float)value;
    } else {
        m->value_case = PL__SPARKPLUG__METRIC__VALUE_DOUBLE_VALUE;
        m->double_value = value;
    }
    return true;
}

static char *key_named(const char *name) {
    return (char *)(uintptr_t)name; /* protobuf-c packs what it does not change */
}

static void add_double(PropertyValue *value, double number) {
    *value = (PropertyValue)PL__SPARKPLUG__PROPERTY_VALUE__INIT;
    value->has_type = true;
    value->type = PL__SP_DOUBLE;
    value->value_case = PL__SPARKPLUG__PROPERTY_VALUE__VALUE_DOUBLE_VALUE;
    value->double_value = number;
}

enum { PROPERTIES_MAX = 4 };

struct properties {
    Pl__Sparkplug__PropertySet set;
    PropertyValue value[PROPERTIES_MAX];
    PropertyValue *values[PROPERTIES_MAX];
    char *keys[PROPERTIES_MAX];
};

static void set_properties(struct properties *p, const struct pl__outgoing *from) {
    size_t n = 0;
    p->set = (Pl__Sparkplug__PropertySet)PL__SPARKPLUG__PROPERTY_SET__INIT;
    if (from->has_quality) {
        p->value[n] = (PropertyValue)PL__SPARKPLUG__PROPERTY_VALUE__INIT;
        p->value[n].has_type = true;
        p->value[n].type = PL__SP_INT32;
        p->value[n].value_case = PL__SPARKPLUG__PROPERTY_VALUE__VALUE_INT_VALUE;
        p->value[n].int_value = from->quality;
        p->keys[n++] = key_named("Quality");
    }
    if (from->unit && *from->unit) {
        p->value[n] = (PropertyValue)PL__SPARKPLUG__PROPERTY_VALUE__INIT;
        p->value[n].has_type = true;
        p->value[n].type = PL__SP_STRING;
        p->value[n].value_case = PL__SPARKPLUG__PROPERTY_VALUE__VALUE_STRING_VALUE;
        p->value[n].string_value = key_named(from->unit);
        p->keys[n++] = key_named("engUnit");
    }
    if (from->unit && isfinite(from->low) && isfinite(from->high)) {
        add_double(&p->value[n], from->low);
        p->keys[n++] = key_named("engLow");
        add_double(&p->value[n], from->high);
        p->keys[n++] = key_named("engHigh");
    }
    for (size_t i = 0; i < n; i++)
        p->values[i] = &p->value[i];
    p->set.keys = p->keys;
    p->set.values = p->values;
    p->set.n_keys = p->set.n_values = n;
}

void pl__put_metric(struct pl__bytes *bytes, const struct pl__outgoing *from) {
    Metric m = PL__SPARKPLUG__METRIC__INIT;
    struct properties properties;
    m.name = from->name ? key_named(from->name) : NULL;
    m.has_alias = from->has_alias;
    m.alias = from->alias;
    m.has_timestamp = true;
    m.timestamp = (uint64_t)(from->time / PL_MILLISECOND);
    m.has_datatype = from->type != 0;
    m.datatype = from->type;
    m.has_is_historical = m.is_historical = from->historical;
    if (!set_value(&m, from->type, from->value)) m.has_is_null = m.is_null = true;
    set_properties(&properties, from);
    if (properties.set.n_keys) m.properties = &properties.set;
    size_t size = pl__sparkplug__metric__get_packed_size(&m);
    put_varint(bytes, 2 << 3 | 2);
    put_varint(bytes, size);
    uint8_t *at = reserve(bytes, size);
    if (!at) return;
    pl__sparkplug__metric__pack(&m, at);
    bytes->size += size;
}
