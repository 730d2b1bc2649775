/* abroad.h: what a node asks of the data folder when its process has none: it is passed on to the engine, which has.
 *
 * What is kept and noted is the engine's in the order in which it was asked for, together with all else that the node
 * says; so it is kept before an answer to a command is seen by anybody. A note that opens something (a set point that
 * leaves) returns when the engine has it.
 */
#ifndef POTLINE_STORE_ABROAD_H
#define POTLINE_STORE_ABROAD_H

#include <potline/kept.h>
#include <potline/note.h>
#include <potline/zone.h>

/* What a record of the audit has to do with another one about the same object: `id` says which. */
struct pl_owed {
    enum { PL_OWED_NOTHING, PL_OWED_OPENS, PL_OWED_CLOSES } what;
    uint64_t id;
};

struct pl_node_abroad {
    enum pl_code (*keep)(struct pl_node *node, const char *key, const struct pl_pack *value, /* NULL: no more */
                         struct pl_error **error);
    enum pl_code (*each_kept)(struct pl_node *node, pl_kept_visitor *each, void *arg, struct pl_error **error);
    bool (*has_zones)(const struct pl_node *node);
    enum pl_code (*put)(struct pl_node *node, enum pl_zone_id zone, const struct pl_batch *batch,
                        struct pl_error **error);
    void (*note)(struct pl_node *node, const struct pl_note *note, const struct pl_owed *owed);
};

#endif
