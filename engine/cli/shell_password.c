/* Passwords: from a file, or typed without being shown; never in a line, and wiped after use. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "password.h"
#include "shell.h"

void pl_shell_forget(char *password) {
    if (password) explicit_bzero(password, strlen(password));
    pl_free(password);
}

static char *from_file(const char *path) {
    char line[PL_CLI_PASSWORD], *password = NULL;
    if (pl_cli_password_file(path, line)) password = pl_strdup(line);
    explicit_bzero(line, sizeof line);
    return password;
}

/* A line of the terminal, which is in its line mode without echo; false for Ctrl-C, Ctrl-D and too much of it. */
static bool read_line(struct pl_shell *shell, char *line, size_t room) {
    for (;;) {
        unsigned wake = pl_shell_wait(shell, true, INT64_MAX);
        if (wake & (PL_WAKE_INTERRUPT | PL_WAKE_END)) return false;
        if (!(wake & PL_WAKE_KEY)) {
            struct pl_answer answer;
            while (shell->client && pl_client_receive(shell->client, &answer))
                pl_answer_fini(&answer);
            continue;
        }
        ssize_t size = read(STDIN_FILENO, line, room);
        if (size <= 1 || line[size - 1] != '\n') return false;
        line[size - 1] = 0;
        return true;
    }
}

static char *from_terminal(struct pl_shell *shell, const char *question) {
    char line[PL_PASSWORD_MAX + 1] = "", *password = NULL;
    struct termios before, silent;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before)) {
        pl_shell_complain(shell, "a password is asked for at a terminal only; see --password-file");
        return NULL;
    }
    silent = before;
    silent.c_lflag = (silent.c_lflag | ICANON | ISIG) & ~(tcflag_t)(ECHO | ECHOE | ECHOK);
    silent.c_cc[VSUSP] = silent.c_cc[VQUIT] = _POSIX_VDISABLE;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fprintf(stderr, "%s", question);
    fflush(stderr);
    if (read_line(shell, line, sizeof line)) password = pl_strdup(line);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    explicit_bzero(line, sizeof line);
    return password;
}

char *pl_shell_password(struct pl_shell *shell, const char *file, const char *question) {
    return file ? from_file(file) : from_terminal(shell, question);
}

static char *typed_twice(struct pl_shell *shell, const char *user) {
    char question[320];
    snprintf(question, sizeof question, "new password of %s: ", user);
    char *first = from_terminal(shell, question), *second = first ? from_terminal(shell, "and again: ") : NULL;
    bool same = second && strcmp(first, second) == 0;
    if (second && !same) pl_shell_complain(shell, "the two are not the same");
    pl_shell_forget(second);
    if (same) return first;
    pl_shell_forget(first);
    return NULL;
}

static char *from_input(const struct pl_shell *shell, const char *user) {
    char line[PL_CLI_PASSWORD], *password = NULL;
    if (shell->scripted) {
        pl_shell_complain(shell, "commands come from standard input, so a new password needs --new-password-file");
        return NULL;
    }
    if (pl_cli_password(NULL, user, line)) password = pl_strdup(line);
    explicit_bzero(line, sizeof line);
    return password;
}

char *pl_shell_new_password(struct pl_shell *shell, const char *user) {
    if (shell->new_password_file) return from_file(shell->new_password_file);
    return isatty(STDIN_FILENO) ? typed_twice(shell, user) : from_input(shell, user);
}
