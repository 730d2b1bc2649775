/* follow_impl.h: what the files of a cell that is followed share.
 *
 *     readings --follow_span_of--> span --go_on (follow.c)--> the model at the step's end --follow_see--> corrected
 */
#ifndef TWIN_FOLLOW_IMPL_H
#define TWIN_FOLLOW_IMPL_H

#include "cell.h"
#include "follow.h"

enum {
    FOLLOW_METAL_DENSITY = 2300, /* kg/m3 */
    FOLLOW_BY_HAND = 900         /* s behind an anode effect in which the crew feeds by hand */
};

/* What is known of one step beside the readings. */
struct follow_span {
    double seconds, current;       /* s, A */
    double feed, fluoride, tapped; /* kg */
    double caught_up;              /* kg of `feed` that may have come at any time since it was counted last */
    bool gap_told;                 /* what was fed in minutes before is known anew */
    double moved;                  /* cm, upwards, by beam and metal */
    double range;                  /* cm that the beam went to and fro */
};

/* From the readings of a step that ends then, which of them are to be believed (`good`, by signal) and what they say.
 */
struct follow_span follow_span_of(struct follow_record *r, const struct follow_setup *setup,
                                  const struct follow_reading *in, bool *good, pl_time end);

/* Pulls the model, which stands at the end of the span (`t`, s), to the readings. */
void follow_see(struct follow *f, struct follow_record *r, const struct follow_setup *setup,
                const struct follow_reading *in, const bool *good, const struct follow_span *span, double t,
                struct follow_result *out);

/* The model's parameter of that name. */
double follow_value(const struct follow_setup *setup, const char *name);

/* 1/s: how fast what lies undissolved dissolves. */
double follow_dissolving(const struct cell *c);

/* cm: a distance as it may be. */
double follow_kept_apart(double distance);

/* Anodes that take no current yet. */
double follow_cold(const struct follow_record *r);

/* s for which the count of the feed has told nothing new; 0 where that is nothing unusual. */
double follow_untold(const struct follow_record *r);

/* Has nobody counted the feed for so long that its balance says nothing? */
bool follow_uncounted(const struct follow_record *r);

#endif
