/* process.h: an instance of `detect.process`: its options, and what they come to. */
#ifndef POTLINE_DETECT_PROCESS_H
#define POTLINE_DETECT_PROCESS_H

#include <potline/potline.h>

#include "chosen.h"
#include "frame.h"
#include "scatter.h"
#include "verdict.h"

struct process {
    struct pl_strings include;
    struct pl_strings exclude;
    struct pl_strings slow;
    double threshold;
    int64_t train;
    int64_t settle;
    int64_t signals;
    int64_t hold;
    bool level, change, scatter, robust, local;
    int64_t smooth, block, adapt, persist;
    double least, freedom, back;
    int64_t accept;
    uint32_t side;
    int64_t recent, before, apart;
    int64_t lags;
    double share;
    int64_t forget, every, scatter_accept;
    int64_t window, local_memory;
    double most;
    pl_time gap;
    pl_time cut;
    double regime;
    int64_t jump;
    bool jump_alone;
    bool drifts;
    int64_t drift_window;
    double drift_limit;

    struct frame_rule rule;
    struct verdicts verdicts;
    uint8_t *chosen;
    uint32_t chosen_room;
    struct heard heard;
    uint16_t *slot;     /* [tag]: 1 + its place in the frame, 0: not known */
    uint32_t **members; /* [asset]: the tags by place; owned */
    uint32_t room;
    bool found;
    bool blind_said, full_said;
    bool drift_news; /* a window was closed since the gauge was set */
};

enum { PROCESS_FRAMES, PROCESS_SIGNALS }; /* tables */
enum {
    PROCESS_COUNT_JUDGED,
    PROCESS_COUNT_ALARMS,
    PROCESS_COUNT_LEARNED,
    PROCESS_COUNT_RUNS,
    PROCESS_COUNT_FOLLOWED,
    PROCESS_COUNT_BLIND,
    PROCESS_COUNT_DRIFTED,
    PROCESS_COUNT_LATE,
    PROCESS_COUNT_REFUSED
};
enum { PROCESS_GAUGE_DRIFT };

extern const struct pl_option process_options[];

struct frame_rule process_rule(const struct process *p);
size_t process_record_size(const void *self);
/* Sees to it that tags have their places, also behind a restore. False without memory. */
bool process_prepare(struct process *p, struct pl_node *node);
void process_check(void *self, struct pl_check *check);

/* ---- Alarms (process_episode.c) ---- */

/* Which part it was that found something. */
enum { WHY_LEVEL, WHY_SCATTER, WHY_LOCAL = WHY_SCATTER + SCATTER_STATISTICS };

/* A frame with its verdict; the end of the input. False: the node has failed. */
bool process_follow(struct process *p, uint32_t subject, struct frame *frame, const struct verdict *verdict,
                    const struct frame_reason *found);
bool process_stop(struct process *p, uint32_t subject, struct frame *frame);

/* ---- Drift (process_drift.c) ---- */

extern const struct pl_command process_commands[];

/* Behind the learning of an asset, all but its distances. False without memory. */
bool process_drift_learn(const struct process *p, struct frame *frame, struct frame_view *view);
/* What was learned is forgotten at `time`: there is nothing to have drifted from. False without memory. */
bool process_drift_forget(struct process *p, uint32_t subject, struct frame *frame, pl_time time);
/* The frame at hand, before what is missing is filled; and behind its verdict. False without memory. */
void process_drift_see(const struct process *p, const struct frame *frame, const struct frame_view *view);
bool process_drift_close(struct process *p, uint32_t subject, struct frame *frame, const struct frame_view *view);
void process_drift_show(struct process *p); /* sets the gauge, where a window was closed */

#endif
