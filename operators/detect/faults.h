/* faults.h: which fault an alarm of an asset is about.
 *
 * An alarm says that a frame is surprising. People want to know what happened, and when it is over:
 *
 *     nothing under way           a fault begins, but where its lead is on its way back from one that was told
 *     the lead is back            it is the end of the fault that is seen, and nothing of it is told as a fault
 *     the lead went on            its peak
 *     the lead is on the other    another fault takes its place: on the other side, of a signal that had no part in
 *     side, or another one        it, or larger than one that was over already
 *
 * The lead is the member that says most. It is back when its mean and its activity are where they were before the fault
 * (series.h); a score, when it is below its threshold.
 *
 * What ends while its lead is not back has been taken for usual, or another one has taken its place. It is kept for as
 * long as what was before it is remembered, and told to be over when it is.
 */
#ifndef POTLINE_DETECT_FAULTS_H
#define POTLINE_DETECT_FAULTS_H

#include "ensemble.h"

/* A complete frame with its verdict; `lead`: the place of the member that says most. False: the node has failed. */
bool faults_follow(struct ensemble *e, uint32_t subject, struct asset *asset, const struct verdict *verdict,
                   uint32_t lead);

/* No more is to come. */
bool faults_stop(struct ensemble *e, uint32_t subject, struct asset *asset);

#endif
