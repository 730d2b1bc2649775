#include "compare.h"

#include <string.h>

#include <potline/alloc.h>

#include "in_order.h"

/* One side: a partition's rows, and the moment at hand. */
struct side {
    struct pl__in_order *order;
    struct pl_moment moment;
    bool over;
};

static enum pl_code step(struct side *side, struct pl_error **error) {
    enum pl_code code = pl__in_order_next(side->order, &side->moment, error);
    side->over = code == PL_NOT_FOUND;
    return side->over ? PL_OK : code;
}

struct told {
    const struct pl__compare *compare;
    struct pl__compare_node *node;
};

static void tell(void *arg, pl_time time, const char *live, const char *fresh) {
    const struct told *told = arg;
    told->compare->difference(told->compare->arg, told->node, time, live, fresh);
}

static void compare_moment(const struct pl__compare *compare, struct pl__compare_node *node,
                           const struct pl_moment *live, const struct pl_moment *fresh) {
    struct told told = {compare, node};
    pl_moment_compare(live, fresh, &node->rows, tell, &told);
}

static enum pl_code compare_sides(const struct pl__compare *compare, struct pl__compare_node *node, struct side *live,
                                  struct side *fresh, struct pl_error **error) {
    static const struct pl_moment_row no_row;
    const struct pl_moment nothing = {.rows = &no_row};
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
