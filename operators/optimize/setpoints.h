/* setpoints.h: the operator optimize.setpoints: a state that the twin tells becomes a run (run.h), its answer becomes
 * set points, renewed as leases until the next answer.
 *
 *     twin.state --> is the twin sure of it? --> run --> optimize.run; what gave way: .relaxed, .accepted, .baseline
 *                     no: optimize.held           |
 *     watermark ----------------------------------+----> set points, each `renew`; after `hold` no more: .lapsed
 *
 *     setpoints.c   life cycle, rows in      answer.c     a run, what becomes of its answer, events
 *     options.c     options                  commands.c   constraints get, set, list, validate; kept across runs
 *     evaluate.c    a problem at a point, for another solver
 *     line_answer.c a line's current, by the newest states of its pots
 */
#ifndef OPTIMIZE_SETPOINTS_H
#define OPTIMIZE_SETPOINTS_H

#include <potline/potline.h>

#include "limits.h"
#include "run.h"

enum { PORT_OUT, PORT_EVENTS };
enum { REASON_MAX = POT_REASON_MAX };
enum { TABLE_POTS, TABLE_PROGRESS, TABLE_FOLLOWED, TABLE_STATES };
enum { STATE_ROOM = 16 << 10 };
enum current { CURRENT_HOLD, CURRENT_FREE, CURRENT_LINE };
enum target { TARGET_ACD, TARGET_FEED, TARGET_ALF3, TARGET_CURRENT, TARGETS };
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

struct pot_record { /* by asset: a pot, or a line */
    double accepted[POT_VARIABLES];
    uint64_t known; /* there is one */
    pl_time solved_at, sent_at;
    struct watch watch[WATCHED];
    uint64_t sends; /* set points are renewed */
    double set[TARGETS], lower[TARGETS], upper[TARGETS];
    uint64_t token;
    uint64_t rung;           /* enum pot_rung of the newest run; solved_at 0: there was none */
    pl_time tried_at;        /* a line's newest run, or that it could not be one */
    double energy[2];        /* kWh/t: at the baseline, and as decided */
    char reason[REASON_MAX]; /* of the decision, ended by 0 */
};

struct followed_record { /* by asset */
    pl_time since;       /* the twin follows it, as far as is known; 0: not at all */
};

struct state_record { /* by asset: what its twin has told last, for its line's problem */
    pl_time time;
    uint64_t size; /* 0: it is not believed */
    uint8_t bytes[STATE_ROOM];
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
    int64_t evaluations, starts, scenarios, line_pots;
    double tolerance, health;
    pl_time deadline, every, renew, lease, hold, settle, fresh, feed_time, dose_time, line_every, line_deadline;
    const char *target[TARGETS], *noise;
    struct pl_list limit_rows;
    struct pl_strings tariff_by_hour;
    struct pot_objective objective;
    struct pot_spread spread;
    struct purity purity;
    double noise_quiet, noise_distance, baseline[POT_VARIABLES];
    bool weights_given, spread_given, baseline_given, purity_given;
    uint32_t current; /* enum current */

    struct pl_node *node;
    struct limits limits; /* the graph's, then people's */
    struct run *run;
    struct pot_result *result;
    struct pl_pack *body;
    uint8_t *of_tag; /* [tag]: its watch + 1; UINT8_MAX: none of ours */
    uint32_t tag_room;
    uint32_t kind_state, kind_begun, kind_run, kind_line, kind_evaluate, own;
};

/* options.c */
extern const struct pl_option optimize_options[];
void optimize_check(void *self, struct pl_check *check);
enum pl_code optimize_limits(struct optimize *s, struct pl_error **error); /* the option's, into `limits` */
double optimize_tariff(const struct optimize *s, pl_time time);            /* money by kWh */
void optimize_setup(const struct optimize *s, pl_time time, struct pot_setup *setup);

/* answer.c: false: the node has no memory any more. */
void answer_begun(struct optimize *s, uint32_t asset, pl_time time); /* the twin begins (anew) to follow it */
bool answer_state(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size);
bool answer_again(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size);
bool answer_renew(struct optimize *s, pl_time now);

/* answer.c: parts of it */
struct pot_record *answer_record(struct optimize *s, uint32_t asset);
const char *answer_name(const struct optimize *s, uint32_t id);
uint64_t answer_id(const struct optimize *s, const char *name, pl_time time);
bool answer_tell(struct optimize *s, pl_time time, const char *kind, uint16_t severity, uint32_t asset,
                 const char *why);
bool answer_hold(struct optimize *s, uint32_t asset, pl_time time, const char *why);
bool answer_rung(struct optimize *s, uint32_t asset, pl_time time, enum pot_rung rung, const char *why);
/* For how long the twin has followed it: since it was begun, or else since its first state that was seen. */
pl_time answer_followed(struct optimize *s, uint32_t asset, pl_time time);
const char *answer_doubt(struct optimize *s, uint32_t asset, const struct pot_record *r, pl_time time, char *room,
                         size_t size);
/* Limits and what is known of the pot, into a run; true: its noise is known, or not needed. */
bool answer_input(struct optimize *s, uint32_t asset, const struct pot_record *r, pl_time time, struct run *run);
bool answer_fresh(const struct optimize *s, const struct watch *watch, pl_time now);
/* Keeps what was decided, and sends it. */
void answer_decided(struct optimize *s, struct pot_record *r, pl_time time, enum pot_rung rung, const double energy[2],
                    const char *reason);
bool answer_next(struct optimize *s, pl_time time); /* a newer generation */
bool answer_send(struct optimize *s, uint32_t asset, struct pot_record *r, pl_time time, const char *reason);

/* evaluate.c: the problem of a pot as another solver sees it, at a point. */
bool answer_evaluate(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size);

/* line_answer.c: the state of a pot is one of its line's, which is decided each `line_every`. */
enum pl_code line_check(const struct optimize *s, struct pl_error **error); /* what only an open node knows */
bool line_state(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size);
bool line_again(struct optimize *s, uint32_t asset, pl_time time, const void *body, uint32_t size);

/* commands.c */
extern const struct pl_command optimize_commands[];
enum pl_code constraints_load(struct optimize *s, struct pl_error **error);

#endif
