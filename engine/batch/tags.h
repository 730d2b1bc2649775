/* tags.h: making a tag registry (the engine's side of potline/tag.h).
 *
 * Entering a name enters the assets above it too (`line1.pot07` and `line1` for `line1.pot07.voltage`); they count
 * against the limit. The partition key of a name is its path's first `key_depth` parts (all of a shorter one), so that
 * rows by tag and rows by asset meet in one partition. It depends on nothing but the name.
 */
#ifndef POTLINE_TAGS_H
#define POTLINE_TAGS_H

#include <potline/error.h>
#include <potline/option.h>
#include <potline/tag.h>

/* What a graph declares about tags; the first rule that matches a name holds for each thing it declares. */
struct pl_tag_rule {
    const char *match; /* glob */
    const char *unit;
    double low, high; /* -INFINITY, INFINITY: none */
    struct pl_strings states;
    const char *description;
};

struct pl_tags_options {
    uint32_t limit;                  /* names; 0: 1,000,000 */
    unsigned key_depth;              /* 0: 1 */
    const struct pl_tag_rule *rules; /* borrowed for the registry's life */
    unsigned rule_count;
    const char *const *broadcast; /* globs, ends in NULL; may be NULL; borrowed */
};

struct pl_tags *pl_tags_new(const struct pl_tags_options *options); /* NULL without memory */
void pl_tags_free(struct pl_tags *tags);                            /* NULL is fine */
uint32_t pl_tags_limit(const struct pl_tags *tags);                 /* no id is greater */

#endif
