/* `watch 1s COMMAND`: repeats a command and marks what has changed. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "shell.h"
#include "shell_shown.h"

enum { PICTURE_MAX = 16 << 20 };

struct watch {
    struct pl_shell *shell;
    const char *words[PL_SHELL_WORDS_MAX];
    unsigned count;
    pl_time every;
    bool vertical;
    struct pl_grid before;
    bool any; /* `before` is one */
    struct pl_screen screen;
    struct pl_buffer picture; /* of the last reply, all of it */
    unsigned from;            /* its first line that is shown, behind the heading */
    bool failed;
};

static void put_title(const struct watch *watch, unsigned from, unsigned shown, unsigned lines, struct pl_buffer *out) {
    char span[64], now[PL_TEXT_TIME_MAX];
    struct pl_buffer title;
    *pl_text_put_duration(span, watch->every) = 0;
    *pl_text_put_time(now, (pl_time)time(NULL) * PL_SECOND) = 0;
    pl_buffer_init(&title, 4 * PL_SHELL_LINE_MAX);
    pl_buffer_printf(&title, "every %s:", span);
    for (unsigned i = 0; i < watch->count; i++) {
        pl_buffer_putc(&title, ' ');
        pl_shown_escape(&title, watch->words[i], strlen(watch->words[i]));
    }
    if (shown < lines) pl_buffer_printf(&title, "   %u-%u of %u (arrows scroll)", from + 1, from + shown, lines);
    pl_buffer_printf(&title, "   %s   (q ends)", now);
    pl_buffer_putc(&title, 0);
    unsigned width = pl_shell_style().width, wide = title.data ? pl_shown_width(title.data, strlen(title.data)) : 0;
    if (title.data) pl_shown_fit(out, title.data, width && wide > width ? width : wide, false);
    pl_buffer_puts(out, "\n\n");
    pl_buffer_fini(&title);
}

/* ---- The part of a long reply that is on the screen ---- */

static const char *line_at(const struct pl_buffer *text, unsigned line) {
    const char *at = text->data, *end = at + text->size;
    while (line-- && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        at = stop ? stop + 1 : end;
    }
    return at;
}

static unsigned lines_of(const struct pl_buffer *text) {
    unsigned lines = 0;
    for (size_t i = 0; i < text->size; i++)
        lines += text->data[i] == '\n';
    return lines;
}

static unsigned room_of(void) {
    enum { HEAD = 3 /* title, blank, heading */ };
    unsigned rows = pl_screen_rows();
    return rows > HEAD + 1 ? rows - HEAD : 1;
}

/* The title, the first line of the reply, and as many of the others as there is room for. */
static void draw(struct watch *watch) {
    struct pl_buffer out;
    pl_buffer_init(&out, PICTURE_MAX);
    const struct pl_buffer *all = &watch->picture;
    if (watch->screen.on && all->size) {
        unsigned lines = lines_of(all) - 1, room = room_of(), last = lines > room ? lines - room : 0;
        if (watch->from > last) watch->from = last;
        unsigned shown = lines - watch->from < room ? lines - watch->from : room;
        put_title(watch, watch->from, shown, lines, &out);
        const char *body = line_at(all, 1), *from = line_at(all, 1 + watch->from);
        const char *to = line_at(all, 1 + watch->from + shown);
        pl_buffer_put(&out, all->data, (size_t)(body - all->data));
        pl_buffer_put(&out, from, (size_t)(to - from));
        if (out.data[out.size - 1] == '\n') out.size--; /* the last line of the screen is used too */
    } else if (watch->screen.on) {
        put_title(watch, 0, 0, 0, &out);
    } else {
        pl_buffer_put(&out, all->data, all->size);
    }
    pl_screen_draw(&watch->screen, &out);
    pl_buffer_fini(&out);
}

static void scroll(struct watch *watch, int key) {
    unsigned page = room_of(), up = 0;
    switch (key) {
    case PL_KEY_DOWN:
    case 'j': watch->from++; break;
    case PL_KEY_PAGE_DOWN:
    case ' ': watch->from += page; break;
    case PL_KEY_END:
    case 'G': watch->from = UINT32_MAX / 2; break;
    case PL_KEY_UP:
    case 'k': up = 1; break;
    case PL_KEY_PAGE_UP: up = page; break;
    case PL_KEY_HOME:
    case 'g': up = watch->from; break;
    default: return;
    }
    watch->from -= up < watch->from ? up : watch->from;
    draw(watch);
}

static void put_answer(struct watch *watch, const struct pl_answer *answer) {
    struct pl_buffer *out = &watch->picture;
    struct pl_grid grid;
    struct pl_grid_style style = pl_shell_style();
    style.marks = true;
    bool loaded =
        pl_grid_load(&grid, answer) && pl_view_apply(&grid, pl_shell_view(watch->shell, watch->words, watch->count));
    pl_buffer_reset(out);
    if (loaded && watch->any) pl_grid_mark(&grid, &watch->before);
    if (loaded && grid.rows && !pl_shell_put_text(out, answer)) pl_grid_put(out, &grid, &style, watch->vertical);
    if (watch->any) pl_grid_fini(&watch->before);
    watch->before = grid;
    watch->any = true;
}

/* False when the command is no good: it will not be in a second either. */
static bool look(struct watch *watch) {
    struct pl_ask ask = {.words = watch->words, .count = watch->count};
    struct pl_answer answer;
    struct pl_error *error = NULL;
    if (pl_shell_ready(watch->shell, &error) || pl_shell_ask(watch->shell, &ask, &answer, &error)) {
        pl_error_free(&error);
        return !watch->shell->interrupted;
    }
    if (answer.status == PL_ANSWER_ERROR) {
        pl_screen_leave(&watch->screen);
        pl_shell_print_error(watch->shell, &answer);
        pl_answer_fini(&answer);
        watch->failed = true;
        return false;
    }
    if (watch->shell->json) {
        pl_shell_print_json(&answer, stdout);
        fflush(stdout);
    } else {
        put_answer(watch, &answer);
        draw(watch);
    }
    pl_answer_fini(&answer);
    return true;
}

/* Until it is time for another look; false when there is to be none. */
static bool wait_for_next(struct watch *watch, int64_t due) {
    for (;;) {
        struct pl_answer late;
        while (pl_client_receive(watch->shell->client, &late))
            pl_answer_fini(&late);
        unsigned wake = pl_shell_wait(watch->shell, watch->screen.on, due);
        if (wake & (PL_WAKE_INTERRUPT | PL_WAKE_END)) return false;
        if (wake & PL_WAKE_RESIZE) return true;
        int key = wake & PL_WAKE_KEY ? pl_screen_key() : 0;
        if (key == 'q' || key < 0) return false;
        if (key) scroll(watch, key);
        if (pl_clock_monotonic() >= due) return true;
    }
}

bool pl_shell_watch(struct pl_shell *shell, const struct pl_words *words, bool vertical) {
    struct watch watch = {.shell = shell, .every = PL_SECOND, .vertical = vertical};
    size_t from = 1;
    const char *span = words->count > 1 ? words->items[1].text : "";
    if (pl_text_duration(span, strlen(span), &watch.every) && watch.every > 0) from = 2;
    for (size_t i = from; i < words->count; i++)
        watch.words[watch.count++] = words->items[i].text;
    if (!watch.count) {
        pl_shell_complain(shell, "watch what? As in: watch 1s nodes");
        return false;
    }
    if (!shell->json) pl_screen_enter(&watch.screen);
    pl_buffer_init(&watch.picture, PICTURE_MAX);
    int64_t due;
    do
        due = pl_clock_monotonic() + watch.every;
    while (look(&watch) && wait_for_next(&watch, due));
    pl_screen_leave(&watch.screen);
    if (watch.any) pl_grid_fini(&watch.before);
    pl_buffer_fini(&watch.picture);
    return !watch.failed;
}
