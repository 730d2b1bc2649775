/* tag.h: the registry of names: tags, assets, kinds of events, all interned as 32-bit ids.
 *
 * Ids are dense from 1; 0 is the empty name. The registry only grows, up to the limit of its graph (max_tags), and is
 * read without locks from every thread: an entry never moves and never changes once its id is known, but for what the
 * graph declares about tags, which is there from the start. Ids never leave the process.
 *
 * The asset of a tag is its name up to the last '.' (`line1.pot07.voltage` -> `line1.pot07`), itself an entry.
 */
#ifndef POTLINE_TAG_H
#define POTLINE_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

enum { PL_NAME_MAX = 255 };
#define PL_NO_ID UINT32_MAX

struct pl_tags;

struct pl_tag {
    const char *name; /* ends in 0 */
    const char *unit; /* "" when not declared */
    double low;       /* the declared range; -INFINITY and INFINITY when there is none */
    double high;
    uint32_t asset; /* id; 0 for a name without '.' */
    uint32_t id;
    uint8_t length;
    uint8_t group;            /* key group: hash of the partition key mod 256; where the tag's state lives */
    uint8_t broadcast;        /* goes to every partition */
    uint16_t states;          /* how many states the tag's enumeration has; 0 for a number */
    const char *const *state; /* their names; the code is the index */
};

/* The id of a name, entered if it is new. PL_NO_ID when it is longer than PL_NAME_MAX, not UTF-8, holds a control
 * character, or the registry is full. Any thread. */
PL_API uint32_t pl_tags_intern(struct pl_tags *tags, const char *name, size_t length);
PL_API uint32_t pl_tags_find(const struct pl_tags *tags, const char *name, size_t length); /* PL_NO_ID: not there */
PL_API uint32_t pl_tags_count(const struct pl_tags *tags);                                 /* ids are 0 .. count - 1 */

/* The entry of an id that the registry gave. */
PL_API const struct pl_tag *pl_tags_get(const struct pl_tags *tags, uint32_t id);

/* The code of a state's name in the tag's enumeration; -1: no such state. "true"/"false" in any case are 1 and 0 for a
 * tag without an enumeration. */
PL_API int pl_tag_state(const struct pl_tag *tag, const char *text, size_t length);

/* ---- For people ---- */

enum { PL_TAG_UNIT_MAX = 31, PL_TAG_DESCRIPTION_MAX = 127 };

struct pl_tag_text { /* "": none */
    char unit[PL_TAG_UNIT_MAX + 1];
    char description[PL_TAG_DESCRIPTION_MAX + 1];
};

/* The field says of a tag what it is, as a birth of Sparkplug does; with "" what it has said before stays. What is too
 * long is cut at a character; a text with control characters, or that is no UTF-8, counts as "". told[0] is what had
 * been told so far, told[1] what has been now. Nothing may be computed with it (`unit` of the tag is the graph's own):
 * it is not in the log, so another run would not know it in time. False: without memory. Any thread. */
PL_API bool pl_tags_tell(struct pl_tags *tags, uint32_t id, const char *unit, const char *description,
                         struct pl_tag_text told[2]);
PL_API void pl_tags_told(struct pl_tags *tags, uint32_t id, struct pl_tag_text *told);

/* What people are shown: each text as the graph declares it, else as the field has told it. */
PL_API void pl_tags_text(struct pl_tags *tags, uint32_t id, struct pl_tag_text *text);

/* Does `name` fit the pattern: '*' any run within the name (dots too), '?' one character, '{a,b}' either, the rest as
 * it stands. */
PL_API bool pl_glob(const char *pattern, const char *name);

#endif
