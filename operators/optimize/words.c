#include "words.h"

#include <stdarg.h>
#include <stdio.h>

#include "pot.h"

void words_put(struct words *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    if (length < 0) return;
    size_t used = (size_t)length < t->left ? (size_t)length : t->left - 1;
    t->at += used;
    t->left -= used;
}

void words_limit(struct words *t, const struct pot_row *row) {
    const struct quantity_row *q = &quantity_rows[row->of];
    words_put(t, "%s %s %.4g%s%s", q->words, row->high ? "at most" : "at least", row->limit, *q->unit ? " " : "",
              q->unit);
}
