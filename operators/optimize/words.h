/* words.h: words into a buffer that cuts what it has no room for, and limits as people say them. */
#ifndef OPTIMIZE_WORDS_H
#define OPTIMIZE_WORDS_H

#include <stddef.h>

struct words {
    char *at;
    size_t left;
};
struct pot_row;

void words_put(struct words *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "superheat at least 6 K" */
void words_limit(struct words *text, const struct pot_row *row);

#endif
