#include "trial_match.h"

#include <string.h>

#include <potline/alloc.h>

enum {
    TABLE_MAX = 16 << 20, /* cells; more rows than that are compared place by place, or paired greedily */
    AUGMENT_ROWS_MAX = 2000,
};

static bool make(struct pl__matching *m) {
    m->of_expected = pl_alloc((m->expected_count + 1) * sizeof *m->of_expected);
    m->of_found = pl_alloc((m->found_count + 1) * sizeof *m->of_found);
    m->alike = pl_alloc(m->expected_count + 1);
    if (!m->of_expected || !m->of_found || !m->alike) return false;
    memset(m->of_expected, 0xff, (m->expected_count + 1) * sizeof *m->of_expected);
    memset(m->of_found, 0xff, (m->found_count + 1) * sizeof *m->of_found);
    return true;
}

void pl__matching_fini(struct pl__matching *m) {
    pl_free(m->of_expected);
    pl_free(m->of_found);
    pl_free(m->alike);
}

static bool fits(const struct pl__matching *m, uint32_t expected, uint32_t found) {
    return pl__row_matches(m->view, m->how, &m->expected[expected], &m->found[found]);
}

static void pair(struct pl__matching *m, uint32_t expected, uint32_t found, bool alike) {
    m->of_expected[expected] = found;
    m->of_found[found] = expected;
    m->alike[expected] = alike;
    m->matched += alike;
}

/* ---- In order ---- */

/* lengths[e][f]: how long the longest common part of what is behind e and f is. */
static bool pair_longest(struct pl__matching *m, uint32_t from, uint32_t expected, uint32_t found) {
    size_t width = found + 1;
    uint32_t *lengths = pl_alloc((size_t)(expected + 1) * width * sizeof *lengths);
    uint8_t *same = pl_alloc((size_t)(expected + 1) * width);
    if (lengths && same) {
        for (uint32_t e = expected; e-- > 0;)
            for (uint32_t f = found; f-- > 0;) {
                size_t at = e * width + f;
                same[at] = fits(m, from + e, from + f);
                uint32_t down = lengths[at + width], right = lengths[at + 1];
                lengths[at] = same[at] ? lengths[at + width + 1] + 1 : down > right ? down : right;
            }
        for (uint32_t e = 0, f = 0; e < expected && f < found;) {
            size_t at = e * width + f;
            if (same[at])
                pair(m, from + e++, from + f++, true);
            else if (lengths[at + width] >= lengths[at + 1])
                e++;
            else
                f++;
        }
    }
    bool good = lengths && same;
    pl_free(lengths);
    pl_free(same);
    return good;
}

bool pl__match_in_order(struct pl__matching *m) {
    if (!make(m)) return false;
    uint32_t least = m->expected_count < m->found_count ? m->expected_count : m->found_count, from = 0;
    while (from < least && fits(m, from, from)) {
        pair(m, from, from, true);
        from++;
    }
    uint32_t expected = m->expected_count - from, found = m->found_count - from;
    if (expected && found && (uint64_t)expected * found <= TABLE_MAX) return pair_longest(m, from, expected, found);
    for (; from < least; from++)
        if (fits(m, from, from)) pair(m, from, from, true);
    return true;
}

/* ---- In any order ---- */

/* Makes room for an expected row by moving others to other rows that they match too. */
static bool augment(struct pl__matching *m, uint32_t expected, uint8_t *seen) {
    for (uint32_t f = 0; f < m->found_count; f++) {
        if (seen[f] || !fits(m, expected, f)) continue;
        seen[f] = 1;
        if (m->of_found[f] != PL__NO_ROW && !augment(m, m->of_found[f], seen)) continue;
        m->of_expected[expected] = f;
        m->of_found[f] = expected;
        m->alike[expected] = 1;
        return true;
    }
    return false;
}

static bool take_first(struct pl__matching *m, uint32_t expected, uint32_t *from) {
    for (uint32_t i = 0; i < m->found_count; i++) {
        uint32_t f = (*from + i) % m->found_count;
        if (m->of_found[f] != PL__NO_ROW || !fits(m, expected, f)) continue;
        pair(m, expected, f, true);
        *from = f + 1;
        return true;
    }
    return false;
}

bool pl__match_in_any_order(struct pl__matching *m) {
    if (!make(m)) return false;
    bool small = m->expected_count <= AUGMENT_ROWS_MAX && m->found_count <= AUGMENT_ROWS_MAX;
    uint8_t *seen = pl_alloc(m->found_count + 1);
    uint32_t from = 0;
    for (uint32_t e = 0; seen && e < m->expected_count; e++) {
        if (take_first(m, e, &from) || !small) continue;
        memset(seen, 0, m->found_count);
        m->matched += augment(m, e, seen);
    }
    pl_free(seen);
    return seen != NULL;
}

/* ---- What is left over ---- */

static bool same_key(const struct pl__matching *m, uint32_t expected, uint32_t found) {
    const char *key = pl__expected_key(&m->expected[expected]);
    return !key || strcmp(key, pl__found_key(m->view, &m->found[found])) == 0;
}

static bool same_time(const struct pl__matching *m, uint32_t expected, uint32_t found) {
    pl_time time;
    return !pl__expected_time(&m->expected[expected], &time) || time == pl__found_time(&m->found[found]);
}

/* In order a pair must not cross others: it lies between those of the rows around. */
static uint32_t first_free(const struct pl__matching *m, uint32_t expected) {
    if (m->how->any_order || m->how->contains_given) return 0;
    while (expected-- > 0)
        if (m->of_expected[expected] != PL__NO_ROW) return m->of_expected[expected] + 1;
    return 0;
}

static uint32_t end_of_free(const struct pl__matching *m, uint32_t expected) {
    if (m->how->any_order || m->how->contains_given) return m->found_count;
    while (++expected < m->expected_count)
        if (m->of_expected[expected] != PL__NO_ROW) return m->of_expected[expected];
    return m->found_count;
}

static void pair_alike(struct pl__matching *m, bool by_time) {
    for (uint32_t e = 0; e < m->expected_count; e++) {
        if (m->of_expected[e] != PL__NO_ROW) continue;
        uint32_t end = end_of_free(m, e);
        for (uint32_t f = first_free(m, e); f < end; f++) {
            if (m->of_found[f] != PL__NO_ROW || !same_key(m, e, f) || (by_time && !same_time(m, e, f))) continue;
            pair(m, e, f, false);
            break;
        }
    }
}

void pl__match_left_over(struct pl__matching *m) {
    if ((uint64_t)m->expected_count * m->found_count > TABLE_MAX) return;
    pair_alike(m, true);
    if (!m->how->contains_given) pair_alike(m, false);
}
