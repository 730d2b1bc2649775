#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shell.h"

enum { ROWS_UNKNOWN = 24 };

bool pl_keys_begin(struct termios *before) {
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before)) return false;
    struct termios keys = *before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VSUSP] = keys.c_cc[VQUIT] = _POSIX_VDISABLE; /* neither leaves the screen as it was */
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys);
    return true;
}

void pl_keys_end(const struct termios *before) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
}

void pl_screen_enter(struct pl_screen *screen) {
    screen->on = pl_keys_begin(&screen->before);
    if (!screen->on) return;
    fputs("\x1b[?1049h\x1b[?25l", stdout);
    fflush(stdout);
}

void pl_screen_leave(struct pl_screen *screen) {
    if (!screen->on) return;
    fputs("\x1b[?25h\x1b[?1049l", stdout);
    fflush(stdout);
    pl_keys_end(&screen->before);
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

static int read_key(void) {
    char key;
    return read(STDIN_FILENO, &key, 1) == 1 ? (unsigned char)key : -1;
}

/* Behind an escape: the rest of the sequence that a key sends, all of which is there at once. */
static int read_sequence(void) {
    struct pollfd more = {.fd = STDIN_FILENO, .events = POLLIN};
    enum { PATIENCE_MS = 50 };
    int key = 0, number = 0;
    if (poll(&more, 1, PATIENCE_MS) <= 0) return PL_KEY_ESCAPE;
    if (key = read_key(), key != '[' && key != 'O') return 0;
    while (poll(&more, 1, PATIENCE_MS) > 0 && (key = read_key()) >= '0' && key <= '9')
        number = (number * 10 + key - '0') % 100;
    switch (key) {
    case 'A': return PL_KEY_UP;
    case 'B': return PL_KEY_DOWN;
    case 'H': return PL_KEY_HOME;
    case 'F': return PL_KEY_END;
    case '~':
        return number == 5                  ? PL_KEY_PAGE_UP
               : number == 6                ? PL_KEY_PAGE_DOWN
               : number == 1 || number == 7 ? PL_KEY_HOME
               : number == 4 || number == 8 ? PL_KEY_END
                                            : 0;
    default: return 0;
    }
}

int pl_screen_key(void) {
    int key = read_key();
    return key == 0x1b ? read_sequence() : key;
}

unsigned pl_screen_rows(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : ROWS_UNKNOWN;
}
