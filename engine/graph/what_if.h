/* what_if.h: a model goes on from a state that a twin has told, with a change and without.
 *
 *     struct pl_what_if *w = pl_what_if_new(&state, &error);
 *     code = pl_what_if_change(w, "acd=-2mm", &error);              any number of times
 *     if (!code) code = pl_what_if_run(w, 8 * 3600, 97, NULL, &error);
 *     ... w->nothing.output[i][k] beside w->changed.output[i][k] at w->time[k]
 *     pl_what_if_free(w);
 *
 * The state is a copy: nothing of the twin that told it is touched. Doing nothing means: the feeders keep the alumina
 * where it is, metal is tapped as it is made, the anodes stay where they are. So it does in the changed branch, where
 * what is changed by a share (feed=+5%) is that of what would be fed there otherwise, all along.
 *
 * Threads: any one at a time; a run takes some tenths of a second for a day of a cell.
 */
#ifndef POTLINE_WHAT_IF_H
#define POTLINE_WHAT_IF_H

#include <stdatomic.h>

#include <potline/pack.h>
#include <potline/stepper.h>
#include <potline/time.h>

enum {
    PL_WHAT_IF_STATE_MAX = 4096,
    PL_WHAT_IF_CHANGES_MAX = 32,
    PL_WHAT_IF_TIMES_MAX = 1001,
    PL_WHAT_IF_NAME_MAX = 64
};

/* What a twin tells of an asset (event twin.state, command `twin state`). */
struct pl_what_if_state {
    pl_time time;                   /* of an event; set by whoever has that */
    char told[PL_WHAT_IF_NAME_MAX]; /* by a row: RFC 3339; "" */
    char model[PL_WHAT_IF_NAME_MAX], parameters[PL_WHAT_IF_NAME_MAX], fidelity[PL_WHAT_IF_NAME_MAX];
    double values[PL_MODEL_PARAMETERS_MAX]; /* what it was opened with */
    unsigned value_count;
    double state[PL_WHAT_IF_STATE_MAX]; /* begins with the values that its parameters have now */
    unsigned count;
    int64_t rung;
    double t;        /* s of the model */
    double fluoride; /* kg/s, as it is fed in the mean */
    /* s that the cell has been followed, and of that since the engine was started (which only a running one tells, else
     * infinite); `known`: it was told. */
    double followed, since_start;
    bool known;
    /* Of an anode effect, its probability and the minutes until it; of the counted feed, what arrives; wt% that the
     * alumina may be off (one standard deviation). NaN: not told. */
    double risk, minutes, share, deviation;
};

struct pl_what_if_change {
    unsigned parameter;
    double value;
    bool relative, percent; /* to what it would be; of it */
    double from, to;        /* of the parameter; once begun */
};

/* Where a branch was outside of what the model is meant for. */
struct pl_what_if_outside {
    double from, to; /* s: the first and the last time that it was seen there; `from` below 0: never */
    struct pl_model_told of;
    double value; /* at the first, in the unit that it is told in */
};

struct pl_what_if_branch {
    double *output[PL_MODEL_OUTPUTS_MAX]; /* over the times; the run's */
    size_t times;                         /* recorded: fewer where the physics end on the way, see `error` */
    double effect_at;                     /* s of the first anode effect; below 0: none */
    uint64_t uncertain;                   /* steps taken with less exactness */
    struct pl_what_if_outside outside;
    struct pl_error *error;
    bool over;      /* the physics have ended, after `reached` */
    double reached; /* s from now: `now` is what it was then, and `beside` what the other branch was when this ended */
    double now[PL_MODEL_OUTPUTS_MAX], beside[PL_MODEL_OUTPUTS_MAX];

    struct pl_stepper stepper; /* at work between pl_what_if_begin and _end */
    double values[PL_MODEL_PARAMETERS_MAX];
    double alumina, undissolved, read_at,
        feeders; /* wt% at the begin; kg, s: at the last piece; fed, of what is used */
};

struct pl_what_if {
    struct pl_what_if_state state;
    const struct pl_model *model;
    unsigned outputs;
    struct pl_what_if_change change[PL_WHAT_IF_CHANGES_MAX];
    unsigned changes;
    double *time; /* s from now: even steps, and where a branch ends */
    size_t times;
    double reached; /* s: until when both have gone, or would have */
    struct pl_what_if_branch nothing, changed;
};

/* The body of an event twin.state, or a row of `twin state`. False: it is none. */
bool pl_what_if_read(struct pl_unpack *unpack, struct pl_what_if_state *state);

/* Whether the twin has not followed the cell for long enough to be relied on, and the note that says so ("" else). */
bool pl_what_if_unsettled(const struct pl_what_if_state *state, char *note, size_t size);
/* Whether it foresees an anode effect, or little of the feed arrives: the way ahead goes on as if all arrived. */
bool pl_what_if_foreseen(const struct pl_what_if_state *state, char *note, size_t size);
bool pl_what_if_note(const struct pl_what_if_state *state, char *note, size_t size); /* both */
enum { PL_WHAT_IF_UNSETTLED_MAX = 200, PL_WHAT_IF_FORESEEN_MAX = 240, PL_WHAT_IF_NOTES_MAX = 448 };

/* PL_NOT_FOUND: the state is of a model that is not installed, or that has other parameters now. NULL then. */
struct pl_what_if *pl_what_if_new(const struct pl_what_if_state *state, struct pl_error **error);
void pl_what_if_free(struct pl_what_if *what_if); /* NULL is fine */

/* NAME=VALUE: an input of the model, or acd, alf3, ce; a value with a sign is what it changes by, with % of what it
 * is; units are those of people at the line (mm, kA, kg/h), and only 0 needs none. PL_USAGE says what is wrong. */
enum pl_code pl_what_if_change(struct pl_what_if *what_if, const char *text, struct pl_error **error);
/* Where it leads from what the parameter is: into the change. PL_USAGE: farther than the parameter may go. */
enum pl_code pl_what_if_come_to(const struct pl_what_if *what_if, struct pl_what_if_change *change, double now,
                                struct pl_error **error);

/* Whether a branch has been outside of what the model is meant for, and the note that says where and when. */
bool pl_what_if_outside(const struct pl_what_if_branch *branch, char *note, size_t size);
enum { PL_WHAT_IF_OUTSIDE_MAX = 200 };

/* `now` with a change to it. */
double pl_what_if_changed(const struct pl_what_if_change *change, double now);

/* Both branches where the state is, without the changes and with: their steppers are open, and times in errors count
 * from there; the changes say what they come to. Then forward piece by piece, with feed and tapping after each as they
 * go on by themselves; a branch that is `over` stays where it `reached`. To be ended whatever comes back. */
enum pl_code pl_what_if_begin(struct pl_what_if *what_if, struct pl_error **error);
void pl_what_if_advance(struct pl_what_if *what_if, double until);
void pl_what_if_end(struct pl_what_if *what_if);

/* All of that over `seconds`, recorded at so many times. PL_UNAVAILABLE: `unwanted` has become true. Once. */
enum pl_code pl_what_if_run(struct pl_what_if *what_if, double seconds, size_t times, const _Atomic bool *unwanted,
                            struct pl_error **error);
size_t pl_what_if_times(double seconds); /* that do for so long */

/* The last time that both branches have reached. */
size_t pl_what_if_compared(const struct pl_what_if *what_if);

/* What people at the line call an output, or what a change is of, and its unit: the model's own where they have none.
 */
struct pl_model_told pl_what_if_told(const struct pl_what_if *what_if, unsigned output);
struct pl_model_told pl_what_if_told_change(const struct pl_what_if *what_if, const struct pl_what_if_change *change);
/* The output of such a name, or of the model's own; PL_USAGE: none, and which is near. */
enum pl_code pl_what_if_output(const struct pl_what_if *what_if, const char *name, unsigned *output,
                               struct pl_error **error);
/* Is it one of the outputs (by the model's name) that are shown unless others are asked for? */
bool pl_what_if_usual(const char *output);

#endif
