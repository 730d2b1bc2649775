/* trial.c: a test file and its cases. */
#include "trial.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "expand.h"
#include "file.h"
#include "trial_impl.h"

enum { FILE_MEMORY_MAX = 2047 << 20, CASES_MAX = 10000 };

struct pl_trial_file_impl {
    struct pl_arena *arena; /* holds the file itself too */
    const struct pl_trial_graph **graphs;
    unsigned graph_count;
};

struct file_options {
    const char *graph, *start;
    struct pl_strings rules, nodes;
};

struct case_options {
    const char *name, *doc, *skip, *start, *until;
    uint32_t order;
};

static const char *const orders[] = {"time", "listed", NULL};

const struct pl_option pl__trial_file_options[] = {
    PL_OPT_STRING(struct file_options, graph, "graph", "", PL_FIXED,
                  "The graph file that is tested, seen from this file."),
    PL_OPT_STRINGS(struct file_options, rules, "rules", "[]", PL_FIXED,
                   "Instead of a graph: scripts of rules, which run as the node `rules` of a graph that has nothing "
                   "else."),
    PL_OPT_STRINGS(struct file_options, nodes, "nodes", "[]", PL_FIXED,
                   "Only these nodes run (patterns); rows are fed in place of what they take from."),
    PL_OPT_STRING(struct file_options, start, "start", "2026-01-01T00:00:00Z", PL_FIXED,
                  "What times like 10s are counted from."),
    PL_OPT_END,
};

const struct pl_option pl__trial_case_options[] = {
    PL_OPT_STRING(struct case_options, name, "name", NULL, PL_FIXED, "What the case shows; unique in the file."),
    PL_OPT_STRING(struct case_options, doc, "doc", "", PL_FIXED, "More for people."),
    PL_OPT_STRING(struct case_options, skip, "skip", "", PL_FIXED, "Why the case is not run."),
    PL_OPT_STRING(struct case_options, start, "start", "", PL_FIXED, "Another start than the file's."),
    PL_OPT_STRING(struct case_options, until, "until", "", PL_FIXED,
                  "Time goes on to here and no further, so what is open then stays open; without it the data ends."),
    PL_OPT_CHOICE(struct case_options, order, "order", "time", orders, PL_FIXED,
                  "Rows come by their times, or as they are listed, late ones late."),
    PL_OPT_END,
};

const char *const pl__trial_file_keys[] = {"potline", "set", "env", "cases", NULL};
const char *const pl__trial_case_keys[] = {"set", "env", "input", "expect", NULL};

/* ---- Cases ---- */

static bool keep_graph(struct pl_trial_reading *reading, const struct pl_trial_graph *graph) {
    struct pl_trial_file_impl *impl = reading->file->impl;
    if (graph) impl->graphs[impl->graph_count++] = graph;
    return graph != NULL;
}

/* A case that sets nothing runs on the graph of the file. */
static const struct pl_trial_graph *graph_of(struct pl_trial_reading *reading, const struct pl_trial_setup *setup,
                                             const struct pl_yaml *root, const struct pl_trial_graph *shared) {
    if (!setup->set[1] && !setup->env[1]) return shared;
    const struct pl_trial_graph *own = pl__trial_graph(reading, setup, root);
    return keep_graph(reading, own) ? own : NULL;
}

static bool check_set(struct pl_trial_reading *reading, const struct pl_yaml *set) {
    if (!set || (set->type == PL_YAML_MAP && !set->any)) return true;
    pl__problem(reading->yaml->problems, set, "set is a map of options and values, like { clean.spike.k: 4 }");
    return false;
}

static bool read_case_times(struct pl_trial_reading *reading, const struct pl_yaml *map, struct pl_trial_case *made) {
    const struct pl_yaml *start = pl__yaml_find(map, "start"), *until = pl__yaml_find(map, "until");
    bool good = !start || pl__trial_time(reading, start, &reading->start);
    made->start = reading->start;
    made->until = PL_TIME_MAX;
    return (!until || pl__trial_time(reading, until, &made->until)) && good;
}

static bool read_case_options(struct pl_trial_reading *reading, struct pl_yaml *map, struct pl_trial_case *made) {
    struct case_options options = {0};
    struct pl_options_reader reader = {.yaml = reading->yaml, .map = map, .others = pl__trial_case_keys};
    reader.tables[reader.table_count++] = (struct pl_option_table){.rows = pl__trial_case_options, .self = &options};
    pl__options_read(&reader);
    made->place = map->place;
    made->name = options.name;
    made->doc = options.doc;
    made->skip = options.skip;
    made->listed = options.order == 1;
    return !reader.failed;
}

static void read_case(struct pl_trial_reading *reading, const struct pl_trial_setup *shared_setup,
                      const struct pl_yaml *root, const struct pl_trial_graph *shared, struct pl_yaml *map,
                      struct pl_trial_case *made) {
    if (map->type != PL_YAML_MAP || map->any) {
        if (!map->any) pl__problem(reading->yaml->problems, map, "a case is a map of name, input and expect");
        return;
    }
    struct pl_trial_setup setup = *shared_setup;
    pl_time start = reading->start;
    setup.set[1] = pl__yaml_find(map, "set");
    setup.env[1] = pl__yaml_find(map, "env");
    bool good = read_case_options(reading, map, made) && read_case_times(reading, map, made) &&
                check_set(reading, setup.set[1]) && pl__trial_environment_check(reading, setup.env[1]);
    made->graph = reading->graph = good ? graph_of(reading, &setup, root, shared) : NULL;
    struct pl_yaml *input = pl__yaml_find(map, "input"), *expect = pl__yaml_find(map, "expect");
    if (made->graph && input) pl__trial_inputs(reading, input, made);
    if (made->graph && expect) pl__trial_expectations(reading, expect, made);
    if (good && !expect) pl__problem(reading->yaml->problems, map, "expect is missing: what comes out, by nodes");
    reading->start = start;
}

static void check_names(struct pl_trial_reading *reading) {
    const struct pl_trial_file *file = reading->file;
    for (unsigned i = 0; i < file->case_count; i++)
        for (unsigned k = 0; k < i && file->cases[i].name; k++)
            if (file->cases[k].name && strcmp(file->cases[k].name, file->cases[i].name) == 0) {
                char quoted[PL_QUOTE_MAX];
                pl__problem_at(reading->yaml->problems, file->cases[i].place, "there is a case %s in line %d too",
                               pl__quote(quoted, file->cases[i].name), file->cases[k].place.line);
                break;
            }
}

static void read_cases(struct pl_trial_reading *reading, const struct pl_trial_setup *setup,
                       const struct pl_yaml *root) {
    struct pl_yaml *cases = pl__yaml_find(root, "cases");
    struct pl_trial_file *file = reading->file;
    if (!cases || cases->type != PL_YAML_LIST || !cases->count || cases->count > CASES_MAX) {
        pl__problem(reading->yaml->problems, cases ? cases : root,
                    "cases is a list of up to 10,000 cases, each with name, input and expect");
        return;
    }
    const struct pl_trial_graph *shared = NULL;
    file->cases = pl__arena_alloc(reading->yaml->arena, cases->count * sizeof *file->cases);
    file->impl->graphs = pl__arena_alloc(reading->yaml->arena, (cases->count + 1) * sizeof *file->impl->graphs);
    if (!file->cases || !file->impl->graphs) return;
    shared = pl__trial_graph(reading, setup, root);
    if (!keep_graph(reading, shared)) return;
    for (struct pl_yaml *map = cases->first; map; map = map->next)
        read_case(reading, setup, root, shared, map, &file->cases[file->case_count++]);
    check_names(reading);
}

/* ---- The file ---- */

static bool check_version(struct pl_trial_reading *reading, const struct pl_yaml *root) {
    const struct pl_yaml *version = pl__yaml_find(root, "potline");
    if (version && version->type == PL_YAML_SCALAR && strcmp(version->text, "1") == 0) return true;
    pl__problem(reading->yaml->problems, version ? version : root, "the first line of a test file is \"potline: 1\"");
    return false;
}

static bool read_file_options(struct pl_trial_reading *reading, struct pl_yaml *root, struct pl_trial_setup *setup) {
    struct file_options options = {0};
    struct pl_options_reader reader = {.yaml = reading->yaml, .map = root, .others = pl__trial_file_keys};
    reader.tables[reader.table_count++] = (struct pl_option_table){.rows = pl__trial_file_options, .self = &options};
    pl__options_read(&reader);
    if (reader.failed) return false;
    setup->graph = options.graph;
    setup->rules = options.rules;
    setup->nodes = options.nodes;
    setup->set[0] = pl__yaml_find(root, "set");
    setup->env[0] = pl__yaml_find(root, "env");
    const char *named = *options.graph ? options.graph : options.rules.count ? options.rules.items[0] : "";
    reading->file->graph_name = pl__file_beside(reading->yaml->arena, reading->file->path, named);
    const struct pl_yaml *start = pl__yaml_find(root, "start");
    if (!reading->file->graph_name) return false;
    if (!pl_text_time(options.start, strlen(options.start), &reading->start)) {
        pl__problem(reading->yaml->problems, start ? start : root, "start is a time like 2026-01-01T00:00:00Z");
        return false;
    }
    if (!*options.graph == !options.rules.count) {
        pl__problem(reading->yaml->problems, root, "a test file names what it tests: graph: FILE, or rules: FILE");
        return false;
    }
    return check_set(reading, setup->set[0]) && pl__trial_environment_check(reading, setup->env[0]);
}

static void read_tree(struct pl_trial_reading *reading, struct pl_yaml *root) {
    bool lost = false;
    struct pl_trial_setup setup = {.graph = ""};
    struct pl_expansion expansion = {.yaml = reading->yaml, .lost = &lost};
    if (root->type != PL_YAML_MAP) {
        pl__problem(reading->yaml->problems, root, "a test file is a map: potline: 1, graph: FILE, cases: ...");
        return;
    }
    pl__expand(&expansion, root);
    if (check_version(reading, root) && read_file_options(reading, root, &setup) && !lost)
        read_cases(reading, &setup, root);
}

static void read_text(struct pl_trial_reading *reading, const char *path) {
    struct pl_file file = {0};
    const char *reason;
    pl__problems_file(reading->yaml->problems, path);
    if (!pl__file_read(path, false, &file, &reason)) {
        pl__problem_at(reading->yaml->problems, (struct pl_place){.file = path}, "%s", reason);
        return;
    }
    struct pl_yaml *root = pl__yaml_parse(reading->yaml, file.text, file.length, path);
    if (root) read_tree(reading, root);
    pl_free(file.text);
}

static struct pl_trial_file *file_new(const char *path) {
    struct pl_arena *arena = pl__arena_new(FILE_MEMORY_MAX);
    struct pl_trial_file *file = arena ? PL__ARENA_NEW(arena, struct pl_trial_file) : NULL;
    struct pl_trial_file_impl *impl = file ? PL__ARENA_NEW(arena, struct pl_trial_file_impl) : NULL;
    const char *own_path = impl ? pl__arena_text(arena, path, strlen(path)) : NULL;
    if (!own_path) {
        pl__arena_free(arena);
        return NULL;
    }
    impl->arena = arena;
    file->impl = impl;
    file->path = own_path;
    file->graph_name = "";
    return file;
}

void pl_trial_free(struct pl_trial_file *file) {
    if (!file) return;
    for (unsigned i = 0; i < file->impl->graph_count; i++)
        pl_graph_free(file->impl->graphs[i]->graph);
    pl__arena_free(file->impl->arena);
}

enum pl_code pl_trial_load(const char *path, struct pl_trial_file **file, struct pl_problem **problems,
                           unsigned *problem_count) {
    *file = NULL;
    *problems = NULL;
    *problem_count = 0;
    struct pl_trial_file *made = file_new(path);
    struct pl_yaml_context yaml = {.arena = made ? made->impl->arena : NULL, .problems = pl__problems_new()};
    struct pl_trial_reading reading = {.yaml = &yaml, .file = made};
    enum pl_code code = PL_NO_MEMORY;
    if (made && yaml.problems) {
        read_text(&reading, made->path);
        code = pl__arena_code(yaml.arena);
        if (code == PL_LIMIT)
            pl__problem_at(yaml.problems, (struct pl_place){.file = made->path},
                           "more than 1,000,000 values in the file");
        if (!code && pl__problems_errors(yaml.problems)) code = PL_SYNTAX;
        if (!pl__problems_take(yaml.problems, problems, problem_count)) code = PL_NO_MEMORY;
    }
    pl__problems_free(yaml.problems);
    if (code)
        pl_trial_free(made);
    else
        *file = made;
    return code;
}
