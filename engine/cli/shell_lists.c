/* Names that only the engine knows, for completion: asked when they are needed, and not waited for long. */
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

/* NODE. first, then NODE.OPTION. */
static void add_options(struct pl_shell *shell, struct pl_candidates *out) {
    char node[LIST_NAME_MAX], before[LIST_NAME_MAX + 1];
    size_t length = strcspn(out->prefix, ".");
    snprintf(node, sizeof node, "%.*s", (int)length, out->prefix);
    snprintf(before, sizeof before, "%s.", node);
    if (out->prefix[length])
        add_first(shell, (const char *const[]){"options", node}, 2, before, "", out);
    else
        add_first(shell, (const char *const[]){"nodes"}, 1, "", ".", out);
}

void pl_shell_list(void *shell, enum pl_list_of list, struct pl_candidates *candidates) {
    switch (list) {
    case PL_LIST_NODES: add_first(shell, (const char *const[]){"nodes"}, 1, "", "", candidates); break;
    case PL_LIST_TAGS: add_tags(shell, candidates); break;
    case PL_LIST_RULES: add_first(shell, (const char *const[]){"rules", "list"}, 2, "", "", candidates); break;
    case PL_LIST_ALARMS: add_first(shell, (const char *const[]){"alarms", "list"}, 2, "", "", candidates); break;
    case PL_LIST_OPTIONS: add_options(shell, candidates); break;
    case PL_LIST_USERS: add_first(shell, (const char *const[]){"users", "list"}, 2, "", "", candidates); break;
    default: break;
    }
}
