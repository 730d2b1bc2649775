/* setpoints.h: the operator optimize.setpoints: a state that the twin tells becomes a run (run.h), its answer becomes
 * set points, renewed as leases until the next answer.
 *
 *     twin.state --> is the twin sure of it? --> run --> optimize.run, and what gave way: .relaxed, .accepted,
 * .baseline no: optimize.held           | watermark ---------------------------------+--> set points, each `renew`;
 * after `hold` no more: optimize.lapsed
 *
 *     setpoints.c   life cycle, rows in      answer.c     a run, what becomes of its answer, events
 *     options.c     options                  commands.c   constraints get, set, list, validate; kept across runs
 */
#ifndef OPTIMIZE_SETPOINTS_H
#define OPTIMIZE_SETPOINTS_H

#include <potline/potline.h>

#include "limits.h"
#include "run.h"

enum { PORT_OUT, PORT_EVENTS };
enum { REASON_MAX = 256 };
enum { TABLE_POTS, TABLE_PROGRESS, TABLE_FOLLOWED };
enum target { TARGET_ACD, TARGET_FEED, TARGET_ALF3, TARGETS };
enum count {
    COUNT_RUNS,
    COUNT_OPTIMAL, /* and by rung from here on */
    COUNT_RELAXED,
    COUNT_ACCEPTED,
    COUNT_BASELINE,
    COUNT_HELD,
    COUNT_LATE,
    COUNT_LAPSED,
    COUNT_SENT,
    COUNT_REPLAYED
};
enum watched { WATCHED_HEALTH, WATCHED_RISK, WATCHED_NOISE, WATCHED_STANDS, WATCHED };

struct watch { /* the newest value of a signal */
    double value;
    pl_time time;
};

struct pot_record { /* by asset */
    double accepted[POT_VARIABLES];
    uint64_t known; /* there is one */
    pl_time solved_at, sent_at;
    struct watch watch[WATCHED];
    uint64_t sends; /* set points are renewed */
    double set[TARGETS], lower[TARGETS], upper[TARGETS];
    uint64_t token;
    uint64_t rung;           /* enum pot_rung of the newest run; solved_at 0: there was none */
    double energy[2];        /* kWh/t: at the baseline, and as decided */
    char reason[REASON_MAX]; /* of the decision, ended by 0 */
};

struct followed_record { /* by asset */
    pl_time since;       /* the twin follows it, as far as is known; 0: not at all */
};

struct progress_record {
    uint64_t token; /* the highest given out: generations never fall */
};

struct option_limit { /* a row of the option `limits` */
    const char *scope;
    uint32_t of;
    double low, high;
    int64_t rank;
};

struct optimize {
    /* options */
    uint32_t solver;
    int64_t evaluations, starts, scenarios;
    double tolerance, health;
    pl_time deadline, every, renew, lease, hold, settle, fresh, feed_time, dose_time;
    const char *target[TARGETS], *noise;
    struct pl_list limit_rows;
    struct pl_strings tariff_by_hour;
    struct pot_objective objective;
    struct pot_spread spread;
    double noise_quiet, noise_distance, baseline[POT_VARIABLES];
    bool weights_given, spread_given, baseline_given;
    uint32_t current; /* enum: hold, free */

    struct pl_node *node;
    struct limits limits; /* the graph's, then people's */
    struct run *run;
    struct pot_result *result;
    struct pl_pack *body;
    uint8_t *of_tag; /* [tag]: its watch + 1; UINT8_MAX: none of ours */
    uint32_t tag_room;
    uint32_t kind_state, kind_begun, kind_run, own;
};

/* options.c */
extern const struct pl_option optimize_options[];
void optimize_check(void *self, struct pl_check *check);
enum pl_code optimize_limits(struct optimize *s, struct pl_error **error); /* the option's, into `limits` */
void optimize_setup(const struct optimize *s, pl_time time, struct pot_setup *setup);

/* answer.c: false: the node has no memory any more. */
void answer_begun(struct optimize *s, uint32_t asset, pl_time time); /* the twin begins (anew) to follow it */
bool answer_state(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size);
bool answer_again(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size);
bool answer_renew(struct optimize *s, pl_time now);

/* commands.c */
extern const struct pl_command optimize_commands[];
enum pl_code constraints_load(struct optimize *s, struct pl_error **error);

#endif
