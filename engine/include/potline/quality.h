/* quality.h: how far a value can be trusted: 16 bits a row.
 *
 * The two top bits are the severity as OPC UA means it (OPC UA part 4, 7.39 StatusCode: 00 good, 01 uncertain, 10 bad);
 * the rest are flags that say why. Cleansing never destroys: it flags, and replaces a value only with PL_Q_REPLACED
 * set. A missing value is NaN *and* PL_Q_MISSING with severity bad.
 */
#ifndef POTLINE_QUALITY_H
#define POTLINE_QUALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define PL_Q_GOOD 0x0000u
#define PL_Q_UNCERTAIN 0x4000u
#define PL_Q_BAD 0x8000u
#define PL_Q_SEVERITY 0xC000u

/* Flag, bit, the name in exports and JSON. */
#define PL_QUALITY_MAP(XX)                                                                                             \
    XX(MISSING, 0, "missing")                                                                                          \
    XX(OUT_OF_RANGE, 1, "out_of_range")                                                                                \
    XX(SPIKE, 2, "spike")                                                                                              \
    XX(RATE, 3, "rate")                                                                                                \
    XX(FROZEN, 4, "frozen")                                                                                            \
    XX(STALE, 5, "stale")                                                                                              \
    XX(LATE, 6, "late")                                                                                                \
    XX(REPLACED, 7, "replaced")                                                                                        \
    XX(BACKFILLED, 8, "backfilled")                                                                                    \
    XX(SIMULATED, 9, "simulated")                                                                                      \
    XX(MANUAL, 10, "manual")                                                                                           \
    XX(PROVISIONAL, 11, "provisional")

enum pl_quality_flag {
#define PL_QUALITY_ENUM(name, bit, text) PL_Q_##name = 1u << (bit),
    PL_QUALITY_MAP(PL_QUALITY_ENUM)
#undef PL_QUALITY_ENUM
};

static inline bool pl_quality_bad(uint16_t quality) {
    return (quality & PL_Q_BAD) != 0;
}

/* The worse severity of the two, the flags of both. */
static inline uint16_t pl_quality_join(uint16_t a, uint16_t b) {
    uint16_t severity = (a & PL_Q_SEVERITY) > (b & PL_Q_SEVERITY) ? a & PL_Q_SEVERITY : b & PL_Q_SEVERITY;
    return (uint16_t)(severity | ((a | b) & ~PL_Q_SEVERITY));
}

/* "good", "bad|missing", "uncertain|spike|replaced"; 'size' of 160 holds every combination. Returns the length. */
PL_API size_t pl_quality_format(uint16_t quality, char *text, size_t size);

/* Reads what pl_quality_format writes; false when a word is unknown. */
PL_API bool pl_quality_parse(const char *text, size_t length, uint16_t *quality);

#endif
