/* Windows as the rows of a key lie: those less than `gap` apart from each other are one session.
 *
 * A session is a record under its first row's time. It moves when an earlier row joins it, and two become one when a
 * row comes that lies near enough to both. Everything in the table is open: what closes is told and dropped.
 */
#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "window.h"

struct session {
    pl_time last; /* of its rows, also of those that were skipped */
    struct aggregate aggregate;
};

static uint64_t distance(pl_time earlier, pl_time later) {
    return (uint64_t)later - (uint64_t)earlier;
}

static pl_time end_of(const struct window *w, pl_time first, pl_time last) {
    pl_time by_gap = grid_minus(last, -w->gap), by_max = grid_minus(first, -w->max);
    return by_gap < by_max ? by_gap : by_max;
}

static pl_time record_end(const struct window *w, struct pl_record *record) {
    return end_of(w, record->sub, ((const struct session *)pl_record_data(record))->last);
}

/* ---- Rows ---- */

static bool near(const struct window *w, pl_time earlier, pl_time later) {
    return later <= earlier || distance(earlier, later) < (uint64_t)w->gap;
}

/* A session may reach from `first` to `last`, and would not have closed then. */
static bool fits(const struct window *w, pl_time first, pl_time last) {
    return distance(first, last) < (uint64_t)w->max && end_of(w, first, last) > w->closed;
}

static pl_time lower(pl_time a, pl_time b) {
    return a < b ? a : b;
}

static pl_time upper(pl_time a, pl_time b) {
    return a > b ? a : b;
}

/* Of the sessions that may take a row in, the last that began before it, or the first that began after it. */
static struct pl_record *find_session(const struct window *w, uint32_t key, pl_time time, uint32_t *open) {
    struct pl_record *found = NULL;
    for (struct pl_record *r = pl_table_first(w->panes, key); r; r = r->next, ++*open) {
        pl_time last = ((const struct session *)pl_record_data(r))->last;
        if (!near(w, last, time) || !near(w, time, r->sub)) continue;
        if (!fits(w, lower(r->sub, time), upper(last, time))) continue;
        found = r;
        if (r->sub <= time) break;
    }
    return found;
}

/* The session that began at `from` begins at `to` now. NULL without memory. */
static struct session *move(struct window *w, uint32_t key, pl_time from, pl_time to) {
    const struct session *old = pl_table_find(w->panes, key, from);
    struct session *moved = pl_table_get(w->panes, key, to);
    if (!moved || !old || from == to) return moved;
    memcpy(moved, old, offsetof(struct session, aggregate) + aggregate_size(window_sketched(w)));
    pl_table_drop(w->panes, key, from);
    return moved;
}

/* Two neighbours become one where they are near enough now. Returns where the session that holds both begins. */
static pl_time join(struct window *w, uint32_t key, pl_time first, pl_time second) {
    const struct session *later = pl_table_find(w->panes, key, second);
    struct session *earlier = pl_table_get(w->panes, key, first);
    if (!earlier || !later || !near(w, earlier->last, second)) return second;
    if (!fits(w, first, upper(earlier->last, later->last))) return second;
    earlier->last = upper(earlier->last, later->last);
    aggregate_merge(&earlier->aggregate, &later->aggregate, window_sketched(w));
    pl_table_drop(w->panes, key, second);
    return first;
}

/* After the session that begins at `start` has grown. Returns where it begins now. */
static pl_time join_neighbours(struct window *w, uint32_t key, pl_time start) {
    struct pl_record *newer = NULL, *at = pl_table_first(w->panes, key);
    for (; at && at->sub > start; at = at->next)
        newer = at;
    if (newer) join(w, key, start, newer->sub);
    for (at = pl_table_first(w->panes, key); at && at->sub > start; at = at->next) {
    }
    return at && at->next ? join(w, key, at->next->sub, start) : start;
}

static struct session *begin_session(struct window *w, uint32_t key, pl_time time, uint32_t open) {
    if (key == PL_NO_ID || open >= w->open_limit || !keys_add(&w->keys, key)) return NULL;
    struct session *session = pl_table_get(w->panes, key, time);
    if (session) session->last = time;
    return session;
}

/* A row that does not simply follow the newest session of its key. NULL with *late set, or when there is no room. */
static struct session *place_row(struct window *w, uint32_t key, pl_time time, bool *late) {
    uint32_t open = 0;
    struct pl_record *found = key == PL_NO_ID ? NULL : find_session(w, key, time, &open);
    *late = !found && end_of(w, time, time) <= w->closed;
    if (*late) return NULL;
    pl_time start = found ? lower(found->sub, time) : time;
    struct session *session = found ? move(w, key, found->sub, start) : begin_session(w, key, time, open);
    if (!session) return NULL;
    session->last = upper(session->last, time);
    if (found) start = join_neighbours(w, key, start);
    session = pl_table_get(w->panes, key, start);
    if (session) w->earliest = lower(w->earliest, end_of(w, start, session->last));
    return session;
}

static inline struct session *session_of(struct window *w, uint32_t key, pl_time time, bool *late) {
    struct pl_record *record = pl_table_first(w->panes, key);
    if (PL_LIKELY(record && record->flags & PL_RECORD_CHANGED && time >= record->sub)) {
        struct session *session = pl_record_data(record);
        if (time <= session->last) return session;
        if (near(w, session->last, time) && distance(record->sub, time) < (uint64_t)w->max) {
            session->last = time;
            return session;
        }
    }
    return place_row(w, key, time, late);
}

/* It could only be in a session that has closed. */
static void miss(struct window *w, uint32_t key, pl_time time, uint32_t row) {
    window_mark(w, key, time, time < PL_TIME_MAX ? time + 1 : time);
    window_late(w, row);
}

static void add_samples(struct window *w, const struct pl_batch *batch, struct tally *tally) {
    bool deviation = PANE_HAS(w->aggregates, PANE_STDDEV), sketched = window_sketched(w);
    for (uint32_t i = 0; i < batch->rows; i++) {
        bool late = false;
        uint32_t tag = batch->samples.tag[i], key = w->by == KEYS_BY_TAG ? tag : keys_of(&w->keys, tag);
        struct session *session = session_of(w, key, batch->samples.time[i], &late);
        if (session)
            window_take(w, &session->aggregate, &batch->samples, i, tally, deviation, sketched);
        else if (late)
            miss(w, key, batch->samples.time[i], i);
        else
            tally->refused++;
    }
}

static void add_windows(struct window *w, const struct pl_batch *batch, struct tally *tally) {
    const struct pl_windows *rows = &batch->windows;
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (rows->quality[i] & PL_Q_PROVISIONAL) continue;
        bool late = false;
        uint32_t key = w->by == KEYS_BY_TAG ? rows->tag[i] : keys_of(&w->keys, rows->tag[i]);
        pl_time time = grid_minus(rows->end[i], 1);
        struct session *session = session_of(w, key, time, &late);
        if (session)
            window_take_window(w, &session->aggregate, rows, i, tally);
        else if (late)
            miss(w, key, time, i);
        else
            tally->refused++;
    }
}

static void session_add(struct window *w, const struct pl_batch *batch, struct tally *tally) {
    if (batch->kind == PL_SAMPLES)
        add_samples(w, batch, tally);
    else
        add_windows(w, batch, tally);
}

/* ---- Windows ---- */

/* A session of windows begins where the first of them does. */
static bool tell(struct window *w, struct pl_node *node, struct pl_record *record, uint16_t flags) {
    const struct session *session = pl_record_data(record);
    const struct pane *pane = &session->aggregate.pane;
    pl_time start = pane->count ? lower(record->sub, pane->first_time) : record->sub;
    return window_tell(w, node, record->id, start, record_end(w, record), &session->aggregate, flags);
}

static bool note_due(struct window *w, struct pl_record *record, uint32_t count) {
    if (count == w->due_room) {
        uint32_t more = count ? 2 * count : 64;
        struct pl_record **due = pl_realloc(w->due, more * sizeof(struct pl_record *));
        if (!due) return false;
        w->due = due;
        w->due_room = more;
    }
    w->due[count] = record;
    return true;
}

/* Notes the sessions that end until `closed`, key by key in order of name, and the earliest end of the others. */
static bool find_due(struct window *w, pl_time closed, uint32_t *count) {
    w->earliest = PL_TIME_MAX;
    for (uint32_t i = 0; i < w->keys.count; i++)
        for (struct pl_record *r = pl_table_first(w->panes, w->keys.ordered[i]); r; r = r->next) {
            pl_time end = record_end(w, r);
            if (end > closed)
                w->earliest = lower(w->earliest, end);
            else if (!note_due(w, r, (*count)++))
                return false;
        }
    return true;
}

struct order {
    const struct window *window;
    struct pl_tags *tags;
};

static int by_end_name_start(const void *a, const void *b, void *context) {
    const struct order *order = context;
    struct pl_record *left = *(struct pl_record *const *)a, *right = *(struct pl_record *const *)b;
    pl_time left_end = record_end(order->window, left), right_end = record_end(order->window, right);
    if (left_end != right_end) return left_end < right_end ? -1 : 1;
    if (left->id == right->id) return left->sub < right->sub ? -1 : left->sub > right->sub;
    return strcmp(pl_tags_get(order->tags, left->id)->name, pl_tags_get(order->tags, right->id)->name);
}

static bool session_tell_due(struct window *w, struct pl_node *node, pl_time closed) {
    uint32_t count = 0;
    uint64_t told = 0;
    struct order order = {w, pl_node_tags(node)};
    if (closed < w->earliest) return true;
    if (!find_due(w, closed, &count)) return false;
    if (count) qsort_r(w->due, count, sizeof(struct pl_record *), by_end_name_start, &order);
    for (uint32_t i = 0; i < count; i++) {
        struct pl_record *record = w->due[i];
        const struct session *session = pl_record_data(record);
        if (window_worth_telling(w, &session->aggregate.pane)) {
            if (!tell(w, node, record, 0)) return false;
            told++;
        }
        pl_table_drop(w->panes, record->id, record->sub);
    }
    pl_count(node, COUNT_WINDOWS, told);
    return true;
}

/* From the oldest, which is the last of the list, to the newest. */
static bool session_tell_open(struct window *w, struct pl_node *node, uint32_t key, pl_time now) {
    uint32_t count = 0;
    for (struct pl_record *r = pl_table_first(w->panes, key); r; r = r->next)
        if (r->sub < now && !note_due(w, r, count++)) return false;
    while (count--) {
        struct pl_record *record = w->due[count];
        struct session *session = pl_table_get(w->panes, key, record->sub);
        if (!session) return false;
        struct pane *pane = &session->aggregate.pane;
        if (pane->count + pane->skipped == pane->shown || !window_worth_telling(w, pane)) continue;
        if (!tell(w, node, record, PL_Q_PROVISIONAL)) return false;
        pane->shown = pane->count + pane->skipped;
    }
    return true;
}

/* ---- Times ---- */

static pl_time session_closing(const struct window *w, pl_time time) {
    (void)w;
    return time;
}

static pl_time session_next_end(const struct window *w) {
    return grid_minus(w->closed, -1);
}

static void session_note(struct window *w, struct pl_record *record) {
    w->earliest = lower(w->earliest, record_end(w, record));
}

static pl_time session_panes(const struct window *w) {
    return 1 + w->lateness / w->gap;
}

static size_t session_size(const void *self) {
    return offsetof(struct session, aggregate) + aggregate_size(window_sketched(self));
}

const struct pl_table_def window_session_tables[] = {
    WINDOW_TABLES(session_size, "Running aggregates by key and first row of the session."),
};

const struct window_shape window_by_sessions = {
    .add = session_add,
    .closing = session_closing,
    .next_end = session_next_end,
    .tell_due = session_tell_due,
    .tell_open = session_tell_open,
    .note = session_note,
    .panes = session_panes,
};
