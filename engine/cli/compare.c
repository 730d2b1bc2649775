#include "compare.h"

#include <string.h>

#include <potline/alloc.h>

#include "in_order.h"

/* One side: a partition's rows, and the moment at hand. */
struct side {
    struct pl__in_order *order;
    struct pl__moment moment;
    bool over;
};

static enum pl_code step(struct side *side, struct pl_error **error) {
    enum pl_code code = pl__in_order_next(side->order, &side->moment, error);
    side->over = code == PL_NOT_FOUND;
    return side->over ? PL_OK : code;
}

static void tell(const struct pl__compare *compare, struct pl__compare_node *node, pl_time time, const char *live,
                 const char *fresh) {
    if (live && fresh)
        node->changed++;
    else if (live)
        node->removed++;
    else
        node->added++;
    compare->difference(compare->arg, node, time, live, fresh);
}

/* How many of the rows from `at` on have its key. */
static size_t run_of(const struct pl__moment *moment, size_t at) {
    size_t n = 1;
    while (at + n < moment->count && moment->rows[at + n].key == moment->rows[at].key)
        n++;
    return n;
}

/* Rows of one time and key, sorted by text: equal ones go, what is left pairs up. */
static void compare_key(const struct pl__compare *compare, struct pl__compare_node *node, pl_time time,
                        const struct pl__in_order_row *live, size_t live_count, const struct pl__in_order_row *fresh,
                        size_t fresh_count) {
    size_t i = 0, k = 0;
    while (i < live_count || k < fresh_count) {
        int order = i == live_count ? 1 : k == fresh_count ? -1 : strcmp(live[i].text, fresh[k].text);
        if (order == 0) {
            node->same++;
            i++, k++;
        } else if (live_count - i && fresh_count - k && live_count - i == fresh_count - k) {
            tell(compare, node, time, live[i++].text, fresh[k++].text);
        } else if (order < 0) {
            tell(compare, node, time, live[i++].text, NULL);
        } else {
            tell(compare, node, time, NULL, fresh[k++].text);
        }
    }
}

static void compare_moment(const struct pl__compare *compare, struct pl__compare_node *node,
                           const struct pl__moment *live, const struct pl__moment *fresh) {
    size_t i = 0, k = 0;
    while (i < live->count || k < fresh->count) {
        bool in_live = i < live->count && (k == fresh->count || live->rows[i].key <= fresh->rows[k].key);
        bool in_fresh = k < fresh->count && (i == live->count || fresh->rows[k].key <= live->rows[i].key);
        size_t lives = in_live ? run_of(live, i) : 0, freshes = in_fresh ? run_of(fresh, k) : 0;
        compare_key(compare, node, live->count ? live->time : fresh->time, live->rows + i, lives, fresh->rows + k,
                    freshes);
        i += lives;
        k += freshes;
    }
}

static enum pl_code compare_sides(const struct pl__compare *compare, struct pl__compare_node *node, struct side *live,
                                  struct side *fresh, struct pl_error **error) {
    static const struct pl__in_order_row no_row;
    const struct pl__moment nothing = {.rows = &no_row};
    enum pl_code code = step(live, error);
    if (!code) code = step(fresh, error);
    while (!code && !(live->over && fresh->over)) {
        bool in_live = !live->over && (fresh->over || live->moment.time <= fresh->moment.time);
        bool in_fresh = !fresh->over && (live->over || fresh->moment.time <= live->moment.time);
        compare_moment(compare, node, in_live ? &live->moment : &nothing, in_fresh ? &fresh->moment : &nothing);
        if (in_live) code = step(live, error);
        if (in_fresh && !code) code = step(fresh, error);
    }
    return code;
}

static enum pl_code compare_partition(const struct pl__compare *compare, struct pl__compare_node *node,
                                      uint16_t partition, struct pl_error **error) {
    struct pl_zone_range range = {
        .node = node->name, .one = true, .partition = partition, .from = compare->from, .to = compare->to};
    struct side live = {0}, fresh = {0};
    enum pl_code code = pl__in_order_open(compare->live, compare->tags, node->zone, &range, node->was, compare->epoch,
                                          &live.order, error);
    if (!code)
        code =
            pl__in_order_open(compare->fresh, compare->tags, node->zone, &range, "", UINT64_MAX, &fresh.order, error);
    if (!code) code = compare_sides(compare, node, &live, &fresh, error);
    pl__in_order_close(live.order);
    pl__in_order_close(fresh.order);
    return code;
}

struct partitions {
    const struct pl__compare_node *node;
    bool has[UINT16_MAX + 1];
};

static enum pl_code note_part(void *arg, const struct pl_zone_part *part, struct pl_error **error) {
    struct partitions *partitions = arg;
    (void)error;
    const struct pl__compare_node *node = partitions->node;
    bool own = strcmp(part->node, node->name) == 0 || (*node->was && strcmp(part->node, node->was) == 0);
    if (own) partitions->has[part->partition] = true;
    return PL_OK;
}

enum pl_code pl__compare_run(const struct pl__compare *compare, struct pl__compare_node *node,
                             struct pl_error **error) {
    struct partitions *partitions = PL_NEW(struct partitions);
    if (!partitions) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    partitions->node = node;
    enum pl_code code = pl_zone_parts(compare->live, node->zone, note_part, partitions, error);
    if (!code) code = pl_zone_parts(compare->fresh, node->zone, note_part, partitions, error);
    for (unsigned p = 0; p <= UINT16_MAX && !code; p++)
        if (partitions->has[p]) code = compare_partition(compare, node, (uint16_t)p, error);
    pl_free(partitions);
    return code;
}
