/* shell.c: `potline shell`: which engine, as whom, and where the commands come from. */
#include "shell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "cli.h"
#include "control/control.h"
#include "key.h"
#include "shell_shown.h"

enum { ENGINES_MAX = 64 };

/* How to choose one of them, in words that can be copied; frees them. */
static void put_choices(char **endpoints, unsigned count) {
    static const char scheme[] = "ipc://", file[] = "/" PL_CONTROL_SOCKET;
    for (unsigned i = 0; i < count; i++) {
        const char *folder = endpoints[i] + strlen(scheme);
        fprintf(stderr, "  potline shell --data %.*s\n", (int)(strlen(folder) - strlen(file)), folder);
        pl_free(endpoints[i]);
    }
}

/* The only engine that runs in a default data folder; NULL after saying what there is. One elsewhere is not taken
 * unasked: it may be somebody's in another room. */
static char *only_engine(void) {
    char *found[ENGINES_MAX];
    unsigned count = pl_shell_find(found, ENGINES_MAX);
    if (count == 1) return found[0];
    bool here = count > 0;
    if (!here) count = pl_shell_find_others(found, ENGINES_MAX);
    if (here)
        fputs("potline shell: several engines run here; say which:\n", stderr);
    else if (count)
        fprintf(stderr, "potline shell: no engine runs in a default data folder, %s elsewhere; say which:\n",
                count == 1 ? "one does" : "several do");
    else
        fputs("potline shell: no engine runs here; start one with: potline run GRAPH, or name it with --data or "
              "--connect\n",
              stderr);
    put_choices(found, count);
    return NULL;
}

static char *endpoint_of(const struct pl_cli *cli) {
    const char *data = pl_cli_get(cli, "data"), *connect = pl_cli_get(cli, "connect");
    if (connect) return pl_strdup(connect);
    return data ? pl_shell_endpoint(data) : only_engine();
}

static bool read_key(const struct pl_cli *cli, char key[PL_CLI_KEY]) {
    const char *path = pl_cli_get(cli, "client-key");
    struct pl_error *error = NULL;
    if (!path || pl_cli_key(path, key, &error) == PL_OK) return true;
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return false;
}

static int run_commands(struct pl_shell *shell, const struct pl_cli *cli) {
    struct pl_error *error = NULL;
    const char *const *lines = pl_cli_all(cli, "command");
    bool keep_going = pl_cli_has(cli, "keep-going");
    if (pl_shell_connect(shell, &error)) {
        char *text = pl_error_text(error);
        pl_shell_complain(shell, "%s", text ? text : "no memory");
        pl_free(text);
        pl_error_free(&error);
        return PL_EXIT_FAILED;
    }
    if (lines && *lines) return pl_shell_commands(shell, lines, keep_going);
    shell->typed = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    shell->scripted = !shell->typed;
    return shell->typed ? pl_shell_type(shell) : pl_shell_script(shell, stdin, keep_going);
}

static int shell_command(const struct pl_cli *cli) {
    struct pl_shell shell = {.timeout = 10 * PL_SECOND, .where = "", .json = pl_cli_has(cli, "json")};
    const char *span = pl_cli_get(cli, "timeout"), *user = pl_cli_get(cli, "user");
    char key[PL_CLI_KEY] = "";
    if (span && (!pl_text_duration(span, strlen(span), &shell.timeout) || shell.timeout <= 0))
        return pl_cli_usage(cli, "--timeout: \"%s\" is not a duration; write 10s", span);
    if (!read_key(cli, key)) return PL_EXIT_USAGE;
    char *endpoint = endpoint_of(cli);
    if (!endpoint) return PL_EXIT_FAILED;
    shell.to = (struct pl_client_options){
        .endpoint = endpoint, .server_key = pl_cli_get(cli, "server-key"), .secret_key = key[0] ? key : NULL};
    shell.user = user ? pl_strdup(user) : NULL;
    shell.password_file = (char *)(uintptr_t)pl_cli_get(cli, "password-file");
    shell.new_password_file = (char *)(uintptr_t)pl_cli_get(cli, "new-password-file");
    pl_shown_locale();
    pl_shell_signals_begin();
    int code = run_commands(&shell, cli);
    pl_shell_disconnect(&shell);
    explicit_bzero(key, sizeof key);
    pl_free(shell.user);
    pl_free(shell.last);
    pl_free(endpoint);
    return code;
}

const struct pl_subcommand pl_subcommand_shell = {
    .name = "shell",
    .asks = true,
    .operands = "",
    .least = 0,
    .most = 0,
    .summary = "Ask and change a running engine.",
    .doc =
        "Takes commands from -c, from a script on standard input, or from you, with completion (Tab) and history.\n"
        "help lists them. Which engine: the one of --data or --connect, or the only one that runs here.\n"
        "users add and users passwd take the new password from --new-password-file, ask for it at the terminal, or,\n"
        "with -c, take the next line of standard input.\n"
        "Exit codes: 0 good, 1 a command failed or there is no engine, 2 usage.",
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The engine that has this data folder.", 0},
        {"connect", "ENDPOINT", "The engine that listens there: ipc://... or tcp://...", 0},
        {"command", "COMMAND", "Run this command and end; may be repeated.", 'c'},
        {"json", NULL, "Print replies as JSON, an object a row and line.", 0},
        {"keep-going", NULL, "Go on after a command that failed.", 0}, {"user", "NAME", "Sign in as this user.", 0},
        {"password-file", "FILE", "Whose first line signs in; else the password is asked for.", 0},
        {"new-password-file", "FILE", "Whose first line users add and users passwd set.", 0},
        {"server-key", "KEY", "The engine's public key (CURVE, for tcp), which potline run tells.", 0},
        {"client-key", "FILE", "Your own secret key, for tcp (default: one for this time).", 0},
        {"timeout", "DURATION", "How long a reply may take (default 10s).", 0}),
    .run = shell_command,
};
