/* train.h: a training of detect.recurrent, in its parts: train.c takes rows and goes through them in this order. */
#ifndef POTLINE_DETECT_TRAIN_H
#define POTLINE_DETECT_TRAIN_H

#include "recurrent.h"

enum { TRAIN_PATH_SIZE = 4096 };

struct row {
    pl_time time;
    double value;
    uint32_t asset, signal; /* places in `asset` and `signal` */
    uint32_t order;
};

struct names {
    const char **name; /* of the registry */
    uint32_t count;
};

/* Frames of one asset without a gap. */
struct stretch {
    uint64_t first, count;
    bool judges;
};

struct training {
    const struct recurrent_options *o;
    struct pl_training_job job;
    uint8_t *chosen;
    uint32_t chosen_room;
    uint64_t *place; /* [tag]: asset << 32 | signal, + 1; 0: not asked yet */
    uint32_t place_room;
    struct names assets, signals;
    struct row *rows;
    uint64_t row_count, row_room;

    uint64_t frames;
    double *frame;   /* [frame][signal]; NaN: missing, until scale_frames fills them */
    uint8_t *absent; /* [frame][signal] */
    pl_time *time;   /* [frame] */
    struct stretch *stretch;
    uint64_t stretches;
    pl_time cut;
    uint64_t fingerprint;
    char checkpoint[TRAIN_PATH_SIZE];
    struct model model;
    struct learner learner;
    float *off; /* of the frames that judge: how far the forecast was off, over all signals */
    uint64_t offs;
    unsigned rounds_done;
    int lock; /* of the folder of versions; -1: not held */
};

enum pl_code train_no_memory(struct pl_error **error);

/* train_frames.c: rows become frames, and stretches of them; then values become what the network sees. */
enum pl_code train_make_frames(struct training *t, struct pl_error **error);
enum pl_code train_scale(struct training *t, struct pl_error **error);

/* train_progress.c: what an interrupted training has left, under a fingerprint of rows and options. */
void train_take_fingerprint(struct training *t);
enum pl_code train_save_progress(struct training *t, struct pl_error **error);
void train_take_up(struct training *t);

/* train_rounds.c: truncated backpropagation, from the round at which it stands to the last. */
enum pl_code train_run_rounds(struct training *t, struct pl_error **error);

/* train_judge.c: how far forecasts are off on what was kept back, and how rare that is. Whether enough was is known
 * beforehand. */
enum pl_code train_can_judge(const struct training *t, struct pl_error **error);
enum pl_code train_judge(struct training *t, struct pl_training_result *result, struct pl_error **error);

/* train_drift.c: how all of it lay. */
enum pl_code train_learn_drift(struct training *t, struct pl_error **error);

/* train_version.c: the folder, which one training at a time writes into, and the next version in it. */
enum pl_code train_lock(struct training *t, struct pl_error **error);
void train_unlock(struct training *t);
enum pl_code train_write_version(struct training *t, struct pl_training_result *result, struct pl_error **error);

#endif
