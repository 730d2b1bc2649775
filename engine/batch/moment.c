#include "moment.h"

#include <stdbool.h>
#include <string.h>

int pl_moment_order(const void *a, const void *b) {
    const struct pl_moment_row *left = a, *right = b;
    if (left->key != right->key) return left->key < right->key ? -1 : 1;
    return strcmp(left->text, right->text);
}

struct comparing {
    pl_time time;
    struct pl_moment_counts *counts;
    pl_moment_difference *difference;
    void *arg;
};

static void tell(const struct comparing *c, const char *live, const char *fresh) {
    if (live && fresh)
        c->counts->changed++;
    else if (live)
        c->counts->removed++;
    else
        c->counts->added++;
    c->difference(c->arg, c->time, live, fresh);
}

/* How many of the rows from `at` on have its key. */
static size_t run_of(const struct pl_moment *moment, size_t at) {
    size_t n = 1;
    while (at + n < moment->count && moment->rows[at + n].key == moment->rows[at].key)
        n++;
    return n;
}

/* Rows of one time and key, sorted by text: equal ones go, what is left pairs up. */
static void compare_key(const struct comparing *c, const struct pl_moment_row *live, size_t live_count,
                        const struct pl_moment_row *fresh, size_t fresh_count) {
    size_t i = 0, k = 0;
    while (i < live_count || k < fresh_count) {
        int order = i == live_count ? 1 : k == fresh_count ? -1 : strcmp(live[i].text, fresh[k].text);
        if (order == 0) {
            c->counts->same++;
            i++, k++;
        } else if (live_count - i && fresh_count - k && live_count - i == fresh_count - k) {
            tell(c, live[i++].text, fresh[k++].text);
        } else if (order < 0) {
            tell(c, live[i++].text, NULL);
        } else {
            tell(c, NULL, fresh[k++].text);
        }
    }
}

void pl_moment_compare(const struct pl_moment *live, const struct pl_moment *fresh, struct pl_moment_counts *counts,
                       pl_moment_difference *difference, void *arg) {
    struct comparing c = {live->count ? live->time : fresh->time, counts, difference, arg};
    size_t i = 0, k = 0;
    while (i < live->count || k < fresh->count) {
        bool in_live = i < live->count && (k == fresh->count || live->rows[i].key <= fresh->rows[k].key);
        bool in_fresh = k < fresh->count && (i == live->count || fresh->rows[k].key <= live->rows[i].key);
        size_t lives = in_live ? run_of(live, i) : 0, freshes = in_fresh ? run_of(fresh, k) : 0;
        compare_key(&c, live->rows + i, lives, fresh->rows + k, freshes);
        i += lives;
        k += freshes;
    }
}
