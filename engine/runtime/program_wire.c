#include "program_wire.h"

#include <stdio.h>
#include <string.h>

#include "base/unpack.h"
#include "store/state.h"

bool pl_program_wire_init(struct pl_program_wire *wire) {
    *wire = (struct pl_program_wire){.pack = pl_pack_new()};
    pl_buffer_init(&wire->entry, PL_PROGRAM_MESSAGE_MAX);
    return wire->pack != NULL;
}

void pl_program_wire_fini(struct pl_program_wire *wire) {
    pl_pack_free(wire->pack);
    pl_buffer_fini(&wire->entry);
    wire->pack = NULL;
}

/* ---- Writing ---- */

static void begin(struct pl_pack *pack, uint32_t others, const char *type) {
    pl_pack_map(pack, others + 1);
    pl_pack_pair_str(pack, "type", type);
}

static void put_number(struct pl_pack *pack, const char *key, uint64_t number) {
    pl_pack_str(pack, key);
    pl_pack_uint(pack, number);
}

static void put_bytes(struct pl_pack *pack, const char *key, const void *bytes, size_t size) {
    pl_pack_str(pack, key);
    pl_pack_bin(pack, bytes, size);
}

static void put_flag(struct pl_pack *pack, const char *key, bool flag) {
    pl_pack_str(pack, key);
    pl_pack_bool(pack, flag);
}

/* One entry of its own. */
static bool write_state(struct pl_pack *pack, const struct pl_frame *frame) {
    struct pl_state_entry entry;
    const char *at = frame->body, *end = at + frame->size;
    if (!pl_state_next(&at, end, &entry) || at != end || !entry.value || entry.key[0] != PL_STATE_PROGRAM) return false;
    begin(pack, 2, "state");
    put_bytes(pack, "key", entry.key + 1, entry.key_size - 1);
    put_bytes(pack, "value", entry.value, entry.value_size);
    return true;
}

static bool write_item(struct pl_pack *pack, const struct pl_frame *frame) {
    switch (frame->type) {
    case PL_FRAME_BATCH:
        begin(pack, 2, "rows");
        put_number(pack, "number", frame->number);
        put_bytes(pack, "rows", frame->body, frame->size);
        return true;
    case PL_FRAME_WATERMARK:
        begin(pack, 3, "watermark");
        put_number(pack, "number", frame->number);
        pl_pack_pair_int(pack, "time", frame->value);
        put_flag(pack, "idle", frame->flags & PL_FRAME_IDLE);
        return true;
    case PL_FRAME_BARRIER:
        begin(pack, 2, "barrier");
        put_number(pack, "number", frame->number);
        pl_pack_pair_int(pack, "epoch", frame->value);
        return true;
    case PL_FRAME_END:
        begin(pack, 2, "end");
        put_number(pack, "number", frame->number);
        put_flag(pack, "stopped", frame->flags & PL_FRAME_IDLE);
        return true;
    default: return false;
    }
}

static bool write_message(struct pl_pack *pack, const struct pl_frame *frame) {
    switch (frame->type) {
    case PL_FRAME_CONFIG: pl_pack_raw(pack, frame->body, frame->size); return true;
    case PL_FRAME_STATE: return write_state(pack, frame);
    case PL_FRAME_OPEN: begin(pack, 0, "open"); return true;
    case PL_FRAME_QUIT: begin(pack, 0, "quit"); return true;
    case PL_FRAME_COMMIT:
        begin(pack, 1, "commit");
        pl_pack_pair_int(pack, "epoch", frame->value);
        return true;
    case PL_FRAME_CREDIT:
        begin(pack, 1, "credit");
        pl_pack_pair_int(pack, "bytes", frame->value);
        return true;
    case PL_FRAME_PING:
        begin(pack, 1, "ping");
        put_number(pack, "number", frame->number);
        return true;
    default: return write_item(pack, frame);
    }
}

bool pl_program_wire_write(struct pl_program_wire *wire, const struct pl_frame *frame, const void **bytes,
                           size_t *size) {
    pl_pack_reset(wire->pack);
    if (!write_message(wire->pack, frame) || pl_pack_failed(wire->pack)) return false;
    *bytes = pl_pack_data(wire->pack);
    *size = pl_pack_size(wire->pack);
    return *size <= PL_FRAME_HEAD + PL_FRAME_BODY_MAX;
}

/* ---- Reading ---- */

enum field { TYPE, PROTOCOL, NUMBER, ROWS, OUTPUT, POSITION, KEY, VALUE, TIME, WATERMARK, TEXT, FIELDS };

#define HAS(field) (1u << (field))

/* What a value may be: a number with a highest value, a text or bytes with a longest size, anything as it stands. */
static const struct field_shape {
    const char *name;
    enum { A_NUMBER, A_TIME, BYTES, ANY } is;
    uint64_t most;
} fields[FIELDS] = {
    [TYPE] = {"type", BYTES, 32},
    [PROTOCOL] = {"protocol", A_NUMBER, UINT32_MAX},
    [NUMBER] = {"number", A_NUMBER, UINT64_MAX},
    [ROWS] = {"rows", BYTES, PL_PROGRAM_MESSAGE_MAX},
    [OUTPUT] = {"output", A_NUMBER, 63},
    [POSITION] = {"position", ANY, PL_PROGRAM_PLACE_MAX},
    [KEY] = {"key", BYTES, PL_PROGRAM_KEY_MAX},
    [VALUE] = {"value", BYTES, PL_PROGRAM_VALUE_MAX},
    [TIME] = {"time", A_TIME, 0},
    [WATERMARK] = {"watermark", A_TIME, 0},
    [TEXT] = {"text", BYTES, PL_FRAME_TEXT_MAX},
};

static const struct message_shape {
    const char *type;
    enum pl_frame_type frame;
    unsigned needs;
} messages[] = {
    {"rows", PL_FRAME_EMIT, HAS(ROWS)},         {"done", PL_FRAME_DONE, HAS(NUMBER)},
    {"state", PL_FRAME_STATE, HAS(KEY)},        {"pong", PL_FRAME_PONG, HAS(NUMBER)},
    {"hello", PL_FRAME_HELLO, HAS(PROTOCOL)},   {"ready", PL_FRAME_READY, 0},
    {"failed", PL_FRAME_FAILED, HAS(TEXT)},     {"closed", PL_FRAME_CLOSED, 0},
    {"progress", PL_FRAME_PROGRESS, HAS(TIME)}, {"end", PL_FRAME_OVER, 0},
};

struct message {
    unsigned has;
    struct pl__value value[FIELDS];
    struct pl_unpack whole[FIELDS];
};

static bool refuse(struct pl_program_wire *wire, const char *what, const char *name) {
    snprintf(wire->problem, sizeof wire->problem, "%s%s", what, name);
    return false;
}

static int find_field(const struct pl__value *key) {
    for (int i = 0; i < FIELDS; i++)
        if (strlen(fields[i].name) == key->number && memcmp(fields[i].name, key->bytes, key->number) == 0) return i;
    return FIELDS;
}

static bool fits(const struct pl__value *value, const struct field_shape *shape, size_t size) {
    bool natural = value->type == PL__UINT || (value->type == PL__INT && (int64_t)value->number >= 0);
    switch (shape->is) {
    case A_NUMBER: return natural && value->number <= shape->most;
    case A_TIME: return value->type == PL__INT || (value->type == PL__UINT && value->number <= INT64_MAX);
    case BYTES: return (value->type == PL__STR || value->type == PL__BIN) && value->number <= shape->most;
    case ANY: return size <= shape->most;
    }
    return false;
}

/* Nil is as if it were not there. */
static bool read_field(struct pl_program_wire *wire, struct pl_unpack *unpack, int field, struct message *message) {
    struct pl_unpack scalar = *unpack;
    struct pl_unpack whole = *unpack;
    struct pl__value value;
    if (!pl_unpack_skip(unpack)) return refuse(wire, "no whole msgpack value: ", fields[field].name);
    whole.end = unpack->at;
    if (!pl__unpack_value(&scalar, &value)) return refuse(wire, "no msgpack value: ", fields[field].name);
    if (value.type == PL__NIL) return true;
    if (!fits(&value, &fields[field], (size_t)(whole.end - whole.at)))
        return refuse(wire, "a value of another type, or one that is too large: ", fields[field].name);
    message->has |= HAS(field);
    message->value[field] = value;
    message->whole[field] = whole;
    return true;
}

static bool read_map(struct pl_program_wire *wire, const void *bytes, size_t size, struct message *message) {
    struct pl_unpack unpack;
    uint32_t count;
    pl_unpack_init(&unpack, bytes, size);
    if (!pl_unpack_map(&unpack, &count)) return refuse(wire, "no msgpack map", "");
    for (uint32_t i = 0; i < count; i++) {
        struct pl__value key;
        if (!pl__unpack_value(&unpack, &key) || key.type != PL__STR) return refuse(wire, "a key that is no text", "");
        int field = find_field(&key);
        bool read = field < FIELDS ? read_field(wire, &unpack, field, message) : pl_unpack_skip(&unpack);
        if (!read) return field < FIELDS ? false : refuse(wire, "no whole msgpack map", "");
    }
    return unpack.at == unpack.end || refuse(wire, "bytes behind its map", "");
}

static const struct message_shape *find_shape(const struct pl__value *type) {
    for (size_t i = 0; i < PL_COUNT_OF(messages); i++)
        if (strlen(messages[i].type) == type->number && memcmp(messages[i].type, type->bytes, type->number) == 0)
            return &messages[i];
    return NULL;
}

static bool make_entry(struct pl_program_wire *wire, const struct message *message) {
    const struct pl__value *key = &message->value[KEY], *value = &message->value[VALUE];
    char part[1 + PL_PROGRAM_KEY_MAX] = {PL_STATE_PROGRAM};
    if (!key->number) return refuse(wire, "an empty key", "");
    memcpy(part + 1, key->bytes, key->number);
    pl_buffer_reset(&wire->entry);
    if (message->has & HAS(VALUE))
        pl_state_put(&wire->entry, part, (uint32_t)(1 + key->number), value->bytes, (uint32_t)value->number);
    else
        pl_state_drop(&wire->entry, part, (uint32_t)(1 + key->number));
    return !pl_buffer_failed(&wire->entry) || refuse(wire, "no memory for it", "");
}

/* What of it stands in a frame's body. */
static bool take_body(struct pl_program_wire *wire, const struct message *message, struct pl_frame *frame) {
    int field = frame->type == PL_FRAME_EMIT ? ROWS : TEXT;
    if (frame->type == PL_FRAME_STATE) {
        if (!make_entry(wire, message)) return false;
        frame->body = wire->entry.data;
        frame->size = wire->entry.size;
    } else if (frame->type == PL_FRAME_EMIT || frame->type == PL_FRAME_FAILED) {
        frame->body = message->value[field].bytes;
        frame->size = message->value[field].number;
    }
    if (frame->type != PL_FRAME_EMIT || !(message->has & HAS(POSITION))) return true;
    frame->place = message->whole[POSITION].at;
    frame->place_size = (size_t)(message->whole[POSITION].end - message->whole[POSITION].at);
    return true;
}

static void take_numbers(const struct message *message, struct pl_frame *frame) {
    frame->port = (uint16_t)(message->has & HAS(OUTPUT) ? message->value[OUTPUT].number : 0);
    if (message->has & HAS(NUMBER)) frame->number = message->value[NUMBER].number;
    if (frame->type == PL_FRAME_HELLO) frame->number = message->value[PROTOCOL].number;
    if (frame->type == PL_FRAME_PROGRESS) frame->value = (int64_t)message->value[TIME].number;
    if (frame->type != PL_FRAME_DONE) return;
    frame->value = message->has & HAS(WATERMARK) ? (int64_t)message->value[WATERMARK].number : INT64_MAX;
}

bool pl_program_wire_read(struct pl_program_wire *wire, const void *bytes, size_t size, struct pl_frame *frame) {
    struct message message = {0};
    *frame = (struct pl_frame){0};
    wire->problem[0] = 0;
    wire->type = NULL;
    if (size > PL_PROGRAM_MESSAGE_MAX) return refuse(wire, "a message that is too long", "");
    if (!read_map(wire, bytes, size, &message)) return false;
    const struct message_shape *shape = message.has & HAS(TYPE) ? find_shape(&message.value[TYPE]) : NULL;
    if (!shape) return refuse(wire, "a type that is not known", "");
    wire->type = shape->type;
    for (int i = 0; i < FIELDS; i++)
        if (shape->needs & ~message.has & HAS(i)) return refuse(wire, "without ", fields[i].name);
    frame->type = (uint8_t)shape->frame;
    take_numbers(&message, frame);
    return take_body(wire, &message, frame);
}
