#include "recall.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>

struct search {
    uint64_t epoch;   /* 0: the last one */
    const char *path; /* NULL: of any file */
    struct pl_cli_past *past;
    bool no_memory;
};

static bool copy(char **to, const char *text) {
    *to = pl_strdup(text);
    return *to != NULL;
}

/* Newest first: the first that fits is it. */
static enum pl_code look_at(void *arg, const struct pl_history_entry *entry, struct pl_error **error) {
    struct search *search = arg;
    struct pl_cli_past *past = search->past;
    (void)error;
    bool later = search->epoch && entry->epoch >= search->epoch;
    if (later || (search->path && strcmp(search->path, entry->path) != 0)) return PL_OK;
    *past = (struct pl_cli_past){.number = entry->number, .hash = entry->hash, .time = entry->time};
    search->no_memory = !copy(&past->name, entry->name) || !copy(&past->path, entry->path) ||
                        !copy(&past->user, entry->user) || !copy(&past->how, entry->how);
    return PL_BUSY;
}

static enum pl_code find(struct pl_store *store, struct search *search, struct pl_error **error) {
    *search->past = (struct pl_cli_past){0};
    enum pl_code code = pl_history_each(store, look_at, search, error);
    if (search->no_memory) code = pl_error_set(error, PL_NO_MEMORY, "out of memory");
    if (code == PL_BUSY) return PL_OK;
    return code ? code : PL_NOT_FOUND;
}

enum pl_code pl_cli_recall(struct pl_store *store, uint64_t epoch, struct pl_cli_past *past, struct pl_error **error) {
    return find(store, &(struct search){.epoch = epoch, .past = past}, error);
}

enum pl_code pl_cli_recall_of(struct pl_store *store, const char *path, struct pl_cli_past *past,
                              struct pl_error **error) {
    return find(store, &(struct search){.path = path, .past = past}, error);
}

/* What was set then, and behind it what is now, which so holds; NULL without memory. */
static char **join(char *const *then, const char *const *now) {
    unsigned count = 0, at = 0;
    for (char *const *set = then; set && *set; set++)
        count++;
    for (const char *const *set = now; set && *set; set++)
        count++;
    char **all = pl_alloc((count + 1) * sizeof *all);
    bool good = all != NULL;
    for (char *const *set = then; good && set && *set; set++)
        good = copy(&all[at++], *set);
    for (const char *const *set = now; good && set && *set; set++)
        good = copy(&all[at++], *set);
    if (!good) pl_cli_set_free(all);
    return good ? all : NULL;
}

void pl_cli_set_free(char **set) {
    for (char **one = set; one && *one; one++)
        pl_free(*one);
    pl_free(set);
}

/* Is the file, with what was set then, the graph that ran? */
static bool is_same(const struct pl_cli_past *past, const char *const *set) {
    struct pl_graph *graph = NULL;
    struct pl_problem *problems = NULL;
    unsigned count = 0;
    struct pl_graph_options options = {.set = set};
    pl_graph_load(past->path, &options, &graph, &problems, &count);
    bool same = graph && graph->hash == past->hash;
    pl_problems_free(problems, count);
    pl_graph_free(graph);
    return same;
}

enum pl_cli_past_file pl_cli_recall_file(const struct pl_cli_past *past, const char *const *set) {
    if (access(past->path, R_OK)) return PL_CLI_PAST_GONE;
    return is_same(past, set) ? PL_CLI_PAST_SAME : PL_CLI_PAST_CHANGED;
}

enum pl_code pl_cli_recall_set(struct pl_store *store, const char *path, const char *const *now, char ***set,
                               struct pl_error **error) {
    struct pl_history_files kept = {0};
    struct pl_cli_past past;
    enum pl_code code = path ? pl_cli_recall_of(store, path, &past, error) : PL_NOT_FOUND;
    if (!code) code = pl_history_files(store, past.number, &kept, error);
    bool holds = !code && kept.set && *kept.set && is_same(&past, (const char *const *)kept.set);
    *set = code && code != PL_NOT_FOUND ? NULL : join(holds ? kept.set : NULL, now);
    if (path) pl_cli_past_fini(&past);
    pl_history_files_fini(&kept);
    if (code && code != PL_NOT_FOUND) return code;
    return *set ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

struct pl_graph *pl_cli_recall_graph(struct pl_store *store, const struct pl_cli_past *past,
                                     const struct pl_graph_options *options, int *exit_code) {
    struct pl_history_files kept;
    struct pl_error *error = NULL;
    struct pl_graph_options of = *options;
    struct pl_graph *graph = NULL;
    enum pl_code code = pl_history_files(store, past->number, &kept, &error);
    if (!code) {
        char **set = join(kept.set, options->set);
        of.files = kept.files;
        of.file_count = kept.count;
        of.set = (const char *const *)set;
        if (set) graph = pl_cli_graph(kept.files[0].path, &of, exit_code);
        if (!set) fprintf(stderr, "no memory for a graph\n"), *exit_code = PL_EXIT_FAILED;
        pl_cli_set_free(set);
        pl_history_files_fini(&kept);
    } else if (code == PL_NOT_FOUND) {
        fprintf(stderr, "what stood in graph %" PRIu64 " is not kept any more: %s is taken as it is now\n",
                past->number, past->path);
        graph = pl_cli_graph(past->path, options, exit_code);
    } else {
        pl_error_print(stderr, error);
        *exit_code = PL_EXIT_FAILED;
    }
    pl_error_free(&error);
    return graph;
}

void pl_cli_past_fini(struct pl_cli_past *past) {
    pl_free(past->name);
    pl_free(past->path);
    pl_free(past->user);
    pl_free(past->how);
    *past = (struct pl_cli_past){0};
}
