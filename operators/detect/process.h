/* process.h: an instance of `detect.process`: its options, and what they come to. */
#ifndef POTLINE_DETECT_PROCESS_H
#define POTLINE_DETECT_PROCESS_H

#include <potline/potline.h>

#include "frame.h"

struct process {
    struct pl_strings include;
    struct pl_strings exclude;
    struct pl_strings slow;
    double threshold;
    int64_t train;
    int64_t settle;
    int64_t signals;
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

    struct frame_rule rule;
    struct verdicts verdicts;
    uint8_t *chosen;
    uint32_t chosen_room;
    uint16_t *slot;     /* [tag]: 1 + its place in the frame, 0: not known */
    uint32_t **members; /* [asset]: the tags by place; owned */
    uint32_t room;
    bool found;
};

extern const struct pl_option process_options[];

struct frame_rule process_rule(const struct process *p);
size_t process_record_size(const void *self);
void process_check(void *self, struct pl_check *check);

#endif
