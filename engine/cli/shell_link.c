#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "shell.h"

/* ---- Asking ---- */

static enum pl_code lost(const struct pl_shell *shell, struct pl_error **error) {
    (void)shell;
    return pl_error_set(error, PL_UNAVAILABLE, "lost the engine; whether it has done this is not known");
}

static enum pl_code too_late(pl_time timeout, struct pl_error **error) {
    char span[64];
    *pl_text_put_duration(span, timeout) = 0;
    return pl_error_set(error, PL_UNAVAILABLE, "no answer within %s (--timeout); whether it has been done is not known",
                        span);
}

/* The reply to `id`; what comes for others, which nobody waits for any more, is dropped. */
static bool take_answer(struct pl_shell *shell, uint64_t id, struct pl_answer *answer) {
    while (pl_client_receive(shell->client, answer)) {
        if (answer->id == id) return true;
        pl_answer_fini(answer);
    }
    return false;
}

static enum pl_code wait_answer(struct pl_shell *shell, uint64_t id, pl_time timeout, struct pl_answer *answer,
                                struct pl_error **error) {
    unsigned connection = pl_client_connections(shell->client);
    int64_t deadline = pl_clock_monotonic() + timeout;
    for (;;) {
        if (take_answer(shell, id, answer)) return PL_OK;
        if (pl_client_state(shell->client) != PL_CLIENT_CONNECTED || pl_client_connections(shell->client) != connection)
            return lost(shell, error);
        unsigned wake = pl_shell_wait(shell, false, deadline);
        if (wake & (PL_WAKE_INTERRUPT | PL_WAKE_END)) {
            pl_client_cancel(shell->client, id);
            shell->interrupted = true;
            return pl_error_set(error, PL_BUSY, "interrupted; whether it has been done is not known");
        }
        if (!wake && pl_clock_monotonic() >= deadline) return too_late(timeout, error);
    }
}

enum pl_code pl_shell_ask(struct pl_shell *shell, const struct pl_ask *ask, struct pl_answer *answer,
                          struct pl_error **error) {
    const struct pl_client_request request = {ask->words, ask->count, shell->session, ask->password};
    uint64_t id;
    while (pl_client_receive(shell->client, answer)) /* sees to the connection's state */
        pl_answer_fini(answer);
    enum pl_code code = pl_client_send(shell->client, &request, &id, error);
    return code ? code : wait_answer(shell, id, ask->timeout ? ask->timeout : shell->timeout, answer, error);
}

/* ---- Signing in ---- */

/* The text of a column of the first row; NULL without it. Freed by the caller. */
static char *first_text(const struct pl_answer *answer, const char *column) {
    struct pl_grid grid;
    char *text = NULL;
    if (pl_grid_load(&grid, answer) && grid.rows && *pl_grid_text(&grid, 0, column))
        text = pl_strdup(pl_grid_text(&grid, 0, column));
    pl_grid_fini(&grid);
    return text;
}

static enum pl_code keep_session(struct pl_shell *shell, const struct pl_answer *answer, const char *user,
                                 struct pl_error **error) {
    char *session = first_text(answer, "session"), *name = pl_strdup(user);
    if (answer->status == PL_ANSWER_ERROR || !session || !name) {
        pl_free(session);
        pl_free(name);
        return pl_error_set(error, PL_USAGE, "%s", answer->error ? answer->error : "the engine gave no session");
    }
    pl_shell_forget(shell->session);
    if (shell->user != user) pl_free(shell->user);
    if (shell->user == user) pl_free(name);
    shell->session = session;
    if (shell->user != user) shell->user = name;
    return PL_OK;
}

enum pl_code pl_shell_login(struct pl_shell *shell, const char *user, const char *password, struct pl_error **error) {
    const char *const words[] = {"login", user};
    struct pl_answer answer;
    enum pl_code code = pl_shell_ask(shell, &(struct pl_ask){words, 2, password, 0}, &answer, error);
    if (code) return code;
    code = keep_session(shell, &answer, user, error);
    pl_answer_fini(&answer);
    return code;
}

static enum pl_code sign_in(struct pl_shell *shell, struct pl_error **error) {
    char question[256];
    snprintf(question, sizeof question, "password of %s: ", shell->user);
    char *password = pl_shell_password(shell, shell->password_file, question);
    if (!password) return pl_error_set(error, PL_USAGE, "%s is not signed in", shell->user);
    enum pl_code code = pl_shell_login(shell, shell->user, password, error);
    pl_shell_forget(password);
    return code;
}

/* ---- Connecting ---- */

/* Without the right to see the commands there are only the shell's own. */
enum pl_code pl_shell_learn(struct pl_shell *shell, struct pl_error **error) {
    const char *const words[] = {"commands"};
    struct pl_answer answer = {0};
    pl_manual_fini(&shell->manual);
    enum pl_code code = pl_shell_ask(shell, &(struct pl_ask){words, 1, NULL, 0}, &answer, error);
    if (code) return code;
    bool loaded = pl_manual_load(&shell->manual, answer.status == PL_ANSWER_ERROR ? NULL : &answer);
    if (!loaded) {
        pl_manual_fini(&shell->manual);
        loaded = pl_manual_load(&shell->manual, NULL);
    }
    pl_answer_fini(&answer);
    return loaded ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for the commands");
}

const struct pl_manual *pl_shell_manual(struct pl_shell *shell) {
    struct pl_error *error = NULL;
    if (!shell->manual.entries && pl_shell_learn(shell, &error))
        pl_error_free(&error); /* of the connection: the next command tells it */
    return &shell->manual;
}

static enum pl_code settle_in(struct pl_shell *shell, struct pl_error **error) {
    unsigned connection = pl_client_connections(shell->client);
    enum pl_code code = PL_OK;
    pl_shell_forget(shell->session);
    shell->session = NULL;
    if (shell->user) code = sign_in(shell, error);
    if (!code && shell->manual.entries) code = pl_shell_learn(shell, error);
    if (!code) shell->connection = connection;
    return code;
}

static void drop_answers(struct pl_shell *shell) {
    struct pl_answer answer;
    while (pl_client_receive(shell->client, &answer))
        pl_answer_fini(&answer);
}

static enum pl_code refused(struct pl_error **error) {
    return pl_error_set(error, PL_UNAVAILABLE,
                        "the engine refuses the connection: its CURVE key is another one (--server-key; potline run "
                        "tells it at its start)");
}

static enum pl_code wait_connected(struct pl_shell *shell, int64_t deadline, struct pl_error **error) {
    for (;;) {
        drop_answers(shell);
        enum pl_client_state state = pl_client_state(shell->client);
        if (state == PL_CLIENT_CONNECTED) return PL_OK;
        if (state == PL_CLIENT_REFUSED) return refused(error);
        unsigned wake = pl_shell_wait(shell, false, deadline);
        if (wake & (PL_WAKE_INTERRUPT | PL_WAKE_END)) {
            shell->interrupted = true;
            return pl_error_set(error, PL_BUSY, "interrupted");
        }
        if (!wake && pl_clock_monotonic() >= deadline)
            return pl_error_set(error, PL_UNAVAILABLE, "no engine answers at %s%s", shell->to.endpoint,
                                shell->to.server_key ? ", or --server-key is not its public key" : "");
    }
}

enum pl_code pl_shell_connect(struct pl_shell *shell, struct pl_error **error) {
    if (!pl_client_listens(shell->to.endpoint))
        return pl_error_set(error, PL_UNAVAILABLE,
                            "no engine runs there (%s); start one with: potline run GRAPH --data DIR",
                            shell->to.endpoint);
    if (strncmp(shell->to.endpoint, "tcp://", strlen("tcp://")) == 0 && !shell->to.server_key)
        return pl_error_set(
            error, PL_USAGE,
            "%s wants CURVE: give --server-key KEY, the engine's public key, which potline run tells at "
            "its start and potline keys curve when the key is made",
            shell->to.endpoint);
    enum pl_code code = pl_client_open(&shell->to, &shell->client, error);
    if (!code) code = wait_connected(shell, pl_clock_monotonic() + shell->timeout, error);
    return code ? code : settle_in(shell, error);
}

void pl_shell_disconnect(struct pl_shell *shell) {
    pl_client_close(shell->client);
    shell->client = NULL;
    pl_shell_forget(shell->session);
    shell->session = NULL;
    pl_manual_fini(&shell->manual);
}

bool pl_shell_is_ready(struct pl_shell *shell) {
    drop_answers(shell);
    return pl_client_state(shell->client) == PL_CLIENT_CONNECTED &&
           pl_client_connections(shell->client) == shell->connection;
}

enum pl_code pl_shell_ready(struct pl_shell *shell, struct pl_error **error) {
    if (pl_shell_is_ready(shell)) return PL_OK;
    bool away = pl_client_state(shell->client) != PL_CLIENT_CONNECTED;
    if (away && shell->typed) fprintf(stderr, "lost the engine; waiting for it to come back (Ctrl-C: no longer) ...\n");
    int64_t deadline = shell->typed ? INT64_MAX : pl_clock_monotonic() + shell->timeout;
    enum pl_code code = wait_connected(shell, deadline, error);
    if (!code) code = settle_in(shell, error);
    if (!code && away && shell->typed) fprintf(stderr, "the engine is back\n");
    return code;
}
