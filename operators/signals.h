/* signals.h: which tag is which signal of its asset, for operators that are told the last parts of tags by options
 * ("voltage": line1.pot07.voltage).
 *
 *     struct signals signals = {.name = options, .count = 9};
 *     if (!signals_prepare(&signals, tags)) ...                       before each batch: without memory
 *     int signal = signals_of(&signals, tags, rows->tag[i]);          below 0: none of them
 *     double value = rows->value[i] * signals_length(entry->unit, 1e-2);
 *     signals_free(&signals);
 */
#ifndef POTLINE_OPERATORS_SIGNALS_H
#define POTLINE_OPERATORS_SIGNALS_H

#include <string.h>

#include <potline/alloc.h>
#include <potline/tag.h>

struct signals {
    const char *const *name; /* "" is none */
    unsigned count;          /* at most 254 */
    uint8_t *of_tag;         /* [tag]: its signal + 1; 0: not looked for yet; UINT8_MAX: none of ours */
    uint32_t room;
};

static inline bool signals_prepare(struct signals *s, const struct pl_tags *tags) {
    uint32_t count = pl_tags_count(tags);
    if (count <= s->room) return true;
    uint32_t room = count + count / 2 + 64;
    uint8_t *more = pl_realloc(s->of_tag, room);
    if (!more) return false;
    memset(more + s->room, 0, room - s->room);
    s->of_tag = more;
    s->room = room;
    return true;
}

static inline uint8_t signals_find(const struct signals *s, const struct pl_tag *entry) {
    const char *dot = strrchr(entry->name, '.');
    uint8_t found = UINT8_MAX;
    for (unsigned i = 0; dot && entry->asset && i < s->count; i++)
        if (*s->name[i] && strcmp(dot + 1, s->name[i]) == 0) found = (uint8_t)(i + 1);
    return found;
}

static inline int signals_of(struct signals *s, const struct pl_tags *tags, uint32_t tag) {
    if (!s->of_tag[tag]) s->of_tag[tag] = signals_find(s, pl_tags_get(tags, tag));
    return s->of_tag[tag] == UINT8_MAX ? -1 : s->of_tag[tag] - 1;
}

static inline void signals_free(struct signals *s) {
    pl_free(s->of_tag);
    s->of_tag = NULL;
    s->room = 0;
}

/* What a value in such a unit is worth in m; `otherwise` where it is none of mm, cm, m. */
static inline double signals_length(const char *unit, double otherwise) {
    return strcmp(unit, "m") == 0 ? 1 : strcmp(unit, "cm") == 0 ? 1e-2 : strcmp(unit, "mm") == 0 ? 1e-3 : otherwise;
}

/* In A: currents come in kA unless the unit says A. */
static inline double signals_current(const char *unit) {
    return strcmp(unit, "A") == 0 ? 1 : 1000;
}

#endif
