#include "what_if.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "batch/tags.h"
#include "data.h"
#include "export_read.h"

enum { NAMES_MAX = 16000000 };

/* ---- The newest one ---- */

struct search {
    const char *command; /* who asks */
    const char *asset, *kind;
    pl_time at;
    struct pl_what_if_state *scratch; /* of states, which have to be readable; NULL: any body will do */
    void *body;                       /* of the newest one so far */
    size_t size;
    pl_time found;
    bool damaged;
    struct search *also; /* beside it, in the same reading; it may find nothing */
};

static bool read_state(const void *body, size_t size, pl_time time, struct pl_what_if_state *state) {
    struct pl_unpack unpack;
    memset(state, 0, sizeof *state);
    state->time = time;
    pl_unpack_init(&unpack, body, size);
    return pl_what_if_read(&unpack, state);
}

static void look_at(struct search *s, const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row) {
    const struct pl_events *e = &batch->events;
    if (e->time[row] > s->at || e->time[row] < s->found) return;
    if (strcmp(pl_tags_get(tags, e->kind[row])->name, s->kind) != 0) return;
    if (strcmp(pl_tags_get(tags, e->asset[row])->name, s->asset) != 0) return;
    uint32_t size;
    const void *body = pl_batch_heap_row(batch, 0, row, &size);
    void *copy =
        size && (!s->scratch || read_state(body, size, e->time[row], s->scratch)) ? pl_realloc(s->body, size) : NULL;
    if (!copy) {
        s->damaged = true;
        return;
    }
    s->body = memcpy(copy, body, size);
    s->size = size;
    s->found = e->time[row];
}

static enum pl_code search_zone(const struct pl__export_what *what, struct search *s, struct pl_error **error) {
    struct pl__export_reader *reader = NULL;
    struct pl__export_part part;
    enum pl_code code = pl__export_open(what, &reader, error);
    while (!code && !(code = pl__export_next(reader, &part, error))) {
        for (uint32_t i = 0; part.batch->kind == PL_EVENTS && i < part.batch->rows; i++)
            for (struct search *one = s; one && pl__export_counts(reader, &part, i); one = one->also)
                look_at(one, what->tags, part.batch, i);
        pl_batch_unref(part.batch);
    }
    pl__export_close(reader);
    return code == PL_NOT_FOUND && !*error ? PL_OK : code;
}

static int conclude(const struct search *s, const char *data, enum pl_code code, struct pl_error **error) {
    if (code) {
        fprintf(stderr, "potline %s: ", s->command);
        pl_error_print(stderr, *error);
        pl_error_free(error);
        return code == PL_NOT_FOUND ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    }
    if (s->size) return PL_EXIT_OK;
    fprintf(stderr, "potline %s: %s: %s %s of %s in zone gold; let %s and a sink.lake keep its output `events`\n",
            s->command, data, s->damaged ? "no readable" : "no", s->kind, s->asset,
            strcmp(s->kind, "twin.state") == 0 ? "twin.cell tell it (state: 10m)" : "optimize.setpoints tell it");
    return PL_EXIT_USAGE;
}

static int search_folder(const struct pl_cli *cli, const char *node, struct search *search) {
    struct pl__export_what what = {.data = pl_cli_get(cli, "data"),
                                   .zone = PL_GOLD,
                                   .range = {.node = node, .from = PL_TIME_MIN, .to = PL_TIME_MAX},
                                   .unmarked = true};
    if (!what.data) return pl_cli_usage(cli, "--data DIR is missing: the folder of the engine whose twin it is");
    if (!pl_cli_data_key_of(cli, what.data, &what.key)) return PL_EXIT_USAGE;
    struct pl_error *error = NULL;
    struct pl_store_options options = {.read_only = true, .key = what.key};
    enum pl_code code = pl_store_open(what.data, &options, &what.store, &error);
    if (!code) what.tags = pl_tags_new(&(struct pl_tags_options){.limit = NAMES_MAX});
    if (!code && !what.tags) code = PL_NO_MEMORY;
    if (code == PL_NO_MEMORY && !error) pl_error_set(&error, PL_NO_MEMORY, "out of memory");
    if (!code) code = search_zone(&what, search, &error);
    int exit_code = conclude(search, what.data, code, &error);
    pl_store_close(what.store);
    pl_store_key_unref(what.key);
    pl_tags_free(what.tags);
    return exit_code;
}

static void take_limits(const struct search *runs, struct pl__twin_limits *limits) {
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, runs->body, runs->size);
    *limits = (struct pl__twin_limits){.at = runs->size ? runs->found : PL_TIME_MIN};
    limits->known = runs->size && pl_what_if_limits_of_run(&limits->of, runs->asset, &unpack);
}

int pl__twin_state_find(const struct pl_cli *cli, const char *asset, const char *node, pl_time at,
                        struct pl_what_if_state *state, struct pl__twin_limits *limits) {
    struct search runs = {.asset = asset, .kind = "optimize.run", .at = at, .found = PL_TIME_MIN};
    struct search search = {.command = "what-if",
                            .asset = asset,
                            .kind = "twin.state",
                            .at = at,
                            .scratch = PL_NEW(struct pl_what_if_state),
                            .found = PL_TIME_MIN,
                            .also = &runs};
    if (!search.scratch) {
        fputs("potline what-if: out of memory\n", stderr);
        return PL_EXIT_FAILED;
    }
    int exit_code = search_folder(cli, node, &search);
    if (exit_code == PL_EXIT_OK) read_state(search.body, search.size, search.found, state);
    take_limits(&runs, limits);
    pl_free(runs.body);
    pl_free(search.body);
    pl_free(search.scratch);
    return exit_code;
}

int pl__twin_event_find(const struct pl_cli *cli, const char *asset, const char *kind, const char *node, pl_time at,
                        void **body, size_t *size, pl_time *time) {
    struct search search = {.command = "optimize", .asset = asset, .kind = kind, .at = at, .found = PL_TIME_MIN};
    int exit_code = search_folder(cli, node, &search);
    *body = search.body;
    *size = search.size;
    *time = search.found;
    return exit_code;
}
