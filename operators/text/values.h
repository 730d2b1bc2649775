/* values.h: what a source makes of the values that a text holds: numbers, states, and what stands for none.
 *
 * A value that is missing, or neither number nor state, is a row all the same: NaN with PL_Q_BAD | PL_Q_MISSING. The
 * counts tell how many there were. One thread.
 */
#ifndef POTLINE_VALUES_H
#define POTLINE_VALUES_H

#include <potline/option.h>
#include <potline/quality.h>
#include <potline/tag.h>

#include "number.h"

/* Totals over all streams of a reader. */
struct pl_reader_counts {
    uint64_t missing;  /* rows without a value */
    uint64_t texts;    /* of these, values that were neither number nor state */
    uint64_t left_out; /* rows by include and exclude */
};

struct pl_values {
    struct pl_tags *tags;
    const struct pl_strings *missing; /* words and numbers that stand for a missing value */
    double *missing_number;           /* the numbers among them; owned */
    uint32_t missing_numbers;
    uint64_t points; /* the decimal point's character in all eight bytes */
    struct pl_reader_counts counts;
};

/* `tags` and `missing` are borrowed. False without memory; pl_values_fini takes it all the same. */
bool pl_values_init(struct pl_values *values, struct pl_tags *tags, const struct pl_strings *missing, char point);
void pl_values_fini(struct pl_values *values);

/* Each gives the quality. There is no value; the value is a number, which may still stand for none. */
uint16_t pl_values_none(struct pl_values *values, double *value);
uint16_t pl_values_number(struct pl_values *values, double *value);

/* A text that is perhaps a number, a word for none, or a state of the tag. May be read PL_SLACK bytes past its end. */
uint16_t pl_values_text(struct pl_values *values, uint32_t tag, const char *text, uint32_t length, double *value);

/* A quality as words, in any case, as pl_quality_format writes them, or as a number. What is neither is uncertain. */
uint16_t pl_values_quality(const char *text, uint32_t length);

/* What the source says of a value joined to what was seen of it. One that is said to be missing is missing. */
uint16_t pl_values_said(struct pl_values *values, uint16_t seen, uint16_t said, double *value);

#endif
