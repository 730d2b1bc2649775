/* chosen.h: which tags a detector looks at, kept by id: 0 not asked yet, 1 no, 2 yes. */
#ifndef POTLINE_DETECT_CHOSEN_H
#define POTLINE_DETECT_CHOSEN_H

#include <potline/potline.h>

bool chosen_prepare(uint8_t **chosen, uint32_t *room, struct pl_tags *tags); /* false without memory */
bool chosen_ask(uint8_t *chosen, struct pl_tags *tags, uint32_t tag, const struct pl_strings *include,
                const struct pl_strings *exclude);

/* Rows that a detector was given, and whether one of them was of a tag to look at: a node that looks at nothing looks
 * like one that finds nothing, so it says so, once. */
struct heard {
    uint64_t rows;
    bool any, said;
};

void heard_rows(struct heard *h, const struct pl_node *node, uint32_t rows, bool any); /* of a batch */
void heard_end(struct heard *h, const struct pl_node *node);                           /* there will be no more */

#endif
