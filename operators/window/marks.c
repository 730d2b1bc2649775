#include "window.h"

enum { MARKS_MAX = 10000 };

/* The older ones go: up to the mean of their begins, so that one from long ago does not keep the others from going. */
static pl_time given_up_until(const struct pl_table *marks) {
    double sum = 0;
    for (struct pl_record *r = pl_table_next(marks, NULL); r; r = pl_table_next(marks, r))
        sum += (double)r->sub / MARKS_MAX;
    if (sum <= (double)PL_TIME_MIN) return PL_TIME_MIN;
    return sum < (double)PL_TIME_MAX ? (pl_time)sum : PL_TIME_MAX;
}

/* The first of all marks is the one that stands for those. */
static void give_up_some(struct pl_table *marks) {
    pl_time until = given_up_until(marks);
    struct pl_late_mark *gone = pl_table_get(marks, 0, 0);
    struct pl_record *next = pl_table_next(marks, NULL);
    while (next && gone) {
        struct pl_record *r = next;
        next = pl_table_next(marks, r);
        if (!r->id || r->sub > until) continue;
        pl_late_merge(gone, pl_record_data(r));
        pl_table_drop(marks, r->id, r->sub);
    }
}

void window_mark(struct window *w, uint32_t key, pl_time begin, pl_time end) {
    if (key == PL_NO_ID) return;
    if (pl_table_count(w->marks) >= MARKS_MAX && !pl_table_find(w->marks, key, begin)) give_up_some(w->marks);
    struct pl_late_mark *mark = pl_table_get(w->marks, key, begin);
    if (!mark) mark = pl_table_get(w->marks, 0, 0); /* no room for its name: as if it had been given up */
    if (!mark) return;
    mark->end = end;
    mark->missed = w->closed;
    mark->rows++;
}
