#include "recall.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

struct pl_graph *pl_cli_recall_graph(struct pl_store *store, const struct pl_cli_past *past,
                                     const struct pl_graph_options *options, int *exit_code) {
    struct pl_history_files kept;
    struct pl_error *error = NULL;
    struct pl_graph_options of = *options;
    struct pl_graph *graph = NULL;
    enum pl_code code = pl_history_files(store, past->number, &kept, &error);
    if (!code) {
        of.files = kept.files;
        of.file_count = kept.count;
        graph = pl_cli_graph(kept.files[0].path, &of, exit_code);
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
