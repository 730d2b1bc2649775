/* basic.h: the operators of the plugin, and what they share with their tests. */
#ifndef POTLINE_BASIC_H
#define POTLINE_BASIC_H

#include <potline/potline.h>

extern const struct pl_operator pl__sink_null, pl__source_generator;

/* Writes out a pattern of names: `{1..3}` and `{01..20}` (keeps its width) are ranges, `{a,b}` either; several give
 * every combination, the last one fastest. `name` is called for each, in order, and stops the rest by returning false.
 * False when the pattern is not one: *why says what is wrong. */
bool pl_pattern_expand(const char *pattern, bool (*name)(void *user, const char *text, size_t length), void *user,
                       const char **why);

#endif
