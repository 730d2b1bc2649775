/* frame.h: the signals of one asset at one time, put together from samples, and what is known about the asset.
 *
 *     learning   the first frames are kept as they are, `train` of them
 *     judging    the parts (level.h, scatter.h, local.h) hold each frame against what was learned
 *
 * A frame is complete when all signals known so far have come, or when one of a later time has. A signal that is
 * missing keeps the value it had. Everything lies in one table record of a size that depends on the rule; `frame_view`
 * says where. The order of the signals is the order in which they first came.
 */
#ifndef POTLINE_DETECT_FRAME_H
#define POTLINE_DETECT_FRAME_H

#include "drift_watch.h"

enum { FRAME_SIGNALS_MAX = 255 };

struct level_rule {
    uint32_t smooth;  /* rows of which the mean is judged */
    uint32_t block;   /* rows of a block, whose means show how independent rows are */
    double least;     /* part of the learned mean that is the least deviation of interest */
    double freedom;   /* independent rows that a signal needs to be judged */
    uint32_t adapt;   /* rows over which the learned mean follows; 0: never */
    uint32_t persist; /* rows beyond the limit that make an alarm */
    double back;      /* part of the limit at which the alarm is over */
    uint32_t accept;  /* rows of an alarm after which its level is the learned one; 0: never */
    int side;         /* +1, -1: only above, below counts; 0: both */
};

struct change_rule {
    uint32_t recent; /* rows of which the mean ... */
    uint32_t before; /* ... is held against that of so many before them */
    uint32_t apart;  /* rows from one change to the next, at least */
};

struct local_rule {
    uint32_t window;
    uint32_t memory; /* rows over which the usual deviation is known */
    double most;     /* times the usual deviation that count of one signal */
};

struct scatter_rule {
    bool robust;
    uint32_t lags;   /* frames before it that are judged along with a frame */
    double share;    /* of the variance, held by the components that have a T2 of their own; 0: one T2 of all */
    uint32_t forget; /* frames over which what was learned is forgotten for what comes; 0: it stays as it is */
    uint32_t every;  /* frames that teach from one calculation of the components to the next */
    uint32_t accept; /* frames of an alarm after which they teach, too; 0: never */
    uint32_t late;   /* frames until one teaches: an alarm by then is what it began */
};

struct frame_rule {
    uint32_t signals; /* at most */
    uint32_t train;
    bool level, change, scatter, local;
    struct level_rule levels;
    struct change_rule changes;
    struct local_rule locals;
    struct scatter_rule scatters;
    double threshold;
    uint32_t rows_kept;    /* of the ring of last frames */
    uint32_t drift_window; /* frames that are held against those that taught (drift.h); 0: none */
};

enum { FRAME_LEARNING, FRAME_JUDGING };

/* What a frame is judged by: the distance in all components, in the first ones, off the first ones. */
enum { SCATTER_ALL, SCATTER_T2, SCATTER_Q, SCATTER_STATISTICS };

/* Why there is an alarm: which part of the operator, and the signals with most to do with it. */
enum { FRAME_TAGS = 3 };
struct frame_reason {
    double share[FRAME_TAGS];
    double now, usual;          /* of the first signal, where its level or course is why */
    uint32_t place[FRAME_TAGS]; /* of the signal in its frame: ids of tags are another run's */
    uint32_t tags;
    uint32_t why;
    uint32_t alone; /* it is the only signal that is judged */
};

/* A level that was told to last: it has been accepted. Where it came from is known for ten times as long as that took.
 */
struct frame_lasting {
    struct episode episode; /* active: there is one */
    struct frame_reason reason;
    uint64_t until; /* frame */
    uint32_t told;  /* to be over */
    uint32_t reserved;
};

/* Of an asset. */
struct frame {
    pl_time time;      /* of the signals gathered; judged, when `open` is not set */
    uint64_t rows;     /* frames since it was learned */
    uint32_t known;    /* signals */
    uint32_t modelled; /* of them, those that were there when it was learned: the others are not judged */
    uint32_t came;     /* of the frame at hand */
    uint32_t open;
    uint32_t begun; /* a frame was closed before, so `known` says what is complete */
    uint32_t state;
    uint32_t learned;  /* frames kept for learning, or learned from */
    uint32_t teaching; /* the frame at hand is only to learn from */
    uint32_t since_change;
    double scatter_scale[SCATTER_STATISTICS];
    uint32_t scatter_signals; /* and those of the frames before; 0: nothing to judge by */
    uint32_t scatter_kept;    /* components with a T2 of their own */
    uint32_t local_rows;
    uint32_t settled;           /* frames let pass before learning */
    uint32_t quiet;             /* since the last alarm of the episode */
    struct frame_reason reason; /* of the episode, at its peak */
    uint32_t scatter_rows;      /* frames that the scatter was learned from */
    uint32_t taught;            /* of them, those whose weight is not forgotten yet; `forget` at most */
    uint32_t due;               /* frames that have taught since the components were calculated */
    uint32_t alarmed;           /* frames with alarms, less those without since (teaching.h) */
    struct episode episode;
    pl_time first, last; /* of the frames that taught at first */
    double distance;     /* of the newest frame, in all components: T2 over what it is on average */
    struct drift_watch drift;
    struct frame_lasting lasting;
};

/* What follows a struct frame in its record: [signal] where nothing else is said. */
struct frame_view {
    double *value;  /* of the frame at hand; NaN: missing */
    double *held;   /* the last that was there */
    double *there;  /* 1: it was in the frame before */
    double *train;  /* [frame][signal] */
    double *recent; /* ring, [row][signal] */
    double *mean, *deviation, *limit, *freedom;
    double *active;     /* 0, or the sign of the deviation */
    double *persistent; /* rows beyond the limit */
    double *factor;     /* lower triangle of the Cholesky factor, or components; [width][width] (frame_width) */
    double *centre, *spread, *variance; /* [width] */
    double *average, *cross, *squares;  /* a struct covariance of what has taught; [width], [width][width], 1 */
    double *first_spread;               /* what `spread` was at first; [width] */
    double *alarms;                     /* ring, 1 or 0 by row: it was an alarm */
    double *stood;                      /* ring, [row][signal]: frames that it has repeated its value */
    double *stood_most;                 /* the most of them while it was learned */
    double *window, *sorted;            /* [signal][window] */
    double *usual;                      /* deviation from the median of the window */
    struct drift_usual *lay;            /* how each signal, and behind them the distance, lay; [signals + 1] */
    uint32_t *seen;                     /* [signals + 1][DRIFT_BINS] */
    double *step;                       /* the largest from frame to frame */
    double *score;                      /* of each signal, by the part at hand: scratch */
};

/* Signals of the rows that scatter looks at: those of a frame and of the `lags` before it. */
static inline uint32_t frame_width(const struct frame_rule *rule) {
    return rule->signals * (1 + rule->scatters.lags);
}

size_t frame_size(const struct frame_rule *rule);
struct frame_view frame_view(const struct frame_rule *rule, struct frame *frame);

/* The frame at hand is complete: missing values are filled from those held. */
void frame_fill(const struct frame_rule *rule, struct frame *frame, struct frame_view *view);

/* How many signals have moved three times as far from the frame before as ever; before frame_fill. */
uint32_t frame_jumps(const struct frame *frame, const struct frame_view *view);

/* Has a signal jumped by itself: one that moved little by little while it was learned (each frame has 0.9 of the one
 * before, or more, by von Neumann's ratio), and now by more than four times its largest step? It must have been there
 * in the frame before, too. A mass of water does not do so between two frames; a broken sensor does. */
bool frame_jumps_alone(const struct frame_rule *rule, const struct frame *frame, const struct frame_view *view,
                       uint32_t signal);

/* The frame at hand goes on from the one before: its steps are usual ones. */
void frame_learn_steps(const struct frame *frame, struct frame_view *view);

/* Forgets what was learned, and begins anew with the next frame. */
void frame_forget(struct frame *frame);

/* The `back`th frame before the newest of the ring. */
static inline const double *frame_recent(const struct frame_rule *rule, const struct frame *frame,
                                         const struct frame_view *view, uint64_t back) {
    return view->recent + (frame->rows - back) % rule->rows_kept * rule->signals;
}

#endif
