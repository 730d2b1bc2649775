/* upkeep.h: a thread that keeps a data folder within what the graph allows: the oldest rows of zones (trim.h) and
 * records of the audit go, and the last place of the audit is told, while the engine runs.
 *
 * Threads: any, but for new and free.
 */
#ifndef POTLINE_UPKEEP_H
#define POTLINE_UPKEEP_H

#include <stdbool.h>

#include "runtime/journal.h"
#include "runtime/trim.h"

struct pl_upkeep;

struct pl_upkeep_options {
    struct pl_trim_options trim;
    struct pl_journal *journal;
    const struct pl_clock *clock;
};

enum pl_code pl_upkeep_new(const struct pl_upkeep_options *options, struct pl_upkeep **upkeep, struct pl_error **error);
void pl_upkeep_free(struct pl_upkeep *upkeep); /* waits for the pass that is under way; NULL is fine */

/* The zones as of the last pass, which is some minutes old at most; false: there has been none yet. */
bool pl_upkeep_zones(struct pl_upkeep *upkeep, struct pl_trim_zone zones[PL_ZONES]);

#endif
