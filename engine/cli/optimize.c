/* optimize.c: `potline optimize`: the operator optimize.setpoints on one state, without an engine: what it would set
 * and why, the trade-off between energy and throughput, and a recorded run once more. Nothing is written. */
#include <math.h>
#include <potline/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "data.h"
#include "model.h"
#include "optimize.h"
#include "what_if.h"

enum { JSON_DEPTH = 8, JSON_MAX = 1 << 20 };
static const char NAME[] = "optimize.setpoints";

/* ---- The state ---- */

static bool put_json(struct pl_pack *pack, const json_t *value, int depth) {
    const char *key;
    json_t *item;
    size_t i;
    if (depth > JSON_DEPTH) return false;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        pl_pack_map(pack, (uint32_t)json_object_size(value));
        json_object_foreach((json_t *)(uintptr_t)value, key, item) {
            pl_pack_str(pack, key);
            if (!put_json(pack, item, depth + 1)) return false;
        }
        return true;
    case JSON_ARRAY:
        pl_pack_array(pack, (uint32_t)json_array_size(value));
        json_array_foreach(value, i, item) {
            if (!put_json(pack, item, depth + 1)) return false;
        }
        return true;
    case JSON_STRING: pl_pack_str(pack, json_string_value(value)); return true;
    case JSON_INTEGER: pl_pack_int(pack, json_integer_value(value)); return true;
    case JSON_REAL: pl_pack_f64(pack, json_real_value(value)); return true;
    case JSON_NULL: pl_pack_nil(pack); return true;
    default: pl_pack_bool(pack, json_is_true(value)); return true;
    }
}

bool pl__optimize_read(struct optimize *o, const json_t *state, const char *path) {
    struct pl_pack *pack = pl_pack_new();
    bool good = pack && json_is_object(state) && put_json(pack, state, 0) && !pl_pack_failed(pack) &&
                pl_pack_size(pack) <= JSON_MAX;
    pl_free(o->body);
    o->body = good ? pl_alloc(pl_pack_size(pack)) : NULL;
    if (o->body) memcpy(o->body, pl_pack_data(pack), o->size = pl_pack_size(pack));
    pl_pack_free(pack);
    if (o->body) return true;
    return !pl_cli_usage(
        o->cli, "%s: it holds no state: write {\"cell\": {\"distance\": 0.043}}, or what twin.cell tells", path);
}

/* The body of a twin.state, alone or in its event, { "cell": { "distance": 0.043, ... } }, or { "pots": {NAME: one of
 * these, ...} } of a line. NULL after saying what is wrong. */
static json_t *load_file(struct optimize *o, const char *path) {
    json_error_t error;
    json_t *file = json_load_file(path, 0, &error), *body = json_object_get(file, "body");
    if (!file) {
        pl_cli_usage(o->cli, "%s:%d:%d: %s", path, error.line, error.column, error.text);
        return NULL;
    }
    if (body) json_incref(body);
    if (body) json_decref(file);
    if (!body) body = file;
    if (json_is_object(body) && !json_object_get(body, "model"))
        json_object_set_new(body, "model", json_string("CellModel"));
    return body;
}

static int find_state(struct optimize *o, bool replay) {
    const char *file = pl_cli_get(o->cli, "state"), *again = pl_cli_get(o->cli, "replay");
    pl_time at = PL_TIME_MAX;
    o->asset = pl_cli_count(o->cli) ? pl_cli_operand(o->cli, 0) : "line1.pot01";
    if (file && !replay) {
        if (!(o->file = load_file(o, file))) return PL_EXIT_USAGE;
        bool whole = json_object_get(o->file, "pots");
        if (whole && pl_cli_has(o->cli, "export"))
            return pl_cli_usage(o->cli, "%s: it is of a whole line: --export is for one pot", file);
        if (whole) return PL_EXIT_OK;
        return pl__optimize_read(o, o->file, file) ? PL_EXIT_OK : PL_EXIT_USAGE;
    }
    if (!pl_cli_count(o->cli)) return pl_cli_usage(o->cli, "which pot? or --state FILE");
    bool newest = replay ? strcmp(again, "last") == 0 : !pl_cli_has(o->cli, "from");
    if (!newest && !pl_cli_time(o->cli, replay ? "replay" : "from", &at)) return PL_EXIT_USAGE;
    const char *run = strchr(o->asset, '.') ? "optimize.run" : "optimize.line", *kind = replay ? run : "twin.state";
    return pl__twin_event_find(o->cli, o->asset, kind, pl_cli_get(o->cli, "node"), at, &o->body, &o->size, &o->time);
}

/* ---- Options of the operator ---- */

static bool put(char *text, const char *format, const char *a, const char *b) {
    size_t used = strlen(text);
    int length = snprintf(text + used, OPTIMIZE_OPTIONS_MAX - used, format, a, b);
    return length >= 0 && (size_t)length < OPTIMIZE_OPTIONS_MAX - used;
}

/* superheat=5..14 or superheat=5..14:2, where 2 is its rank. */
static bool put_limit(struct optimize *o, char *text, const char *limit) {
    char name[64], low[40], high[40], row[240], rank[8] = "1";
    if (sscanf(limit, "%63[a-z0-9_]=%39[0-9.einf+-]..%39[0-9.einf+-]:%7[0-9]", name, low, high, rank) < 2) goto wrong;
    char *dots = strstr(low, "..");
    if (!dots) goto wrong;
    if (sscanf(dots + 2, "%39[0-9.einf+-]", high) != 1) goto wrong;
    *dots = 0;
    const char *colon = strchr(limit, ':');
    if (colon) snprintf(rank, sizeof rank, "%s", colon + 1);
    snprintf(row, sizeof row, "{of: %s, low: %s, high: %s, rank: %s}, ", name, low, high, rank);
    return put(text, "%s%s", row, "");
wrong:
    return !pl_cli_usage(o->cli, "--limit %s: write superheat=5..14, or superheat=5..14:2 with its rank", limit);
}

bool pl__optimize_options(struct optimize *o, const char *more, const char *limit) {
    const char *const *set = pl_cli_all(o->cli, "set");
    const char *const *limits = pl_cli_all(o->cli, "limit");
    strcpy(o->options, "{health: 0, "); /* who asks knows the state that it is of */
    bool deadline = false, noise = false, good = put(o->options, "every: %s, %s", o->every ? o->every : "0s", more);
    for (; set && *set && good; set++) {
        const char *equals = strchr(*set, '=');
        char name[64];
        if (!equals || equals == *set || equals - *set >= (int)sizeof name)
            return !pl_cli_usage(o->cli, "--set %s: write NAME=VALUE, an option of %s", *set, NAME);
        snprintf(name, sizeof name, "%.*s", (int)(equals - *set), *set);
        deadline |= strcmp(name, "deadline") == 0;
        noise |= strcmp(name, "noise") == 0;
        good = put(o->options, "%s: %s, ", name, equals + 1);
    }
    if (good && !noise) good = put(o->options, "noise: %s, %s", "''", "");
    if (good && !deadline) good = put(o->options, "deadline: %s, %s", "30s", "");
    good = good && put(o->options, "limits: [%s%s", limit, "");
    for (; limits && *limits && good; limits++)
        if (!put_limit(o, o->options, *limits)) return false;
    return good ? put(o->options, "%s%s", "]}", "") : !pl_cli_usage(o->cli, "that is too much of options");
}

/* ---- A run ---- */

void pl__optimize_push(struct pl_harness *h, const struct optimize *o, const char *kind) {
    struct pl_batch *b = pl_batch_new(PL_EVENTS, 1, (uint32_t)o->size + 1);
    if (!b || !pl_batch_heap(b, 0, o->body, (uint32_t)o->size)) {
        pl_batch_unref(b);
        return;
    }
    b->events.time[0] = o->time;
    b->events.id[0] = 1;
    b->events.kind[0] = pl_harness_tag(h, kind);
    b->events.severity[0] = 1;
    b->events.asset[0] = pl_harness_tag(h, o->asset);
    b->events.tag[0] = 0;
    b->events.end[0] = b->heap_used[0];
    b->rows = 1;
    pl_harness_push(h, 0, b);
}

static json_t *body_json(const void *bytes, size_t size) {
    char *text = pl_pack_json(bytes, size);
    json_t *body = text ? json_loads(text, 0, NULL) : NULL;
    pl_free(text);
    return body;
}

struct pl_harness *pl__optimize_open(struct optimize *o) {
    struct pl_error *error = NULL;
    struct pl_harness *h = pl_harness_new(NAME, o->options, PL_EVENTS, &error);
    if (h) return h;
    fputs("potline optimize: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return NULL;
}

json_t *pl__optimize_pull(struct pl_harness *h, const char *kind) {
    json_t *found = NULL;
    for (struct pl_batch *b; (b = pl_harness_pull(h, 1)); pl_batch_unref(b))
        for (uint32_t i = 0; i < b->rows; i++) {
            const char *name = pl_tags_get(pl_harness_tags(h), b->events.kind[i])->name;
            uint32_t size;
            const void *bytes = pl_batch_heap_row(b, 0, i, &size);
            json_t *body = body_json(bytes, size);
            if (strcmp(name, "optimize.held") == 0)
                fprintf(stderr, "potline optimize: %s\n", json_string_value(json_object_get(body, "reason")));
            if (strcmp(name, kind) == 0 && !found)
                found = body;
            else
                json_decref(body);
        }
    if (pl_harness_failure(h)) fprintf(stderr, "potline optimize: %s\n", pl_harness_failure(h));
    return found;
}

json_t *pl__optimize_run(struct optimize *o, const char *kind, const char *told) {
    struct pl_harness *h = pl__optimize_open(o);
    if (!h) return NULL;
    int64_t begun = pl_clock_monotonic();
    pl__optimize_push(h, o, kind);
    o->milliseconds = (double)(pl_clock_monotonic() - begun) / PL_MILLISECOND;
    json_t *found = pl__optimize_pull(h, told);
    pl_harness_free(h);
    return found;
}

double pl__optimize_number(const json_t *body, const char *where, const char *name) {
    const json_t *from = where ? json_object_get(body, where) : body;
    const json_t *value = json_object_get(from, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *pl__optimize_text(const json_t *body, const char *name) {
    const char *text = json_string_value(json_object_get(body, name));
    return text ? text : "";
}

/* ---- Verbs ---- */

static int solve(struct optimize *o) {
    json_t *body = pl__optimize_options(o, "", "") ? pl__optimize_run(o, "twin.state", "optimize.run") : NULL;
    if (!body) return PL_EXIT_USAGE;
    if (pl_cli_has(o->cli, "json")) return pl__model_json(body);
    pl__optimize_table(o, body);
    json_decref(body);
    return PL_EXIT_OK;
}

/* Everything that the answer is made of has to be the same to the last bit. */
static int replay(struct optimize *o) {
    static const char *const pot[] = {"outcome", "x", "saved", "after", "active", NULL};
    static const char *const line[] = {"outcome", "current", "schedule", "saved", "after", "active", NULL};
    bool whole = !strchr(o->asset, '.');
    json_t *before = body_json(o->body, o->size), *after = NULL;
    if (pl__optimize_options(o, "", ""))
        after = pl__optimize_run(o, whole ? "optimize.line" : "optimize.run", "optimize.replayed");
    bool equal = before && after;
    for (const char *const *same = whole ? line : pot; *same && equal; same++)
        if (!json_equal(json_object_get(before, *same), json_object_get(after, *same))) {
            printf("%s differs\n", *same);
            equal = false;
        }
    if (after && whole) pl__optimize_line_table(o, after);
    if (after && !whole) pl__optimize_table(o, after);
    if (equal) puts("the same numbers as recorded");
    if (after && !equal && json_is_true(json_object_get(before, "late")))
        puts("the deadline had ended the recorded run, so it depended on the clock");
    json_decref(before);
    json_decref(after);
    return equal ? PL_EXIT_OK : PL_EXIT_FAILED;
}

static int optimize(const struct pl_cli *cli) {
    struct optimize *o = PL_NEW(struct optimize);
    bool again = pl_cli_has(cli, "replay");
    if (!o) return PL_EXIT_FAILED;
    o->cli = cli;
    int exit_code = find_state(o, again);
    if (!exit_code)
        exit_code = again                              ? replay(o)
                    : pl_cli_has(cli, "pareto")        ? pl__optimize_pareto(o)
                    : json_object_get(o->file, "pots") ? pl__optimize_line(o)
                    : pl_cli_has(cli, "export")        ? pl__optimize_export(o)
                                                       : solve(o);
    json_decref(o->file);
    pl_free(o->body);
    pl_free(o);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_optimize = {
    .name = "optimize",
    .operands = "[ASSET]",
    .least = 0,
    .most = 1,
    .summary = "Find set points of least energy for a pot, and say why.",
    .doc =
        "Takes the state that the twin (twin.cell) of a pot has told last, which a data folder keeps, or one from a\n"
        "file, and does what optimize.setpoints would do with it. Nothing of the engine is touched, nothing is\n"
        "written.\n"
        "\n"
        "    potline optimize line1.pot07 --data DIR --explain\n"
        "    potline optimize --state pot.json --limit superheat=6..12 --pareto\n"
        "    potline optimize line1.pot07 --data DIR --replay last\n"
        "\n"
        "A file holds the JSON of a twin.state, or parameters of a CellModel: {\"cell\": {\"distance\": 0.043}}; or "
        "of\n"
        "a line {\"current\": 180, \"pots\": {\"line1.pot01\": one of these, ...}}: then its current is decided for "
        "all\n"
        "of them. Its current is the baseline, too, unless --set baseline says another.\n"
        "\n"
        "--export makes the very same problem available to another solver: points ([acd, alumina, alf3, current], a "
        "line\n"
        "each) are read from standard input, and objective, constraints (0 or less) and slopes there are written, a "
        "line\n"
        "of JSON each; first of all the answer found here, with its time.\n"
        "\n"
        "How restless its metal is (noise) is not known here: --limit acd=41..48:0 says how low its anodes may be.\n"
        "Limits that the graph or people have set are those of the running node; here the usual ones hold unless\n"
        "--limit says others. --replay solves a recorded run again, with all that it was given then, and fails where\n"
        "the numbers are not the same.",
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder of the engine (it may be running).", 0}, PL_CLI_KEY_FILE,
        {"state", "FILE", "A state as JSON, instead of a data folder.", 0},
        {"from", "TIME", "From the state at that time (the newest).", 0},
        {"node", "NAME", "Only events that this node has put into the lake: faster in a large folder.", 0},
        {"limit", "NAME=LOW..HIGH", "A limit, :RANK behind it (1). May be repeated.", 'l'},
        {"set", "NAME=VALUE", "An option of optimize.setpoints: solver=mlsl, current=free. May be repeated.", 's'},
        {"explain", NULL, "Which limits hold it back, with multipliers, and which cannot hold together.", 0},
        {"pareto", NULL,
         "The least energy for each throughput, the line's current being free, drawn; of a line for all of its pots "
         "together.",
         0},
        {"export", NULL, "Evaluate the problem at points from standard input, for another solver.", 0},
        {"image", "FILE", "Draw it into a PNG or SVG file, too.", 0},
        {"replay", "TIME", "Solve the recorded run of that time again; last: the newest.", 0},
        {"json", NULL, "The whole run as JSON.", 0}),
    .run = optimize,
};
