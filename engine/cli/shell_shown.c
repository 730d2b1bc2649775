#include "shell_shown.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include <potline/text.h>

#include "base/utf8.h"

void pl_shown_locale(void) {
    if (setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0) return;
    setlocale(LC_CTYPE, "C.UTF-8");
}

/* A character of `size` bytes, which are well-formed. */
static wchar_t decode(const char *text, unsigned size) {
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    unsigned code = (unsigned char)text[0] & masks[size];
    for (unsigned i = 1; i < size; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3F);
    return (wchar_t)code;
}

/* Controls, line separators, and what turns or embeds a writing direction. */
static bool is_unsafe(wchar_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
           c == 0x200E || c == 0x200F || c == 0x061C;
}

static void put_unsafe(struct pl_buffer *to, wchar_t c) {
    if (c == '\n')
        pl_buffer_puts(to, "\\n");
    else if (c == '\t')
        pl_buffer_puts(to, "\\t");
    else if (c == '\r')
        pl_buffer_puts(to, "\\r");
    else
        pl_buffer_printf(to, c < 0x80 ? "\\x%02x" : "\\u{%x}", (unsigned)c);
}

void pl_shown_escape(struct pl_buffer *to, const char *text, size_t length) {
    for (size_t at = 0; at < length;) {
        unsigned size = pl_utf8_next(text + at, length - at);
        wchar_t c = size ? decode(text + at, size) : 0;
        if (!size)
            pl_buffer_printf(to, "\\x%02x", (unsigned char)text[at]);
        else if (is_unsafe(c))
            put_unsafe(to, c);
        else
            pl_buffer_put(to, text + at, size);
        at += size ? size : 1;
    }
}

static unsigned columns_of(const char *text, unsigned size) {
    int width = wcwidth(decode(text, size));
    return width < 0 ? 1 : (unsigned)width; /* too new for the C library: most likely a narrow one */
}

unsigned pl_shown_width(const char *text, size_t length) {
    unsigned width = 0;
    for (size_t at = 0; at < length;) {
        unsigned size = pl_utf8_next(text + at, length - at);
        width += size ? columns_of(text + at, size) : 1;
        at += size ? size : 1;
    }
    return width;
}

/* The bytes of the longest start of `text` in at most `width` columns; *used: how many it takes. */
static size_t start_within(const char *text, size_t length, unsigned width, unsigned *used) {
    size_t at = 0;
    *used = 0;
    while (at < length) {
        unsigned size = pl_utf8_next(text + at, length - at);
        unsigned columns = size ? columns_of(text + at, size) : 1;
        if (*used + columns > width) break;
        *used += columns;
        at += size ? size : 1;
    }
    return at;
}

static void put_blanks(struct pl_buffer *to, unsigned count) {
    while (count--)
        pl_buffer_putc(to, ' ');
}

void pl_shown_fit(struct pl_buffer *to, const char *text, unsigned width, bool right) {
    size_t length = strlen(text);
    unsigned used = pl_shown_width(text, length);
    bool cut = used > width;
    if (cut) length = start_within(text, length, width ? width - 1 : 0, &used);
    unsigned blanks = width - used - (cut && width);
    if (right) put_blanks(to, blanks);
    pl_buffer_put(to, text, length);
    if (cut && width) pl_buffer_puts(to, "…");
    if (!right) put_blanks(to, blanks);
}

/* The longest end of `text`, which has *used columns, in at most `width`. */
static size_t end_within(const char *text, size_t length, unsigned width, unsigned *used) {
    size_t at = 0;
    while (*used > width) {
        unsigned size = pl_utf8_next(text + at, length - at);
        *used -= size ? columns_of(text + at, size) : 1;
        at += size ? size : 1;
    }
    return at;
}

void pl_shown_fit_middle(struct pl_buffer *to, const char *text, unsigned width, unsigned head) {
    size_t length = strlen(text);
    unsigned used = pl_shown_width(text, length), begun;
    if (used <= width || !width) {
        pl_shown_fit(to, text, width, false);
        return;
    }
    size_t start = start_within(text, length, head < width ? head : width - 1, &begun);
    size_t at = end_within(text, length, width - 1 - begun, &used);
    pl_buffer_put(to, text, start);
    pl_buffer_puts(to, "…");
    pl_buffer_put(to, text + at, length - at);
    put_blanks(to, width - 1 - begun - used);
}

void pl_shown_wrap(struct pl_buffer *to, const char *text, unsigned width, unsigned used, unsigned indent) {
    unsigned at = used;
    for (bool first = true; *text; first = false) {
        size_t length = strcspn(text, " ");
        unsigned wide = pl_shown_width(text, length);
        bool breaks = width && !first && at + 1 + wide > width && at > indent;
        if (breaks) {
            pl_buffer_putc(to, '\n');
            put_blanks(to, indent);
            at = indent;
        } else if (!first) {
            pl_buffer_putc(to, ' ');
            at++;
        }
        pl_buffer_put(to, text, length);
        at += wide;
        text += length;
        text += *text == ' ';
    }
}

void pl_shown_fit_words(struct pl_buffer *to, const char *text, unsigned width) {
    size_t length = strlen(text);
    unsigned used = pl_shown_width(text, length);
    if (used <= width || !width) {
        pl_shown_fit(to, text, width, false);
        return;
    }
    length = start_within(text, length, width - 1, &used);
    size_t word = length;
    while (word > length / 2 && text[word] != ' ')
        word--;
    if (text[word] == ' ') length = word;
    used = pl_shown_width(text, length);
    pl_buffer_put(to, text, length);
    pl_buffer_puts(to, "…");
    put_blanks(to, width - used - 1);
}

char *pl_shown_number(char *at, double value) {
    enum { SHORT = 8 };
    double size = fabs(value);
    if (!isfinite(value) || size >= 1e15) return pl_text_put_f64(at, value);
    if (value == floor(value)) return pl_text_put_fixed(at, value, 0);
    char *end = pl_text_put_f64(at, value);
    if (end - at <= SHORT) return end;
    if (size < 1e-3) return at + sprintf(at, "%.6g", value);
    unsigned decimals = 5;
    for (double limit = 10; decimals > 1 && size >= limit; limit *= 10)
        decimals--;
    end = pl_text_put_fixed(at, value, decimals);
    while (end[-1] == '0')
        end--;
    return end[-1] == '.' ? end - 1 : end;
}
