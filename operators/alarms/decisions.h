/* decisions.h: what people decide about alarms: acknowledge, reset, shelve, suppress, take out of service.
 *
 * What follows from the data is state, and goes back to the last checkpoint with it when the process dies; the log is
 * read again from there. A decision is in no log. So it is kept before its command is answered, and comes again at its
 * own place: an alarm counts its steps (what data have done to it), and a decision says behind which one it was given.
 *
 *     log         e1   e2        e3                        read again from the checkpoint, here behind e1:
 *     alarm    1: e1  2: e2  |  3: e3                      e2, then the decision, then e3: the same events as before
 *     people           acknowledged behind step 2
 *
 * Where what is read again is not what it was (a limit was changed meanwhile), the step may never come: then it is
 * carried out once event time has passed the one at which it was given. The end of a shelving, which the engine's clock
 * brings, is kept like a decision.
 *
 * Kept are, for each alarm, the decisions that are in no checkpoint yet, and the alarm as people have left it while it
 * is acknowledged, shelved, suppressed or out of service: for a run that has no state to go on with.
 */
#ifndef POTLINE_ALARMS_DECISIONS_H
#define POTLINE_ALARMS_DECISIONS_H

#include <potline/operator.h>

#include "state.h"

struct alarms;
struct step;

/* The first two are about one occurrence of an alarm. */
enum alarm_action {
    ACTION_ACKNOWLEDGE,
    ACTION_RESET,
    ACTION_SHELVE,
    ACTION_UNSHELVE,
    ACTION_SUPPRESS,
    ACTION_UNSUPPRESS,
    ACTION_REMOVE,
    ACTION_SERVE,
    ACTIONS
};
extern const char *const alarm_action_names[ACTIONS + 1];

/* Of one alarm, between two checkpoints. */
enum { DECISIONS_MAX = 32 };

struct decision {
    uint64_t stamp; /* orders them */
    uint64_t step;  /* of the alarm, behind which it was given */
    uint64_t epoch; /* that it is part of */
    uint64_t action;
    pl_time given;         /* engine clock */
    pl_time reached;       /* event time when it was given */
    pl_time raised;        /* the occurrence it is about */
    pl_time until;         /* of a shelving */
    char user[ALARM_USER]; /* "": the clock */
    char reason[ALARM_REASON];
};

/* An alarm with something to be kept. */
struct decided {
    uint32_t id;
    uint32_t count, next; /* those from `next` on wait for their place in what is read again */
    struct decision *items;
    struct alarm image; /* as it was when it was kept */
    pl_time reached;    /* event time then */
    bool image_waits;   /* it is not in the list yet, and may never come there by itself */
    bool dirty;         /* to be kept afresh */
    bool unneeded;
};

/* ---- decisions.c ---- */

/* Carries out what a person (user "": the clock) decides: action, given, until, user and reason are filled in by the
 * caller. PL_CONFLICT without a message: there is nothing to change. */
enum pl_code decision_give(struct alarms *s, struct pl_node *node, uint32_t id, struct decision *decision,
                           enum alarm_state *from, struct pl_error **error);

/* Data have done something to the alarm: what was decided behind this step. False without memory. */
bool decisions_step(struct alarms *s, struct pl_node *node, uint32_t id, struct alarm *alarm);
/* Event time has come to `time`: what should have found its place by now. False without memory. */
bool decisions_reach(struct alarms *s, struct pl_node *node, pl_time time);

/* The state is back as it was at a checkpoint; or there is none to come. False without memory. */
bool decisions_restore(struct alarms *s, struct pl_node *node);
bool decisions_stand(struct alarms *s, struct pl_node *node);

/* A checkpoint is done. */
void decisions_commit(struct alarms *s, uint64_t epoch);

/* The alarm has changed, or has been dropped from the list. */
void decisions_touch(struct alarms *s, uint32_t id);
bool decisions_wait(const struct alarms *s, uint32_t id);

/* Something of the run before has not found its place yet. */
bool decided_waits(const struct decided *entry);
/* The entry, found or made; NULL without memory. */
struct decided *decided_get(struct alarms *s, struct pl_node *node, uint32_t id);
void decided_remove_unneeded(struct alarms *s);
void decided_free(struct alarms *s);

/* ---- keep.c ---- */

/* What was kept, all of it waiting. */
enum pl_code keep_load(struct alarms *s, struct pl_node *node, struct pl_error **error);
/* What has changed, and when something has, what could not be kept before; goes on after an error, gives the first. */
enum pl_code keep_flush(struct alarms *s, struct pl_node *node, struct pl_error **error);

#endif
