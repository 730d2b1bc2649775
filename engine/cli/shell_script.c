/* Commands of -c and of a script on standard input; the first that fails ends it, unless told otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "shell.h"

int pl_shell_commands(struct pl_shell *shell, const char *const *lines, bool keep_going) {
    int code = PL_EXIT_OK;
    for (; *lines && !shell->ended; lines++) {
        if (pl_shell_run(shell, *lines)) continue;
        code = PL_EXIT_FAILED;
        if (!keep_going) break;
    }
    return shell->signal ? 128 + shell->signal : code;
}

int pl_shell_script(struct pl_shell *shell, FILE *in, bool keep_going) {
    char *line = NULL, where[32];
    size_t room = 0;
    int code = PL_EXIT_OK;
    unsigned number = 0;
    while (!shell->ended && getline(&line, &room, in) >= 0) {
        snprintf(where, sizeof where, "line %u: ", ++number);
        shell->where = where;
        line[strcspn(line, "\r\n")] = 0;
        if (pl_shell_run(shell, line)) continue;
        code = PL_EXIT_FAILED;
        if (!keep_going) break;
    }
    free(line); // NOLINT: of getline
    shell->where = "";
    return shell->signal ? 128 + shell->signal : code;
}
