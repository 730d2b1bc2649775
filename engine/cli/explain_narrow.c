/* explain_narrow.c: from many rows that make a row again to few that do.
 *
 * Rows are left out in groups, and stay out when the row is made again without them: those in front of a time, those
 * behind one, all of some tags (halving: where none of a half is needed, one run says so of all of them), and then of
 * each tag that is left those in front and behind, and those that came late or twice. Where the ends are is found by
 * halving, too, so it takes a run for each halving and not for each row. What came behind the row is tried first: it is
 * seldom needed, as the watermarks are told without it.
 */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

enum { FED_MOST = 10000000 /* rows, in all runs: some seconds, since the shell waits ten */ };

struct narrowing {
    struct pl__again *again;
    uint8_t *keep, *tried;
    bool stopped; /* it would have taken too long */
};

/* What is left out of a trial: rows of a key (or of any) in front of a time, or behind one. */
static void leave_out(const struct narrowing *n, const bool *keys, bool front, pl_time time) {
    const struct pl__raws *raws = n->again->raws;
    memcpy(n->tried, n->keep, raws->count);
    for (size_t i = 0; i < raws->count; i++) {
        const struct pl__raw *raw = &raws->rows[i];
        if (keys && !keys[raw->key]) continue;
        if (front ? raw->time < time : raw->time > time) n->tried[i] = 0;
    }
}

/* Keeps what was tried when it makes the row again. */
static enum pl_code settle(struct narrowing *n, bool *equal, struct pl_error **error) {
    *equal = false;
    if (n->again->fed > FED_MOST) {
        n->stopped = true;
        return PL_OK;
    }
    if (memcmp(n->tried, n->keep, n->again->raws->count) == 0) {
        *equal = true;
        return PL_OK;
    }
    enum pl_code code = pl__again_equal(n->again, n->tried, equal, error);
    if (!code && *equal) memcpy(n->keep, n->tried, n->again->raws->count);
    return code;
}

/* ---- Ends ---- */

static int by_time(const void *a, const void *b) {
    pl_time l = *(const pl_time *)a, r = *(const pl_time *)b;
    return l < r ? -1 : l > r;
}

/* The times of what is kept, of these keys (NULL: all), each once. Returns how many. */
static size_t times_of(const struct narrowing *n, const bool *keys, pl_time *times) {
    const struct pl__raws *raws = n->again->raws;
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < raws->count; i++)
        if (n->keep[i] && (!keys || keys[raws->rows[i].key])) times[count++] = raws->rows[i].time;
    if (count) qsort(times, count, sizeof *times, by_time);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || times[i] != times[kept - 1]) times[kept++] = times[i];
    return kept;
}

/* As few times as possible at one end: the index is found between `good` (which is known to do) and the other end. */
static enum pl_code cut_end(struct narrowing *n, const bool *keys, bool front, struct pl_error **error) {
    pl_time *times = pl_alloc((n->again->raws->count + 1) * sizeof *times);
    if (!times) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    size_t count = times_of(n, keys, times), good = front ? 0 : count - 1,
           bad = front ? count : SIZE_MAX; /* one behind the end */
    enum pl_code code = PL_OK;
    bool some = count > 1; /* what remembers all that came can do without none: one run says so */
    if (some) leave_out(n, keys, front, times[front ? 1 : count - 2]);
    if (some) code = settle(n, &some, error);
    while (some && !code && !n->stopped && (front ? bad - good : good - bad) > 1) {
        size_t middle = front ? good + (bad - good) / 2 : bad + 1 + (good - bad - 1) / 2;
        bool equal;
        leave_out(n, keys, front, times[middle]);
        code = settle(n, &equal, error);
        if (equal)
            good = middle;
        else
            bad = middle;
    }
    pl_free(times);
    return code;
}

/* ---- Tags ---- */

static int by_id(const void *a, const void *b) {
    uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;
    return l < r ? -1 : l > r;
}

/* Leaves out what is not needed of keys[from, to). */
static enum pl_code cut_tags(struct narrowing *n, const uint32_t *keys, size_t from, size_t to,
                             struct pl_error **error) {
    const struct pl__raws *raws = n->again->raws;
    bool equal;
    if (from == to || n->stopped) return PL_OK;
    memcpy(n->tried, n->keep, raws->count);
    for (size_t i = 0; i < raws->count; i++)
        if (n->keep[i] && bsearch(&raws->rows[i].key, keys + from, to - from, sizeof *keys, by_id)) n->tried[i] = 0;
    enum pl_code code = settle(n, &equal, error);
    if (code || equal || to - from == 1) return code;
    size_t middle = from + (to - from) / 2;
    code = cut_tags(n, keys, from, middle, error);
    return code ? code : cut_tags(n, keys, middle, to, error);
}

static size_t keys_of(const struct narrowing *n, uint32_t *keys) {
    const struct pl__raws *raws = n->again->raws;
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < raws->count; i++)
        if (n->keep[i]) keys[count++] = raws->rows[i].key;
    if (count) qsort(keys, count, sizeof *keys, by_id);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || keys[i] != keys[kept - 1]) keys[kept++] = keys[i];
    return kept;
}

static enum pl_code cut_each_tag(struct narrowing *n, const uint32_t *keys, size_t count, struct pl_error **error) {
    bool *one = pl_alloc(pl_tags_count(n->again->tags) * sizeof *one);
    if (!one) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    enum pl_code code = PL_OK;
    for (size_t i = 0; i < count && !code; i++) {
        one[keys[i]] = true;
        code = cut_end(n, one, true, error);
        if (!code) code = cut_end(n, one, false, error);
        one[keys[i]] = false;
    }
    pl_free(one);
    return code;
}

/* ---- Rows that came late or twice: each by itself, since those around them stay ---- */

static enum pl_code cut_stragglers(struct narrowing *n, struct pl_error **error) {
    const struct pl__raws *raws = n->again->raws;
    struct newest {
        pl_time time;
        bool known;
    } *newest = pl_alloc(pl_tags_count(n->again->tags) * sizeof *newest);
    if (!newest) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    enum pl_code code = PL_OK;
    for (size_t i = 0; i < raws->count && !code && !n->stopped; i++) {
        const struct pl__raw *raw = &raws->rows[i];
        struct newest *of = &newest[raw->key];
        bool equal, straggles = of->known && raw->time <= of->time;
        if (!straggles) *of = (struct newest){raw->time, true};
        if (!straggles || !n->keep[i]) continue;
        memcpy(n->tried, n->keep, raws->count);
        n->tried[i] = 0;
        code = settle(n, &equal, error);
    }
    pl_free(newest);
    return code;
}

static enum pl_code narrow(struct narrowing *n, uint32_t *keys, struct pl_error **error) {
    bool behind;
    leave_out(n, NULL, false, pl_batch_times(n->again->found->batch)[n->again->found->row]);
    enum pl_code code = settle(n, &behind, error);
    if (!code) code = cut_end(n, NULL, false, error);
    if (!code) code = cut_end(n, NULL, true, error);
    size_t count = code ? 0 : keys_of(n, keys);
    if (!code) code = cut_tags(n, keys, 0, count, error);
    count = code ? 0 : keys_of(n, keys);
    if (!code) code = cut_each_tag(n, keys, count, error);
    return code ? code : cut_stragglers(n, error);
}

enum pl_code pl__explain_narrow(struct pl__again *again, uint8_t *keep, bool *whole, struct pl_error **error) {
    struct narrowing n = {.again = again, .keep = keep, .tried = pl_alloc(again->raws->count + 1)};
    uint32_t *keys = pl_alloc((again->raws->count + 1) * sizeof *keys);
    enum pl_code code = keys && n.tried ? narrow(&n, keys, error) : pl_error_set(error, PL_NO_MEMORY, "out of memory");
    *whole = !n.stopped;
    pl_free(keys);
    pl_free(n.tried);
    return code;
}
