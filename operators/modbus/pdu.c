#include "pdu.h"

#include <string.h>

enum { HEADER = 7, LENGTH_LEAST = 3, LENGTH_MOST = 254, EXCEPTION_BIT = 0x80, COIL_ON = 0xFF00 };

struct shape {
    uint16_t most; /* count; 0: unknown function */
    bool writes;
    bool bits;
    bool single;
};

static struct shape shape_of(uint8_t function) {
    switch (function) {
    case PL_MODBUS_READ_COILS:
    case PL_MODBUS_READ_DISCRETE: return (struct shape){.most = PL_MODBUS_READ_BITS_MAX, .bits = true};
    case PL_MODBUS_READ_HOLDING:
    case PL_MODBUS_READ_INPUT: return (struct shape){.most = PL_MODBUS_READ_REGISTERS_MAX};
    case PL_MODBUS_WRITE_COIL: return (struct shape){.most = 1, .writes = true, .bits = true, .single = true};
    case PL_MODBUS_WRITE_REGISTER: return (struct shape){.most = 1, .writes = true, .single = true};
    case PL_MODBUS_WRITE_COILS: return (struct shape){.most = PL_MODBUS_WRITE_BITS_MAX, .writes = true, .bits = true};
    case PL_MODBUS_WRITE_REGISTERS: return (struct shape){.most = PL_MODBUS_WRITE_REGISTERS_MAX, .writes = true};
    default: return (struct shape){0};
    }
}

static void put16(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at) {
    return (unsigned)at[0] << 8 | at[1];
}

static size_t data_size(struct shape shape, unsigned count) {
    return shape.bits ? (count + 7) / 8 : 2 * (size_t)count;
}

bool pl_modbus_call_check(const struct pl_modbus_call *call) {
    struct shape shape = shape_of(call->function);
    return call->count >= 1 && call->count <= shape.most && call->address + call->count <= 65536 &&
           (!shape.writes || call->values);
}

/* The payload of functions 15 and 16: its size in one byte, then the values. Returns the end. */
static uint8_t *put_values(uint8_t *at, struct shape shape, const struct pl_modbus_call *call) {
    size_t size = data_size(shape, call->count);
    *at++ = (uint8_t)size;
    if (!shape.bits) {
        for (unsigned i = 0; i < call->count; i++)
            put16(at + 2 * (size_t)i, call->values[i]);
        return at + size;
    }
    memset(at, 0, size);
    for (unsigned i = 0; i < call->count; i++)
        if (call->values[i]) at[i / 8] |= (uint8_t)(1u << (i % 8));
    return at + size;
}

size_t pl_modbus_encode(const struct pl_modbus_call *call, uint16_t transaction, uint8_t *frame) {
    if (!pl_modbus_call_check(call)) return 0;
    struct shape shape = shape_of(call->function);
    uint8_t *at = frame + HEADER;
    *at++ = call->function;
    put16(at, call->address);
    if (shape.single)
        put16(at + 2, !shape.bits ? call->values[0] : call->values[0] ? COIL_ON : 0);
    else
        put16(at + 2, call->count);
    at += 4;
    if (shape.writes && !shape.single) at = put_values(at, shape, call);
    size_t size = (size_t)(at - frame);
    put16(frame, transaction);
    put16(frame + 2, 0);
    put16(frame + 4, (unsigned)size - 6);
    frame[6] = call->unit;
    return size;
}

enum pl_modbus_found pl_modbus_find(const uint8_t *bytes, size_t size, struct pl_modbus_frame *frame) {
    if (size < 6) return size >= 4 && get16(bytes + 2) != 0 ? PL_MODBUS_GARBAGE : PL_MODBUS_MORE;
    unsigned length = get16(bytes + 4);
    if (get16(bytes + 2) != 0 || length < LENGTH_LEAST || length > LENGTH_MOST) return PL_MODBUS_GARBAGE;
    if (size < 6 + (size_t)length) return PL_MODBUS_MORE;
    *frame = (struct pl_modbus_frame){
        .transaction = (uint16_t)get16(bytes),
        .unit = bytes[6],
        .pdu = bytes + HEADER,
        .pdu_size = length - 1,
        .size = 6 + (size_t)length,
    };
    return PL_MODBUS_FRAME;
}

bool pl_modbus_match(const uint8_t *request, const struct pl_modbus_frame *frame, struct pl_modbus_answer *answer) {
    uint8_t function = request[HEADER];
    const uint8_t *pdu = frame->pdu;
    struct shape shape = shape_of(function);
    unsigned count = shape.single ? 1 : get16(request + HEADER + 3);
    *answer = (struct pl_modbus_answer){.status = PL_MODBUS_OK, .count = (uint16_t)count};
    if (frame->unit != request[6] || frame->pdu_size < 2) return false;
    if (pdu[0] == (function | EXCEPTION_BIT)) {
        answer->status = PL_MODBUS_EXCEPTION;
        answer->exception = pdu[1];
        return frame->pdu_size == 2 && pdu[1] != 0;
    }
    if (pdu[0] != function) return false;
    if (shape.writes) return frame->pdu_size == 5 && memcmp(pdu, request + HEADER, 5) == 0;
    size_t size = data_size(shape, count);
    answer->data = pdu + 2;
    answer->size = pdu[1];
    return pdu[1] == size && frame->pdu_size == 2 + size;
}

const char *pl_modbus_exception_name(uint8_t exception) {
    switch (exception) {
    case 1: return "illegal function";
    case 2: return "illegal data address";
    case 3: return "illegal data value";
    case 4: return "device failure";
    case 5: return "acknowledged, still working";
    case 6: return "device busy";
    case 7: return "negative acknowledge";
    case 8: return "memory parity error";
    case 10: return "gateway path unavailable";
    case 11: return "gateway target did not respond";
    default: return "unknown exception";
    }
}
