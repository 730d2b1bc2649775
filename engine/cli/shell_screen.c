#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shell.h"

enum { ROWS_UNKNOWN = 24 };

void pl_screen_enter(struct pl_screen *screen) {
    *screen = (struct pl_screen){.on = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO)};
    if (!screen->on) return;
    struct termios keys;
    screen->on = tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (!screen->on) return;
    keys = screen->before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VSUSP] = keys.c_cc[VQUIT] = _POSIX_VDISABLE; /* neither leaves the screen as it was */
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys);
    fputs("\x1b[?1049h\x1b[?25l", stdout);
    fflush(stdout);
}

void pl_screen_leave(struct pl_screen *screen) {
    if (!screen->on) return;
    fputs("\x1b[?25h\x1b[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen->before);
    screen->on = false;
}

/* Line by line, each cleared to its end, no more than there is room for: nothing flickers and nothing scrolls. */
void pl_screen_draw(const struct pl_screen *screen, const struct pl_buffer *picture) {
    if (!screen->on) {
        if (picture->size) fwrite(picture->data, 1, picture->size, stdout);
        fflush(stdout);
        return;
    }
    fputs("\x1b[H", stdout);
    const char *at = picture->data, *end = picture->size ? at + picture->size : at;
    for (unsigned left = pl_screen_rows(); at < end && left > 0; left--) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        fwrite(at, 1, (size_t)(stop - at), stdout);
        fputs(left > 1 ? "\x1b[K\r\n" : "\x1b[K", stdout);
        at = stop + 1;
    }
    fputs("\x1b[J", stdout);
    fflush(stdout);
}

int pl_screen_key(void) {
    char key;
    return read(STDIN_FILENO, &key, 1) == 1 ? (unsigned char)key : -1;
}

unsigned pl_screen_rows(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : ROWS_UNKNOWN;
}
