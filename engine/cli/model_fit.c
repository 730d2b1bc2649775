/* model_fit.c: `potline model calibrate`: free constants from measured data, and how well they then predict the rest.
 */
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "model_fit.h"

enum { EVALUATIONS = 12000 };

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
    if (asked && !*asked) {
        pl_cli_usage(c->cli, "--fit names no constant; without --fit these are free: %s", c->fit.experiment->fit);
        return false;
    }
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

/* With files that judge, a share is of those alone that have constants of their own, told by their first part. */
static bool share_counts(const struct calibration *c) {
    bool own = false, judge = false;
    for (unsigned i = 0; i < c->fit.file_count; i++)
        judge = judge || c->file[i].judge;
    for (unsigned i = 0; i < c->fit.free_count; i++)
        own = own || c->fit.experiment->parameters[c->fit.free[i]].flags & PL_MODEL_OWN;
    if (own || !judge || !pl_cli_has(c->cli, "share")) return true;
    pl_cli_usage(c->cli, "--share has no meaning with --judge: all of --data is fitted to, all of --judge judges");
    return false;
}

static bool parse(struct calibration *c) {
    double share = 0.5, evaluations = EVALUATIONS;
    if (!add_files(c, "data", false) || !add_files(c, "judge", true)) return false;
    if (!pl_cli_all(c->cli, "data") || !c->fit.file_count) {
        pl_cli_usage(c->cli, "calibrate needs --data FILE");
        return false;
    }
    if (!pl__plot_possible(c->cli) || !pl__model_apart(pl_cli_all(c->cli, "data"), pl_cli_all(c->cli, "judge")))
        return false;
    if (!pl__model_within(c->cli, "share", 0.05, 1, &share) ||
        !pl__model_within(c->cli, "evaluations", 10, 1e7, &evaluations))
        return false;
    c->fit.experiment = pl__model_experiment(c->cli, c->model, c->path, c->fit.file_count);
    if (!c->fit.experiment) return false;
    c->fit.file = c->file;
    c->fit.share = share;
    c->fit.evaluations = (long)evaluations;
    return set_all(c) && set_free(c) && share_counts(c);
}

/* ---- At work ---- */

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
    c->figures = json_array();
    c->fit.figures = (struct pl_model_report){pl__model_fit_tell, c};
    const struct pl_model_suite *suite = pl_models_suite(c->model);
    c->told = time(NULL);
    if (isatty(STDERR_FILENO)) c->fit.progress = progress;
    c->fit.progress_context = c;
    enum pl_code fitted = suite->fit(&c->fit, &error);
    if (c->fit.progress) fputs("\r\33[K", stderr);
    bool given = error && error->code != PL_NO_MEMORY && !c->fit.runs; /* nothing was run: what was given is wrong */
    int code = fitted ? pl__model_failed(c->cli, &error) : PL_EXIT_OK;
    if (code && given) code = PL_EXIT_USAGE;
    bool good = !code && pl__model_fit_good(c);
    if (!code && pl_cli_has(c->cli, "json") && pl__model_fit_json(c, good))
        code = PL_EXIT_FAILED;
    else if (!code && !pl_cli_has(c->cli, "json"))
        pl__model_fit_text(c);
    if (!code && !pl__model_fit_plot(c)) code = PL_EXIT_FAILED;
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
