/* 'did you mean': the known name that takes the fewest slips of the finger to become the one written. */
#include <potline/text.h>

#include <string.h>

enum { LENGTH_MAX = 64 };

static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* Letters put in, left out, changed, or swapped with their neighbour (the restricted Damerau-Levenshtein distance). */
static unsigned distance(const char *a, size_t n, const char *b, size_t m) {
    unsigned rows[3][LENGTH_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[m];
}

/* `tumbling` for `window.tumbling`: a whole part of the other name, from a dot or up to one. */
static bool is_part(const char *part, size_t n, const char *name, size_t m) {
    if (n < 3 || n >= m) return false;
    bool front = name[n] == '.' && memcmp(name, part, n) == 0;
    bool back = name[m - n - 1] == '.' && memcmp(name + m - n, part, n) == 0;
    return front || back;
}

const char *pl_text_nearest(const char *name, const char *const *names, size_t count) {
    size_t n = strlen(name);
    if (n > LENGTH_MAX) return NULL;
    unsigned best = n < 3   ? 2
                    : n < 6 ? 3
                            : 4; /* one slip in a short name, two in a middling one, three in a long one */
    const char *nearest = NULL;
    const char *whole = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t m = strlen(names[i]);
        if (!whole && is_part(name, n, names[i], m)) whole = names[i];
        if (m > LENGTH_MAX || m >= n + best || n >= m + best) continue;
        unsigned d = distance(name, n, names[i], m);
        if (d >= best || d >= n) continue;
        best = d;
        nearest = names[i];
    }
    return nearest ? nearest : whole;
}
