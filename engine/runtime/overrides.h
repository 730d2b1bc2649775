/* overrides.h: the live options of a node that people have set, as part of its state.
 *
 * A death does not take them back: the next run has them again, as the rows that it reads once more were worked off
 * with them. They end with an orderly end, and where the graph file says something else than it did.
 */
#ifndef POTLINE_OVERRIDES_H
#define POTLINE_OVERRIDES_H

#include <potline/error.h>
#include <potline/pack.h>

struct pl_node;
struct pl_live_change;

struct pl_override {
    char *option, *value; /* spike.k; as text of a graph file */
    char *graph;          /* what that says */
};

struct pl_overrides {
    struct pl_override *items;
    unsigned count;
    bool changed; /* since they were saved */
};

void pl_overrides_fini(struct pl_overrides *overrides); /* of a zeroed one too */

/* It has been set; back to what the graph says, it is none any more. */
enum pl_code pl_overrides_note(struct pl_overrides *overrides, const char *option, const struct pl_live_change *change,
                               struct pl_error **error);

void pl_overrides_pack(const struct pl_overrides *overrides, struct pl_pack *pack);

/* Sets them again, those that still fit. */
enum pl_code pl_overrides_load(struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error);

#endif
