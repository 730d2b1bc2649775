#include "grid.h"

__extension__ typedef __int128 wide;

static pl_time cut(wide time) {
    if (time > PL_TIME_MAX) return PL_TIME_MAX;
    if (time < PL_TIME_MIN) return PL_TIME_MIN;
    return (pl_time)time;
}

/* The largest base + k * step that is not above `time`. */
static wide floor_to(wide time, pl_time step, wide base) {
    wide distance = time - base;
    wide steps = distance / step;
    if (distance % step < 0) steps--;
    return base + steps * step;
}

static pl_time greatest_common_divisor(pl_time a, pl_time b) {
    while (b) {
        pl_time rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void grid_init(struct grid *grid, pl_time size, pl_time slide, pl_time offset) {
    *grid = (struct grid){.size = size, .slide = slide, .pane = greatest_common_divisor(size, slide), .offset = offset};
}

void grid_init_calendar(struct grid *grid, const struct calendar *calendar) {
    pl_time size = calendar_shortest(calendar);
    *grid = (struct grid){.size = size, .slide = size, .pane = size, .calendar = calendar};
}

static pl_time pane_at(const struct grid *grid, pl_time time) {
    for (unsigned i = 0; i < grid->before_count; i++)
        if (time < grid->before[i].until) return grid->before[i].size;
    return grid->pane;
}

pl_time grid_common(pl_time a, pl_time b, pl_time offset, pl_time time) {
    wide both = (wide)a / greatest_common_divisor(a, b) * b;
    if (both > PL_TIME_MAX) return PL_TIME_MAX;
    wide at = floor_to(time, (pl_time)both, offset);
    return cut(at < time ? at + both : at);
}

void grid_pane(const struct grid *grid, pl_time time, pl_time *from, pl_time *to) {
    if (grid->calendar) {
        calendar_window(grid->calendar, time, from, to);
        return;
    }
    pl_time pane = pane_at(grid, time);
    wide start = floor_to(time, pane, grid->offset);
    *from = cut(start);
    *to = cut(start + pane);
}

static wide ends(const struct grid *grid) {
    return (wide)grid->offset + grid->size;
}

/* Lengths are not all the same: then windows follow one another. */
static bool differs(const struct grid *grid) {
    return grid->calendar || grid->before_count;
}

/* Of such a grid: where the window that holds `time` begins, and where it ends. */
static pl_time beginning(const struct grid *grid, pl_time time) {
    pl_time from, to;
    grid_pane(grid, time, &from, &to);
    return from;
}

static pl_time ending(const struct grid *grid, pl_time time) {
    pl_time from, to;
    grid_pane(grid, time, &from, &to);
    return to;
}

pl_time grid_end_until(const struct grid *grid, pl_time time) {
    return differs(grid) ? beginning(grid, time) : cut(floor_to(time, grid->slide, ends(grid)));
}

pl_time grid_end_after(const struct grid *grid, pl_time time) {
    return differs(grid) ? ending(grid, time) : cut(floor_to(time, grid->slide, ends(grid)) + grid->slide);
}

pl_time grid_last_end(const struct grid *grid, pl_time pane) {
    return differs(grid) ? ending(grid, pane) : cut(floor_to((wide)pane + grid->size, grid->slide, ends(grid)));
}

pl_time grid_start(const struct grid *grid, pl_time end) {
    return differs(grid) ? beginning(grid, grid_minus(end, 1)) : grid_minus(end, grid->size);
}

pl_time grid_minus(pl_time time, pl_time duration) {
    return cut((wide)time - duration);
}
