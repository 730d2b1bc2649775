/* chosen.h: which tags a detector looks at, kept by id: 0 not asked yet, 1 no, 2 yes. */
#ifndef POTLINE_DETECT_CHOSEN_H
#define POTLINE_DETECT_CHOSEN_H

#include <potline/potline.h>

bool chosen_prepare(uint8_t **chosen, uint32_t *room, struct pl_tags *tags); /* false without memory */
bool chosen_ask(uint8_t *chosen, struct pl_tags *tags, uint32_t tag, const struct pl_strings *include,
                const struct pl_strings *exclude);

#endif
