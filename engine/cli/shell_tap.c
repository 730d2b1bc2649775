/* `tap`: rows as they come, as a running table, as NDJSON, or a line of blocks a tag. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/clock.h"
#include "shell.h"
#include "shell_shown.h"

enum { TABLE, NDJSON, SPARKLINE };
enum { OUTPUT_MAX = 16 << 20, LINES_MAX = 200, POINTS = 60, NAME_WIDTH = 32, HEADER_EVERY = 200 };

struct line {
    char name[128];
    double points[POINTS];
    unsigned count, at;
};

struct tap {
    struct pl_shell *shell;
    const char *words[PL_SHELL_WORDS_MAX];
    unsigned count;
    int format;
    struct pl_screen screen;
    struct pl_grid_layout layout;
    unsigned since_header;
    uint64_t dropped;
    struct line *lines;
    unsigned line_count;
};

/* ---- Lines of blocks ---- */

static struct line *line_of(struct tap *tap, const char *name) {
    for (unsigned i = 0; i < tap->line_count; i++)
        if (strcmp(tap->lines[i].name, name) == 0) return &tap->lines[i];
    if (tap->line_count == LINES_MAX) return NULL;
    struct line *line = &tap->lines[tap->line_count++];
    snprintf(line->name, sizeof line->name, "%s", name);
    return line;
}

static void take_points(struct tap *tap, const struct pl_grid *grid) {
    static const char *const values[] = {"value", "mean", "severity"};
    for (uint32_t row = 0; row < grid->rows; row++) {
        const char *text = "";
        for (size_t i = 0; i < PL_COUNT_OF(values) && !*text; i++)
            text = pl_grid_text(grid, row, values[i]);
        struct line *line = *text ? line_of(tap, pl_grid_text(grid, row, "tag")) : NULL;
        if (!line) continue;
        line->points[line->at] = strtod(text, NULL);
        line->at = (line->at + 1) % POINTS;
        line->count += line->count < POINTS;
    }
}

static void put_line(struct pl_buffer *out, const struct line *line) {
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double low = INFINITY, high = -INFINITY, last = NAN;
    char number[336];
    pl_shown_fit(out, line->name, NAME_WIDTH, false);
    pl_buffer_putc(out, ' ');
    for (unsigned i = 0; i < line->count; i++) {
        double value = line->points[i];
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    for (unsigned i = 0; i < line->count; i++) {
        last = line->points[(line->at + POINTS - line->count + i) % POINTS];
        int level = high > low ? (int)((last - low) / (high - low) * 7.999) : 3;
        pl_buffer_puts(out, isfinite(last) && level >= 0 ? blocks[level] : " ");
    }
    *pl_shown_number(number, last) = 0;
    pl_buffer_printf(out, " %s\n", number);
}

/* On the screen at any time; where there is none, and to stay behind it, once at the end. */
static void draw_lines(struct tap *tap, bool last) {
    struct pl_buffer out;
    pl_buffer_init(&out, OUTPUT_MAX);
    for (unsigned i = 0; i < tap->line_count; i++)
        put_line(&out, &tap->lines[i]);
    if (tap->screen.on || last) pl_screen_draw(&tap->screen, &out);
    pl_buffer_fini(&out);
}

/* ---- Rows ---- */

static void put_table(struct tap *tap, const struct pl_grid *grid) {
    struct pl_buffer out;
    struct pl_grid_style style = pl_shell_style();
    pl_buffer_init(&out, OUTPUT_MAX);
    struct pl_grid_layout layout;
    bool fits = pl_grid_fit(grid, style.width, &layout);
    if (!fits) {
        pl_grid_put(&out, grid, &style, true);
    } else {
        bool wider = layout.count != tap->layout.count;
        for (unsigned i = 0; i < layout.count && !wider; i++)
            wider = layout.widths[i] > tap->layout.widths[i];
        if (wider) tap->layout = layout;
        if (wider || tap->since_header > HEADER_EVERY) {
            pl_grid_put_header(&out, grid, &tap->layout, &style);
            tap->since_header = 0;
        }
        for (uint32_t row = 0; row < grid->rows; row++)
            pl_grid_put_row(&out, grid, row, &tap->layout, &style);
        tap->since_header += grid->rows;
    }
    if (out.size) fwrite(out.data, 1, out.size, stdout);
    fflush(stdout);
    pl_buffer_fini(&out);
}

static void show(struct tap *tap, const struct pl_answer *answer) {
    struct pl_grid grid;
    if (tap->format == NDJSON) {
        pl_shell_print_json(answer, stdout);
        fflush(stdout);
        return;
    }
    bool loaded = pl_grid_load(&grid, answer);
    if (loaded && grid.rows && tap->format == TABLE) put_table(tap, &grid);
    if (loaded && tap->format == SPARKLINE) {
        take_points(tap, &grid);
        draw_lines(tap, false);
    }
    pl_grid_fini(&grid);
}

/* ---- The stream ---- */

enum step { GO_ON, DONE, FAILED };

static enum step take(struct tap *tap, uint64_t id) {
    struct pl_answer answer;
    enum step step = GO_ON;
    while (step == GO_ON && pl_client_receive(tap->shell->client, &answer)) {
        if (answer.id == id) {
            if (answer.status == PL_ANSWER_ERROR) {
                pl_screen_leave(&tap->screen);
                pl_shell_print_error(tap->shell, &answer);
                step = FAILED;
            } else {
                show(tap, &answer);
                tap->dropped = answer.dropped > tap->dropped ? answer.dropped : tap->dropped;
                step = answer.status == PL_ANSWER_OK ? DONE : GO_ON;
            }
        }
        pl_answer_fini(&answer);
    }
    if (step == GO_ON && pl_client_state(tap->shell->client) != PL_CLIENT_CONNECTED) {
        pl_screen_leave(&tap->screen);
        pl_shell_complain(tap->shell, "lost the engine");
        return FAILED;
    }
    return step;
}

static bool follow(struct tap *tap, uint64_t id) {
    int64_t renew = pl_clock_monotonic() + PL_CLIENT_RENEW;
    for (;;) {
        enum step step = take(tap, id);
        if (step != GO_ON) return step == DONE;
        unsigned wake = pl_shell_wait(tap->shell, tap->screen.on, renew);
        int key = wake & PL_WAKE_KEY ? pl_screen_key() : 0;
        if (wake & (PL_WAKE_INTERRUPT | PL_WAKE_END) || key == 'q' || key < 0) {
            pl_client_cancel(tap->shell->client, id);
            tap->shell->interrupted = wake & PL_WAKE_INTERRUPT && !tap->screen.on; /* behind "^C" */
            return true;
        }
        if (pl_clock_monotonic() < renew) continue;
        pl_client_renew(tap->shell->client, id);
        renew = pl_clock_monotonic() + PL_CLIENT_RENEW;
    }
}

/* Takes --format out of the words. */
static bool read_words(struct tap *tap, const struct pl_words *words) {
    static const char *const formats[] = {[TABLE] = "table", [NDJSON] = "ndjson", [SPARKLINE] = "sparkline"};
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i].text, *value = NULL;
        if (strncmp(word, "--format=", 9) == 0) value = word + 9;
        if (strcmp(word, "--format") == 0) value = ++i < words->count ? words->items[i].text : "";
        if (!value) {
            tap->words[tap->count++] = word;
            continue;
        }
        for (tap->format = SPARKLINE; tap->format >= 0 && strcmp(formats[tap->format], value) != 0;)
            tap->format--;
        if (tap->format < 0) {
            pl_shell_complain(tap->shell, "--format is table, ndjson or sparkline, not \"%s\"", value);
            return false;
        }
    }
    return true;
}

bool pl_shell_tap(struct pl_shell *shell, const struct pl_words *words) {
    struct tap *tap = PL_NEW(struct tap);
    struct pl_error *error = NULL;
    uint64_t id;
    bool good = tap != NULL;
    if (tap) {
        tap->shell = shell;
        tap->format = shell->json ? NDJSON : TABLE;
        good = read_words(tap, words);
        tap->lines = pl_alloc(LINES_MAX * sizeof *tap->lines);
    }
    if (good && tap->lines) {
        struct pl_client_request request = {tap->words, tap->count, shell->session, NULL};
        good = pl_shell_ready(shell, &error) == PL_OK && pl_client_send(shell->client, &request, &id, &error) == PL_OK;
        if (good && tap->format == SPARKLINE) pl_screen_enter(&tap->screen);
        if (good) good = follow(tap, id);
        pl_screen_leave(&tap->screen);
        if (error) pl_shell_complain(shell, "%s", error->text);
        if (good && tap->format == SPARKLINE) draw_lines(tap, true);
        if (good && tap->format == SPARKLINE && !tap->line_count)
            pl_shell_complain(shell, "no row had a tag and a value, so there is nothing to draw");
        if (tap->dropped)
            pl_shell_complain(shell, "%llu rows were not shown: they came too fast", (unsigned long long)tap->dropped);
    }
    pl_error_free(&error);
    if (tap) pl_free(tap->lines);
    pl_free(tap);
    return good;
}
