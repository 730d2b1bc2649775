#include "mistake.h"

#include <potline/alloc.h>
#include <potline/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Looking a place up in the text ---- */

struct cursor {
    const char *at, *end;
    const char *start; /* of the line */
    int line;
};

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool begins(const struct cursor *c, const char *text) {
    size_t length = strlen(text);
    return (size_t)(c->end - c->at) >= length && memcmp(c->at, text, length) == 0;
}

/* Is the whole word there? What is no word, such as "=", only has to begin there. */
static bool is_there(const struct cursor *c, const char *word) {
    size_t length = strlen(word);
    if (!length || !begins(c, word)) return false;
    const char *behind = c->at + length;
    if (is_word(word[0]) && c->at > c->start && is_word(c->at[-1])) return false;
    return !is_word(word[length - 1]) || behind == c->end || !is_word(*behind);
}

static bool is_key(const struct cursor *c, const char *word) {
    if (!is_there(c, word)) return false;
    const char *at = c->at + strlen(word);
    while (at < c->end && (*at == ' ' || *at == '\t'))
        at++;
    return at < c->end && *at == '=' && (at + 1 == c->end || at[1] != '=');
}

/* Past one character, or past a comment. */
static void step(struct cursor *c) {
    const char *to = c->at + 1;
    size_t left = (size_t)(c->end - c->at);
    if (begins(c, "--[[")) {
        const char *close = memmem(c->at, left, "]]", 2);
        to = close ? close + 2 : c->end;
    } else if (begins(c, "--")) {
        const char *newline = memchr(c->at, '\n', left);
        to = newline ? newline : c->end;
    }
    for (; c->at < to; c->at++) {
        if (*c->at != '\n') continue;
        c->line++;
        c->start = c->at + 1;
    }
}

/* Goes on to the word, or returns false and stays. */
static bool seek(struct cursor *c, const struct spot *spot, const char *word, bool key) {
    struct cursor at = *c;
    for (; at.at < at.end && (spot->last == 0 || at.line <= spot->last); step(&at)) {
        bool next_rule = spot->last == 0 && at.line > spot->first && at.at == at.start && is_there(&at, "rule");
        if (next_rule) return false;
        if (key ? !is_key(&at, word) : !is_there(&at, word)) continue;
        *c = at;
        return true;
    }
    return false;
}

static void find(const struct mistakes *mistakes, const struct spot *spot, int *line, int *column) {
    struct cursor c = {
        .at = mistakes->text, .end = mistakes->text + mistakes->size, .start = mistakes->text, .line = 1};
    struct spot first_line = {.first = spot->first, .last = spot->first};
    while (c.at < c.end && c.line < spot->first)
        step(&c);
    if (spot->last == 0) seek(&c, &first_line, "rule", false);
    struct cursor found = c;
    for (unsigned i = 0; i < SPOT_KEYS && spot->key[i]; i++) {
        if (!seek(&c, spot, spot->key[i], true)) continue;
        found = c;
        c.at += strlen(spot->key[i]);
    }
    if (*spot->word && seek(&c, spot, spot->word, false)) found = c;
    *line = found.line;
    *column = (int)(found.at - found.start) + 1;
}

/* ---- The list ---- */

static bool is_before(const struct mistake *a, const struct mistake *b) {
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static void add(struct mistakes *mistakes, int line, int column, const char *said) {
    size_t length = strlen(said);
    struct mistake *made = mistakes->count++ < MISTAKES_MAX ? pl_alloc(sizeof *made + length + 1) : NULL;
    if (!made) return; /* it is counted, so the file is refused all the same */
    made->line = line;
    made->column = column;
    memcpy(made->text, said, length + 1);
    struct mistake **at = &mistakes->first;
    while (*at && !is_before(made, *at))
        at = &(*at)->next;
    made->next = *at;
    *at = made;
}

void mistakes_add(struct mistakes *mistakes, const struct spot *spot, const char *said) {
    int line = 0, column = 0;
    if (spot->first) find(mistakes, spot, &line, &column);
    add(mistakes, line, column, said);
}

/* What stands between `open` and the next quote, as the word to look for. */
static bool take_word(struct spot *spot, const char *said, const char *open) {
    const char *word = strstr(said, open), *end = word ? strchr(word + strlen(open), '\'') : NULL;
    if (!end) return false;
    word += strlen(open);
    snprintf(spot->word, sizeof spot->word, "%.*s", (int)(end - word), word);
    return true;
}

void mistakes_add_said(struct mistakes *mistakes, const char *said) {
    static const char *const globals[] = {"rule", "math", "string", "tonumber", "tostring"};
    struct spot spot = {0};
    for (const char *colon = strchr(said, ':'); colon && !spot.first; colon = strchr(colon + 1, ':')) {
        char *end;
        long line = strtol(colon + 1, &end, 10);
        if (end == colon + 1 || line < 1 || line > INT32_MAX || strncmp(end, ": ", 2) != 0) continue;
        spot.first = spot.last = (int)line;
        said = end + 2;
    }
    char text[1024];
    const char *nearest =
        take_word(&spot, said, "(global '") ? pl_text_nearest(spot.word, globals, PL_COUNT_OF(globals)) : NULL;
    if (!*spot.word) take_word(&spot, said, "near '");
    snprintf(text, sizeof text, "%s%s%s%s", said, nearest ? "; did you mean '" : "", nearest ? nearest : "",
             nearest ? "'?" : "");
    mistakes_add(mistakes, &spot, text);
}

void mistakes_free(struct mistakes *mistakes) {
    while (mistakes->first) {
        struct mistake *next = mistakes->first->next;
        pl_free(mistakes->first);
        mistakes->first = next;
    }
    mistakes->count = 0;
}
