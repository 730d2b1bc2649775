/* Bytes that a Modbus device may send: 6 bytes choose the request that is under way, the rest is the stream. What is
 * found does not depend on how the stream is cut, stays inside it, and an answer that is taken has all the data it
 * promises. */
#include "modbus/pdu.h"

#include <string.h>

#include "expect.h"
#include "modbus/value.h"

static const uint16_t written[PL_MODBUS_READ_BITS_MAX];

/* Nothing but MORE until the frame is whole, and garbage is garbage as soon as it shows. */
static void find_in_pieces(const uint8_t *bytes, size_t size, enum pl_modbus_found whole, size_t frame_size) {
    struct pl_modbus_frame frame;
    size_t end = size < 300 ? size : 300;
    for (size_t piece = 0; piece < end; piece++) {
        enum pl_modbus_found found = pl_modbus_find(bytes, piece, &frame);
        if (whole == PL_MODBUS_FRAME && piece >= frame_size)
            EXPECT(found == PL_MODBUS_FRAME && frame.size == frame_size);
        else
            EXPECT(found == PL_MODBUS_MORE || (whole == PL_MODBUS_GARBAGE && found == PL_MODBUS_GARBAGE));
    }
}

static void read_values(const struct pl_modbus_call *call, const struct pl_modbus_answer *answer) {
    if (call->function <= PL_MODBUS_READ_DISCRETE) {
        EXPECT(answer->size == (call->count + 7) / 8);
        unsigned set = 0, bits = 0;
        for (unsigned i = 0; i < 8u * answer->size; i++)
            set += pl_modbus_bit(answer->data, i);
        for (unsigned i = 0; i < answer->size; i++)
            bits += (unsigned)__builtin_popcount(answer->data[i]);
        EXPECT(set == bits);
        return;
    }
    EXPECT(answer->size == 2 * call->count);
    for (unsigned at = 0; at < call->count; at++)
        for (unsigned type = 0; type < PL_MODBUS_TYPES; type++) {
            unsigned registers = pl_modbus_type_registers((enum pl_modbus_type)type);
            if (at + registers > call->count) continue;
            struct pl_modbus_order order = {(at & 1) != 0, (at & 2) != 0};
            uint16_t again[4];
            (void)pl_modbus_value(answer->data + 2 * (size_t)at, (struct pl_modbus_format){(uint8_t)type, -1, order});
            pl_modbus_put_bits(again, registers, order,
                               pl_modbus_bits(answer->data + 2 * (size_t)at, registers, order));
            for (unsigned i = 0; i < registers; i++)
                EXPECT(again[i] == pl_modbus_register(answer->data, at + i));
        }
}

static void take(const struct pl_modbus_call *call, const uint8_t *request, const struct pl_modbus_frame *frame) {
    struct pl_modbus_answer answer;
    if (!pl_modbus_match(request, frame, &answer)) return;
    EXPECT(answer.count == call->count);
    EXPECT((answer.status == PL_MODBUS_EXCEPTION) == (answer.exception != 0));
    bool has_data = answer.status == PL_MODBUS_OK && call->function <= PL_MODBUS_READ_INPUT;
    EXPECT((answer.data != NULL) == has_data);
    if (!has_data) return;
    EXPECT(answer.data + answer.size == frame->pdu + frame->pdu_size);
    read_values(call, &answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 6) return 0;
    struct pl_modbus_call call = {
        .unit = bytes[0],
        .function = bytes[1],
        .address = (uint16_t)(bytes[2] << 8 | bytes[3]),
        .count = (uint16_t)(bytes[4] << 8 | bytes[5]),
        .values = written,
    };
    uint8_t request[PL_MODBUS_ADU_MAX];
    size_t request_size = pl_modbus_encode(&call, 1, request);
    EXPECT((request_size != 0) == pl_modbus_call_check(&call));
    EXPECT(request_size <= PL_MODBUS_ADU_MAX);
    if (request_size == 0) return 0;
    struct pl_modbus_frame frame;
    EXPECT(pl_modbus_find(request, request_size, &frame) == PL_MODBUS_FRAME && frame.size == request_size);
    for (bytes += 6, size -= 6;;) {
        enum pl_modbus_found found = pl_modbus_find(bytes, size, &frame);
        find_in_pieces(bytes, size, found, found == PL_MODBUS_FRAME ? frame.size : 0);
        if (found != PL_MODBUS_FRAME) return 0;
        EXPECT(frame.size <= size && frame.pdu + frame.pdu_size == bytes + frame.size);
        take(&call, request, &frame);
        bytes += frame.size;
        size -= frame.size;
    }
}
