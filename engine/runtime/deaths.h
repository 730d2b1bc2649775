/* deaths.h: how often the process of an isolated node has died, and at what: whether it is worth another try.
 *
 *     a death --> at the same record as the one before?  three times --> stop: that record is what it cannot do
 *             --> nothing was done since the one before? ten times   --> stop: it never will
 *             --> else: again, after a while that grows with how many there were without a step forward
 *
 * Where a record that cannot be done is to be left out (a program that is none of ours), it is remembered as such
 * instead of a stop, and counts as a step forward: pl_deaths_skips says so when it comes again.
 *
 * A record is known by a number that is the same when it comes again. Where several were under way, those that were so
 * at both deaths are meant; behind a first death its task gives one at a time (`careful`), so that in the end it is
 * one.
 *
 * It outlives the engines that a run starts one after another. Any thread.
 */
#ifndef POTLINE_DEATHS_H
#define POTLINE_DEATHS_H

#include <potline/error.h>
#include <potline/time.h>
#include <stdbool.h>

enum { PL_DEATHS_RECORDS = 64, PL_DEATHS_AT_RECORD = 3, PL_DEATHS_IN_VAIN = 10, PL_DEATHS_SKIPPED = 1024 };

struct pl_deaths;
struct pl_deaths *pl_deaths_new(void); /* NULL without memory */
void pl_deaths_free(struct pl_deaths *deaths);

struct pl_death {
    const char *node;
    unsigned partition;
    const uint64_t *records; /* under way, the oldest first; only the first PL_DEATHS_RECORDS count */
    unsigned count;
    uint64_t progress; /* of the run, as a number that grows: what was done is done */
    bool nonsense;     /* it was ended for what it said */
    bool skips;        /* one record that it always dies at is left out */
};

struct pl_verdict {
    bool stop;
    bool at_record;  /* it was that of `stop`, or would be */
    bool skip;       /* it is to be left out from now on, and there is no stop */
    uint64_t record; /* which one, where it is only one; else 0 */
    unsigned times;  /* in a row: at it, or in vain */
    pl_time delay;   /* before another try */
};

void pl_deaths_note(struct pl_deaths *deaths, const struct pl_death *death, struct pl_verdict *verdict);

/* It has died, and has not got past that since. */
bool pl_deaths_careful(struct pl_deaths *deaths, const char *node, unsigned partition);
/* It has done this record. */
void pl_deaths_passed(struct pl_deaths *deaths, const char *node, unsigned partition, uint64_t record);

/* It has been given up: the last PL_DEATHS_SKIPPED of them are known. */
bool pl_deaths_skips(struct pl_deaths *deaths, const char *node, unsigned partition, uint64_t record);

uint64_t pl_deaths_count(struct pl_deaths *deaths, const char *node); /* in all */
uint64_t pl_deaths_nonsense(struct pl_deaths *deaths, const char *node);
uint64_t pl_deaths_skipped(struct pl_deaths *deaths, const char *node);

#endif
