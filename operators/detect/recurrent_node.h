/* recurrent_node.h: an instance of `detect.recurrent`: its models, and the commands that change which one is at work.
 */
#ifndef POTLINE_DETECT_RECURRENT_NODE_H
#define POTLINE_DETECT_RECURRENT_NODE_H

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
    COUNT_RESTARTS,
    COUNT_LATE,
    COUNT_UNKNOWN,
    COUNT_UNTRAINED,
    COUNT_REFUSED
};

/* Which versions are at work: under the empty name. 0: none. */
struct choice {
    uint32_t active, before, shadow;
    uint32_t file; /* the model is one file, without versions */
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
    struct pl_error *error;
};

/* Sees to it that the models chosen are loaded. False: it cannot be, and `error` says why. Without a model yet it is
 * true, and none is there. */
bool models_settle(struct recurrent *r, struct pl_node *node);
void models_fini(struct recurrent *r);

extern const struct pl_command recurrent_commands[];

#endif
