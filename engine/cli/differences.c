#include "differences.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

enum { SPANS_MAX = 1 << 22 };

struct show {
    struct pl__differences *d;
    FILE *out;
    unsigned node;
};

static bool keep_span(struct pl__differences *d, enum pl_zone_id zone, pl_time time) {
    struct pl_version_span *last = d->span_count ? &d->spans[d->span_count - 1] : NULL;
    if (last && last->zone == zone && time >= last->from && time <= last->to) {
        if (time == last->to) last->to++;
        return true;
    }
    if (d->span_count == d->span_room) {
        unsigned room = d->span_room ? 2 * d->span_room : 64;
        struct pl_version_span *grown = room > SPANS_MAX ? NULL : pl_realloc(d->spans, room * sizeof *grown);
        if (!grown) return false;
        d->spans = grown;
        d->span_room = room;
    }
    d->spans[d->span_count++] = (struct pl_version_span){zone, time, time + 1};
    return true;
}

static void show_row(const struct show *show, const struct pl__compare_node *node, char sign, const char *text) {
    if (show->d->json)
        fprintf(show->out, "{\"difference\": \"%s\", \"zone\": \"%s\", \"row\": %s}\n",
                sign == '-' ? "live" : "replayed", pl_zone_names[node->zone], text);
    else
        fprintf(show->out, "%c %s\n", sign, text);
}

static void on_difference(void *arg, const struct pl__compare_node *node, pl_time time, const char *live,
                          const char *fresh) {
    struct show *show = arg;
    struct pl__differences *d = show->d;
    if (!keep_span(d, node->zone, time)) d->no_memory = true;
    if (d->quiet || node->rows.changed + node->rows.added + node->rows.removed > d->rows) return;
    if (live) show_row(show, node, '-', live);
    if (fresh) show_row(show, node, '+', fresh);
}

static int by_zone_and_time(const void *a, const void *b) {
    const struct pl_version_span *left = a, *right = b;
    if (left->zone != right->zone) return left->zone < right->zone ? -1 : 1;
    return (left->from > right->from) - (left->from < right->from);
}

/* Of several nodes and partitions: in order, each time once. */
static void put_in_order(struct pl__differences *d) {
    unsigned count = 0;
    if (d->span_count) qsort(d->spans, d->span_count, sizeof *d->spans, by_zone_and_time);
    for (unsigned i = 0; i < d->span_count; i++) {
        struct pl_version_span *last = count ? &d->spans[count - 1] : NULL;
        if (last && last->zone == d->spans[i].zone && d->spans[i].from <= last->to) {
            if (d->spans[i].to > last->to) last->to = d->spans[i].to;
            continue;
        }
        d->spans[count++] = d->spans[i];
    }
    d->span_count = count;
}

static void show_node(const struct pl__differences *d, const struct pl__compare_node *node, FILE *out) {
    if (d->json)
        fprintf(out,
                "{\"zone\": \"%s\", \"node\": \"%s\", \"same\": %" PRIu64 ", \"changed\": %" PRIu64
                ", \"removed\": %" PRIu64 ", \"added\": %" PRIu64 "}\n",
                pl_zone_names[node->zone], node->name, node->rows.same, node->rows.changed, node->rows.removed,
                node->rows.added);
    else
        fprintf(out,
                "%s, node %s: %" PRIu64 " rows are the same, %" PRIu64 " changed, %" PRIu64 " removed, %" PRIu64
                " added\n",
                pl_zone_names[node->zone], node->name, node->rows.same, node->rows.changed, node->rows.removed,
                node->rows.added);
}

static enum pl_code find_in(struct pl__differences *d, enum pl_zone_id zone, const struct pl_version_node *of,
                            FILE *out, struct pl_error **error) {
    struct pl__compare_node *node = &d->nodes[d->node_count];
    struct show show = {.d = d, .out = out};
    struct pl__compare compare = {.live = d->live,
                                  .fresh = d->fresh,
                                  .tags = d->tags,
                                  .from = d->from,
                                  .to = d->to,
                                  .epoch = d->epoch,
                                  .difference = on_difference,
                                  .arg = &show};
    *node = (struct pl__compare_node){.zone = zone};
    snprintf(node->name, sizeof node->name, "%s", of->name);
    snprintf(node->was, sizeof node->was, "%s", of->was);
    enum pl_code code = pl__compare_run(&compare, node, error);
    if (code || !(node->rows.same || node->rows.changed || node->rows.added || node->rows.removed)) return code;
    d->node_count++;
    if (!d->quiet) show_node(d, node, out);
    return PL_OK;
}

enum pl_code pl__differences_find(struct pl__differences *d, const struct pl_version *version, FILE *out,
                                  struct pl_error **error) {
    d->nodes = pl_alloc((2 * version->node_count + 1) * sizeof *d->nodes);
    if (!d->nodes) return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    enum pl_code code = PL_OK;
    for (unsigned i = 0; i < version->node_count && !code; i++) {
        if (!version->nodes[i].counts) continue;
        code = find_in(d, PL_SILVER, &version->nodes[i], out, error);
        if (!code) code = find_in(d, PL_GOLD, &version->nodes[i], out, error);
    }
    put_in_order(d);
    if (!code && !d->quiet && !d->node_count && !d->json) fputs("there are no rows to compare\n", out);
    if (!code && d->no_memory)
        code = pl_error_set(error, PL_LIMIT, "more than %d different times, or no memory for them", SPANS_MAX);
    return code;
}

bool pl__differences_any(const struct pl__differences *d) {
    return d->span_count > 0;
}

void pl__differences_fini(struct pl__differences *d) {
    pl_free(d->nodes);
    pl_free(d->spans);
}
