/* Names that only the engine knows, for completion: asked when they are needed, and not waited for long. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "shell.h"

enum { LIST_NAME_MAX = 600 };

static const pl_time patience = 700 * PL_MILLISECOND;

static bool ask(struct pl_shell *shell, const char *const *words, unsigned count, struct pl_answer *answer) {
    struct pl_ask ask = {.words = words, .count = count, .timeout = patience};
    struct pl_error *error = NULL;
    bool good = pl_shell_is_ready(shell) && pl_shell_ask(shell, &ask, answer, &error) == PL_OK;
    pl_error_free(&error);
    return good;
}

/* The first column of the rows, each behind `before`. */
static void add_first(struct pl_shell *shell, const char *const *words, unsigned count, const char *before,
                      const char *behind, struct pl_candidates *out) {
    struct pl_answer answer;
    struct pl_grid grid;
    if (!ask(shell, words, count, &answer)) return;
    bool loaded = pl_grid_load(&grid, &answer) && grid.column_count > 0;
    for (uint32_t row = 0; loaded && row < grid.rows; row++) {
        char name[LIST_NAME_MAX];
        const struct pl_grid_cell *cell = pl_grid_cell(&grid, row, 0);
        snprintf(name, sizeof name, "%s%s%s", before, cell->text ? cell->text : "", behind);
        pl_candidates_add(out, name);
    }
    pl_grid_fini(&grid);
    pl_answer_fini(&answer);
}

static void add_tags(struct pl_shell *shell, struct pl_candidates *out) {
    char pattern[LIST_NAME_MAX];
    snprintf(pattern, sizeof pattern, "%s*", out->prefix);
    add_first(shell, (const char *const[]){"tags", pattern, "--limit", "500"}, 4, "", "", out);
}

/* Those that `set` takes: the live ones. */
static void add_live(struct pl_shell *shell, const char *node, const char *before, struct pl_candidates *out) {
    struct pl_answer answer;
    struct pl_grid grid;
    if (!ask(shell, (const char *const[]){"options", node}, 2, &answer)) return;
    bool loaded = pl_grid_load(&grid, &answer);
    for (uint32_t row = 0; loaded && row < grid.rows; row++) {
        char name[2 * LIST_NAME_MAX + 2];
        if (strcmp(pl_grid_text(&grid, row, "when"), "live") != 0) continue;
        snprintf(name, sizeof name, "%s%s", before, pl_grid_text(&grid, row, "option"));
        pl_candidates_add(out, name);
    }
    pl_grid_fini(&grid);
    pl_answer_fini(&answer);
}

static void add_words(const char *text, struct pl_candidates *out) {
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        char name[LIST_NAME_MAX];
        size_t length = strcspn(text, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, text);
        if (strcmp(name, "body.NAME") == 0) name[strlen("body.")] = 0; /* only whoever sent the event knows the rest */
        pl_candidates_add(out, name);
        text += length;
    }
}

/* Of NODE its first output. */
static void add_columns(struct pl_shell *shell, const char *of, struct pl_candidates *out) {
    struct pl_answer answer;
    struct pl_grid grid;
    if (!ask(shell, (const char *const[]){"outputs"}, 1, &answer)) return;
    bool loaded = pl_grid_load(&grid, &answer), found = false;
    for (uint32_t row = 0; loaded && row < grid.rows && !found; row++) {
        found =
            strcmp(pl_grid_text(&grid, row, "output"), of) == 0 || strcmp(pl_grid_text(&grid, row, "node"), of) == 0;
        if (found) add_words(pl_grid_text(&grid, row, "columns"), out);
    }
    pl_grid_fini(&grid);
    pl_answer_fini(&answer);
}

/* NODE. first, then NODE.OPTION. */
static void add_options(struct pl_shell *shell, struct pl_candidates *out) {
    char node[LIST_NAME_MAX], before[LIST_NAME_MAX + 1];
    size_t length = strcspn(out->prefix, ".");
    snprintf(node, sizeof node, "%.*s", (int)length, out->prefix);
    snprintf(before, sizeof before, "%s.", node);
    if (out->prefix[length])
        add_live(shell, node, before, out);
    else
        add_first(shell, (const char *const[]){"nodes"}, 1, "", ".", out);
}

static bool is_graph_file(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* Of a folder of this machine: graph files, and folders that may have some. */
static void add_files(const char *folder, const char *typed, struct pl_candidates *out) {
    char path[PATH_MAX], name[PATH_MAX];
    const char *slash = strrchr(typed, '/');
    int length = slash ? (int)(slash - typed) + 1 : 0;
    snprintf(path, sizeof path, "%s%s%.*s", *typed == '/' ? "" : folder, *typed == '/' ? "" : "/", length, typed);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        bool below = entry->d_type == DT_DIR && entry->d_name[0] != '.';
        if (!below && !is_graph_file(entry->d_name)) continue;
        snprintf(name, sizeof name, "%.*s%s%s", length, typed, entry->d_name, below ? "/" : "");
        pl_candidates_add(out, name);
    }
    if (dir) closedir(dir);
}

/* Where the engine looks for files, if that is this machine. */
static void add_graphs(struct pl_shell *shell, struct pl_candidates *out) {
    struct pl_answer answer;
    struct pl_grid grid;
    bool here = strncmp(shell->to.endpoint, "ipc://", strlen("ipc://")) == 0;
    if (!here || !ask(shell, (const char *const[]){"graph", "show"}, 2, &answer)) return;
    bool loaded = pl_grid_load(&grid, &answer) && grid.rows > 0;
    const char *folder = loaded ? pl_grid_text(&grid, 0, "folder") : NULL;
    if (folder && *folder) add_files(folder, out->prefix, out);
    pl_grid_fini(&grid);
    pl_answer_fini(&answer);
}

void pl_shell_list(void *shell, enum pl_list_of list, const char *of, struct pl_candidates *candidates) {
    switch (list) {
    case PL_LIST_NODES: add_first(shell, (const char *const[]){"nodes"}, 1, "", "", candidates); break;
    case PL_LIST_TAGS: add_tags(shell, candidates); break;
    case PL_LIST_RULES: add_first(shell, (const char *const[]){"rules", "list"}, 2, "", "", candidates); break;
    case PL_LIST_ALARMS: add_first(shell, (const char *const[]){"alarms", "list"}, 2, "", "", candidates); break;
    case PL_LIST_OPTIONS: add_options(shell, candidates); break;
    case PL_LIST_USERS: add_first(shell, (const char *const[]){"users", "list"}, 2, "", "", candidates); break;
    case PL_LIST_GRAPHS: add_graphs(shell, candidates); break;
    case PL_LIST_HISTORY: add_first(shell, (const char *const[]){"graph", "history"}, 2, "", "", candidates); break;
    case PL_LIST_OUTPUTS: add_first(shell, (const char *const[]){"outputs"}, 1, "", "", candidates); break;
    case PL_LIST_COLUMNS: add_columns(shell, of, candidates); break;
    default: break;
    }
}
