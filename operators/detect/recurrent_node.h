/* recurrent_node.h: an instance of `detect.recurrent`: its models, and the commands that change which one is at work.
 */
#ifndef POTLINE_DETECT_RECURRENT_NODE_H
#define POTLINE_DETECT_RECURRENT_NODE_H

#include "chosen.h"
#include "drift_watch.h"
#include "recurrent.h"
#include "verdict.h"

enum { TABLE_FRAMES, TABLE_CHOICE };
enum { ROLE_ACTIVE, ROLE_SHADOW, ROLES };
enum {
    COUNT_JUDGED,
    COUNT_ALARMS,
    COUNT_SHADOWED,
    COUNT_SHADOW_ALARMS,
    COUNT_BOTH,
    COUNT_DRIFTED,
    COUNT_RESTARTS,
    COUNT_LATE,
    COUNT_UNKNOWN,
    COUNT_UNTRAINED,
    COUNT_REFUSED
};
enum { GAUGE_DRIFT };

/* Which versions are at work: under the empty name. 0: none. */
struct choice {
    uint32_t active, before, shadow;
    uint32_t file; /* the model is one file, without versions */
};

/* Of one model's view of an asset. */
struct view {
    uint32_t version; /* of the state; another one begins anew */
    uint32_t ready;   /* there is a forecast */
    struct judge judge;
    struct tail tail[MODEL_STATISTICS];
};

/* Of an asset. */
struct watched {
    pl_time time;
    uint32_t open; /* the frame at hand has rows */
    uint32_t came;
    uint32_t known; /* signals of the frame before */
    uint32_t beyond, quiet, lasting;
    uint32_t blamed;              /* of the episode's worst frame: so many signals had most to do with it, */
    uint32_t blame[VERDICT_TAGS]; /* these of the model's, */
    double portion[VERDICT_TAGS]; /* and so much */
    struct episode episode;
    struct view view[ROLES];
    struct drift_watch drift;
};

/* What follows a struct watched in its record. */
struct watched_view {
    double *value;          /* [signals]: NaN: missing */
    float *held;            /* [signals]: the last that was there, in the model's scale */
    float *state[ROLES];    /* [state] */
    float *forecast[ROLES]; /* [signals], in the model's scale */
    uint32_t *seen;         /* [signals + 1][DRIFT_BINS]: of the window at hand, the active model's */
};

struct loaded {
    uint32_t version;
    bool there;
    struct model model;
    struct forecaster forecaster;
};

struct recurrent {
    struct recurrent_options o; /* first */

    struct verdicts verdicts;
    struct pl_batch *forecasts;
    struct loaded loaded[ROLES];
    uint8_t *chosen;
    uint32_t room;
    uint32_t *slot; /* [tag]: 0 not asked yet, 1 none, else the model's input + 2 */
    uint32_t slots;
    float *frame, *filled; /* [signals]: scratch, in the model's scale */
    double *share;
    uint32_t refused; /* the newest version of a folder in which none is of use; 0: not looked at yet */
    struct heard heard;
    bool untrained_said, missing_said;
    bool drift_news; /* a window was closed, or begun for another version, since the gauge was set */
    double off;      /* the active model's first statistic of the frame at hand; NaN: it was not judged */
    struct pl_error *error;
};

/* Counts of bins in a record. */
static inline size_t drift_room(const struct recurrent_options *o) {
    return o->drifts ? ((size_t)o->signals + 1) * DRIFT_BINS : 0;
}

/* The frame at hand, as the active model sees it, behind its judgement; `seen` is the record's. False without memory.
 */
bool drift_watch_frame(struct recurrent *r, uint32_t asset, struct watched *w, uint32_t *seen);

/* Sets the gauge to the greatest of all assets, where a window was closed since. */
void drift_show(struct recurrent *r);

/* The greatest index over its limit, among this partition's assets, and what it is of; empty: no window is whole yet.
 */
void drift_tell_most(const struct recurrent *r, struct pl_node *node, char *index, size_t size, char *of,
                     size_t of_size);

/* The tag of an input of an asset (behind the inputs: its score), with an ending; PL_NO_ID without room. */
uint32_t recurrent_tag(const struct recurrent *r, uint32_t asset, uint32_t signal, const char *ending);

/* Sees to it that the models chosen are loaded. False: it cannot be, and `error` says why. Without a model yet it is
 * true, and none is there. */
bool models_settle(struct recurrent *r, struct pl_node *node);
void models_fini(struct recurrent *r);

enum { NO_SLOT = 1, FIRST_SLOT = 2 };

/* That there is no model; that inputs of the model have not come so far, or ever. */
void heard_untrained(struct recurrent *r, const struct pl_node *node);
void heard_inputs(struct recurrent *r, const struct pl_node *node, bool end);

extern const struct pl_option recurrent_options[];
extern const struct pl_command recurrent_commands[];
void recurrent_check(void *self, struct pl_check *check);

#endif
