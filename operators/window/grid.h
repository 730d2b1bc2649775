/* grid.h: where windows and panes begin and end.
 *
 *     windows   |----- size -----|                     starts: offset + k * slide
 *                     |----- size -----|               ends:   starts + size
 *     panes     |--|--|--|--|--|--|--|--|              starts: offset + k * pane
 *
 * A pane is the longest piece of time that no window's start or end cuts: gcd(size, slide). Panes are aggregated as
 * rows come; a window is put together from its panes when it ends. A tumbling window is one pane, and so is one of a
 * calendar, whose windows differ in length.
 *
 * Times are aligned to 1970-01-01T00:00:00Z + offset, also those before it. What lies beyond the ends of pl_time is cut
 * there: no arithmetic overflows.
 */
#ifndef POTLINE_WINDOW_GRID_H
#define POTLINE_WINDOW_GRID_H

#include <potline/time.h>

#include "calendar.h"

/* Where the length was another one before: it holds until a boundary that is one of both lengths. */
struct grid_piece {
    pl_time until;
    pl_time size;
};
enum { GRID_PIECES_MAX = 8 };

struct grid {
    pl_time size;
    pl_time slide;
    pl_time pane;
    pl_time offset;
    const struct calendar *calendar;           /* borrowed; NULL: lengths are fixed */
    struct grid_piece before[GRID_PIECES_MAX]; /* of windows that follow one another; the earliest first */
    unsigned before_count;
};

void grid_init(struct grid *grid, pl_time size, pl_time slide, pl_time offset);
void grid_init_calendar(struct grid *grid, const struct calendar *calendar);

/* The first time at or after `time` where both a window of `a` and one of `b` begin; PL_TIME_MAX: there is none. */
pl_time grid_common(pl_time a, pl_time b, pl_time offset, pl_time time);

/* The pane [*from, *to) that `time` falls into. */
void grid_pane(const struct grid *grid, pl_time time, pl_time *from, pl_time *to);

/* The last window end that is not after `time`; PL_TIME_MIN where there is none. */
pl_time grid_end_until(const struct grid *grid, pl_time time);

/* The first window end after `time`. */
pl_time grid_end_after(const struct grid *grid, pl_time time);

/* The end of the last window that the pane starting at `pane` belongs to. */
pl_time grid_last_end(const struct grid *grid, pl_time pane);

pl_time grid_start(const struct grid *grid, pl_time end); /* of the window that ends there */

pl_time grid_minus(pl_time time, pl_time duration); /* cut at the ends of time */

#endif
