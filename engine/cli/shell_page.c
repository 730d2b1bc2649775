/* What is longer than the terminal, a page at a time. It stays on the terminal: nothing is cleared but the line that
 * asks. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "shell.h"
#include "shell_shown.h"

/* How many rows of the terminal a line takes; colours take no room. */
static unsigned rows_of(const char *line, size_t length, unsigned width) {
    unsigned used = 0;
    for (size_t at = 0; at < length;) {
        const char *stop = line[at] == '\x1b' ? memchr(line + at, 'm', length - at) : NULL;
        size_t part = stop ? (size_t)(stop - line) + 1 - at : pl_utf8_next(line + at, length - at);
        if (!stop) used += pl_shown_width(line + at, part ? part : 1);
        at += part ? part : 1;
    }
    return used && width ? (used + width - 1) / width : 1;
}

/* The end of the lines from `at` that fit into `rows`, of one at least. */
static const char *page_end(const char *at, const char *end, unsigned rows, unsigned width) {
    unsigned used = 0;
    const char *begin = at;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end - 1;
        used += rows_of(at, (size_t)(stop - at), width);
        if (used > rows && at > begin) return at;
        at = stop + 1;
    }
    return end;
}

static unsigned lines_of(const char *at, const char *end) {
    unsigned lines = 0;
    for (; at < end; at++)
        lines += *at == '\n';
    return lines;
}

/* The next key; 'q' for all that ends. */
static int wait_key(struct pl_shell *shell) {
    for (;;) {
        struct pl_answer late;
        while (shell->client && pl_client_receive(shell->client, &late))
            pl_answer_fini(&late);
        unsigned wake = pl_shell_wait(shell, true, INT64_MAX);
        if (wake & (PL_WAKE_INTERRUPT | PL_WAKE_END)) return 'q';
        int key = wake & PL_WAKE_KEY ? pl_screen_key() : 0;
        if (key < 0 || key == PL_KEY_ESCAPE) return 'q';
        if (key) return key;
    }
}

static void put_question(unsigned left) {
    char text[96];
    struct pl_buffer out;
    unsigned width = pl_shell_style().width, used;
    used = (unsigned)snprintf(text, sizeof text, "-- %u more: space, Enter, e to the end, q back --", left);
    pl_buffer_init(&out, sizeof text * 4);
    pl_shown_fit(&out, text, width && width <= used ? width - 1 : used, false);
    if (out.size) fwrite(out.data, 1, out.size, stdout);
    pl_buffer_fini(&out);
    fflush(stdout);
}

/* How many rows to go on by; 0: no further. */
static unsigned ask(struct pl_shell *shell, unsigned left, unsigned page) {
    put_question(left);
    for (;;) {
        int key = wait_key(shell);
        unsigned rows = 0;
        if (key == ' ' || key == PL_KEY_PAGE_DOWN) rows = page;
        if (key == '\n' || key == '\r' || key == PL_KEY_DOWN) rows = 1;
        if (key == 'e' || key == 'G' || key == PL_KEY_END) rows = UINT32_MAX;
        if (!rows && key != 'q') continue;
        fputs("\r\x1b[K", stdout);
        return rows;
    }
}

static void put_pages(struct pl_shell *shell, const char *at, const char *end, unsigned width) {
    unsigned page = pl_screen_rows() - 1, rows = page;
    while (rows) {
        const char *stop = page_end(at, end, rows, width);
        fwrite(at, 1, (size_t)(stop - at), stdout);
        at = stop;
        rows = at < end ? ask(shell, lines_of(at, end), page) : 0;
    }
    if (at < end) printf("(%u more line%s)\n", lines_of(at, end), lines_of(at, end) == 1 ? "" : "s");
}

void pl_shell_page(struct pl_shell *shell, const struct pl_buffer *text) {
    struct termios before;
    const char *at = text->data, *end = text->size ? at + text->size : at;
    unsigned width = pl_shell_style().width;
    bool whole = at == end || shell->scripted || page_end(at, end, pl_screen_rows() - 1, width) == end;
    if (whole || !pl_keys_begin(&before)) {
        if (text->size) fwrite(at, 1, text->size, stdout);
    } else {
        put_pages(shell, at, end, width);
        pl_keys_end(&before);
    }
    fflush(stdout);
}
