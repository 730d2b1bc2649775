#include "copy.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "args.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "control/client.h"
#include "note.h"
#include "progress.h"
#include "shell.h"
#include "shell_grid.h"

static const int64_t PATIENCE = 15 * PL_SECOND;
enum { LOOK_EVERY_MS = 200, WAIT_MS = 50 };

int pl_cli_copy_failed(const struct pl_cli *cli, enum pl_code code, struct pl_error *error) {
    char *text = error ? pl_error_text(error) : NULL;
    fprintf(stderr, "potline %s: %s\n", cli->command->name, text ? text : pl_code_text(code));
    pl_free(text);
    pl_error_free(&error);
    return code == PL_USAGE || code == PL_NOT_FOUND ? PL_EXIT_USAGE : PL_EXIT_FAILED;
}

char *pl_cli_copy_path(const char *path) {
    char folder[PATH_MAX];
    if (*path == '/') return pl_strdup(path);
    struct pl_buffer text;
    pl_buffer_init(&text, 2 * PATH_MAX);
    if (getcwd(folder, sizeof folder)) pl_buffer_printf(&text, "%s/%s", folder, path);
    char *absolute = text.size ? pl_buffer_take(&text) : NULL;
    pl_buffer_fini(&text);
    if (!absolute) fprintf(stderr, "potline: %s: the folder it is in cannot be told\n", path);
    return absolute;
}

bool pl_cli_copy_hold(const struct pl_cli *cli, const char *data, struct pl_backup_hold **hold, int *exit_code) {
    struct pl_error *error = NULL;
    enum pl_code code = pl_backup_hold(data, hold, &error);
    if (!code) return true;
    char *endpoint = code == PL_BUSY ? pl_shell_endpoint(data) : NULL;
    bool runs = endpoint && pl_client_listens(endpoint);
    pl_free(endpoint);
    if (runs) {
        pl_error_free(&error);
        return true;
    }
    *exit_code = pl_cli_copy_failed(cli, code, error);
    return false;
}

void pl_cli_copy_note(const struct pl_cli *cli, const char *data, struct pl_store_key *key,
                      struct pl_audit_record *record) {
    struct pl_store *store;
    struct pl_error *error = NULL;
    enum pl_code code = pl_store_open(data, &(struct pl_store_options){.key = key}, &store, &error);
    if (!code) code = pl_cli_note(store, record, &error);
    if (!code) code = pl_store_sync(store, &error);
    pl_store_close(store);
    if (!code) return;
    fprintf(stderr, "potline %s: it is done, but the audit has no record of it:\n", cli->command->name);
    (void)pl_cli_copy_failed(cli, code, error);
}

/* ---- The engine ---- */

struct link {
    const struct pl_cli *cli;
    struct pl_client *client;
};

static void wait_a_little(const struct link *link) {
    int fds[2];
    pl_client_fds(link->client, fds);
    struct pollfd polled[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
    poll(polled, 2, WAIT_MS);
}

static enum pl_code connect_to(struct link *link, const char *data, struct pl_error **error) {
    char *endpoint = pl_shell_endpoint(data);
    struct pl_answer answer;
    int64_t deadline = pl_clock_monotonic() + PATIENCE;
    if (!endpoint) return pl_error_set(error, PL_NO_MEMORY, "no memory to reach the engine");
    enum pl_code code = pl_client_open(&(struct pl_client_options){.endpoint = endpoint}, &link->client, error);
    while (!code && pl_client_state(link->client) != PL_CLIENT_CONNECTED) {
        if (pl_client_receive(link->client, &answer))
            pl_answer_fini(&answer);
        else if (pl_clock_monotonic() > deadline)
            code = pl_error_set(error, PL_UNAVAILABLE, "no engine answers at %s", endpoint);
        else
            wait_a_little(link);
    }
    pl_free(endpoint);
    return code;
}

static enum pl_code ask(struct link *link, const char *const *words, unsigned count, struct pl_answer *answer,
                        struct pl_error **error) {
    uint64_t id;
    int64_t deadline = pl_clock_monotonic() + PATIENCE;
    const struct pl_client_request request = {.words = words, .count = count};
    enum pl_code code = pl_client_send(link->client, &request, &id, error);
    while (!code) {
        if (pl_client_receive(link->client, answer)) {
            if (answer->id == id) break;
            pl_answer_fini(answer);
            continue;
        }
        if (pl_client_state(link->client) != PL_CLIENT_CONNECTED || pl_clock_monotonic() > deadline)
            return pl_error_set(error, PL_UNAVAILABLE,
                                "lost the engine; its messages and its audit say what has become of it");
        wait_a_little(link);
    }
    if (code || answer->status != PL_ANSWER_ERROR) return code;
    pl_error_set(error, PL_UNAVAILABLE, "%s", answer->error ? answer->error : answer->code);
    pl_answer_fini(answer);
    return PL_UNAVAILABLE;
}

/* True once our copy has ended; *code: how. */
static bool has_ended(struct link *link, const char *number, struct pl_cli_progress *progress, enum pl_code *code,
                      struct pl_error **error) {
    static const char *const words[] = {"copies"};
    struct pl_answer answer;
    struct pl_grid grid;
    if ((*code = ask(link, words, 1, &answer, error))) return true;
    bool ended = false;
    if (!pl_grid_load(&grid, &answer) || !grid.rows || strcmp(pl_grid_text(&grid, 0, "copy"), number) != 0) {
        *code = pl_error_set(error, PL_UNAVAILABLE, "another copy has been begun meanwhile; see the audit");
        ended = true;
    } else if (strcmp(pl_grid_text(&grid, 0, "state"), "running") == 0) {
        pl_cli_progress_show(progress, strtoull(pl_grid_text(&grid, 0, "done_bytes"), NULL, 10),
                             strtoull(pl_grid_text(&grid, 0, "bytes"), NULL, 10));
    } else {
        bool done = strcmp(pl_grid_text(&grid, 0, "state"), "done") == 0;
        pl_cli_progress_end(progress);
        if (done)
            fprintf(stderr, "%s\n", pl_grid_text(&grid, 0, "what"));
        else
            *code = pl_error_set(error, PL_UNAVAILABLE, "%s", pl_grid_text(&grid, 0, "what"));
        ended = true;
    }
    pl_grid_fini(&grid);
    pl_answer_fini(&answer);
    return ended;
}

static enum pl_code make(struct link *link, const char *const *words, unsigned count, struct pl_error **error) {
    struct pl_cli_progress progress = {.command = link->cli->command->name};
    struct pl_answer answer;
    struct pl_grid grid;
    char number[32] = "";
    enum pl_code code = ask(link, words, count, &answer, error);
    if (code) return code;
    if (pl_grid_load(&grid, &answer) && grid.rows)
        snprintf(number, sizeof number, "%s", pl_grid_text(&grid, 0, "copy"));
    pl_grid_fini(&grid);
    pl_answer_fini(&answer);
    while (!has_ended(link, number, &progress, &code, error))
        poll(NULL, 0, LOOK_EVERY_MS);
    return code;
}

int pl_cli_copy_ask(const struct pl_cli *cli, const char *data, const char *const *words, unsigned count) {
    struct link link = {.cli = cli};
    struct pl_error *error = NULL;
    enum pl_code code = connect_to(&link, data, &error);
    if (!code) code = make(&link, words, count, &error);
    pl_client_close(link.client);
    return code ? pl_cli_copy_failed(cli, code, error) : PL_EXIT_OK;
}
