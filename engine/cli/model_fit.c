/* model_fit.c: `potline model calibrate`: free constants from measured data, and how well they then predict the rest.
 */
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "model.h"

enum { EVALUATIONS = 4000 };

struct calibration {
    const struct pl_cli *cli;
    const struct pl_model *model;
    struct pl_fit fit;
    struct pl_fit_file file[PL_FIT_FILES_MAX];
    char *path[PL_FIT_FILES_MAX];
    json_t *figures; /* NULL: printed */
    time_t told;     /* how far it is */
};

/* ---- What is asked for ---- */

static bool add_files(struct calibration *c, const char *option, bool judge) {
    const char *const *all = pl_cli_all(c->cli, option);
    for (; all && *all; all++) {
        if (c->fit.file_count == PL_FIT_FILES_MAX) {
            pl_cli_usage(c->cli, "more than %d files", PL_FIT_FILES_MAX);
            return false;
        }
        unsigned i = c->fit.file_count++;
        c->path[i] = pl_strndup(*all, strcspn(*all, ","));
        if (!c->path[i]) return false;
        c->file[i].path = c->path[i];
        c->file[i].judge = judge;
    }
    return true;
}

static bool set_own(struct calibration *c, const char *text, double *own) {
    for (unsigned k = 0; k < PL_MODEL_PARAMETERS_MAX; k++)
        own[k] = NAN;
    for (const char *at = strchr(text, ','); at; at = strchr(at + 1, ',')) {
        char one[128];
        snprintf(one, sizeof one, "%.*s", (int)strcspn(at + 1, ","), at + 1);
        int row;
        double value;
        if (!pl__model_assign(c->cli, c->fit.experiment->parameters, one, &row, &value, NULL)) return false;
        own[row] = value;
    }
    return true;
}

static bool set_all(struct calibration *c) {
    unsigned i = 0;
    static const char *const options[] = {"data", "judge"};
    for (unsigned k = 0; k < 2; k++) {
        const char *const *all = pl_cli_all(c->cli, options[k]);
        for (; all && *all; all++)
            if (!set_own(c, *all, c->file[i++].own)) return false;
    }
    for (unsigned k = 0; k < PL_MODEL_PARAMETERS_MAX; k++)
        c->fit.set[k] = NAN;
    const char *const *set = pl_cli_all(c->cli, "set");
    for (; set && *set; set++) {
        int row;
        double value;
        if (!pl__model_assign(c->cli, c->fit.experiment->parameters, *set, &row, &value, NULL)) return false;
        c->fit.set[row] = value;
    }
    return true;
}

/* For all files, or for how many of those that are fitted to. */
static unsigned count_set(const struct calibration *c, int row, unsigned *fitted) {
    unsigned set = 0;
    *fitted = 0;
    for (unsigned i = 0; i < c->fit.file_count; i++) {
        if (c->file[i].judge) continue;
        ++*fitted;
        set += !isnan(c->fit.set[row]) || !isnan(c->file[i].own[row]);
    }
    return set;
}

/* What is set is known, and not free; false after saying that it cannot be both. */
static bool settle_free(const struct calibration *c, const char *name, int row, bool asked, bool *free) {
    unsigned fitted, set = count_set(c, row, &fitted);
    *free = !set;
    if (set && asked)
        pl_cli_usage(c->cli, "%s is named in --fit and has a value set: it is either free or known", name);
    else if (set && set < fitted)
        pl_cli_usage(c->cli, "%s is set for %u of %u files that are fitted to, and free in the others: set it for all",
                     name, set, fitted);
    return !set || (!asked && set == fitted);
}

static bool set_free(struct calibration *c) {
    const char *asked = pl_cli_get(c->cli, "fit"), *fit = asked ? asked : c->fit.experiment->fit;
    while (*fit) {
        char name[64];
        int length = (int)strcspn(fit, ",");
        snprintf(name, sizeof name, "%.*s", length, fit);
        int row = pl_model_parameter(c->fit.experiment->parameters, name);
        if (row < 0 || c->fit.free_count == PL_FIT_MAX) {
            if (row < 0)
                pl__model_unknown(c->fit.experiment->parameters, name);
            else
                pl_cli_usage(c->cli, "--fit: more than %d constants", PL_FIT_MAX);
            return false;
        }
        bool free;
        if (!settle_free(c, name, row, asked, &free)) return false;
        if (free) c->fit.free[c->fit.free_count++] = (unsigned)row;
        fit += length + (fit[length] == ',');
    }
    return true;
}

static bool parse(struct calibration *c) {
    double share = 0.5, evaluations = EVALUATIONS;
    if (!add_files(c, "data", false) || !add_files(c, "judge", true)) return false;
    if (!pl_cli_all(c->cli, "data") || !c->fit.file_count) {
        pl_cli_usage(c->cli, "calibrate needs --data FILE");
        return false;
    }
    if (!pl__model_apart(pl_cli_all(c->cli, "data"), pl_cli_all(c->cli, "judge"))) return false;
    if (!pl__model_within(c->cli, "share", 0.05, 1, &share) ||
        !pl__model_within(c->cli, "evaluations", 10, 1e7, &evaluations))
        return false;
    c->fit.experiment = pl__model_experiment(c->cli, c->model, c->path, c->fit.file_count);
    if (!c->fit.experiment) return false;
    c->fit.file = c->file;
    c->fit.share = share;
    c->fit.evaluations = (long)evaluations;
    return set_all(c) && set_free(c);
}

/* ---- Telling ---- */

static void tell(void *context, const struct pl_model_finding *f) {
    struct calibration *c = context;
    if (c->figures) {
        json_array_append_new(c->figures,
                              json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:f, s:b}", "subject", f->subject, "quantity",
                                        f->quantity, "unit", f->unit, "measured", pl__model_number(f->expected),
                                        "predicted", pl__model_number(f->found), "error", pl__model_number(f->error),
                                        "limit", f->limit, "good", (int)f->good));
        return;
    }
    printf("  %-4s %-28s %-30s measured %10.5g  predicted %10.5g %s  error %.3g, limit %.3g\n",
           f->good ? "good" : "MISS", f->subject, f->quantity, f->expected, f->found, f->unit, f->error, f->limit);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static double judged(const struct pl_fit_file *file) {
    return isnan(file->judged) ? file->fitted : file->judged;
}

static double foreseen(const struct pl_fit_file *file) {
    return file->foreseen;
}

/* Of all files that judge (or, where none does, of all): the root of the mean square of what `of` says of each. */
static double together(const struct pl_fit *fit, double (*of)(const struct pl_fit_file *file)) {
    double sum = 0, count = 0;
    bool some = false;
    for (unsigned i = 0; i < fit->file_count; i++)
        some = some || !isnan(fit->file[i].judged);
    for (unsigned i = 0; i < fit->file_count; i++) {
        if (some && isnan(fit->file[i].judged)) continue;
        sum += of(&fit->file[i]) * of(&fit->file[i]);
        count++;
    }
    return sqrt(sum / count);
}

/* What the constants cannot be relied on for. */
static void print_doubts(const struct pl_fit *fit) {
    const struct pl_model_parameter *rows = fit->experiment->parameters;
    for (unsigned i = 0; i < fit->constants; i++)
        for (unsigned j = 0; j < i; j++)
            if (fabs(fit->correlation[i][j]) > 0.95)
                printf("  %s and %s go together (correlation %.3f): data like these hardly tell them apart\n",
                       rows[fit->row[j]].name, rows[fit->row[i]].name, fit->correlation[i][j]);
    if (fit->constants)
        printf("  (95 %% intervals from the curvature at the optimum, wider where residuals hang together; condition "
               "%.3g)\n",
               fit->condition);
    bool untold = false;
    for (unsigned i = 0; i < fit->constants; i++)
        untold = untold || fit->untold[i];
    if (untold)
        printf(
            "  Not all constants are told by what was fitted to. What they predict elsewhere is a guess: fit to more "
            "(other runs, a longer part), or --set what is known and leave it out of --fit.\n");
}

/* What is foreseen of the rest without a look at it, where that is more than is aimed at. */
static void print_unsure(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->file_count; i++) {
        const struct pl_fit_file *file = &fit->file[i];
        if (isnan(file->foreseen) || file->foreseen <= fit->experiment->target) continue;
        char amount[32] = "any amount";
        if (isfinite(file->foreseen)) snprintf(amount, sizeof amount, "%.3g", file->foreseen);
        printf("  Not told: that %s is met within %g. By what was fitted to, it may be missed by %s",
               base_name(file->path), fit->experiment->target, amount);
        if (file->beyond)
            printf("; %zu of its points are extrapolated to, where the constants matter more than in all that was "
                   "fitted to",
                   file->beyond);
        puts(".");
    }
}

static bool exceeds(const struct pl_fit_file *file) {
    return file->judged > file->foreseen; /* false where there is none of either */
}

static void print_exceeded(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->file_count; i++)
        if (exceeds(&fit->file[i]))
            printf("  More than foreseen: %s is missed by %.3g, not by about %.3g: the model or the record differs "
                   "from what it was fitted to.\n",
                   base_name(fit->file[i].path), fit->file[i].judged, fit->file[i].foreseen);
}

static void print_left_out(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->file_count; i++)
        if (fit->file[i].left_out)
            printf("  Left out: %zu row%s of %s, the first in line %zu: no number that could be used.\n",
                   fit->file[i].left_out, fit->file[i].left_out == 1 ? "" : "s", base_name(fit->file[i].path),
                   fit->file[i].left_line);
}

/* The names of all constants that are not told, between commas; false: all are. */
static bool name_untold(const struct pl_fit *fit, char *text, size_t size) {
    size_t length = 0;
    text[0] = 0;
    for (unsigned i = 0; i < fit->constants && length < size; i++) {
        bool named = false; /* each file has its own of it */
        for (unsigned j = 0; j < i; j++)
            named = named || (fit->untold[j] && fit->row[j] == fit->row[i]);
        if (fit->untold[i] && !named)
            length += (size_t)snprintf(text + length, size - length, "%s%s", length ? ", " : "",
                                       fit->experiment->parameters[fit->row[i]].name);
    }
    return length > 0;
}

/* Good is said of what was compared, and in the same breath what that does not vouch for. */
static void print_verdict(const struct pl_fit *fit) {
    double all = together(fit, judged), ahead = together(fit, foreseen);
    bool good = all <= fit->experiment->target, apart = false, other = false;
    char names[256];
    for (unsigned i = 0; i < fit->file_count; i++) {
        apart = apart || !isnan(fit->file[i].judged);
        other = other || fit->file[i].judge;
    }
    printf("%-28s %7s %12s %12s %12.4g   %s", "all that judge", "", "", "", all, good ? "good" : "MISS");
    bool untold = name_untold(fit, names, sizeof names);
    if (good && (untold || ahead > fit->experiment->target)) {
        printf(" by %s, but ", other ? "the files that judge" : apart ? "what was kept back" : "what was fitted to");
        if (untold)
            printf("not told by these data: %s", names);
        else
            fputs("that was not to be foreseen", stdout);
    }
    putchar('\n');
}

static void print_text(const struct calibration *c) {
    const struct pl_fit *fit = &c->fit;
    const struct pl_model_parameter *rows = fit->experiment->parameters;
    printf("%s, experiment %s: %ld runs; %s\n", c->model->name, fit->experiment->name, fit->runs, fit->ended);
    for (unsigned i = 0; i < fit->constants; i++) {
        const struct pl_model_parameter *row = &rows[fit->row[i]];
        char interval[32] = "open";
        if (isfinite(fit->deviation[i])) snprintf(interval, sizeof interval, "%.3g", fit->quantile * fit->deviation[i]);
        printf("  %-22s %12.6g +- %-10s %s%s%s%s\n", row->name, fit->value[i], interval, row->unit,
               fit->of_file[i] < 0 ? "" : "  of ",
               fit->of_file[i] < 0 ? "" : base_name(fit->file[fit->of_file[i]].path),
               fit->at_bound[i]  ? "  (at a bound of its range)"
               : fit->at_odds[i] ? "  (not told: at odds with what is expected of it)"
               : fit->untold[i]  ? "  (not told by these data)"
                                 : "");
    }
    print_doubts(fit);
    printf("\n%-28s %7s %12s %12s %12s   %s, target %g\n", "file", "points", "fitted", "foreseen", "judged",
           fit->experiment->measure, fit->experiment->target);
    for (unsigned i = 0; i < fit->file_count; i++) {
        const struct pl_fit_file *file = &fit->file[i];
        char fitted[32] = "-", ahead[32] = "-", rest[32] = "-";
        if (!isnan(file->fitted)) snprintf(fitted, sizeof fitted, "%.4g", file->fitted);
        if (!isnan(file->judged)) snprintf(rest, sizeof rest, "%.4g", file->judged);
        if (isfinite(file->foreseen)) snprintf(ahead, sizeof ahead, "about %.3g", file->foreseen);
        if (isinf(file->foreseen)) snprintf(ahead, sizeof ahead, "open");
        printf("%-28s %7zu %12s %12s %12s   %s%s\n", base_name(file->path), file->points, fitted, ahead, rest,
               judged(file) <= fit->experiment->target ? "good" : "MISS",
               file->adapted ? "  (what is its own is from its first part)" : "");
    }
    print_verdict(fit);
    print_left_out(fit);
    print_exceeded(fit);
    print_unsure(fit);
}

/* Whether the target is foreseen to be met; null where nothing is foreseen. */
static json_t *told_json(double ahead, const struct pl_model_experiment *experiment) {
    return isnan(ahead) ? json_null() : json_boolean(ahead <= experiment->target);
}

static json_t *files_json(const struct pl_fit *fit) {
    json_t *all = json_array();
    for (unsigned i = 0; i < fit->file_count; i++) {
        const struct pl_fit_file *file = &fit->file[i];
        json_array_append_new(
            all,
            json_pack("{s:s, s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:I, s:o, s:o, s:b, s:o}", "file", file->path,
                      "adapted", (int)file->adapted, "judge", (int)file->judge, "points", (json_int_t)file->points,
                      "left_out", (json_int_t)file->left_out, "left_out_line",
                      file->left_out ? json_integer((json_int_t)file->left_line) : json_null(), "fitted",
                      pl__model_number(file->fitted), "foreseen", pl__model_number(file->foreseen), "beyond",
                      (json_int_t)file->beyond, "told", told_json(file->foreseen, fit->experiment), "judged",
                      pl__model_number(file->judged), "good", judged(file) <= fit->experiment->target, "as_foreseen",
                      isnan(file->judged) || isnan(file->foreseen) ? json_null() : json_boolean(!exceeds(file))));
    }
    return all;
}

static int print_json(struct calibration *c, bool good) {
    const struct pl_fit *fit = &c->fit;
    json_t *constants = json_array();
    for (unsigned i = 0; i < fit->constants; i++) {
        const struct pl_model_parameter *row = &fit->experiment->parameters[fit->row[i]];
        json_t *one = json_pack("{s:s, s:s, s:f, s:o, s:o, s:o, s:b, s:b, s:b}", "name", row->name, "unit", row->unit,
                                "value", fit->value[i], "deviation", pl__model_number(fit->deviation[i]), "low",
                                pl__model_number(fit->value[i] - fit->quantile * fit->deviation[i]), "high",
                                pl__model_number(fit->value[i] + fit->quantile * fit->deviation[i]), "at_bound",
                                (int)fit->at_bound[i], "at_odds", (int)fit->at_odds[i], "told", (int)!fit->untold[i]);
        if (fit->of_file[i] >= 0) json_object_set_new(one, "file", json_string(fit->file[fit->of_file[i]].path));
        json_t *correlations = json_array();
        for (unsigned j = 0; j < fit->constants; j++)
            json_array_append_new(correlations, pl__model_number(fit->correlation[i][j]));
        json_object_set_new(one, "correlation", correlations);
        json_array_append_new(constants, one);
    }
    json_t *figures = c->figures;
    double ahead = together(fit, foreseen);
    c->figures = NULL;
    return pl__model_json(json_pack(
        "{s:s, s:s, s:s, s:f, s:o, s:o, s:o, s:f, s:s, s:I, s:o, s:b, s:o, s:o, s:o}", "model", c->model->name,
        "experiment", fit->experiment->name, "measure", fit->experiment->measure, "target", fit->experiment->target,
        "foreseen", pl__model_number(ahead), "told", told_json(ahead, fit->experiment), "judged",
        pl__model_number(together(fit, judged)), "rms", fit->rms, "unit", fit->experiment->unit, "runs",
        (json_int_t)fit->runs, "condition", pl__model_number(fit->condition), "good", (int)good, "constants", constants,
        "files", files_json(fit), "figures", figures));
}

static bool plot_file(const struct calibration *c, const struct pl_fit_file *file, struct pl__plot plots[2]) {
    double *residual = pl_alloc(file->points * sizeof *residual);
    if (!residual) return false;
    for (size_t k = 0; k < file->points; k++)
        residual[k] = file->predicted[k] - file->observed[k];
    double least = INFINITY, most = 0;
    for (size_t k = 0; k < file->points; k++) {
        least = fmin(least, file->position[k]);
        most = fmax(most, file->position[k]);
    }
    bool decades = least > 0 && most > 1e3 * least; /* frequencies */
    plots[0] = (struct pl__plot){.title = base_name(file->path),
                                 .x = c->fit.experiment->along,
                                 .y = c->fit.experiment->unit,
                                 .count = 2,
                                 .logarithmic = decades};
    plots[0].curve[0] = (struct pl__curve){"measured", file->position, file->observed, file->points, true};
    plots[0].curve[1] = (struct pl__curve){"model", file->position, file->predicted, file->points, true};
    plots[1] = (struct pl__plot){.title = "residual: model less measurement",
                                 .x = c->fit.experiment->along,
                                 .y = c->fit.experiment->unit,
                                 .count = 1,
                                 .logarithmic = decades};
    plots[1].curve[0] = (struct pl__curve){"residual", file->position, residual, file->points, true};
    return true;
}

/* Data, model and residuals of the first file that judges. */
static bool report(const struct calibration *c) {
    const char *image = pl_cli_get(c->cli, "image");
    bool terminal = pl_cli_has(c->cli, "report") || pl_cli_has(c->cli, "plot");
    if (!image && !terminal) return true;
    const struct pl_fit_file *file = &c->fit.file[0];
    for (unsigned i = 0; i < c->fit.file_count && !file->judge; i++)
        if (c->fit.file[i].judge) file = &c->fit.file[i];
    struct pl__plot plots[2];
    if (!plot_file(c, file, plots)) return false;
    if (terminal && !pl_cli_has(c->cli, "json")) {
        pl__plot_terminal(stdout, &plots[0]);
        pl__plot_terminal(stdout, &plots[1]);
    }
    bool good = !image || pl__plot_file(c->cli, image, plots, 2);
    pl_free((void *)(uintptr_t)plots[1].curve[0].y);
    return good;
}

/* On a terminal, once a second. */
static void progress(void *context, long runs, double rms) {
    struct calibration *c = context;
    time_t now = time(NULL);
    if (now == c->told) return;
    c->told = now;
    fprintf(stderr, "\r%ld of at most %ld runs, rms %.4g ...   ", runs, c->fit.evaluations, rms);
    fflush(stderr);
}

static int work(struct calibration *c) {
    struct pl_error *error = NULL;
    if (pl_cli_has(c->cli, "json")) c->figures = json_array();
    c->fit.figures = (struct pl_model_report){tell, c};
    const struct pl_model_suite *suite = pl_models_suite(c->model);
    c->told = time(NULL);
    if (isatty(STDERR_FILENO)) c->fit.progress = progress;
    c->fit.progress_context = c;
    enum pl_code fitted = suite->fit(&c->fit, &error);
    if (c->fit.progress) fputs("\r\33[K", stderr);
    int code = fitted ? pl__model_failed(c->cli, &error) : PL_EXIT_OK;
    bool good = !code && together(&c->fit, judged) <= c->fit.experiment->target;
    if (!code && c->figures && print_json(c, good))
        code = PL_EXIT_FAILED;
    else if (!code && !pl_cli_has(c->cli, "json"))
        print_text(c);
    if (!code && !report(c)) code = PL_EXIT_FAILED;
    if (!code && !good) code = PL_EXIT_FAILED;
    suite->fit_release(&c->fit);
    json_decref(c->figures);
    return code;
}

int pl__model_calibrate(const struct pl_cli *cli) {
    struct calibration *c = PL_NEW(struct calibration);
    if (!c) return PL_EXIT_FAILED;
    c->cli = cli;
    c->model = pl__model_named(cli);
    int code = c->model && parse(c) ? work(c) : PL_EXIT_USAGE;
    for (unsigned i = 0; i < c->fit.file_count; i++)
        pl_free(c->path[i]);
    pl_free(c);
    return code;
}
