/* targets.h: what may be written to a device: a register or coil for each set point, and how a value stands in it.
 *
 * A target says besides where the device has its own switch between manual and automatic, which is read in front of
 * every write: while it is on, nothing is written there.
 *
 * Pure but for pl__targets_init. Nothing is allocated behind it.
 */
#ifndef MODBUS_TARGETS_H
#define MODBUS_TARGETS_H

#include <potline/operator.h>

#include "pdu.h"
#include "plan.h"
#include "value.h"

/* One row of the map, as the option table fills it in. */
struct pl__target_row {
    const char *tag;
    const char *description;
    int64_t unit; /* -1: the node's */
    uint32_t coil;
    int64_t address;
    uint32_t type;
    uint32_t words, bytes; /* enum pl__order_choice */
    double scale, offset;
    double tolerance;
    int64_t manual; /* -1: there is none */
    uint32_t manual_table;
    int64_t manual_bit;
};

struct pl__targets_options {
    const struct pl__target_row *rows;
    uint32_t count;
    uint8_t unit;
    struct pl_modbus_order order;
};

enum { PL__TARGET_REGISTERS = 4 };

struct pl__target {
    uint32_t tag, asset;
    struct pl_modbus_format format;
    double scale, offset, tolerance;
    uint8_t unit;
    bool coil;
    uint16_t address;
    uint8_t registers;
    bool has_manual;
    uint8_t manual_table; /* enum pl__modbus_table */
    int8_t manual_bit;
    uint16_t manual;
};

struct pl__targets {
    uint32_t count;
    struct pl__target *target; /* by ascending tag */
};

/* Reports what is wrong with the rows, each by its place in the list `registers`. */
void pl__targets_check(const struct pl__targets_options *options, struct pl_check *check);

/* The tag of the row whose value, or whose switch, stands in this holding register; NULL: none. */
const char *pl__targets_taken(const struct pl__targets_options *options, int64_t unit, int64_t address);

/* From checked rows; pl__targets_fini in success and failure. */
enum pl_code pl__targets_init(struct pl__targets *targets, const struct pl__targets_options *options,
                              struct pl_tags *tags, struct pl_error **error);
void pl__targets_fini(struct pl__targets *targets);

/* Its index; -1: the device has no such set point. */
int64_t pl__targets_find(const struct pl__targets *targets, uint32_t tag);

/* The registers (or the coil) for a value; false when its type cannot hold it. */
bool pl__target_encode(const struct pl__target *target, double value, uint16_t registers[PL__TARGET_REGISTERS]);
double pl__target_decode(const struct pl__target *target, const struct pl_modbus_answer *answer);

/* What was read is what was written, as near as the type and the tolerance allow. */
bool pl__target_matches(const struct pl__target *target, double wanted, double found);

struct pl_modbus_call pl__target_read(const struct pl__target *target);
struct pl_modbus_call pl__target_write(const struct pl__target *target, const uint16_t *registers);
struct pl_modbus_call pl__target_read_manual(const struct pl__target *target);
bool pl__target_is_manual(const struct pl__target *target, const struct pl_modbus_answer *answer);

#endif
