/* overrides.h: the live options of a node that people have set, as part of its state.
 *
 * A death does not take them back: the next run has them again, as the rows that it reads once more were worked off
 * with them. With an orderly end the value comes back that is to last (`set --persist`), which one that is set for the
 * run alone only covers; else what the graph file says. All end where that says something else than it did.
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
    char *lasting;        /* what holds behind an orderly end; NULL: what the graph file says */
};

struct pl_overrides {
    struct pl_override *items;
    unsigned count;
    bool changed; /* since they were saved */
};

void pl_overrides_fini(struct pl_overrides *overrides); /* of a zeroed one too */

/* Of that option; NULL: it is as the graph file says. */
const struct pl_override *pl_overrides_find(const struct pl_overrides *overrides, const char *option);

/* It has been set, for the run alone or to last; back to what the graph says, with nothing that lasts, it is none. */
enum pl_code pl_overrides_note(struct pl_overrides *overrides, const char *option, const struct pl_live_change *change,
                               bool lasts, struct pl_error **error);

void pl_overrides_pack(const struct pl_overrides *overrides, struct pl_pack *pack);

/* Those that last, of what was packed; *any: there are some. False: it is damaged. */
bool pl_overrides_pack_lasting(struct pl_unpack *unpack, struct pl_pack *pack, bool *any);

/* Back to what the graph file says, as an orderly end does: only those that last are left. */
enum pl_code pl_overrides_take_back(struct pl_node *node, struct pl_error **error);

/* Sets them again, those that still fit. */
enum pl_code pl_overrides_load(struct pl_node *node, struct pl_unpack *unpack, struct pl_error **error);

#endif
