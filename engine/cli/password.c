#include "password.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

/* ---- The terminal without echo; given back as it was when a signal ends the process ---- */

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { ENDING = sizeof ending / sizeof *ending };

static struct termios as_it_was;
static struct sigaction before[ENDING], before_stop;

static void restore_and_end(int number) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
    signal(number, SIG_DFL);
    raise(number); /* comes when this handler returns */
}

static bool hide(void) {
    struct sigaction end = {.sa_handler = restore_and_end}, ignore = {.sa_handler = SIG_IGN};
    if (tcgetattr(STDIN_FILENO, &as_it_was)) return false;
    for (int i = 0; i < ENDING; i++)
        sigaction(ending[i], &end, &before[i]);
    sigaction(SIGTSTP, &ignore, &before_stop); /* a stopped process would leave the shell without echo */
    struct termios hidden = as_it_was;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
}

static void show(void) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
    for (int i = 0; i < ENDING; i++)
        sigaction(ending[i], &before[i], NULL);
    sigaction(SIGTSTP, &before_stop, NULL);
}

/* ---- Lines, byte by byte: stdio would keep a copy ---- */

/* What does not fit of a line is read and left out. */
static bool read_line(int fd, const char *from, char password[PL_CLI_PASSWORD]) {
    size_t length = 0;
    char byte = 0;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) == 1 || (got < 0 && errno == EINTR)) {
        if (got < 0) continue;
        if (byte == '\n') break;
        if (length < PL_CLI_PASSWORD - 1) password[length++] = byte;
    }
    if (length && password[length - 1] == '\r') length--;
    password[length] = 0;
    if (got < 0)
        fprintf(stderr, "potline: %s: %s\n", from, strerror(errno));
    else if (!length)
        fprintf(stderr, "potline: %s: no password in the first line\n", from);
    else if (strlen(password) != length)
        fprintf(stderr, "potline: %s: a password has no zero byte\n", from);
    return got >= 0 && length && strlen(password) == length;
}

bool pl_cli_password_file(const char *path, char password[PL_CLI_PASSWORD]) {
    memset(password, 0, PL_CLI_PASSWORD);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "potline: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool good = read_line(fd, path, password);
    close(fd);
    return good;
}

static bool ask(const char *user, char password[PL_CLI_PASSWORD]) {
    char again[PL_CLI_PASSWORD];
    if (!hide()) {
        fprintf(stderr, "potline: the terminal does not hide what is typed: %s\n", strerror(errno));
        show();
        return false;
    }
    fprintf(stderr, "new password of %s: ", user);
    bool good = read_line(STDIN_FILENO, "\nterminal", password);
    if (good) {
        fputs("\nonce more: ", stderr);
        good = read_line(STDIN_FILENO, "\nterminal", again);
    }
    fputc('\n', stderr);
    show();
    if (good && strcmp(password, again) != 0) {
        fputs("potline: these are two different passwords\n", stderr);
        good = false;
    }
    OPENSSL_cleanse(again, sizeof again);
    return good;
}

bool pl_cli_password(const char *path, const char *user, char password[PL_CLI_PASSWORD]) {
    memset(password, 0, PL_CLI_PASSWORD);
    if (path) return pl_cli_password_file(path, password);
    return isatty(STDIN_FILENO) ? ask(user, password) : read_line(STDIN_FILENO, "standard input", password);
}
