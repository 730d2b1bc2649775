/* program_brief.h: what a program is told when it has said hello: the message `config` (docs/external.md). */
#ifndef POTLINE_PROGRAM_BRIEF_H
#define POTLINE_PROGRAM_BRIEF_H

#include <potline/program.h>

#include "runtime/node.h"

enum { PL_PROGRAM_CEILING = 2 << 20 }; /* bytes of rows that it may be ahead of what was credited */

struct pl_program_brief {
    const struct pl_program *program;
    const struct pl_node_config *node;
    enum pl_kind gives;   /* of its output, where it has one */
    unsigned partitions;  /* of the graph */
    uint64_t epoch;       /* the one that begins; 0: there are none */
    pl_time hang;         /* silent for so long it is ended; 0: never */
    const void *position; /* of a source: one msgpack value; NULL: it begins */
    size_t position_size;
};

void pl_program_brief_pack(struct pl_pack *pack, const struct pl_program_brief *brief);

#endif
