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
    const char *asset;
    pl_time at;
    struct pl_what_if_state *best, *one;
    bool damaged;
};

static void look_at(struct search *s, const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row) {
    const struct pl_events *e = &batch->events;
    if (e->time[row] > s->at || e->time[row] < s->best->time) return;
    if (strcmp(pl_tags_get(tags, e->kind[row])->name, "twin.state") != 0) return;
    if (strcmp(pl_tags_get(tags, e->asset[row])->name, s->asset) != 0) return;
    uint32_t size;
    const void *body = pl_batch_heap_row(batch, 0, row, &size);
    memset(s->one, 0, sizeof *s->one);
    s->one->time = e->time[row];
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, body, size);
    if (pl_what_if_read(&unpack, s->one))
        *s->best = *s->one;
    else
        s->damaged = true;
}

static enum pl_code search_zone(const struct pl__export_what *what, struct search *s, struct pl_error **error) {
    struct pl__export_reader *reader = NULL;
    struct pl__export_part part;
    enum pl_code code = pl__export_open(what, &reader, error);
    while (!code && !(code = pl__export_next(reader, &part, error))) {
        for (uint32_t i = 0; part.batch->kind == PL_EVENTS && i < part.batch->rows; i++)
            if (pl__export_counts(reader, &part, i)) look_at(s, what->tags, part.batch, i);
        pl_batch_unref(part.batch);
    }
    pl__export_close(reader);
    return code == PL_NOT_FOUND && !*error ? PL_OK : code;
}

static int conclude(const struct pl_cli *cli, const struct search *s, const char *data, enum pl_code code,
                    struct pl_error **error) {
    (void)cli;
    if (code) {
        fputs("potline what-if: ", stderr);
        pl_error_print(stderr, *error);
        pl_error_free(error);
        return code == PL_NOT_FOUND ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    }
    if (s->best->count) return PL_EXIT_OK;
    fprintf(stderr,
            "potline what-if: %s: %s twin.state of %s in zone gold; let twin.cell tell it (state: 10m) and a sink.lake "
            "keep its output `events`\n",
            data, s->damaged ? "no readable" : "no", s->asset);
    return PL_EXIT_USAGE;
}

int pl__twin_state_find(const struct pl_cli *cli, const char *asset, const char *node, pl_time at,
                        struct pl_what_if_state *state) {
    struct pl__export_what what = {.data = pl_cli_get(cli, "data"),
                                   .zone = PL_GOLD,
                                   .range = {.node = node, .from = PL_TIME_MIN, .to = PL_TIME_MAX},
                                   .unmarked = true};
    if (!what.data) return pl_cli_usage(cli, "--data DIR is missing: the folder of the engine whose twin it is");
    if (!pl_cli_data_key_of(cli, what.data, &what.key)) return PL_EXIT_USAGE;
    struct search search = {.asset = asset, .at = at, .best = state, .one = PL_NEW(struct pl_what_if_state)};
    struct pl_error *error = NULL;
    memset(state, 0, sizeof *state);
    state->time = PL_TIME_MIN;
    struct pl_store_options options = {.read_only = true, .key = what.key};
    enum pl_code code = search.one ? pl_store_open(what.data, &options, &what.store, &error) : PL_NO_MEMORY;
    if (!code) what.tags = pl_tags_new(&(struct pl_tags_options){.limit = NAMES_MAX});
    if (!code && !what.tags) code = PL_NO_MEMORY;
    if (code == PL_NO_MEMORY && !error) pl_error_set(&error, PL_NO_MEMORY, "out of memory");
    if (!code) code = search_zone(&what, &search, &error);
    int exit_code = conclude(cli, &search, what.data, code, &error);
    pl_store_close(what.store);
    pl_store_key_unref(what.key);
    pl_tags_free(what.tags);
    pl_free(search.one);
    return exit_code;
}
