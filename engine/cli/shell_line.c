/* Typing: libedit with history and completion. Keys are waited for in pl_shell_wait, so that Ctrl-C, a lost engine and
 * the terminal's new size are seen while a line is typed. */
#include <errno.h>
#include <histedit.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include <potline/alloc.h>

#include "cli.h"
#include "data.h"
#include "shell.h"
#include "shell_grid.h"
#include "shell_shown.h"

enum { HISTORY_LINES = 2000, LISTED_MAX = 400 };

struct typing {
    struct pl_shell *shell;
    EditLine *el;
    History *history;
    char *file; /* of the history; NULL: none */
};

/* ---- Keys ---- */

/* One character; 0 at the end of the input and for Ctrl-C. */
static int get_key(EditLine *el, wchar_t *key) {
    struct typing *typing;
    char bytes[8];
    size_t count = 0;
    mbstate_t state = {0};
    el_get(el, EL_CLIENTDATA, &typing);
    for (;;) {
        struct pl_answer late;
        while (pl_client_receive(typing->shell->client, &late))
            pl_answer_fini(&late);
        unsigned wake = pl_shell_wait(typing->shell, true, INT64_MAX);
        if (wake & PL_WAKE_INTERRUPT) typing->shell->interrupted = true;
        if (wake & (PL_WAKE_INTERRUPT | PL_WAKE_END)) return 0;
        if (wake & PL_WAKE_RESIZE) el_resize(el);
        if (wake & PL_WAKE_CONTINUED) el_set(el, EL_REFRESH);
        if (!(wake & PL_WAKE_KEY)) continue;
        if (read(STDIN_FILENO, bytes + count, 1) != 1) return 0;
        size_t used = mbrtowc(key, bytes + count, 1, &state);
        if (used == (size_t)-2 && ++count < sizeof bytes - 1) continue;
        if (used != (size_t)-1 && used != (size_t)-2) return 1;
        state = (mbstate_t){0}; /* no character: left out */
        count = 0;
    }
}

static char *prompt(EditLine *el) {
    static char text[80];
    struct typing *typing;
    el_get(el, EL_CLIENTDATA, &typing);
    snprintf(text, sizeof text, "%.60s%spotline> ", typing->shell->user ? typing->shell->user : "",
             typing->shell->user ? "@" : "");
    return text;
}

/* ---- Completion ---- */

static void list_candidates(const struct pl_candidates *candidates, unsigned width) {
    unsigned widest = 1, shown = candidates->count < LISTED_MAX ? candidates->count : LISTED_MAX;
    struct pl_buffer out;
    for (unsigned i = 0; i < shown; i++) {
        unsigned w = pl_shown_width(candidates->items[i], strlen(candidates->items[i]));
        if (w > widest) widest = w;
    }
    unsigned columns = width > widest + 2 ? width / (widest + 2) : 1;
    pl_buffer_init(&out, 1 << 20);
    pl_buffer_putc(&out, '\n');
    for (unsigned i = 0; i < shown; i++) {
        pl_shown_fit(&out, candidates->items[i], widest, false);
        pl_buffer_puts(&out, (i + 1) % columns && i + 1 < shown ? "  " : "\n");
    }
    if (shown < candidates->count) pl_buffer_printf(&out, "... and %u more\n", candidates->count - shown);
    fwrite(out.data, 1, out.size, stdout);
    fflush(stdout);
    pl_buffer_fini(&out);
}

/* What stands from `begin` to the cursor becomes `text`. */
static bool replace(EditLine *el, int cursor, size_t begin, const char *text, char quote, bool whole) {
    char *quoted = pl_words_quote(text, quote);
    if (!quoted) return false;
    size_t length = strlen(quoted);
    if (whole && *text && text[strlen(text) - 1] == '.') whole = false; /* an option's node: its name follows */
    char *insert = pl_alloc(length + 3);
    if (insert) {
        memcpy(insert, quoted, length);
        if (whole && quote) insert[length++] = quote;
        if (whole) insert[length++] = ' ';
        el_deletestr(el, cursor - (int)begin);
        el_insertstr(el, insert);
    }
    pl_free(insert);
    pl_free(quoted);
    return true;
}

static unsigned char complete(EditLine *el, int key) {
    struct typing *typing;
    struct pl_candidates candidates;
    const LineInfo *info = el_line(el);
    unsigned char result = CC_REFRESH_BEEP;
    (void)key;
    el_get(el, EL_CLIENTDATA, &typing);
    int cursor = (int)(info->cursor - info->buffer);
    char *line = pl_strndup(info->buffer, (size_t)(info->lastchar - info->buffer));
    if (!line) return CC_ERROR;
    if (pl_complete(pl_shell_manual(typing->shell), line, (size_t)cursor, pl_shell_list, typing->shell, &candidates)) {
        size_t common = pl_candidates_common(&candidates);
        if (candidates.count == 1) {
            replace(el, cursor, candidates.begin, candidates.items[0], candidates.quote, !candidates.part);
            result = CC_REFRESH;
        } else if (candidates.count && common > strlen(candidates.prefix)) {
            char *text = pl_strndup(candidates.items[0], common);
            if (text) replace(el, cursor, candidates.begin, text, candidates.quote, false);
            pl_free(text);
            result = CC_REFRESH;
        } else if (candidates.count) {
            list_candidates(&candidates, pl_shell_style().width);
            result = CC_REDISPLAY;
        }
    }
    pl_candidates_fini(&candidates);
    pl_free(line);
    return result;
}

/* ---- History ---- */

static char *history_file(void) {
    char *parent = pl_cli_data_parent(), *folder = parent ? pl_cli_data_folder(parent, "") : NULL, *file = NULL;
    struct pl_buffer path;
    pl_buffer_init(&path, 65536);
    if (folder) {
        pl_buffer_printf(&path, "%s/history", folder);
        file = pl_buffer_take(&path);
    }
    pl_buffer_fini(&path);
    pl_free(folder);
    pl_free(parent);
    return file;
}

static void remember(struct typing *typing, const char *line) {
    HistEvent event;
    if (line[strspn(line, " \t\n")] == 0 || pl_shell_is_secret(line)) return;
    history(typing->history, &event, H_ENTER, line);
    if (!typing->file) return;
    mode_t mask = umask(0177);
    history(typing->history, &event, H_SAVE, typing->file);
    umask(mask);
}

static bool begin(struct typing *typing) {
    HistEvent event;
    typing->el = el_init("potline", stdin, stdout, stderr);
    typing->history = history_init();
    if (!typing->el || !typing->history) return false;
    typing->file = history_file();
    history(typing->history, &event, H_SETSIZE, HISTORY_LINES);
    history(typing->history, &event, H_SETUNIQUE, 1);
    if (typing->file) history(typing->history, &event, H_LOAD, typing->file);
    el_set(typing->el, EL_CLIENTDATA, typing);
    el_set(typing->el, EL_PROMPT, prompt);
    el_set(typing->el, EL_EDITOR, "emacs");
    el_set(typing->el, EL_HIST, history, typing->history);
    el_set(typing->el, EL_GETCFN, get_key);
    el_set(typing->el, EL_ADDFN, "potline-complete", "completes what stands at the cursor", complete);
    el_set(typing->el, EL_BIND, "^I", "potline-complete", NULL);
    el_set(typing->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return true;
}

static void finish(struct typing *typing) {
    if (typing->el) el_end(typing->el);
    if (typing->history) history_end(typing->history);
    pl_free(typing->file);
}

/* What one row of a reply says under this name, escaped; "" when the command is not allowed. */
static char *answered(struct pl_shell *shell, const char *command, const char *key) {
    struct pl_answer answer;
    struct pl_grid grid = {.rows = 0};
    struct pl_error *error = NULL;
    char *text = NULL;
    if (!pl_shell_ask(shell, &(struct pl_ask){.words = &command, .count = 1}, &answer, &error)) {
        if (answer.status != PL_ANSWER_ERROR && pl_grid_load(&grid, &answer) && grid.rows)
            text = pl_strdup(pl_grid_text(&grid, 0, key));
        pl_grid_fini(&grid);
        pl_answer_fini(&answer);
    }
    pl_error_free(&error);
    return text;
}

static void greet(struct pl_shell *shell) {
    char *graph = answered(shell, "status", "graph"), *version = answered(shell, "version", "version");
    char text[512];
    snprintf(text, sizeof text, "%.200s%sPotline %.100s; help tells the commands, Tab completes", graph ? graph : "",
             graph ? ", " : "", version ? version : "");
    pl_shell_put_wrapped(stdout, text);
    putchar('\n');
    pl_free(graph);
    pl_free(version);
}

int pl_shell_type(struct pl_shell *shell) {
    struct typing typing = {.shell = shell};
    bool good = begin(&typing);
    if (good) greet(shell);
    while (good && !shell->ended) {
        int count = 0;
        shell->interrupted = false;
        const char *line = el_gets(typing.el, &count);
        if (!line || count <= 0) {
            putchar('\n');
            if (!shell->interrupted) break;
            el_reset(typing.el);
            continue;
        }
        char *copy = pl_strndup(line, strcspn(line, "\n"));
        remember(&typing, line);
        el_set(typing.el, EL_PREP_TERM, 0); /* a command may read passwords or draw */
        if (copy) pl_shell_run(shell, copy);
        if (shell->interrupted) putchar('\n');
        pl_free(copy);
    }
    finish(&typing);
    return shell->signal ? 128 + shell->signal : PL_EXIT_OK;
}
