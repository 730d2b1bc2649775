/* modbus.h: the Modbus application protocol, without the transport: one request in, one answer out.
 *
 * Functions 3, 4, 6 and 16 of registers; 1, 5 and 15 of the switches among them. Nothing that comes in is trusted;
 * whatever is not understood gets an exception.
 */
#ifndef PLANT_MODBUS_H
#define PLANT_MODBUS_H

#include "plc.h"

enum { PLANT_PDU_MAX = 253, PLANT_READ_MAX = 125, PLANT_WRITE_MAX = 123 };

/* Answers the request of `size` bytes (1 to PLANT_PDU_MAX) to `unit` into out[PLANT_PDU_MAX]; returns the answer's
 * size. */
size_t plant_modbus_answer(struct plant_plc *plc, uint8_t unit, const uint8_t *request, size_t size, uint8_t *out);

#endif
