#include <potline/tag.h>

#include <string.h>

#include "base/utf8.h"

/* Patterns of literals, '*' and '?' match in place: only the last '*' can have to take more, as an earlier one has
 * already given the earliest match of what follows it. */

static size_t character(const char *text, size_t length) {
    unsigned size = pl_utf8_next(text, length);
    return size ? size : 1;
}

static bool plain_match(const char *p, const char *p_end, const char *n, const char *n_end) {
    const char *star = NULL, *resume = NULL;
    while (n < n_end) {
        if (p < p_end && *p == '*') {
            star = ++p;
            resume = n;
        } else if (p < p_end && *p == '?') {
            p++;
            n += character(n, (size_t)(n_end - n));
        } else if (p < p_end && *p == *n) {
            p++;
            n++;
        } else if (star) {
            p = star;
            resume += character(resume, (size_t)(n_end - resume));
            n = resume;
        } else {
            return false;
        }
    }
    while (p < p_end && *p == '*')
        p++;
    return p == p_end;
}

/* With alternatives all readings of the pattern are followed at once: a set of places in it, moved over the name
 * character by character. That costs pattern times name at most, whatever they are. */

enum { PATTERN_MAX = 1023 };

struct matcher {
    const char *pattern;
    size_t length;
    uint16_t group[PATTERN_MAX + 1]; /* for the places from '{' to '}': where the '}' is; else 0 */
    bool places[2][PATTERN_MAX + 1]; /* before and behind the character at hand */
};

static void find_groups(struct matcher *m) {
    memset(m->group, 0, sizeof m->group);
    for (size_t i = 0; i < m->length; i++) {
        const char *close = m->pattern[i] == '{' ? memchr(m->pattern + i, '}', m->length - i) : NULL;
        if (!close) continue;
        size_t end = (size_t)(close - m->pattern);
        for (; i < end; i++)
            m->group[i] = (uint16_t)end;
        m->group[end] = (uint16_t)end;
    }
}

static bool opens(const struct matcher *m, size_t i) {
    return m->group[i] && (i == 0 || m->group[i - 1] != m->group[i]);
}

/* The end of an alternative; the pattern goes on behind the group. */
static bool ends(const struct matcher *m, size_t i) {
    return m->group[i] && (m->pattern[i] == ',' || m->group[i] == i);
}

/* Adds the places that are reached without a character: all lie further on, so one pass does. */
static void spread(const struct matcher *m, bool *places) {
    for (size_t i = 0; i < m->length; i++) {
        if (!places[i]) continue;
        if (opens(m, i)) {
            places[i + 1] = true;
            for (size_t j = i + 1; j < m->group[i]; j++)
                if (m->pattern[j] == ',') places[j + 1] = true;
        } else if (ends(m, i)) {
            places[m->group[i] + 1] = true;
        } else if (m->pattern[i] == '*') {
            places[i + 1] = true;
        }
    }
}

static bool step(const struct matcher *m, const bool *here, bool *next, const char *name, size_t size) {
    bool any = false;
    memset(next, 0, m->length + 1);
    for (size_t i = 0; i < m->length; i++) {
        if (!here[i] || opens(m, i) || ends(m, i)) continue;
        size_t to = i;
        if (m->pattern[i] == '?')
            to = i + 1;
        else if (m->pattern[i] != '*' && (m->length - i < size || memcmp(m->pattern + i, name, size) != 0))
            continue;
        else if (m->pattern[i] != '*')
            to = i + size;
        next[to] = any = true;
    }
    return any;
}

static bool groups_match(const char *pattern, size_t length, const char *n, const char *n_end) {
    struct matcher m = {.pattern = pattern, .length = length};
    find_groups(&m);
    bool *here = m.places[0], *next = m.places[1];
    here[0] = true;
    spread(&m, here);
    while (n < n_end) {
        size_t size = character(n, (size_t)(n_end - n));
        if (!step(&m, here, next, n, size)) return false;
        spread(&m, next);
        bool *behind = here;
        here = next;
        next = behind;
        n += size;
    }
    return here[length];
}

bool pl_glob(const char *pattern, const char *name) {
    size_t length = strlen(pattern);
    const char *end = name + strlen(name);
    if (!memchr(pattern, '{', length)) return plain_match(pattern, pattern + length, name, end);
    return length <= PATTERN_MAX && groups_match(pattern, length, name, end);
}
