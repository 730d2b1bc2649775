/* mover_graph.c: the graph that the engine is to go to: of a file, or of the history. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <potline/diag.h>

#include "runtime/mover_impl.h"

/* ---- Of a file ---- */

static bool is_inside(const char *folder, const char *path) {
    char *whole = realpath(path, NULL);
    size_t length = strlen(folder);
    bool inside = whole && strncmp(whole, folder, length) == 0 && (whole[length] == '/' || length == 0);
    free(whole);
    return inside;
}

/* As seen from the folder of the file that the engine was started with. */
static enum pl_code find_file(const struct pl_mover *mover, const struct pl__wish *wish, char path[PATH_MAX],
                              struct pl_error **error) {
    const char *asked = wish->path;
    struct stat found;
    int length = !*asked         ? snprintf(path, PATH_MAX, "%s", mover->path)
                 : *asked == '/' ? snprintf(path, PATH_MAX, "%s", asked)
                                 : snprintf(path, PATH_MAX, "%s/%s", mover->folder, asked);
    if (length >= PATH_MAX) return pl_error_set(error, PL_USAGE, "the path is too long");
    if (*asked && !wish->said.anywhere && !is_inside(mover->folder, path))
        return pl_error_set(error, PL_DENIED, "%s: not in %s, and over the network no other files are read", asked,
                            mover->folder);
    if (stat(path, &found) && errno == ENOENT && *asked && *asked != '/')
        return pl_error_set(error, PL_NOT_FOUND,
                            "%s: no such file: paths count from %s, the folder of the file that the engine was started "
                            "with; an absolute path is taken as it is",
                            path, mover->folder);
    if (stat(path, &found))
        return errno == ENOENT ? PL_OK : pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode)) return pl_error_set(error, PL_USAGE, "%s is not a file", path);
    return PL_OK;
}

enum pl_code pl__mover_first_problem(const struct pl_problem *problems, unsigned count, enum pl_code code,
                                     const char *path, struct pl_error **error) {
    const struct pl_problem *first = NULL;
    unsigned errors = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct pl_place *place = &problems[i].place;
        char at[48] = "";
        if (place->line) snprintf(at, sizeof at, ":%d:%d", place->line, place->column);
        pl_diag_each(problems[i].warning ? PL_WARN : PL_ERROR, "%s%s: %s", place->file ? place->file : path, at,
                     problems[i].text);
        if (problems[i].warning) continue;
        if (!first) first = &problems[i];
        errors++;
    }
    if (!code) return PL_OK;
    if (!first) return pl_error_set(error, code, "%s: %s", path, pl_code_text(code));
    char more[120] = "";
    if (errors > 1)
        snprintf(more, sizeof more, " (and %u more: potline check shows all of them, and the engine's log has them)",
                 errors - 1);
    char place[48] = "";
    if (first->place.line) snprintf(place, sizeof place, ":%d:%d", first->place.line, first->place.column);
    return pl_error_set(error, code, "%s%s: %s%s", first->place.file ? first->place.file : path, place, first->text,
                        more);
}

static enum pl_code read_graph(const char *path, const struct pl_graph_options *options, const struct pl_graph **graph,
                               struct pl_error **error) {
    struct pl_problem *problems = NULL;
    struct pl_graph *read = NULL;
    unsigned count = 0;
    enum pl_code code = pl_graph_load(path, options, &read, &problems, &count);
    code = pl__mover_first_problem(problems, count, code, path, error);
    pl_problems_free(problems, count);
    *graph = read;
    return code;
}

/* ---- Of the history ---- */

/* Oldest first. */
struct search {
    struct step {
        uint64_t number, hash;
        bool back; /* to one that had been run before */
    } step[PL_HISTORY_MAX];
    unsigned count;
    uint64_t found, found_hash;
    char *path; /* room for PATH_MAX */
};

static enum pl_code note_step(void *arg, const struct pl_history_entry *entry, struct pl_error **error) {
    (void)error;
    struct search *search = arg;
    if (search->count == PL_HISTORY_MAX) return PL_OK;
    search->step[PL_HISTORY_MAX - ++search->count] =
        (struct step){.number = entry->number,
                      .hash = entry->hash,
                      .back = strcmp(entry->how, "graph rollback") == 0 || strcmp(entry->how, "relapse") == 0};
    return PL_OK;
}

/* The graph that is undone back to: what was gone back from, or has failed, is no step any more. 0: there is none. */
static uint64_t step_before(const struct search *search, uint64_t now) {
    struct step stack[PL_HISTORY_MAX] = {0};
    unsigned depth = 0;
    for (unsigned i = PL_HISTORY_MAX - search->count; i < PL_HISTORY_MAX; i++) {
        const struct step *step = &search->step[i];
        while (step->back && depth && stack[depth - 1].hash != step->hash)
            depth--;
        if (!depth || stack[depth - 1].hash != step->hash) stack[depth++] = *step;
    }
    while (depth && stack[depth - 1].hash == now)
        depth--;
    return depth ? stack[depth - 1].number : 0;
}

static enum pl_code look_at(void *arg, const struct pl_history_entry *entry, struct pl_error **error) {
    struct search *search = arg;
    (void)error;
    if (entry->number != search->found) return PL_OK;
    search->found_hash = entry->hash;
    snprintf(search->path, PATH_MAX, "%s", entry->path);
    return PL_BUSY; /* that is it */
}

static enum pl_code read_again(const struct pl_mover *mover, const struct search *search, const struct pl_graph **graph,
                               struct pl_error **error) {
    struct pl_history_files kept;
    enum pl_code code = pl_history_files(pl_engine_store(mover->engine), search->found, &kept, error);
    if (code == PL_NOT_FOUND)
        return pl_error_set(error, PL_NOT_FOUND,
                            "what stood in graph %" PRIu64 " is not kept any more (or was too much): "
                            "its file was %s, for graph apply",
                            search->found, search->path);
    if (code) return code;
    const char *const *then = (const char *const *)kept.set;
    struct pl_graph_options options = {
        .set = then ? then : mover->options.set, .files = kept.files, .file_count = kept.count};
    code = read_graph(kept.files[0].path, &options, graph, error);
    if (!code && (*graph)->hash != search->found_hash)
        pl_diag_each(PL_WARN,
                     "graph %" PRIu64 " is not quite what it was: its files are the same, but the environment or "
                     "the operators are not",
                     search->found);
    pl_history_files_fini(&kept);
    return code;
}

static enum pl_code no_such_graph(const struct search *search, uint64_t number, struct pl_error **error) {
    const struct step *last = &search->step[PL_HISTORY_MAX - 1], *first = last + 1 - search->count;
    return pl_error_set(error, PL_NOT_FOUND,
                        "graph history has no graph %" PRIu64 ": it has those from %" PRIu64 " to %" PRIu64, number,
                        search->count ? first->number : 0, search->count ? last->number : 0);
}

/* All that was undone can still be gone to by its number. */
static enum pl_code no_step_left(const struct search *search, struct pl_error **error) {
    const struct step *last = &search->step[PL_HISTORY_MAX - 1], *first = last + 1 - search->count;
    if (search->count < 2) return pl_error_set(error, PL_NOT_FOUND, "no graph was run here before this one");
    return pl_error_set(error, PL_NOT_FOUND,
                        "no graph was run here before this one that was not gone back from; "
                        "graph rollback N goes to any of %" PRIu64 " to %" PRIu64 " (graph history)",
                        first->number, last->number);
}

static enum pl_code recall_graph(const struct pl_mover *mover, uint64_t number, const struct pl_graph **graph,
                                 char path[PATH_MAX], struct pl_error **error) {
    struct pl_store *store = pl_engine_store(mover->engine);
    const struct pl_graph *now = pl_engine_settled(mover->engine);
    uint64_t hash = now->hash;
    struct search search = {.path = path};
    pl_graph_unref(now);
    enum pl_code code = pl_history_each(store, note_step, &search, error);
    if (code) return code;
    search.found = number ? number : step_before(&search, hash);
    if (!search.found) return no_step_left(&search, error);
    code = pl_history_each(store, look_at, &search, error);
    if (code == PL_BUSY) return read_again(mover, &search, graph, error);
    return code ? code : no_such_graph(&search, number, error);
}

enum pl_code pl__mover_find(struct pl_mover *mover, const struct pl__wish *wish, const struct pl_graph **graph,
                            char path[PATH_MAX], struct pl_error **error) {
    struct pl_graph_options options = {.set = mover->options.set};
    *graph = NULL;
    if (wish->said.what == PL_MOVER_ROLLBACK) return recall_graph(mover, wish->said.number, graph, path, error);
    enum pl_code code = find_file(mover, wish, path, error);
    return code ? code : read_graph(path, &options, graph, error);
}
