/* shell_words.h: a command line as words, split as a shell does.
 *
 *     alarms ack 'pot 7' --comment="too \"hot\"" # rest      ->  alarms | ack | pot 7 | --comment=too "hot"
 *
 * '...' keeps everything, "..." everything but \" and \\, a backslash outside keeps the next character; # at the start
 * of a word begins a comment. Nothing is expanded: a glob is for the engine to read. A word knows where it stands in
 * the line, for completion.
 */
#ifndef POTLINE_CLI_SHELL_WORDS_H
#define POTLINE_CLI_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum { PL_SHELL_WORDS_MAX = 256, PL_SHELL_LINE_MAX = 65536 };

struct pl_word {
    char *text;
    size_t begin, end; /* bytes of the line, quotes included */
    char quote;        /* that is still open at the end of the line: ' or "; '\\' for a backslash with nothing behind */
};

struct pl_words {
    struct pl_word items[PL_SHELL_WORDS_MAX];
    size_t count;
};

/* False with *why set (static text) for a quote left open, too many words, bytes that are not UTF-8, no memory.
 * Completion asks for `open`: then a quote may be open. End with pl_words_fini in any case. */
bool pl_words_split(struct pl_words *words, const char *line, size_t length, bool open, const char **why);
void pl_words_fini(struct pl_words *words);

/* `text` written so that it splits into itself, inside the given quote (0: none, then with backslashes where they are
 * needed). Freed by the caller; NULL without memory. */
char *pl_words_quote(const char *text, char quote);

/* Takes a \G off the end of `line`, behind a blank or not, which may be shorter then; true when there was one. */
bool pl_words_take_vertical(char *line);

#endif
