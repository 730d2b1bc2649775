/* verdict.h: what detectors say, in the one shape that all of them have.
 *
 *     out      samples SUBJECT.score (0 to 1, 0.5 is the threshold) and SUBJECT.alarm (0 or 1), in this order, and
 *              SUBJECT.changepoint where the detector looks for such; of each row judged
 *     events   detect.began when an alarm begins; detect.grew when its score has passed the next of 0.55, 0.6 ... 0.95
 *              (and where that can say no more, when its size is the next of 2, 4 ... 64 times TAIL_SURPRISE_MAX), so
 *              at most fifteen times while a threshold stands; detect.ended with all there is to say of it, and how it
 *              has ended: not with "back", and another detect.ended with the same `start` may say later that it is over
 *
 * Detectors work in surprise, minus the decimal logarithm of how likely so much is when all is well. A score is
 * 1 - 2^(-surprise / threshold), so that scores of different signals can be compared and an alarm is at 0.5. What is
 * rarer than one in 10^TAIL_SURPRISE_MAX is no probability any more; how large it is, size tells: the surprise that the
 * same law gives without a limit.
 */
#ifndef POTLINE_DETECT_VERDICT_H
#define POTLINE_DETECT_VERDICT_H

#include <potline/potline.h>

enum { VERDICT_OUT, VERDICT_EVENTS, VERDICT_TAGS = 3 };

/* An alarm under way; in a table's record. */
struct episode {
    pl_time began;
    pl_time last;    /* the newest row beyond the threshold */
    double peak;     /* surprise */
    uint32_t active; /* 0, or EPISODE_... */
    float size;      /* the greatest; 0: the detector tells none */
};

enum { EPISODE_ON = 1, EPISODE_TAUGHT = 2 /* what it is about has been taken for usual since */ };

struct verdict {
    double surprise;
    double threshold; /* surprise that is an alarm */
    double size;      /* 0: it tells none */
    bool alarm;
    bool changepoint;
};

/* Why: up to three tags and how much each has to do with it, in descending order. Anomalies of one detector and the
 * same tags are of a kind when `what` and `side` are the same, too. */
struct reason {
    uint32_t tag[VERDICT_TAGS];
    double share[VERDICT_TAGS];
    unsigned tags;
    const char *explanation;
    const char *cause;
    const char *what; /* was looked at: "level"; NULL: there is one thing only */
    int side;         /* 1 higher or more than usual, -1 lower or less, 0 neither */
};

/* How an alarm ends: `how` of its last event. Only with the first one it is over. */
enum verdict_ends {
    ENDS_BACK,     /* "back": what it was about is as usual again */
    ENDS_LASTING,  /* "lasts": it is not, but that has been taken for usual */
    ENDS_REPLACED, /* "replaced": another one has begun that is told instead */
    ENDS_OPEN,     /* "open": there are no more rows */
};

static inline void episode_teaches(struct episode *episode) {
    if (episode->active) episode->active |= EPISODE_TAUGHT;
}

/* Of a detector that is quiet when all is as before, or when it has learned what is. */
static inline enum verdict_ends episode_ends(const struct episode *episode) {
    return episode->active & EPISODE_TAUGHT ? ENDS_LASTING : ENDS_BACK;
}

struct verdicts {
    struct pl_node *node;
    bool changepoints; /* are told, too */
    bool of_assets;    /* subjects are assets, not tags; set before verdicts_init */
    struct pl_batch *out;
    struct pl_batch *events;
    struct pl_pack *body;
    struct verdict_names {
        uint32_t score, alarm, changepoint; /* 0: not asked for yet */
    } * names;                              /* [subject] */
    uint32_t room;
};

enum pl_code verdicts_init(struct verdicts *v, struct pl_node *node, bool changepoints, struct pl_error **error);
void verdicts_fini(struct verdicts *v);

double verdict_score(double surprise, double threshold);

/* The rows of one judgement about `subject` (a tag or an asset). False without memory. */
bool verdicts_tell(struct verdicts *v, uint32_t subject, pl_time time, const struct verdict *verdict);

/* Events: an alarm begins; it goes on, and may have grown; it is over. */
bool verdicts_begin(struct verdicts *v, uint32_t subject, struct episode *episode, pl_time time,
                    const struct verdict *verdict, const struct reason *reason);
bool verdicts_go_on(struct verdicts *v, uint32_t subject, struct episode *episode, pl_time time,
                    const struct verdict *verdict, const struct reason *reason);
bool verdicts_end(struct verdicts *v, uint32_t subject, struct episode *episode, const struct verdict *verdict,
                  const struct reason *reason, enum verdict_ends how);

/* Another event about `subject`, with what stands in `body`; its severity goes by a score. */
bool verdicts_say(struct verdicts *v, uint32_t subject, const char *kind, pl_time time, double score);

/* Sends what has gathered. */
bool verdicts_flush(struct verdicts *v);

#endif
