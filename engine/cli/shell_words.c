#include "shell_words.h"

#include <string.h>

#include <potline/alloc.h>

#include "base/buffer.h"
#include "base/utf8.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The word that begins at `at`; its end. word->quote says what is still open there. */
static size_t read_word(struct pl_word *word, const char *line, size_t length, size_t at, struct pl_buffer *text) {
    char quote = 0;
    word->begin = at;
    for (; at < length && (quote || !is_blank(line[at])); at++) {
        char c = line[at];
        bool escapes = c == '\\' && quote != '\'';
        if (escapes && at + 1 == length) {
            word->quote = '\\';
            return word->end = length;
        }
        if (escapes && (!quote || line[at + 1] == '"' || line[at + 1] == '\\'))
            pl_buffer_putc(text, line[++at]);
        else if (quote ? c == quote : c == '"' || c == '\'')
            quote = quote ? 0 : c;
        else
            pl_buffer_putc(text, c);
    }
    word->quote = quote;
    return word->end = at;
}

static bool fail(const char **why, const char *text) {
    *why = text;
    return false;
}

static bool add_word(struct pl_words *words, const char *line, size_t length, size_t *at, const char **why) {
    if (words->count == PL_SHELL_WORDS_MAX) return fail(why, "a command has at most 256 words");
    struct pl_word *word = &words->items[words->count];
    struct pl_buffer text;
    pl_buffer_init(&text, PL_SHELL_LINE_MAX);
    *at = read_word(word, line, length, *at, &text);
    word->text = pl_buffer_take(&text);
    pl_buffer_fini(&text);
    if (!word->text) return fail(why, "out of memory");
    words->count++;
    return true;
}

bool pl_words_split(struct pl_words *words, const char *line, size_t length, bool open, const char **why) {
    words->count = 0;
    if (length > PL_SHELL_LINE_MAX) return fail(why, "the line is longer than 65,536 bytes");
    if (memchr(line, 0, length) || !pl_utf8_check(line, length)) return fail(why, "the line is not UTF-8 text");
    size_t at = 0;
    for (;;) {
        while (at < length && is_blank(line[at]))
            at++;
        if (at == length || line[at] == '#') return true;
        if (!add_word(words, line, length, &at, why)) return false;
        char quote = words->items[words->count - 1].quote;
        if (quote && !open)
            return fail(why, quote == '\\' ? "nothing follows the backslash at the end" : "a quote is not closed");
    }
}

void pl_words_fini(struct pl_words *words) {
    for (size_t i = 0; i < words->count; i++)
        pl_free(words->items[i].text);
    words->count = 0;
}

static bool needs_escape(const char *text, size_t at, char quote) {
    char c = text[at];
    if (quote == '"') return c == '"' || c == '\\';
    return is_blank(c) || c == '"' || c == '\'' || c == '\\' || (c == '#' && at == 0);
}

char *pl_words_quote(const char *text, char quote) {
    struct pl_buffer written;
    pl_buffer_init(&written, 2 * PL_SHELL_LINE_MAX);
    for (size_t i = 0; text[i]; i++) {
        if (quote == '\'' && text[i] == '\'') {
            pl_buffer_puts(&written, "'\\''");
            continue;
        }
        if (quote != '\'' && needs_escape(text, i, quote)) pl_buffer_putc(&written, '\\');
        pl_buffer_putc(&written, text[i]);
    }
    char *taken = pl_buffer_take(&written);
    pl_buffer_fini(&written);
    return taken;
}

bool pl_words_take_vertical(char *line) {
    size_t length = strlen(line);
    while (length && is_blank(line[length - 1]))
        length--;
    bool there = length >= 2 && memcmp(line + length - 2, "\\G", 2) == 0;
    if (!there || (length > 2 && line[length - 3] == '\\')) return false;
    line[length - 2] = 0;
    return true;
}
