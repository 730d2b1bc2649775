/* shell.h: `potline shell`: one connection to an engine, and the commands that a person or a script gives it.
 *
 *     shell.c          the subcommand: options, which engine, what to run
 *     shell_find.c     the engines there are
 *     shell_link.c     connecting, asking, signing in, waiting for an engine that was lost
 *     shell_wait.c     the one place where the shell sleeps, and where signals arrive
 *     shell_run.c      a line: the shell's own command or the engine's
 *     shell_print.c    a reply as a table, vertically, or as NDJSON
 *     shell_line.c     typing: libedit, history, completion (shell_complete.h; names from the engine: shell_lists.c)
 *     shell_page.c     what is longer than the terminal, page by page
 *     shell_script.c   -c and standard input
 *     shell_watch.c, shell_top.c, shell_tap.c      what keeps running, on a screen (shell_screen.c)
 *
 * Threads: one. Signals are blocked but for the time in pl_shell_wait: nothing else is ever interrupted.
 */
#ifndef POTLINE_CLI_SHELL_H
#define POTLINE_CLI_SHELL_H

#include <signal.h>
#include <termios.h>

#include "shell_complete.h"
#include "shell_manual.h"
#include "shell_view.h"
#include "shell_words.h"

struct pl_shell {
    struct pl_client_options to;
    struct pl_client *client;
    unsigned connection; /* of which the session and the manual are; 0: none yet */
    char *session;
    char *user;              /* who is to sign in; NULL: nobody */
    char *password_file;     /* borrowed; NULL: asked for at the terminal */
    char *new_password_file; /* the same, of users add and users passwd */
    struct pl_manual manual;
    pl_time timeout;
    bool json;
    bool typed;        /* somebody types: questions may be asked, a lost engine is waited for */
    bool scripted;     /* commands come from standard input */
    bool ended;        /* by exit, Ctrl-D or a signal */
    int signal;        /* by this one; 0: none */
    bool interrupted;  /* Ctrl-C in the command at hand */
    char *last;        /* the line before, for \G alone; NULL: none */
    const char *where; /* "line 2: " in a script; "" */
};

/* ---- Waiting (shell_wait.c) ---- */

enum pl_wake {
    PL_WAKE_LINK = 1,      /* something came from the engine */
    PL_WAKE_KEY = 2,       /* something was typed */
    PL_WAKE_INTERRUPT = 4, /* Ctrl-C */
    PL_WAKE_END = 8,       /* SIGTERM or SIGHUP: the shell ends */
    PL_WAKE_RESIZE = 16,
    PL_WAKE_CONTINUED = 32, /* after Ctrl-Z */
};

void pl_shell_signals_begin(void);
/* Sleeps until one of these or `deadline` (monotonic; INT64_MAX: none); 0: the time is up. The client's receive has
 * returned false before. Keys are looked at when `keys`. */
unsigned pl_shell_wait(struct pl_shell *shell, bool keys, int64_t deadline);

/* ---- The engine (shell_link.c) ---- */

/* Connects; signs in when there is a user. */
enum pl_code pl_shell_connect(struct pl_shell *shell, struct pl_error **error);
void pl_shell_disconnect(struct pl_shell *shell);

/* Is the engine there, and this the connection that we signed in to? When not, and somebody types, it is waited for,
 * with a line that says so. */
enum pl_code pl_shell_ready(struct pl_shell *shell, struct pl_error **error);
/* The same without waiting. */
bool pl_shell_is_ready(struct pl_shell *shell);

struct pl_ask {
    const char *const *words;
    unsigned count;
    const char *password;
    pl_time timeout; /* 0: the shell's */
};

/* One command and the first reply to it, whatever its status. Errors are of the connection; PL_BUSY: Ctrl-C. */
enum pl_code pl_shell_ask(struct pl_shell *shell, const struct pl_ask *ask, struct pl_answer *answer,
                          struct pl_error **error);

/* Fetches the manual: what is allowed differs from user to user. */
enum pl_code pl_shell_learn(struct pl_shell *shell, struct pl_error **error);
/* The manual, fetched when it is first looked at: who engages an override does not wait for it. */
const struct pl_manual *pl_shell_manual(struct pl_shell *shell);

enum pl_code pl_shell_login(struct pl_shell *shell, const char *user, const char *password, struct pl_error **error);

/* A password: the first line of a file, or typed without being shown. NULL after saying why; the caller wipes it with
 * pl_shell_forget. */
char *pl_shell_password(struct pl_shell *shell, const char *file, const char *question);
/* One that is to be set: of --new-password-file, typed twice, or the next line of standard input where no commands
 * come from there. Never the one that signs in. */
char *pl_shell_new_password(struct pl_shell *shell, const char *user);
void pl_shell_forget(char *password);

/* ---- Commands (shell_run.c) ---- */

/* One line; false when it failed, after saying why. */
bool pl_shell_run(struct pl_shell *shell, const char *line);
void pl_shell_complain(const struct pl_shell *shell, const char *format, ...) PL_PRINTF(2, 3); /* on standard error */
bool pl_shell_is_secret(const char *line);                                                     /* not for the history */

/* For completion: names that only the engine knows (shell_lists.c). */
void pl_shell_list(void *shell, enum pl_list_of list, const char *of, struct pl_candidates *candidates);

/* ---- Output (shell_print.c) ---- */

struct pl_grid_style pl_shell_style(void); /* of standard output */
/* `view` NULL: as it comes. */
bool pl_shell_print(struct pl_shell *shell, const struct pl_answer *answer, const struct pl_view *view, bool vertical);
/* How the rows of this command are shown. */
const struct pl_view *pl_shell_view(struct pl_shell *shell, const char *const *words, unsigned count);
/* Text that is broken between words where the file is a terminal. */
void pl_shell_put_wrapped(FILE *to, const char *text);
/* Text of whole lines on standard output: a page at a time where somebody sits at the terminal (shell_page.c). */
void pl_shell_page(struct pl_shell *shell, const struct pl_buffer *text);
/* Appends the text of a reply that is one: a single cell, called "said" or of several lines. False for any other. */
bool pl_shell_put_text(struct pl_buffer *out, const struct pl_answer *answer);
bool pl_shell_print_json(const struct pl_answer *answer, FILE *out); /* an object a line */
/* What a reply that is an error says; false for one that is none. */
bool pl_shell_print_error(const struct pl_shell *shell, const struct pl_answer *answer);
void pl_shell_error_text(const struct pl_answer *answer, struct pl_buffer *out); /* escaped */

/* ---- What keeps running ---- */

bool pl_shell_watch(struct pl_shell *shell, const struct pl_words *words, bool vertical);
bool pl_shell_top(struct pl_shell *shell, const struct pl_words *words);
bool pl_shell_tap(struct pl_shell *shell, const struct pl_words *words);

/* The terminal given over to a picture: another screen, no cursor, keys as they are typed (shell_screen.c). Both do
 * nothing where standard output is no terminal. */
struct pl_screen {
    bool on;
    struct termios before;
};
/* Keys as they are typed; false where there is no terminal. */
bool pl_keys_begin(struct termios *before);
void pl_keys_end(const struct termios *before);
void pl_screen_enter(struct pl_screen *screen);
void pl_screen_leave(struct pl_screen *screen);
void pl_screen_draw(const struct pl_screen *screen, const struct pl_buffer *picture); /* from the top, the rest blank */

enum { PL_KEY_UP = 256, PL_KEY_DOWN, PL_KEY_PAGE_UP, PL_KEY_PAGE_DOWN, PL_KEY_HOME, PL_KEY_END, PL_KEY_ESCAPE };
int pl_screen_key(void); /* what was typed, after PL_WAKE_KEY; -1: nothing, or the end of the input; 0: none of these */
unsigned pl_screen_rows(void);

/* ---- Where lines come from; the exit code ---- */

int pl_shell_type(struct pl_shell *shell);
int pl_shell_script(struct pl_shell *shell, FILE *in, bool keep_going);
int pl_shell_commands(struct pl_shell *shell, const char *const *lines, bool keep_going);

/* The endpoints of engines that run in the default data folders, at most `most`, each freed by the caller; how many. */
unsigned pl_shell_find(char **endpoints, unsigned most);
/* Those that listen anywhere on this machine and let us in. */
unsigned pl_shell_find_others(char **endpoints, unsigned most);
char *pl_shell_endpoint(const char *data); /* of the engine that has this data folder; NULL without memory */

#endif
