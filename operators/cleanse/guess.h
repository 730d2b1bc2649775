/* guess.h: which of the last rows are true? Several guesses are followed at once, and the cheapest wins.
 *
 * The value is thought to move with a rate that wanders (an Ornstein-Uhlenbeck process: typical size `speed`, lasting
 * about `memory`) and to be measured with a scatter `noise`. A Kalman filter then says how surprising a row is. A guess
 * is one history of what the last rows were:
 *
 *     kept     true: corrects the estimate                               costs how surprising it is
 *     dropped  wrong by itself: the estimate goes on without it          costs k^2 / 2
 *     shifted  wrong by a constant since some row: corrects it all the same   costs three drops to begin, little a row
 *     (level)  true, and all before is past: the estimate starts anew    costs fifteen drops
 *
 * With every row each guess is continued in each way; the same futures are merged, the dear ones forgotten, and when
 * the look-ahead has passed, the row is what the cheapest guess says. So a jump that comes back is an error, a jump
 * that stays is a new level, and slow drifts are believed. Several dimensions of one thing (x and y) are followed
 * together: a row is true or wrong as a whole, which finds errors that are small in each of them.
 */
#ifndef POTLINE_CLEANSE_GUESS_H
#define POTLINE_CLEANSE_GUESS_H

#include <potline/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUESS_DIMS = 4, GUESS_MAX = 64, GUESS_ROWS_MAX = 256 };

struct guess_rule {
    uint32_t dims;    /* at most */
    uint32_t guesses; /* at most */
    uint32_t rows;    /* that wait for their verdict at most; a multiple of 64 */
    double noise;     /* the rest are in the unit of the values, and seconds */
    double speed;
    double memory;
    double k;
    pl_time longest; /* an error lasts no longer; what does is a new level */
};

/* One dimension of an estimate: value, rate, shift, and the covariance of value and rate. */
struct guess_part {
    double x, v, shift;
    double pxx, pxv, pvv; /* pxx < 0: nothing known yet */
};

/* A measurement: the dimensions that are there. */
struct guess_row {
    pl_time time;
    uint32_t present; /* bits */
    uint32_t known;   /* bits: a row came, with a value or without */
    uint16_t quality[GUESS_DIMS];
    double value[];
};

enum guess_verdict { GUESS_DROPPED, GUESS_KEPT, GUESS_SHIFTED };

/* The followed guesses of one key, a record without pointers; zeroed is empty. Rows are numbered from 0. */
struct trail {
    uint64_t decided; /* rows below have their verdict */
    uint64_t taken;   /* rows below are in the guesses */
    uint64_t pushed;  /* rows below are in the ring */
    uint32_t guesses;
    uint32_t dims;       /* seen so far */
    pl_time anchor_time; /* the last kept row that was decided */
    pl_time before;      /* time of the row decided last */
    uint32_t anchored;
    uint32_t begun;
    uint32_t was_shifted; /* the row decided last */
    uint32_t reserved;
};

size_t trail_size(const struct guess_rule *rule);

/* The row waiting under `number`, or the place for the next one. */
struct guess_row *trail_row(const struct guess_rule *rule, const struct trail *trail, uint64_t number);

/* A new row at `time`, empty; there must be room (pushed - decided < rows). */
struct guess_row *trail_push(const struct guess_rule *rule, struct trail *trail, pl_time time);

/* Continues the guesses with every row pushed that they have not seen. `scratch` is as big as a trail. */
void trail_follow(const struct guess_rule *rule, struct trail *trail, void *scratch);

/* The verdict on the oldest row that waits (which must have been followed), and for each dimension what the value
 * should be: its own where it is kept or differs by less than three times the noise. */
enum guess_verdict trail_decide(const struct guess_rule *rule, struct trail *trail, double *value);

#endif
