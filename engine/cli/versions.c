/* versions.c: `potline versions`: the versions of silver and gold that replays have made. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "cli.h"
#include "data.h"
#include "note.h"
#include "store/version.h"

struct versions {
    const struct pl_cli *cli;
    const char *data;
    struct pl_store_key *key;
    struct pl_version_entry *all;
    unsigned count;
};

static int complain(struct pl_error *error) {
    fputs("potline versions: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return PL_EXIT_FAILED;
}

/* ---- Showing ---- */

static const char *time_text(pl_time time, char text[PL_TEXT_TIME_MAX + 1]) {
    if (time == PL_TIME_MIN) return "the begin";
    if (time == PL_TIME_MAX) return "the end";
    *pl_text_put_time(text, time) = 0;
    return text;
}

static void print_json(const struct pl_version *version) {
    printf("{\"name\": \"%s\", \"made\": %" PRId64 ", \"published\": %" PRId64 ", \"repair\": %s, \"engine\": \"%s\", "
           "\"graph\": \"%s\", \"hash\": \"%016" PRIx64 "\", \"rows\": %" PRIu64 ", \"nodes\": [",
           version->name, version->made, version->published, version->repair ? "true" : "false", version->engine,
           version->graph, version->hash, version->rows);
    for (unsigned i = 0; i < version->node_count; i++)
        printf("%s{\"node\": \"%s\", \"op\": \"%s\", \"version\": \"%s\", \"counts\": %s}", i ? ", " : "",
               version->nodes[i].name, version->nodes[i].op, version->nodes[i].plugin,
               version->nodes[i].counts ? "true" : "false");
    fputs("], \"spans\": [", stdout);
    for (unsigned i = 0; i < version->span_count; i++)
        printf("%s{\"zone\": \"%s\", \"from\": %" PRId64 ", \"to\": %" PRId64 "}", i ? ", " : "",
               pl_zone_names[version->spans[i].zone], version->spans[i].from, version->spans[i].to);
    puts("]}");
}

static void print_spans(const struct pl_version *version, enum pl_zone_id zone) {
    char from[PL_TEXT_TIME_MAX + 1], to[PL_TEXT_TIME_MAX + 1];
    const struct pl_version_span *first = NULL, *last = NULL;
    unsigned count = 0;
    for (unsigned i = 0; i < version->span_count; i++) {
        if (version->spans[i].zone != zone) continue;
        last = &version->spans[i];
        if (!first) first = last;
        count++;
    }
    if (!first) return;
    printf("    %s from %s to %s", pl_zone_names[zone], time_text(first->from, from), time_text(last->to, to));
    printf(count > 1 ? ", %u pieces\n" : "\n", count);
}

static void print_text(const struct pl_version *version) {
    char made[PL_TEXT_TIME_MAX + 1], published[PL_TEXT_TIME_MAX + 1];
    printf("%s: %s%s, made %s by potline %s from %" PRIu64 " rows, graph %s (%016" PRIx64 ")\n", version->name,
           version->published ? "published " : "not published",
           version->published ? time_text(version->published, published) : "", time_text(version->made, made),
           version->engine, version->rows, version->graph, version->hash);
    print_spans(version, PL_SILVER);
    print_spans(version, PL_GOLD);
    if (!version->span_count) puts("    counts nowhere");
    fputs("    nodes:", stdout);
    for (unsigned i = 0; i < version->node_count; i++)
        printf(" %s=%s@%s", version->nodes[i].name, version->nodes[i].op, version->nodes[i].plugin);
    putchar('\n');
}

static int run_list(struct versions *v, struct pl_version_entry *entry) {
    (void)entry;
    bool json = pl_cli_has(v->cli, "json"), damaged = false;
    for (unsigned i = 0; i < v->count; i++) {
        if (v->all[i].damage)
            fprintf(stderr, "potline versions: %s cannot be read: %s\n", v->all[i].version.name, v->all[i].damage);
        else if (json)
            print_json(&v->all[i].version);
        else
            print_text(&v->all[i].version);
        damaged |= v->all[i].damage != NULL;
    }
    if (!v->count && !json) fprintf(stderr, "potline versions: %s has none; potline replay makes them\n", v->data);
    return damaged ? PL_EXIT_FAILED : PL_EXIT_OK;
}

/* ---- Changing ---- */

/* Into the folder's audit; while an engine holds that, into the version's own, where there is one. */
static enum pl_code note(const struct versions *v, struct pl_store *own, const char *action, const char *name,
                         struct pl_error **error) {
    struct pl_audit_record record = {
        .action = action, .object = name, .reason = pl_cli_get(v->cli, "reason"), .outcome = "done"};
    struct pl_store_options options = {.key = v->key};
    struct pl_store *store = NULL;
    enum pl_code code = pl_store_open(v->data, &options, &store, error);
    if (code == PL_BUSY && own) {
        pl_error_free(error);
        return pl_cli_note(own, &record, error);
    }
    if (!code) code = pl_cli_note(store, &record, error);
    pl_store_close(store);
    return code;
}

static int set_published(struct versions *v, struct pl_version_entry *entry, pl_time when, const char *action) {
    struct pl_error *error = NULL;
    struct pl_store *store = NULL;
    struct pl_store_options options = {.key = v->key};
    struct pl_version *version = &entry->version;
    if (entry->damage) {
        fprintf(stderr, "potline versions: %s cannot be read: %s\n", version->name, entry->damage);
        return PL_EXIT_FAILED;
    }
    char *path = pl_version_path(v->data, version->name);
    enum pl_code code = path ? pl_store_open(path, &options, &store, &error) : PL_NO_MEMORY;
    version->published = when;
    if (!code) code = note(v, store, action, version->name, &error);
    if (!code) code = pl_version_write(store, version, &error);
    pl_store_close(store);
    pl_free(path);
    return code ? complain(error) : PL_EXIT_OK;
}

static int run_publish(struct versions *v, struct pl_version_entry *entry) {
    struct pl_clock wall;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    return set_published(v, entry, pl_clock_now(&wall), "versions publish");
}

static int run_withdraw(struct versions *v, struct pl_version_entry *entry) {
    return set_published(v, entry, 0, "versions withdraw");
}

/* The folder's audit has to know of it: the version's own goes with the version. */
static int run_drop(struct versions *v, struct pl_version_entry *entry) {
    struct pl_error *error = NULL;
    const char *name = entry->version.name;
    if (entry->version.published) return pl_cli_usage(v->cli, "%s is published: withdraw it first", name);
    enum pl_code code = note(v, NULL, "versions drop", name, &error);
    if (code == PL_BUSY)
        pl_error_set(&error, code, "%s is not dropped while an engine runs on the folder; nobody sees it until then",
                     name);
    if (code) return complain(error);
    char *path = pl_version_path(v->data, name);
    bool good = path && pl_cli_data_remove(path);
    pl_free(path);
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

/* ---- What was asked ---- */

static const struct {
    const char *name;
    bool of_one;
    int (*run)(struct versions *v, struct pl_version_entry *entry);
} verbs[] = {{"list", false, run_list},
             {"publish", true, run_publish},
             {"withdraw", true, run_withdraw},
             {"drop", true, run_drop},
             {NULL, false, NULL}};

static int run_verb(struct versions *v, int verb) {
    const char *name = pl_cli_operand(v->cli, 1), *names[PL_VERSIONS_MAX];
    if (!verbs[verb].of_one) return verbs[verb].run(v, NULL);
    if (!name) return pl_cli_usage(v->cli, "%s which one?", verbs[verb].name);
    for (unsigned i = 0; i < v->count; i++) {
        if (strcmp(v->all[i].version.name, name) == 0) return verbs[verb].run(v, &v->all[i]);
        names[i] = v->all[i].version.name;
    }
    const char *nearest = v->count ? pl_text_nearest(name, names, v->count) : NULL;
    return pl_cli_usage(v->cli, "%s has no version '%s'%s%s", v->data, name, nearest ? "; did you mean " : "",
                        nearest ? nearest : "");
}

static int versions(const struct pl_cli *cli) {
    struct versions v = {.cli = cli, .data = pl_cli_get(cli, "data")};
    struct pl_error *error = NULL;
    int verb = pl_cli_verb(cli, verbs, sizeof *verbs);
    if (verb < 0) return PL_EXIT_USAGE;
    if (!v.data) return pl_cli_usage(cli, "--data DIR is missing");
    if (!pl_cli_data_key_of(cli, v.data, &v.key)) return PL_EXIT_USAGE;
    enum pl_code code = pl_versions_list(v.data, v.key, &v.all, &v.count, &error);
    int exit_code = code ? complain(error) : run_verb(&v, verb);
    pl_versions_free(v.all, v.count);
    pl_store_key_unref(v.key);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_versions = {
    .name = "versions",
    .operands = "[list|publish|withdraw|drop] [NAME]",
    .least = 0,
    .most = 2,
    .summary = "Versions of silver and gold that replays have made.",
    .doc = "A version (potline replay --version) is seen by who asks for it: potline export --version NAME. publish\n"
           "makes it count: whoever reads silver and gold gets its rows in place of the live ones of the same nodes,\n"
           "for the time that list says; what came live after the replay is shown as it is. withdraw undoes that; the\n"
           "live rows are never touched. drop removes a version, while no engine runs on the folder. Versions have no\n"
           "retention of their own and are no part of backups: a replay makes them again.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder.", 0},
        PL_CLI_KEY_FILE,
        {"reason", "TEXT", "Why; for the audit.", 0},
        {"json", NULL, "Print a JSON object for each.", 0}),
    /* clang-format on */
    .run = versions,
};
