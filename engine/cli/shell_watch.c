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
    bool failed;
};

static void put_title(const struct watch *watch, struct pl_buffer *out) {
    char span[64], now[PL_TEXT_TIME_MAX];
    *pl_text_put_duration(span, watch->every) = 0;
    *pl_text_put_time(now, (pl_time)time(NULL) * PL_SECOND) = 0;
    pl_buffer_printf(out, "every %s:", span);
    for (unsigned i = 0; i < watch->count; i++) {
        pl_buffer_putc(out, ' ');
        pl_shown_escape(out, watch->words[i], strlen(watch->words[i]));
    }
    pl_buffer_printf(out, "   %s   (q or Ctrl-C ends)\n\n", now);
}

static void put_answer(struct watch *watch, const struct pl_answer *answer, struct pl_buffer *out) {
    struct pl_grid grid;
    struct pl_grid_style style = pl_shell_style();
    style.marks = true;
    bool loaded = pl_grid_load(&grid, answer);
    if (loaded && watch->any) pl_grid_mark(&grid, &watch->before);
    if (loaded && grid.rows) pl_grid_put(out, &grid, &style, watch->vertical);
    if (watch->any) pl_grid_fini(&watch->before);
    watch->before = grid;
    watch->any = true;
}

/* False when the command is no good: it will not be in a second either. */
static bool look(struct watch *watch) {
    struct pl_ask ask = {.words = watch->words, .count = watch->count};
    struct pl_answer answer;
    struct pl_error *error = NULL;
    struct pl_buffer out;
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
    pl_buffer_init(&out, PICTURE_MAX);
    if (watch->shell->json) {
        pl_shell_print_json(&answer, stdout);
        fflush(stdout);
    } else {
        if (watch->screen.on) put_title(watch, &out);
        put_answer(watch, &answer, &out);
        pl_screen_draw(&watch->screen, &out);
    }
    pl_buffer_fini(&out);
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
    int64_t due;
    do
        due = pl_clock_monotonic() + watch.every;
    while (look(&watch) && wait_for_next(&watch, due));
    pl_screen_leave(&watch.screen);
    if (watch.any) pl_grid_fini(&watch.before);
    return !watch.failed;
}
