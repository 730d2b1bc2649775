/* pdu.h: Modbus TCP frames as bytes: requests out, answers in.
 *
 *     | transaction | protocol 0 | length |  unit | function | ... |
 *       2 bytes       2            2         1       1         up to 252      all big-endian; `length` counts from
 * `unit`
 *
 * Pure functions over the caller's memory: no allocation, no sockets. Nothing that arrives is believed: a frame is
 * taken only when its header fits the protocol, and an answer only when it fits the request it claims to answer.
 *
 *     size_t size = pl_modbus_encode(&call, transaction, request);
 *     ...
 *     if (pl_modbus_find(bytes, received, &frame) == PL_MODBUS_FRAME && pl_modbus_match(request, &frame, &answer))
 *         first = pl_modbus_register(answer.data, 0);
 *
 * The usual mistake: keeping `answer.data` beyond the bytes that it points into.
 */
#ifndef MODBUS_PDU_H
#define MODBUS_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pl_modbus_function {
    PL_MODBUS_READ_COILS = 1,
    PL_MODBUS_READ_DISCRETE = 2,
    PL_MODBUS_READ_HOLDING = 3,
    PL_MODBUS_READ_INPUT = 4,
    PL_MODBUS_WRITE_COIL = 5,
    PL_MODBUS_WRITE_REGISTER = 6,
    PL_MODBUS_WRITE_COILS = 15,
    PL_MODBUS_WRITE_REGISTERS = 16,
};

/* What the protocol allows in one request. */
enum {
    PL_MODBUS_READ_BITS_MAX = 2000,
    PL_MODBUS_READ_REGISTERS_MAX = 125,
    PL_MODBUS_WRITE_BITS_MAX = 1968,
    PL_MODBUS_WRITE_REGISTERS_MAX = 123,
    PL_MODBUS_ADU_MAX = 260,
};

/* A request. Functions 5 and 6 have a count of 1. */
struct pl_modbus_call {
    uint8_t unit;
    uint8_t function;       /* enum pl_modbus_function */
    uint16_t address;       /* 0-based */
    uint16_t count;         /* registers or coils */
    const uint16_t *values; /* writes: `count` registers, or coils (0: off, else on); borrowed */
};

/* True when the call is one the protocol allows: a known function, 1 to its maximum of registers, within 65536. */
bool pl_modbus_call_check(const struct pl_modbus_call *call);

/* Writes the request into `frame` (PL_MODBUS_ADU_MAX bytes) and returns its size; 0 when the call does not pass the
 * check. */
size_t pl_modbus_encode(const struct pl_modbus_call *call, uint16_t transaction, uint8_t *frame);

struct pl_modbus_frame {
    uint16_t transaction;
    uint8_t unit;
    const uint8_t *pdu; /* function and what follows, inside the caller's bytes */
    size_t pdu_size;    /* 2..253 */
    size_t size;        /* of the whole frame */
};

enum pl_modbus_found {
    PL_MODBUS_MORE,    /* a frame may be there when more bytes have come */
    PL_MODBUS_FRAME,   /* *frame is filled in */
    PL_MODBUS_GARBAGE, /* this is not Modbus: the connection cannot be trusted any more */
};

/* Looks at the start of `size` received bytes. */
enum pl_modbus_found pl_modbus_find(const uint8_t *bytes, size_t size, struct pl_modbus_frame *frame);

enum pl_modbus_status {
    PL_MODBUS_OK,
    PL_MODBUS_EXCEPTION,    /* the device refused; `exception` is its code */
    PL_MODBUS_TIMEOUT,      /* no answer by the deadline */
    PL_MODBUS_DISCONNECTED, /* the connection was lost first */
};

struct pl_modbus_answer {
    enum pl_modbus_status status;
    uint8_t exception;
    uint16_t count;      /* of the request */
    uint8_t size;        /* of the data in bytes */
    const uint8_t *data; /* reads: registers big-endian, or bits packed lowest first; else NULL */
};

/* True when `frame` answers the encoded `request`: unit, function, sizes, and for writes the echo. */
bool pl_modbus_match(const uint8_t *request, const struct pl_modbus_frame *frame, struct pl_modbus_answer *answer);

/* "illegal data address"; "exception 42" has no name: "unknown exception". */
const char *pl_modbus_exception_name(uint8_t exception);

static inline uint16_t pl_modbus_register(const uint8_t *data, unsigned index) {
    return (uint16_t)(data[2 * index] << 8 | data[2 * index + 1]);
}

static inline bool pl_modbus_bit(const uint8_t *data, unsigned index) {
    return (data[index / 8] >> (index % 8) & 1) != 0;
}

#endif
