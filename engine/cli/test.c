/* test.c: `potline test`: what graphs and rules are expected to do, held against what they do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/text.h>

#include "base/clock.h"
#include "cli.h"
#include "data.h"
#include "shell_tone.h"
#include "trial_files.h"
#include "trial_report.h"

enum { SOCKETS_MAX = 65000, RECUTS_MAX = 100000 };
static const int64_t shown_every = PL_SECOND / 5;

struct testing {
    const struct pl_cli *cli;
    struct pl__trial_options options;
    struct pl__trial_files files;
    struct pl__trial_report report;
    struct pl__cover *cover; /* NULL: nobody asks */
    const char *filter;
    int64_t recuts;
    bool list, people; /* people: failures are printed as they come */
    bool colours, progress;
    int64_t shown;
    bool no_memory;
};

/* ---- A case ---- */

static struct pl__trial_view view_of(const struct pl_trial_file *file, const struct pl_trial_case *of,
                                     const struct pl__trial_result *result) {
    return (struct pl__trial_view){.tags = result->tags, .start = of->start, .offsets = file->offsets};
}

static void tell_error(struct pl__trial_failures *failures, const struct pl_trial_case *of, struct pl_error **error) {
    char *text = pl_error_text(*error);
    pl__trial_fail(failures, of->place, "%s", text ? text : "out of memory");
    pl_free(text);
    pl_error_free(error);
}

/* The same rows must come out wherever batches are cut. */
static void recut(struct testing *testing, const struct pl_trial_file *file, const struct pl_trial_case *of,
                  const struct pl__trial_result *first, struct pl__trial_failures *failures) {
    struct pl__trial_view view = view_of(file, of, first);
    for (int64_t seed = 1; seed <= testing->recuts && failures->count == 0; seed++) {
        struct pl__trial_options options = testing->options;
        struct pl__trial_result result;
        struct pl_error *error = NULL;
        options.seed = (uint64_t)seed;
        if (pl__trial_run(of, &options, &result, &error)) {
            tell_error(failures, of, &error);
        } else {
            struct pl__trial_view other = view_of(file, of, &result);
            pl__trial_compare(of, &view, first, &other, &result, options.seed, failures);
        }
        pl__trial_result_fini(&result);
    }
}

static void run_case(struct testing *testing, const struct pl_trial_file *file, const struct pl_trial_case *of,
                     struct pl__trial_record *record) {
    struct pl__trial_result result;
    struct pl_error *error = NULL;
    if (pl__trial_run(of, &testing->options, &result, &error)) {
        tell_error(&record->failures, of, &error);
    } else {
        struct pl__trial_view view = view_of(file, of, &result);
        pl__trial_judge(of, &view, &result, &record->failures);
        recut(testing, file, of, &result, &record->failures);
        if (testing->cover && !pl__cover_add(testing->cover, file, of, &result)) testing->no_memory = true;
    }
    record->rows = result.rows;
    record->status = record->failures.count ? PL__FAILED : PL__PASSED;
    if (record->failures.no_memory) testing->no_memory = true;
    pl__trial_result_fini(&result);
}

static void show_progress(struct testing *testing, const char *name) {
    int64_t now = pl_clock_monotonic();
    if (!testing->progress || now - testing->shown < shown_every) return;
    testing->shown = now;
    fprintf(stderr, "\r%u cases, %u failed: %.60s\033[K", testing->report.count,
            pl__report_count(&testing->report, PL__FAILED), name);
}

static void clear_progress(const struct testing *testing) {
    if (testing->progress && testing->shown) fputs("\r\033[K", stderr);
}

static void keep(struct testing *testing, struct pl__trial_record *record) {
    if (record->file && record->name && pl__report_add(&testing->report, record)) return;
    testing->no_memory = true;
    pl_free(record->file);
    pl_free(record->name);
    pl_free(record->why);
    pl__trial_failures_fini(&record->failures);
}

static bool is_chosen(const struct testing *testing, const struct pl_trial_file *file, const struct pl_trial_case *of) {
    char whole[1024];
    if (!testing->filter || pl_glob(testing->filter, of->name)) return true;
    snprintf(whole, sizeof whole, "%s: %s", file->path, of->name);
    return pl_glob(testing->filter, whole);
}

static void take_case(struct testing *testing, const struct pl_trial_file *file, const struct pl_trial_case *of) {
    struct pl__trial_record record = {.file = pl_strdup(file->path),
                                      .name = pl_strdup(of->name),
                                      .why = *of->skip ? pl_strdup(of->skip) : NULL,
                                      .line = of->place.line,
                                      .column = of->place.column,
                                      .status = PL__SKIPPED};
    if (testing->list) {
        printf("%s: %s\n", file->path, of->name);
    } else {
        int64_t begun = pl_clock_monotonic();
        show_progress(testing, of->name);
        if (!*of->skip) run_case(testing, file, of, &record);
        record.seconds = (double)(pl_clock_monotonic() - begun) / (double)PL_SECOND;
        if (testing->people && record.status == PL__FAILED) {
            clear_progress(testing);
            pl__report_print(&record, stdout, testing->colours);
        }
    }
    keep(testing, &record);
}

/* ---- A file ---- */

static void tell_wrong(struct testing *testing, const char *path, const struct pl_problem *problems, unsigned count,
                       enum pl_code code) {
    struct pl__trial_record record = {.file = pl_strdup(path), .name = pl_strdup(""), .status = PL__WRONG};
    clear_progress(testing);
    if (!count) fprintf(stderr, "%s: %s\n", path, pl_code_text(code));
    record.why = pl_strdup(count ? problems[0].text : pl_code_text(code));
    if (count) record.line = problems[0].place.line;
    keep(testing, &record);
}

static void take_file(struct testing *testing, const char *path) {
    struct pl_trial_file *file = NULL;
    struct pl_problem *problems = NULL;
    unsigned count = 0;
    enum pl_code code = pl_trial_load(path, &file, &problems, &count);
    if (count) clear_progress(testing);
    pl_cli_problems(stderr, problems, count);
    testing->report.files++;
    if (code) tell_wrong(testing, path, problems, count, code);
    pl_problems_free(problems, count);
    for (unsigned i = 0; file && i < file->case_count; i++)
        if (is_chosen(testing, file, &file->cases[i])) take_case(testing, file, &file->cases[i]);
    pl_trial_free(file);
}

/* ---- All of them ---- */

static int report(struct testing *testing) {
    const struct pl_cli *cli = testing->cli;
    const char *junit = pl_cli_get(cli, "junit");
    bool good = true;
    clear_progress(testing);
    if (pl_cli_has(cli, "tap")) pl__report_tap(&testing->report, stdout);
    if (pl_cli_has(cli, "json")) good = pl__report_json(&testing->report, testing->cover, stdout);
    if (testing->people && !testing->list) {
        if (testing->cover) pl__cover_print(testing->cover, stdout);
        pl__report_sum(&testing->report, stdout, testing->colours);
    }
    if (junit && !pl__report_junit(&testing->report, junit)) {
        fprintf(stderr, "potline test: %s: %s\n", junit, strerror(errno));
        return PL_EXIT_USAGE;
    }
    if (!good || testing->no_memory) {
        fputs("potline test: out of memory\n", stderr);
        return PL_EXIT_FAILED;
    }
    if (pl__report_count(&testing->report, PL__WRONG)) return PL_EXIT_USAGE;
    return pl__report_count(&testing->report, PL__FAILED) ? PL_EXIT_FAILED : PL_EXIT_OK;
}

/* Every edge of a graph is two descriptors. */
static void raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int run_files(struct testing *testing) {
    int64_t begun = pl_clock_monotonic();
    raise_limit();
    testing->options.zmq = zmq_ctx_new();
    if (pl_cli_has(testing->cli, "coverage")) testing->cover = pl__cover_new();
    zmq_ctx_set(testing->options.zmq, ZMQ_IO_THREADS, 0);
    zmq_ctx_set(testing->options.zmq, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
    for (unsigned i = 0; i < testing->files.count; i++)
        take_file(testing, testing->files.list[i]);
    testing->report.seconds = (double)(pl_clock_monotonic() - begun) / (double)PL_SECOND;
    int code = report(testing);
    if (code == PL_EXIT_OK && testing->report.count == 0) {
        fputs("potline test: no case fits --filter\n", stderr);
        code = PL_EXIT_USAGE;
    }
    pl__cover_free(testing->cover);
    pl__report_fini(&testing->report);
    zmq_ctx_term(testing->options.zmq);
    return code;
}

static bool find_files(struct testing *testing) {
    bool good = true;
    if (pl_cli_count(testing->cli) == 0) return pl__trial_files_add(&testing->files, ".");
    for (int i = 0; i < pl_cli_count(testing->cli); i++)
        good = pl__trial_files_add(&testing->files, pl_cli_operand(testing->cli, i)) && good;
    return good;
}

static int test(const struct pl_cli *cli) {
    bool programs = pl_cli_has(cli, "tap") || pl_cli_has(cli, "json");
    const char *recuts = pl_cli_get(cli, "recut");
    struct testing testing = {.cli = cli,
                              .filter = pl_cli_get(cli, "filter"),
                              .list = pl_cli_has(cli, "list"),
                              .people = !programs,
                              .colours = pl_tone_wanted(STDOUT_FILENO),
                              .progress = isatty(STDERR_FILENO) == 1};
    if (pl_cli_has(cli, "tap") && pl_cli_has(cli, "json")) return pl_cli_usage(cli, "either --tap or --json");
    if (pl_cli_has(cli, "tap") && pl_cli_has(cli, "coverage"))
        return pl_cli_usage(cli, "--tap has no place for --coverage; --json has");
    if (recuts &&
        (!pl_text_int(recuts, strlen(recuts), &testing.recuts) || testing.recuts < 1 || testing.recuts > RECUTS_MAX))
        return pl_cli_usage(cli, "--recut: \"%s\" is no number from 1 to %d", recuts, RECUTS_MAX);
    if (!pl_cli_data_key(cli, &testing.options.key)) return PL_EXIT_USAGE;
    pl_diag_setup(PL_WARN, false);
    int code = find_files(&testing) ? run_files(&testing) : PL_EXIT_USAGE;
    pl__trial_files_fini(&testing.files);
    pl_store_key_unref(testing.options.key);
    return code;
}

const struct pl_subcommand pl_subcommand_test = {
    .name = "test",
    .operands = "[FILE|FOLDER]...",
    .most = PL_CLI_ANY,
    .summary = "Test graphs and rules.",
    .doc = "Runs the cases of test files (every *.test.yaml below a folder; without arguments, below this one): each\n"
           "feeds rows into a graph and says what must come out. Sources and sinks are not opened, and time is that\n"
           "of the rows. What a test file says is described in graphs/README.md.\n"
           "Exit code 0: all have passed; 1: one has failed; 2: a file is wrong.",
    .options = PL_CLI_OPTIONS(
        {"filter", "GLOB", "Only cases whose name, or FILE: NAME, fits.", 0}, {"list", NULL, "Only list the cases.", 0},
        {"recut", "N", "Run each case N times more with batches cut at random: the same rows must come out.", 0},
        {"coverage", NULL, "Show which nodes and rules ran, and which rules raised.", 0},
        {"junit", "FILE", "Write the results there as JUnit XML, too.", 0},
        {"tap", NULL, "Print the results as TAP.", 0},
        {"json", NULL, "Print the results, and with --coverage what ran, as one JSON object.", 0}, PL_CLI_KEY_FILE),
    .run = test,
};
