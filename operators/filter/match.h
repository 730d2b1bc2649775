/* match.h: does a tag's name fit the globs of an option? Asked once for each tag, then a look into a byte. */
#ifndef POTLINE_FILTER_MATCH_H
#define POTLINE_FILTER_MATCH_H

#include <potline/option.h>
#include <potline/tag.h>

struct match {
    struct pl_tags *tags;
    struct pl_strings include; /* none: all */
    struct pl_strings exclude;
    uint8_t *verdict; /* [id]: 0 not asked yet, else 1 + fits */
    uint32_t room;
};

void match_init(struct match *match, struct pl_tags *tags, struct pl_strings include, struct pl_strings exclude);
void match_fini(struct match *match);

/* Makes room for every name there is, so that match_id may be called for them. False without memory. */
bool match_prepare(struct match *match);

bool match_ask(struct match *match, uint32_t id);

static inline bool match_id(struct match *match, uint32_t id) {
    uint8_t verdict = match->verdict[id];
    return verdict ? verdict - 1 : match_ask(match, id);
}

#endif
