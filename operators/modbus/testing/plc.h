/* plc.h: source.modbus in a harness, and what came out of it: for the tests of the source. */
#ifndef MODBUS_TESTING_PLC_H
#define MODBUS_TESTING_PLC_H

#include <potline/harness.h>
#include <potline/potline.h>

struct plc {
    struct pl_harness *harness;
    struct pl_batch *samples; /* of the last poll (its last batch) */
    char events[8192];        /* "kind tag {body}" a line, all so far */
};

/* Opens the source with `options` (a format of YAML) or fails the test. */
void plc_open(struct plc *plc, const char *options, ...) PL_PRINTF(2, 3);
void plc_close(struct plc *plc);

/* Runs until the next batch of samples; fails the test after half a minute. */
const struct pl_batch *plc_next(struct plc *plc);

/* Runs polls until a row of `tag` has the quality; fails the test after half a minute. Returns its value. */
double plc_until(struct plc *plc, const char *tag, uint16_t quality);

/* The row of `tag` in the last batch; fails the test when there is not exactly one. */
uint32_t plc_row(const struct plc *plc, const char *tag);
double plc_value(const struct plc *plc, const char *tag);
uint16_t plc_quality(const struct plc *plc, const char *tag);

/* Runs, samples aside, until an event's line contains `part`; fails the test after half a minute. */
void plc_until_event(struct plc *plc, const char *part);

uint64_t plc_count(const struct plc *plc, const char *counter);
unsigned plc_events(const struct plc *plc, const char *part); /* how many lines contain it */

/* What opening with `options` says is wrong. The caller frees with pl_free. */
char *plc_refusal(const char *options);

#endif
