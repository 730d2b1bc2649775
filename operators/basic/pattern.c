#include <string.h>

#include "basic.h"

struct output {
    char text[PL_NAME_MAX + 1];
    bool (*name)(void *user, const char *text, size_t length);
    void *user;
    const char *why;
};

static bool expand(struct output *out, const char *pattern, size_t length);

static bool append(struct output *out, size_t *length, const char *text, size_t count) {
    if (*length + count > PL_NAME_MAX) {
        out->why = "makes a name longer than 255 bytes";
        return false;
    }
    memcpy(out->text + *length, text, count);
    *length += count;
    return true;
}

/* from..to; false when it is none. */
static bool range(const char *text, const char *end, int64_t *from, int64_t *to, int *width) {
    const char *dots = strstr(text, "..");
    if (!dots || dots >= end) return false;
    *width = text[0] == '0' ? (int)(dots - text) : 1;
    return pl_text_int(text, (size_t)(dots - text), from) && pl_text_int(dots + 2, (size_t)(end - dots - 2), to) &&
           *from >= 0 && *from <= *to && *to <= 1000000;
}

static bool each_number(struct output *out, size_t length, const char *rest, int64_t from, int64_t to, int width) {
    for (int64_t i = from; i <= to; i++) {
        char number[24];
        size_t at = length;
        int count = snprintf(number, sizeof number, "%0*d", width, (int)i);
        if (!append(out, &at, number, (size_t)count) || !expand(out, rest, at)) return false;
    }
    return true;
}

static bool each_word(struct output *out, size_t length, const char *rest, const char *text, const char *end) {
    while (text <= end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma ? comma : end;
        size_t at = length;
        if (!append(out, &at, text, (size_t)(stop - text)) || !expand(out, rest, at)) return false;
        text = stop + 1;
    }
    return true;
}

static bool expand(struct output *out, const char *pattern, size_t length) {
    const char *open = strchr(pattern, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    if (!append(out, &length, pattern, open ? (size_t)(open - pattern) : strlen(pattern))) return false;
    if (!open) return out->name(out->user, out->text, length);
    if (!close) {
        out->why = "has a { without its }";
        return false;
    }
    int64_t from, to;
    int width;
    if (range(open + 1, close, &from, &to, &width)) return each_number(out, length, close + 1, from, to, width);
    return each_word(out, length, close + 1, open + 1, close);
}

bool pl_pattern_expand(const char *pattern, bool (*name)(void *user, const char *text, size_t length), void *user,
                       const char **why) {
    struct output out = {.name = name, .user = user};
    bool whole = expand(&out, pattern, 0);
    *why = out.why;
    return whole;
}
