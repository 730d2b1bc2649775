#include "what_if.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>
#include <potline/text.h>

#include "batch/tags.h"
#include "data.h"
#include "export_read.h"

enum { NAMES_MAX = 16000000, LISTED_MAX = 512, SHOWN_MAX = 12 };

/* ---- The newest one ---- */

/* What there is instead of what was asked for. */
struct names {
    const char *name[LISTED_MAX]; /* of the tags */
    unsigned count;
};

struct search {
    const char *command; /* who asks */
    struct names assets; /* that have an event of the kind; of a search for nodes, the nodes of the asset's */
    bool of_nodes;
    pl_time earliest; /* of the asset's, later than `at` */
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

static void remember(struct names *names, const char *name) {
    for (unsigned i = 0; i < names->count; i++)
        if (strcmp(names->name[i], name) == 0) return;
    if (names->count < LISTED_MAX) names->name[names->count++] = name;
}

static void look_at(struct search *s, const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row) {
    const struct pl_events *e = &batch->events;
    if (strcmp(pl_tags_get(tags, e->kind[row])->name, s->kind) != 0) return;
    const char *asset = pl_tags_get(tags, e->asset[row])->name;
    if (!s->of_nodes) remember(&s->assets, asset);
    if (strcmp(asset, s->asset) != 0) return;
    if (e->time[row] > s->at && e->time[row] < s->earliest) s->earliest = e->time[row];
    if (e->time[row] > s->at || e->time[row] < s->found) return;
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

/* One that has written such an event: whose batch has just been read. */
static void remember_node(struct search *s, struct pl_tags *tags, const char *node) {
    uint32_t id = pl_tags_intern(tags, node, strlen(node));
    if (id != PL_NO_ID) remember(&s->assets, pl_tags_get(tags, id)->name);
    pl_free(s->body);
    s->body = NULL;
    s->size = 0;
    s->found = PL_TIME_MIN;
}

static enum pl_code search_zone(const struct pl__export_what *what, struct search *s, struct pl_error **error) {
    struct pl__export_reader *reader = NULL;
    struct pl__export_part part;
    enum pl_code code = pl__export_open(what, &reader, error);
    while (!code && !(code = pl__export_next(reader, &part, error))) {
        for (uint32_t i = 0; part.batch->kind == PL_EVENTS && i < part.batch->rows; i++)
            for (struct search *one = s; one && pl__export_counts(reader, &part, i); one = one->also)
                look_at(one, what->tags, part.batch, i);
        if (s->of_nodes && s->size) remember_node(s, what->tags, part.node);
        pl_batch_unref(part.batch);
    }
    pl__export_close(reader);
    return code == PL_NOT_FOUND && !*error ? PL_OK : code;
}

/* "; did you mean line1.pot01? There are line1.pot01, line1.pot02" */
static void list_names(const struct names *names, const char *wanted, const char *what) {
    const char *near = wanted ? pl_text_nearest(wanted, names->name, names->count) : NULL;
    if (near) fprintf(stderr, "; did you mean %s?", near);
    if (!names->count) return;
    fprintf(stderr, "%s %s:", near ? "" : ";", what);
    for (unsigned i = 0; i < names->count && i < SHOWN_MAX; i++)
        fprintf(stderr, "%s %s", i ? "," : "", names->name[i]);
    if (names->count > SHOWN_MAX) fprintf(stderr, " and %u more", names->count - SHOWN_MAX);
}

/* Nothing was found: what there is instead. */
static void say_nothing_found(const struct search *s, const struct pl__export_what *what, const struct names *nodes) {
    bool state = strcmp(s->kind, "twin.state") == 0;
    char at[PL_TEXT_TIME_MAX];
    fprintf(stderr, "potline %s: %s: %s %s of %s%s%s in zone gold", s->command, what->data,
            s->damaged ? "no readable" : "no", s->kind, s->asset, what->range.node ? " by node " : "",
            what->range.node ? what->range.node : "");
    if (s->earliest != PL_TIME_MAX) {
        *pl_text_put_time(at, s->earliest) = 0;
        fprintf(stderr, " so early: the first is of %s\n", at);
    } else if (nodes->count) {
        list_names(nodes, what->range.node, "those of it are by");
        fputc('\n', stderr);
    } else if (s->assets.count) {
        list_names(&s->assets, s->asset, "it is there of");
        fputc('\n', stderr);
    } else {
        fprintf(stderr, "; let %s and a sink.lake keep its output `events`\n",
                state ? "twin.cell tell it (state: 10m)" : "optimize.setpoints tell it");
    }
}

/* Whether another node has written what was not found of the one that was asked for. */
static void search_nodes(const struct pl__export_what *what, const struct search *s, struct names *nodes) {
    struct pl__export_what all = *what;
    struct search *other = what->range.node ? PL_NEW(struct search) : NULL;
    if (!other) return;
    *other = (struct search){.asset = s->asset, .kind = s->kind, .at = PL_TIME_MAX, .found = PL_TIME_MIN};
    other->earliest = PL_TIME_MAX;
    other->of_nodes = true;
    all.range.node = NULL;
    struct pl_error *error = NULL;
    if (!search_zone(&all, other, &error)) *nodes = other->assets;
    pl_error_free(&error);
    pl_free(other->body);
    pl_free(other);
}

static int conclude(const struct search *s, const struct pl__export_what *what, enum pl_code code,
                    struct pl_error **error) {
    if (code) {
        fprintf(stderr, "potline %s: ", s->command);
        pl_error_print(stderr, *error);
        pl_error_free(error);
        return code == PL_NOT_FOUND ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    }
    if (s->size) return PL_EXIT_OK;
    struct names nodes = {.count = 0};
    search_nodes(what, s, &nodes);
    say_nothing_found(s, what, &nodes);
    return PL_EXIT_USAGE;
}

static int search_folder(const struct pl_cli *cli, const char *node, struct search *search) {
    struct pl__export_what what = {.data = pl_cli_get(cli, "data"),
                                   .zone = PL_GOLD,
                                   .range = {.node = node, .from = PL_TIME_MIN, .to = PL_TIME_MAX},
                                   .unmarked = true};
    for (struct search *s = search; s; s = s->also)
        s->earliest = PL_TIME_MAX;
    if (!what.data) return pl_cli_usage(cli, "--data DIR is missing: the folder of the engine whose twin it is");
    if (!pl_cli_data_key_of(cli, what.data, &what.key)) return PL_EXIT_USAGE;
    struct pl_error *error = NULL;
    struct pl_store_options options = {.read_only = true, .key = what.key};
    enum pl_code code = pl_store_open(what.data, &options, &what.store, &error);
    if (!code) what.tags = pl_tags_new(&(struct pl_tags_options){.limit = NAMES_MAX});
    if (!code && !what.tags) code = PL_NO_MEMORY;
    if (code == PL_NO_MEMORY && !error) pl_error_set(&error, PL_NO_MEMORY, "out of memory");
    if (!code) code = search_zone(&what, search, &error);
    int exit_code = conclude(search, &what, code, &error);
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
