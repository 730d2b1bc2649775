#include <potline/quality.h>

#include <string.h>

static const struct {
    uint16_t bits;
    const char *text;
} severities[] = {{PL_Q_GOOD, "good"}, {PL_Q_UNCERTAIN, "uncertain"}, {PL_Q_BAD, "bad"}};

static const struct {
    uint16_t bits;
    const char *text;
} flags[] = {
#define PL_QUALITY_ROW(name, bit, text) {1u << (bit), text},
    PL_QUALITY_MAP(PL_QUALITY_ROW)
#undef PL_QUALITY_ROW
};

struct line {
    char *text;
    size_t size;
    size_t length;
};

/* Adds a word as a whole or not at all. */
static void line_add(struct line *line, const char *word) {
    size_t length = strlen(word);
    size_t bar = line->length ? 1 : 0;
    if (line->length + bar + length + 1 > line->size) return;
    if (bar) line->text[line->length++] = '|';
    memcpy(line->text + line->length, word, length + 1);
    line->length += length;
}

static const char *severity_text(uint16_t quality) {
    if (quality & PL_Q_BAD) return "bad";
    return quality & PL_Q_UNCERTAIN ? "uncertain" : "good";
}

size_t pl_quality_format(uint16_t quality, char *text, size_t size) {
    struct line line = {.text = text, .size = size};
    if (size) *text = '\0';
    line_add(&line, severity_text(quality));
    for (size_t i = 0; i < PL_COUNT_OF(flags); i++)
        if (quality & flags[i].bits) line_add(&line, flags[i].text);
    return line.length;
}

static bool word_is(const char *word, size_t length, const char *name) {
    return strlen(name) == length && memcmp(word, name, length) == 0;
}

static bool severity_find(const char *word, size_t length, uint16_t *bits) {
    for (size_t i = 0; i < PL_COUNT_OF(severities); i++)
        if (word_is(word, length, severities[i].text)) return *bits = severities[i].bits, true;
    return false;
}

static bool flag_find(const char *word, size_t length, uint16_t *bits) {
    for (size_t i = 0; i < PL_COUNT_OF(flags); i++)
        if (word_is(word, length, flags[i].text)) return *bits = flags[i].bits, true;
    return false;
}

bool pl_quality_parse(const char *text, size_t length, uint16_t *quality) {
    uint16_t found = 0;
    for (bool first = true;; first = false) {
        const char *bar = length ? memchr(text, '|', length) : NULL;
        size_t word = bar ? (size_t)(bar - text) : length;
        uint16_t bits = 0;
        bool known = first ? severity_find(text, word, &bits) : flag_find(text, word, &bits);
        if (!known) return false;
        found |= bits;
        if (!bar) break;
        text = bar + 1;
        length -= word + 1;
    }
    *quality = found;
    return true;
}
