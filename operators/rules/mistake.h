/* mistake.h: what is wrong with a file of rules: every mistake, with its line and column.
 *
 *     rule {
 *       name = "hot",
 *       hodl = "1m",          <- Lua knows the line of `rule` and those of functions; the rest is looked up in the text
 *
 * Looking up goes by words: the keys on the way, one behind the other, then the word itself; comments are passed over.
 * What is not found leaves the place that was reached, at worst the rule's beginning.
 */
#ifndef POTLINE_RULES_MISTAKE_H
#define POTLINE_RULES_MISTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPOT_KEYS = 3, SPOT_WORD = 64, MISTAKES_MAX = 100 };

/* Where to look. */
struct spot {
    int first, last;            /* lines; 0 for `last`: to where the next rule begins; 0 for `first`: nowhere */
    const char *key[SPOT_KEYS]; /* on the way, each followed by "="; NULL ends them */
    char word[SPOT_WORD];       /* behind them; empty: none */
};

struct mistake {
    struct mistake *next;
    int line, column; /* 0: of the whole file */
    char text[];
};

struct mistakes {
    const char *text; /* of the file; borrowed */
    size_t size;
    struct mistake *first; /* in order of place */
    uint32_t count;        /* of all; at most MISTAKES_MAX are in the list */
};

void mistakes_add(struct mistakes *mistakes, const struct spot *spot, const char *said);
/* What Lua says of a whole file: "name.lua:12: ')' expected near 'end'". */
void mistakes_add_said(struct mistakes *mistakes, const char *said);
void mistakes_free(struct mistakes *mistakes);

#endif
