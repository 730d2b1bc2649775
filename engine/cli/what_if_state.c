#include "what_if.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "batch/tags.h"
#include "data.h"
#include "export_read.h"

enum { NAMES_MAX = 16000000 };

/* ---- One event's body ---- */

static bool read_text(struct pl_unpack *u, char *out, size_t size) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(u, &text, &length) || length >= size) return false;
    memcpy(out, text, length);
    out[length] = 0;
    return true;
}

static bool read_numbers(struct pl_unpack *u, double *out, unsigned most, unsigned *count) {
    uint32_t all;
    if (!pl_unpack_array(u, &all) || all > most) return false;
    for (uint32_t i = 0; i < all; i++)
        if (!pl_unpack_f64(u, &out[i]) || !isfinite(out[i])) return false;
    *count = all;
    return true;
}

static bool read_pair(struct pl_unpack *u, struct pl__twin_state *s) {
    char key[32];
    if (!read_text(u, key, sizeof key)) return false;
    if (strcmp(key, "model") == 0) return read_text(u, s->model, sizeof s->model);
    if (strcmp(key, "parameters") == 0) return read_text(u, s->parameters, sizeof s->parameters);
    if (strcmp(key, "fidelity") == 0) return read_text(u, s->fidelity, sizeof s->fidelity);
    if (strcmp(key, "rung") == 0) return pl_unpack_int(u, &s->rung);
    if (strcmp(key, "t") == 0) return pl_unpack_f64(u, &s->t);
    if (strcmp(key, "fluoride") == 0) return pl_unpack_f64(u, &s->fluoride);
    if (strcmp(key, "values") == 0) return read_numbers(u, s->values, PL_MODEL_PARAMETERS_MAX, &s->value_count);
    if (strcmp(key, "state") == 0) return read_numbers(u, s->state, PL_WHAT_IF_STATE_MAX, &s->count);
    return pl_unpack_skip(u);
}

static bool read_body(const void *bytes, size_t size, struct pl__twin_state *state) {
    struct pl_unpack u;
    uint32_t pairs;
    pl_unpack_init(&u, bytes, size);
    if (!pl_unpack_map(&u, &pairs)) return false;
    while (pairs--)
        if (!read_pair(&u, state)) return false;
    return state->model[0] && state->count && state->value_count;
}

/* ---- The newest one ---- */

struct search {
    const char *asset, *kind;
    pl_time at;
    struct pl__twin_state *best, *one; /* of states; else NULL, and the body as it is: */
    void *body;
    size_t size;
    pl_time found;
    bool damaged;
};

static void look_at(struct search *s, const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row) {
    const struct pl_events *e = &batch->events;
    if (e->time[row] > s->at || e->time[row] < s->found) return;
    if (strcmp(pl_tags_get(tags, e->kind[row])->name, s->kind) != 0) return;
    if (strcmp(pl_tags_get(tags, e->asset[row])->name, s->asset) != 0) return;
    uint32_t size;
    const void *body = pl_batch_heap_row(batch, 0, row, &size);
    if (!s->best) {
        void *copy = size ? pl_realloc(s->body, size) : NULL;
        if (!copy) return;
        s->body = memcpy(copy, body, size);
        s->size = size;
        s->found = e->time[row];
        return;
    }
    memset(s->one, 0, sizeof *s->one);
    s->one->time = e->time[row];
    if (read_body(body, size, s->one)) {
        *s->best = *s->one;
        s->found = s->best->time;
    } else {
        s->damaged = true;
    }
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
    const char *name = s->best ? "what-if" : "optimize";
    (void)cli;
    if (code) {
        fprintf(stderr, "potline %s: ", name);
        pl_error_print(stderr, *error);
        pl_error_free(error);
        return code == PL_NOT_FOUND ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    }
    if (s->best ? s->best->count > 0 : s->size > 0) return PL_EXIT_OK;
    fprintf(stderr, "potline %s: %s: %s %s of %s in zone gold; let %s and a sink.lake keep its output `events`\n", name,
            data, s->damaged ? "no readable" : "no", s->kind, s->asset,
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
    int exit_code = conclude(cli, search, what.data, code, &error);
    pl_store_close(what.store);
    pl_store_key_unref(what.key);
    pl_tags_free(what.tags);
    return exit_code;
}

int pl__twin_state_find(const struct pl_cli *cli, const char *asset, const char *node, pl_time at,
                        struct pl__twin_state *state) {
    struct search search = {.asset = asset,
                            .kind = "twin.state",
                            .at = at,
                            .best = state,
                            .one = PL_NEW(struct pl__twin_state),
                            .found = PL_TIME_MIN};
    memset(state, 0, sizeof *state);
    state->time = PL_TIME_MIN;
    if (!search.one) {
        fputs("potline what-if: out of memory\n", stderr);
        return PL_EXIT_FAILED;
    }
    int exit_code = search_folder(cli, node, &search);
    pl_free(search.one);
    return exit_code;
}

int pl__twin_event_find(const struct pl_cli *cli, const char *asset, const char *kind, const char *node, pl_time at,
                        void **body, size_t *size, pl_time *time) {
    struct search search = {.asset = asset, .kind = kind, .at = at, .found = PL_TIME_MIN};
    int exit_code = search_folder(cli, node, &search);
    *body = search.body;
    *size = search.size;
    *time = search.found;
    return exit_code;
}
