/* A reply on standard output: as a table, vertically, or as NDJSON; and what an error says. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "shell.h"
#include "shell_shown.h"

enum { OUTPUT_MAX = 64 << 20, NARROWEST = 20 };

struct pl_grid_style pl_shell_style(void) {
    struct winsize size;
    struct pl_grid_style style = {0};
    if (!isatty(STDOUT_FILENO)) return style;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= NARROWEST) style.width = size.ws_col;
    style.colour = pl_tone_wanted(STDOUT_FILENO);
    return style;
}

void pl_shell_put_wrapped(FILE *to, const char *text) {
    struct winsize size;
    struct pl_buffer out;
    bool narrow = isatty(fileno(to)) && ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col >= NARROWEST;
    pl_buffer_init(&out, OUTPUT_MAX);
    pl_shown_wrap(&out, text, narrow ? size.ws_col : 0, 0, 0);
    if (pl_buffer_failed(&out))
        fputs(text, to);
    else if (out.size)
        fwrite(out.data, 1, out.size, to);
    pl_buffer_fini(&out);
}

bool pl_shell_print_json(const struct pl_answer *answer, FILE *out) {
    struct pl_unpack in;
    uint32_t count = 0;
    if (!answer->size) return true;
    pl_unpack_init(&in, answer->rows, answer->size);
    bool good = pl_unpack_array(&in, &count);
    for (uint32_t i = 0; good && i < count; i++) {
        const uint8_t *row = in.at;
        good = pl_unpack_skip(&in);
        char *json = good ? pl_pack_json(row, (size_t)(in.at - row)) : NULL;
        good = json && fprintf(out, "%s\n", json) > 0;
        pl_free(json);
    }
    return good;
}

/* Lines stay lines, each escaped. */
static void put_lines(struct pl_buffer *out, const char *text, size_t length) {
    while (length) {
        const char *stop = memchr(text, '\n', length);
        size_t line = stop ? (size_t)(stop - text) : length;
        pl_shown_escape(out, text, line);
        pl_buffer_putc(out, '\n');
        line += stop != NULL;
        text += line;
        length -= line;
    }
}

bool pl_shell_put_text(struct pl_buffer *out, const struct pl_answer *answer) {
    static const char said[] = "said";
    struct pl_unpack in;
    uint32_t rows, pairs;
    const char *key, *text;
    size_t key_length, length;
    pl_unpack_init(&in, answer->rows, answer->size);
    if (answer->count != 1 || !pl_unpack_array(&in, &rows) || !pl_unpack_map(&in, &pairs) || pairs != 1 ||
        !pl_unpack_str(&in, &key, &key_length) || !pl_unpack_str(&in, &text, &length))
        return false;
    bool is_said = key_length == strlen(said) && memcmp(key, said, key_length) == 0;
    if (!is_said && !memchr(text, '\n', length)) return false;
    put_lines(out, text, length);
    return true;
}

const struct pl_view *pl_shell_view(struct pl_shell *shell, const char *const *words, unsigned count) {
    unsigned used;
    const struct pl_manual_entry *entry = pl_manual_find(pl_shell_manual(shell), words, count, &used);
    return entry ? pl_view_of(entry->name) : NULL;
}

static bool print_grid(struct pl_shell *shell, const struct pl_answer *answer, const struct pl_view *view,
                       bool vertical) {
    struct pl_grid grid;
    struct pl_buffer out;
    struct pl_grid_style style = pl_shell_style();
    pl_buffer_init(&out, OUTPUT_MAX);
    bool good = pl_grid_load(&grid, answer) && pl_view_apply(&grid, view);
    bool is_text = good && pl_shell_put_text(&out, answer);
    const bool record = good && view && view->lists[0] && grid.rows == 1 && !vertical;
    if (record) good = pl_view_put_record(&out, answer, view, &style);
    if (good && grid.rows && !is_text && !record) pl_grid_put(&out, &grid, &style, vertical);
    good = good && !pl_buffer_failed(&out);
    pl_shell_page(shell, &out);
    pl_grid_fini(&grid);
    pl_buffer_fini(&out);
    return good;
}

bool pl_shell_print(struct pl_shell *shell, const struct pl_answer *answer, const struct pl_view *view, bool vertical) {
    bool good = shell->json ? pl_shell_print_json(answer, stdout) : print_grid(shell, answer, view, vertical);
    fflush(stdout);
    if (answer->cut) pl_shell_complain(shell, "there are more rows than a reply takes; narrow it down");
    if (!good && !ferror(stdout)) pl_shell_complain(shell, "no memory to show the reply");
    return good;
}

void pl_shell_error_text(const struct pl_answer *answer, struct pl_buffer *out) {
    const char *text = answer->error ? answer->error : answer->code;
    pl_shown_escape(out, text, strlen(text));
    pl_buffer_putc(out, 0);
}

bool pl_shell_print_error(const struct pl_shell *shell, const struct pl_answer *answer) {
    if (answer->status != PL_ANSWER_ERROR) return false;
    struct pl_buffer text;
    pl_buffer_init(&text, 1 << 16);
    pl_shell_error_text(answer, &text);
    pl_shell_complain(shell, "%s", pl_buffer_failed(&text) ? answer->code : text.data);
    pl_buffer_fini(&text);
    return true;
}
