/* tags.h: making a tag registry (the engine's side of potline/tag.h). */
#ifndef POTLINE_TAGS_H
#define POTLINE_TAGS_H

#include <potline/error.h>
#include <potline/tag.h>

struct pl_tag_rule; /* graph/graph.h */

struct pl_tags_options {
    uint32_t limit;     /* names; 0: 1,000,000 */
    unsigned key_depth; /* parts of an asset's path that make the partition key; 0: 1 */
    const struct pl_tag_rule *rules; /* borrowed for the registry's life */
    unsigned rule_count;
    const char *const *broadcast; /* globs, ends in NULL; may be NULL; borrowed */
};

struct pl_tags *pl_tags_new(const struct pl_tags_options *options); /* NULL without memory */
void pl_tags_free(struct pl_tags *tags);                            /* NULL is fine */

#endif
