#include "modbus.h"

#include <string.h>

enum {
    READ_COILS = 1,
    READ_HOLDING = 3,
    READ_INPUT = 4,
    WRITE_COIL = 5,
    WRITE_ONE = 6,
    WRITE_COILS = 15,
    WRITE_MANY = 16,
    COILS_MAX = 64,
};

static unsigned word(const uint8_t *at) {
    return (unsigned)at[0] << 8 | at[1];
}

static void put_word(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static size_t refuse(uint8_t function, enum plant_exception why, uint8_t *out) {
    out[0] = function | 0x80;
    out[1] = (uint8_t)why;
    return 2;
}

static size_t answer_read(struct plant_plc *plc, uint8_t unit, const uint8_t *request, size_t size, uint8_t *out) {
    uint16_t values[PLANT_READ_MAX];
    if (size != 5) return refuse(request[0], PLANT_ILLEGAL_VALUE, out);
    unsigned address = word(request + 1), count = word(request + 3);
    if (count == 0 || count > PLANT_READ_MAX) return refuse(request[0], PLANT_ILLEGAL_VALUE, out);

    enum plant_table table = request[0] == READ_INPUT ? PLANT_INPUT : PLANT_HOLDING;
    enum plant_exception why = plant_plc_read(plc, unit, table, address, count, values);
    if (why) return refuse(request[0], why, out);
    out[0] = request[0];
    out[1] = (uint8_t)(2 * count);
    for (unsigned i = 0; i < count; i++)
        put_word(out + 2 + 2 * i, values[i]);
    return 2 + 2 * count;
}

static size_t answer_write(struct plant_plc *plc, uint8_t unit, const uint8_t *request, size_t size, uint8_t *out) {
    uint16_t values[PLANT_WRITE_MAX];
    unsigned count = 1;
    const uint8_t *data = request + 3;
    if (request[0] == WRITE_MANY) {
        if (size < 6) return refuse(request[0], PLANT_ILLEGAL_VALUE, out);
        count = word(request + 3);
        data = request + 6;
        if (count == 0 || count > PLANT_WRITE_MAX || request[5] != 2 * count || size != 6 + 2 * count)
            return refuse(request[0], PLANT_ILLEGAL_VALUE, out);
    } else if (size != 5) {
        return refuse(request[0], PLANT_ILLEGAL_VALUE, out);
    }
    for (unsigned i = 0; i < count; i++)
        values[i] = (uint16_t)word(data + 2 * i);

    enum plant_exception why = plant_plc_write(plc, unit, word(request + 1), count, values);
    if (why) return refuse(request[0], why, out);
    for (int i = 0; i < 5; i++)
        out[i] = request[i]; /* both functions answer with function, address and value or count */
    return 5;
}

static size_t answer_read_coils(const struct plant_plc *plc, uint8_t unit, const uint8_t *request, size_t size,
                                uint8_t *out) {
    bool values[COILS_MAX];
    unsigned count = size == 5 ? word(request + 3) : 0;
    if (count == 0 || count > COILS_MAX) return refuse(request[0], PLANT_ILLEGAL_VALUE, out);
    enum plant_exception why = plant_plc_read_coils(plc, unit, word(request + 1), count, values);
    if (why) return refuse(request[0], why, out);
    out[0] = request[0];
    out[1] = (uint8_t)((count + 7) / 8);
    memset(out + 2, 0, out[1]);
    for (unsigned i = 0; i < count; i++)
        out[2 + i / 8] |= (uint8_t)((unsigned)values[i] << i % 8);
    return 2u + out[1];
}

/* Function 15 of one coil only: no two switches lie side by side. */
static size_t answer_write_coil(struct plant_plc *plc, uint8_t unit, const uint8_t *request, size_t size,
                                uint8_t *out) {
    unsigned state = size >= 5 ? word(request + 3) : 1;
    bool good = request[0] == WRITE_COIL ? size == 5 && (state == 0 || state == 0xFF00)
                                         : size == 7 && state == 1 && request[5] == 1;
    if (!good) return refuse(request[0], PLANT_ILLEGAL_VALUE, out);
    bool on = request[0] == WRITE_COIL ? state != 0 : request[6] & 1;
    enum plant_exception why = plant_plc_write_coil(plc, unit, word(request + 1), on);
    if (why) return refuse(request[0], why, out);
    memcpy(out, request, 5);
    return 5;
}

size_t plant_modbus_answer(struct plant_plc *plc, uint8_t unit, const uint8_t *request, size_t size, uint8_t *out) {
    switch (request[0]) {
    case READ_COILS: return answer_read_coils(plc, unit, request, size, out);
    case WRITE_COIL:
    case WRITE_COILS: return answer_write_coil(plc, unit, request, size, out);
    case READ_HOLDING:
    case READ_INPUT: return answer_read(plc, unit, request, size, out);
    case WRITE_ONE:
    case WRITE_MANY: return answer_write(plc, unit, request, size, out);
    default: return refuse(request[0], PLANT_ILLEGAL_FUNCTION, out);
    }
}
