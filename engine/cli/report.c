/* report.c: `potline report`: a span of time for managers and authorities, from a data folder. */
#include "report.h"

#include <errno.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/clock.h"
#include "cli.h"
#include "data.h"

/* ---- Tables and plots ---- */

struct pl__span_table *pl__span_table(struct pl__span *report, const char *title, const char *note,
                                      const char *const *headings) {
    if (report->tables == PL__SPAN_TABLES) {
        report->failed = true;
        return NULL;
    }
    struct pl__span_table *table = &report->table[report->tables++];
    *table = (struct pl__span_table){.title = title, .note = note};
    while (headings[table->columns] && table->columns < PL__SPAN_COLUMNS) {
        table->heading[table->columns] = headings[table->columns];
        table->columns++;
    }
    return table;
}

void pl__span_row(struct pl__span *report, struct pl__span_table *table, const char *const *cells) {
    if (!table) return;
    if (table->rows == table->room) {
        size_t room = table->room ? 2 * table->room : 32;
        char **more = pl_realloc(table->cell, room * table->columns * sizeof *more);
        if (!more) {
            report->failed = true;
            return;
        }
        table->cell = more;
        table->room = room;
    }
    char **row = &table->cell[table->rows++ * table->columns];
    for (unsigned i = 0; i < table->columns; i++) {
        row[i] = pl_strdup(cells[i]);
        if (!row[i]) report->failed = true;
    }
}

struct pl__span_plot *pl__span_plot(struct pl__span *report, const char *title, const char *unit) {
    if (report->plots == PL__SPAN_PLOTS) {
        report->failed = true;
        return NULL;
    }
    struct pl__span_plot *plot = &report->plot[report->plots++];
    *plot = (struct pl__span_plot){.title = title, .unit = unit};
    return plot;
}

static struct pl__span_curve *curve_of(struct pl__span *report, struct pl__span_plot *plot, const char *name) {
    for (unsigned i = 0; i < plot->curves; i++)
        if (strcmp(plot->curve[i].name, name) == 0) return &plot->curve[i];
    if (plot->curves == PL__SPAN_CURVES) return NULL; /* more would not be told apart */
    struct pl__span_curve *curve = &plot->curve[plot->curves];
    *curve = (struct pl__span_curve){.name = pl_strdup(name)};
    if (curve->name)
        plot->curves++;
    else
        report->failed = true;
    return curve->name ? curve : NULL;
}

void pl__span_point(struct pl__span *report, struct pl__span_plot *plot, const char *name, pl_time time, double value) {
    struct pl__span_curve *curve = plot ? curve_of(report, plot, name) : NULL;
    if (!curve) return;
    if (curve->count == curve->room) {
        size_t room = curve->room ? 2 * curve->room : 64;
        pl_time *times = pl_realloc(curve->time, room * sizeof *times);
        if (times) curve->time = times;
        double *values = times ? pl_realloc(curve->value, room * sizeof *values) : NULL;
        if (values) curve->value = values;
        if (!values) {
            report->failed = true;
            return;
        }
        curve->room = room;
    }
    curve->time[curve->count] = time;
    curve->value[curve->count++] = value;
}

void pl__span_fini(struct pl__span *report) {
    for (unsigned t = 0; t < report->tables; t++) {
        struct pl__span_table *table = &report->table[t];
        for (size_t i = 0; i < table->rows * table->columns; i++)
            pl_free(table->cell[i]);
        pl_free(table->cell);
    }
    for (unsigned p = 0; p < report->plots; p++)
        for (unsigned c = 0; c < report->plot[p].curves; c++) {
            struct pl__span_curve *curve = &report->plot[p].curve[c];
            pl_free(curve->name);
            pl_free(curve->time);
            pl_free(curve->value);
        }
}

/* ---- The command ---- */

static const char *const formats[] = {"html", "markdown", "csv", NULL};
static void (*const writers[])(const struct pl__span *report, FILE *out) = {pl__span_html, pl__span_markdown,
                                                                            pl__span_csv};

static int write_out(const struct pl_cli *cli, const struct pl__span *report, int format) {
    const char *path = pl_cli_get(cli, "out");
    FILE *out = path ? fopen(path, "w") : stdout;
    bool good = out != NULL;
    if (out) writers[format](report, out);
    if (out) good = !ferror(out) && fflush(out) == 0;
    if (path && out) good &= fclose(out) == 0;
    if (!good && path) fprintf(stderr, "potline report: %s: %s\n", path, strerror(errno)); /* else main says it */
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

static enum pl_code gather(struct pl__span *report, struct pl_store_key *key, const struct pl__span_trial *trial,
                           struct pl_error **error) {
    struct pl_store *store = NULL;
    struct pl_store_options options = {.read_only = true, .key = key};
    enum pl_code code = pl_store_open(report->folder, &options, &store, error);
    if (!code) code = pl__span_figures(report, store, trial->period, error);
    if (!code) code = pl__span_trial(report, store, trial, error);
    if (!code) code = pl__span_events(report, store, error);
    if (!code) code = pl__span_savings(report, store, error);
    if (!code) code = pl__span_people(report, store, error);
    pl_store_close(store);
    if (!code && report->failed) code = pl_error_set(error, PL_NO_MEMORY, "no memory for the report");
    return code;
}

static pl_time wall(void) {
    struct pl_clock clock;
    pl_clock_init(&clock, PL_CLOCK_WALL, 0);
    return pl_clock_now(&clock);
}

static int run_report(const struct pl_cli *cli) {
    static const char *const periods[] = {"day", "shift", "hour", NULL};
    static const pl_time lengths[] = {PL_DAY, 8 * PL_HOUR, PL_HOUR};
    const char *format = pl_cli_get(cli, "format"), *period = pl_cli_get(cli, "period");
    int chosen = format ? pl_cli_choice(cli, "format", format, formats) : 0;
    int by = period ? pl_cli_choice(cli, "period", period, periods) : 0;
    pl_time now = wall();
    struct pl__span_trial trial = {.treated = pl_cli_get(cli, "treated"), .since = PL_TIME_MIN};
    struct pl__span *report = PL_NEW(struct pl__span);
    struct pl_store_key *key = NULL;
    struct pl_error *error = NULL;
    int exit_code = PL_EXIT_USAGE;
    if (report) *report = (struct pl__span){.folder = pl_cli_get(cli, "data"), .from = now - 7 * PL_DAY, .to = now};
    if (!report || chosen < 0 || by < 0) goto end;
    if (!report->folder) {
        pl_cli_usage(cli, "--data DIR is needed");
        goto end;
    }
    if (!pl_cli_time(cli, "from", &report->from) || !pl_cli_time(cli, "to", &report->to)) goto end;
    if (report->from >= report->to) {
        pl_cli_usage(cli, "--from is to be before --to");
        goto end;
    }
    if (!pl_cli_time(cli, "since", &trial.since)) goto end;
    if ((trial.treated != NULL) != (trial.since != PL_TIME_MIN)) {
        pl_cli_usage(cli, "--treated PATTERN and --since TIME go together");
        goto end;
    }
    trial.period = periods[by];
    trial.length = lengths[by];
    if (!pl_cli_data_key_of(cli, report->folder, &key)) goto end;
    enum pl_code code = gather(report, key, &trial, &error);
    exit_code = code ? PL_EXIT_FAILED : write_out(cli, report, chosen);
    if (code) {
        fputs("potline report: ", stderr);
        pl_error_print(stderr, error);
    }
end:
    pl_error_free(&error);
    pl_store_key_unref(key);
    if (report) pl__span_fini(report);
    pl_free(report);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_report = {
    .name = "report",
    .operands = "",
    .summary = "Energy, emissions, savings, anode effects, alarms, overrides of a span of time, as a page.",
    .doc =
        "From the data folder, also while an engine runs on it: what the node kpi has told into the gold zone\n"
        "(sink.lake), alarms and the optimiser's records there, and the audit. A page of HTML has style and plots in\n"
        "it, and shows in any browser without anything else. What there is no data of is left out.\n"
        "Savings are measured: each treated pot is compared with the one that was nearest to it in energy by tonne\n"
        "before, by the changes of both, with a 95 % confidence interval over pairs. Treated are those that --treated\n"
        "and --since name, or else those that set points have passed to (sink.lake behind a guard, zone gold), from\n"
        "the first one on.",
    /* clang-format off */
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder.", 0},
        {"from", "TIME", "Not before (default: a week ago).", 0},
        {"to", "TIME", "Before (default: now).", 0},
        {"treated", "PATTERN", "Compare these pots, treated from --since on, with all others: 'line1.pot{01,04,07}'.", 0},
        {"since", "TIME", "When their treatment began.", 0},
        {"period", "NAME", "Key figures by day, shift or hour (default: day).", 0},
        {"format", "NAME", "html, markdown or csv (default: html).", 0},
        {"out", "FILE", "Write there instead of to standard output.", 0},
        PL_CLI_KEY_FILE),
    /* clang-format on */
    .run = run_report,
};
