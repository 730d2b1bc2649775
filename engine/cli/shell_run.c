/* A line: the shell's own command, or one for the engine. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "shell.h"

enum { HELP_MAX = 4 << 20, COMPLAINT_MAX = 16 << 10 };

void pl_shell_complain(const struct pl_shell *shell, const char *format, ...) {
    bool colour = pl_tone_wanted(STDERR_FILENO);
    char text[COMPLAINT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct pl_buffer out;
    pl_buffer_init(&out, 4 * COMPLAINT_MAX);
    pl_buffer_printf(&out, "%s%s%s", shell->typed ? "" : "potline shell: ", shell->where ? shell->where : "", text);
    pl_buffer_putc(&out, 0);
    if (colour) fputs(pl_tone_on(PL_TONE_BAD), stderr);
    pl_shell_put_wrapped(stderr, pl_buffer_failed(&out) ? text : out.data);
    fprintf(stderr, "%s\n", colour ? PL_TONE_OFF : "");
    pl_buffer_fini(&out);
}

static bool complain_of(const struct pl_shell *shell, struct pl_error *error) {
    char *text = error ? pl_error_text(error) : NULL;
    pl_shell_complain(shell, "%s", text ? text : "no memory");
    pl_free(text);
    pl_error_free(&error);
    return false;
}

/* ---- The shell's own ---- */

static bool help(struct pl_shell *shell, const char *const *words, unsigned count) {
    struct pl_buffer out;
    struct pl_grid_style style = pl_shell_style();
    pl_buffer_init(&out, HELP_MAX);
    bool found = pl_manual_put_help(&out, pl_shell_manual(shell), words, count, &style);
    pl_shell_page(shell, &out);
    pl_buffer_fini(&out);
    if (found) return true;
    const char *nearest = pl_manual_nearest(pl_shell_manual(shell), words, count);
    pl_shell_complain(shell, "there is no command \"%s\"%s%s%s", words[0], nearest ? "; did you mean " : "",
                      nearest ? nearest : "", nearest ? "?" : "");
    return false;
}

static bool login(struct pl_shell *shell, const char *const *words, unsigned count) {
    struct pl_error *error = NULL;
    char question[320];
    if (count != 2) {
        pl_shell_complain(shell, "login NAME: the password is asked for");
        return false;
    }
    snprintf(question, sizeof question, "password of %s: ", words[1]);
    char *password = pl_shell_password(shell, shell->password_file, question);
    if (!password) return false;
    enum pl_code code = pl_shell_login(shell, words[1], password, &error);
    pl_shell_forget(password);
    if (!code) code = pl_shell_learn(shell, &error);
    return code ? complain_of(shell, error) : true;
}

/* ---- The engine's ---- */

static bool wants_password(const char *const *words, unsigned count) {
    return count > 1 && strcmp(words[0], "users") == 0 &&
           (strcmp(words[1], "add") == 0 || strcmp(words[1], "passwd") == 0);
}

static bool changes(struct pl_shell *shell, const char *const *words, unsigned count) {
    unsigned used;
    const struct pl_manual_entry *entry = pl_manual_find(pl_shell_manual(shell), words, count, &used);
    return entry && entry->changes;
}

/* A line for whoever looks; a program that reads the rows gets none. */
static void put_nothing(bool changed) {
    fprintf(isatty(STDOUT_FILENO) ? stdout : stderr, "%s\n", changed ? "done" : "(nothing)");
}

static bool ask_engine(struct pl_shell *shell, const char *const *words, unsigned count, bool vertical) {
    struct pl_error *error = NULL;
    struct pl_answer answer;
    struct pl_ask ask = {.words = words, .count = count};
    char *password = NULL;
    if (pl_shell_ready(shell, &error)) return complain_of(shell, error);
    if (wants_password(words, count) &&
        !(ask.password = password = pl_shell_new_password(shell, count > 2 ? words[2] : "")))
        return false;
    enum pl_code code = pl_shell_ask(shell, &ask, &answer, &error);
    pl_shell_forget(password);
    if (code) return complain_of(shell, error);
    bool good = !pl_shell_print_error(shell, &answer) &&
                pl_shell_print(shell, &answer, shell->json ? NULL : pl_shell_view(shell, words, count), vertical);
    if (good && !shell->json && !answer.count) put_nothing(changes(shell, words, count));
    pl_answer_fini(&answer);
    return good;
}

static bool is(const char *word, const char *name) {
    return strcmp(word, name) == 0;
}

/* --json anywhere in the line is for the shell; the words are one less then. */
static bool take_json(struct pl_words *words) {
    for (size_t i = 1; i < words->count; i++) {
        if (!is(words->items[i].text, "--json")) continue;
        pl_free(words->items[i].text);
        memmove(&words->items[i], &words->items[i + 1], (--words->count - i) * sizeof *words->items);
        return true;
    }
    return false;
}

static bool run_words(struct pl_shell *shell, const struct pl_words *words, bool vertical) {
    const char *text[PL_SHELL_WORDS_MAX];
    unsigned count = (unsigned)words->count;
    if (!count) return true;
    for (unsigned i = 0; i < count; i++)
        text[i] = words->items[i].text;
    if (is(text[0], "exit") || is(text[0], "quit")) {
        shell->ended = true;
        return true;
    }
    if (is(text[0], "help") || is(text[0], "?")) return help(shell, text + 1, count - 1);
    if (count > 1 && is(text[count - 1], "--help")) return help(shell, text, count - 1);
    if (is(text[0], "login")) return login(shell, text, count);
    if (is(text[0], "watch")) return pl_shell_watch(shell, words, vertical);
    if (is(text[0], "top")) return pl_shell_top(shell, words);
    if (is(text[0], "tap")) return pl_shell_tap(shell, words);
    return ask_engine(shell, text, count, vertical);
}

static bool split_and_run(struct pl_shell *shell, char *line, bool vertical) {
    struct pl_words words;
    const char *why = NULL;
    bool good = pl_words_split(&words, line, strlen(line), false, &why), json = shell->json;
    if (!good) pl_shell_complain(shell, "%s", why);
    if (good && words.count) {
        shell->json |= take_json(&words);
        good = run_words(shell, &words, vertical);
        shell->json = json;
    }
    pl_words_fini(&words);
    return good;
}

static bool is_empty(const char *line) {
    return line[strspn(line, " \t\r\n")] == 0;
}

/* The line before this one once more, or what is wrong with that. */
static bool show_again(struct pl_shell *shell) {
    char *line = shell->last ? pl_strdup(shell->last) : NULL;
    if (!line) {
        pl_shell_complain(shell, "\\G shows a reply a line a value: write it behind a command, as in: nodes \\G");
        return false;
    }
    bool good = split_and_run(shell, line, true);
    pl_free(line);
    return good;
}

bool pl_shell_run(struct pl_shell *shell, const char *line) {
    char *copy = pl_strdup(line);
    if (!copy) return false;
    shell->interrupted = false;
    bool vertical = pl_words_take_vertical(copy), empty = is_empty(copy);
    if (!empty && !pl_shell_is_secret(copy)) {
        pl_free(shell->last);
        shell->last = pl_strdup(copy);
    }
    bool good = vertical && empty ? show_again(shell) : split_and_run(shell, copy, vertical);
    pl_free(copy);
    return good;
}

/* Nobody is asked to write a password into a line, but somebody may. */
bool pl_shell_is_secret(const char *line) {
    return strstr(line, "passw") != NULL || strstr(line, "secret") != NULL || strstr(line, "login") != NULL ||
           strstr(line, "users add") != NULL;
}
