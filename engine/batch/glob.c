#include <potline/tag.h>
#include <string.h>

/* A pattern is run as a set of places in it that the name read so far may have led to, so that no pattern takes longer
 * than its length times the name's (backtracking would, on "*a*a*a*a"). */

enum { PATTERN_MAX = 1023 };

struct glob {
    const char *pattern;
    uint16_t length;
    uint16_t count;
    uint16_t places[PATTERN_MAX + 1];
    uint16_t stamp[PATTERN_MAX + 1]; /* the step that entered the place last */
    uint16_t behind[PATTERN_MAX];    /* for '{', ',' and '}' of alternatives: the place behind their '}'; else 0 */
    uint16_t step;
};

/* Pairs the braces. A brace without its partner, and a comma outside of all pairs, stand for themselves. */
static void pair_braces(struct glob *glob) {
    uint16_t open[PATTERN_MAX];
    unsigned depth = 0;
    memset(glob->behind, 0, glob->length * sizeof(glob->behind[0]));
    for (unsigned i = 0; i < glob->length; i++) {
        if (glob->pattern[i] == '{') open[depth++] = (uint16_t)i;
        if (glob->pattern[i] != '}' || !depth) continue;
        unsigned from = open[--depth];
        for (unsigned k = from; k <= i; k++) {
            bool own = k == from || k == i || (glob->pattern[k] == ',' && !glob->behind[k]);
            if (own) glob->behind[k] = (uint16_t)(i + 1);
        }
    }
}

/* Adds a place and those reached from it without a character of the name. */
static void enter(struct glob *glob, unsigned at) {
    if (glob->stamp[at] == glob->step) return;
    glob->stamp[at] = glob->step;
    char c = at < glob->length ? glob->pattern[at] : 0;
    unsigned behind = at < glob->length ? glob->behind[at] : 0;
    if (!behind) {
        glob->places[glob->count++] = (uint16_t)at;
        if (c == '*') enter(glob, at + 1);
    } else if (c == '{') {
        enter(glob, at + 1);
        for (unsigned i = at + 1; i < behind; i++) {
            if (glob->pattern[i] == ',' && glob->behind[i] == behind) enter(glob, i + 1);
        }
    } else {
        enter(glob, behind);
    }
}

/* Takes one character of the name (`bytes` long). */
static void advance(struct glob *glob, const char *character, unsigned bytes) {
    uint16_t places[PATTERN_MAX + 1];
    uint16_t count = glob->count;
    memcpy(places, glob->places, count * sizeof(places[0]));
    glob->count = 0;
    glob->step++;
    for (unsigned i = 0; i < count; i++) {
        unsigned at = places[i];
        if (at >= glob->length) continue;
        char c = glob->pattern[at];
        if (c == '*') {
            enter(glob, at);
        } else if (c == '?') {
            enter(glob, at + 1);
        } else if (at + bytes <= glob->length && memcmp(glob->pattern + at, character, bytes) == 0) {
            enter(glob, at + bytes);
        }
    }
}

bool pl_glob(const char *pattern, const char *name) {
    struct glob glob;
    size_t length = strlen(pattern);
    if (length > PATTERN_MAX) return false;
    glob.pattern = pattern;
    glob.length = (uint16_t)length;
    glob.count = 0;
    glob.step = 1;
    memset(glob.stamp, 0, (length + 1) * sizeof(glob.stamp[0]));
    pair_braces(&glob);
    enter(&glob, 0);
    while (*name && glob.count) {
        unsigned bytes = 1;
        while (((unsigned char)name[bytes] & 0xC0) == 0x80)
            bytes++;
        advance(&glob, name, bytes);
        name += bytes;
    }
    if (*name) return false;
    for (unsigned i = 0; i < glob.count; i++) {
        if (glob.places[i] == glob.length) return true;
    }
    return false;
}
