/* model_fit_tell.c: what `potline model calibrate` says of a fit: constants, files, figures, verdict and doubts, as
 * text or JSON. */
#include <math.h>
#include <string.h>

#include "model_fit.h"

/* Of what an interval is: of the noise of one record, or with how records differ. */
const char *pl__model_fit_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void pl__model_fit_tell(void *context, const struct pl_model_finding *f) {
    struct calibration *c = context;
    c->missed += !f->good;
    c->missed_judging += !f->good && f->judges;
    json_t *one =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:f, s:b, s:b}", "file", f->file, "subject", f->subject,
                  "quantity", f->quantity, "unit", f->unit, "measured", pl__model_number(f->expected), "predicted",
                  pl__model_number(f->found), "error", pl__model_number(f->error), "limit", f->limit, "good",
                  (int)f->good, "judges", (int)f->judges);
    if (f->error_unit) json_object_set_new(one, "error_unit", json_string(f->error_unit));
    json_array_append_new(c->figures, one);
}

static double figure(const json_t *one, const char *key) {
    const json_t *value = json_object_get(one, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *word(const json_t *one, const char *key) {
    const char *text = json_string_value(json_object_get(one, key));
    return text ? text : "";
}

static void print_figures(const struct calibration *c) {
    size_t i;
    json_t *one;
    if (json_array_size(c->figures)) printf("\nfigures of the curves\n");
    json_array_foreach(c->figures, i, one) {
        const char *unit = word(one, "error_unit");
        double by = *unit ? 1 : 100; /* else relative */
        printf("  %-4s %-28s %-20s %-26s measured %8.5g  predicted %8.5g %s  error %+.3g %s, limit %.3g %s\n",
               json_is_true(json_object_get(one, "good")) ? "good" : "MISS", pl__model_fit_name(word(one, "file")),
               word(one, "subject"), word(one, "quantity"), figure(one, "measured"), figure(one, "predicted"),
               word(one, "unit"), by * figure(one, "error"), *unit ? unit : "%", by * figure(one, "limit"),
               *unit ? unit : "%");
    }
}

static size_t judging(const struct pl_fit_file *file) {
    size_t count = 0;
    for (size_t k = 0; k < file->points; k++)
        count += file->kept_back[k];
    return count;
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

/* Likewise of what was fitted to; 0 where nothing was. */
static double fitted_together(const struct pl_fit *fit) {
    double sum = 0, count = 0;
    for (unsigned i = 0; i < fit->file_count; i++) {
        if (fit->file[i].judge || isnan(fit->file[i].fitted)) continue;
        sum += fit->file[i].fitted * fit->file[i].fitted;
        count++;
    }
    return count > 0 ? sqrt(sum / count) : 0;
}

/* What the constants cannot be relied on for. */
static void print_doubts(const struct pl_fit *fit) {
    const struct pl_model_parameter *rows = fit->experiment->parameters;
    for (unsigned i = 0; i < fit->constants; i++)
        for (unsigned j = 0; j < i; j++)
            if (fabs(fit->correlation[i][j]) > 0.95)
                printf("  %s and %s go together (correlation %.3f): data like these hardly tell them apart\n",
                       rows[fit->row[j]].name, rows[fit->row[i]].name, fit->correlation[i][j]);
    bool within = false, between = false;
    for (unsigned i = 0; i < fit->constants; i++) {
        within = within || !fit->between[i];
        between = between || fit->between[i];
    }
    if (fit->constants)
        printf("  (95 %% intervals from the curvature at the optimum, wider where residuals hang together; condition "
               "%.3g)\n",
               fit->condition);
    if (within)
        puts("  Within the run: an interval of one record's noise alone. Another run of the same set-up may differ by "
             "more; fit to several (--data for each) to see by how much.");
    if (between)
        printf("  Between runs: the interval holds how the %u records differ, as far as so many tell.\n", fit->records);
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
               pl__model_fit_name(file->path), fit->experiment->target, amount);
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
                   pl__model_fit_name(fit->file[i].path), fit->file[i].judged, fit->file[i].foreseen);
}

/* The best that was found so far is not the best that there is. */
static void print_ended(const struct pl_fit *fit) {
    if (fit->runs >= fit->evaluations)
        printf("  The search did not end by itself: more runs (--evaluations, of which %ld were allowed) may find "
               "other constants.\n",
               fit->evaluations);
}

static void print_left_out(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->file_count; i++)
        if (fit->file[i].left_out)
            printf("  Left out: %zu row%s of %s, the first in line %zu: no number that could be used.\n",
                   fit->file[i].left_out, fit->file[i].left_out == 1 ? "" : "s", pl__model_fit_name(fit->file[i].path),
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

static bool some_judge(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->file_count; i++)
        if (!isnan(fit->file[i].judged)) return true;
    return false;
}

/* A record that the model does not even follow where it was fitted to has told no constants: what the rest is met by is
 * chance, or a bound of their ranges. */
static bool follows(const struct pl_fit *fit) {
    return fitted_together(fit) <= fit->experiment->target;
}

/* By the measure, of all that judges and of what was fitted to; and, where that is a figure of the curve itself and no
 * mean over it, by all other figures. */
bool pl__model_fit_good(const struct calibration *c) {
    unsigned missed = some_judge(&c->fit) ? c->missed_judging : c->missed;
    return together(&c->fit, judged) <= c->fit.experiment->target && follows(&c->fit) &&
           !(c->fit.experiment->figure && missed);
}

static bool file_good(const struct pl_fit *fit, const struct pl_fit_file *file) {
    double target = fit->experiment->target;
    return judged(file) <= target && (isnan(file->fitted) || file->fitted <= target);
}

/* Good is of all together: which of them are missed by themselves. */
static void print_parts(const struct pl_fit *fit) {
    unsigned missed = 0;
    for (unsigned i = 0; i < fit->file_count; i++)
        if (!file_good(fit, &fit->file[i]))
            printf("%s%s", missed++ ? ", " : "; missed by itself: ", pl__model_fit_name(fit->file[i].path));
}

/* Good is said of what was compared, and in the same breath what that does not vouch for. */
static void print_verdict(const struct calibration *c) {
    const struct pl_fit *fit = &c->fit;
    double all = together(fit, judged), ahead = together(fit, foreseen);
    bool good = pl__model_fit_good(c), apart = false, other = false;
    char names[256];
    for (unsigned i = 0; i < fit->file_count; i++) {
        apart = apart || !isnan(fit->file[i].judged);
        other = other || fit->file[i].judge;
    }
    printf("%-28s %11s %12s %12s %12.4g   %s", "all that judge", "", "", "", all, good ? "good" : "MISS");
    bool untold = name_untold(fit, names, sizeof names);
    if (good && (untold || ahead > fit->experiment->target)) {
        printf(" by %s, but ", other ? "the files that judge" : apart ? "what was kept back" : "what was fitted to");
        if (untold)
            printf("not told by these data: %s", names);
        else
            fputs("that was not to be foreseen", stdout);
    }
    if (!good && !follows(fit))
        printf(": what was fitted to is itself missed, by %.4g", fitted_together(fit));
    else if (!good && all <= fit->experiment->target)
        fputs(": a figure is beyond its limit", stdout);
    if (good) print_parts(fit);
    putchar('\n');
}

static void print_constant(const struct pl_model_parameter *row, double value, double interval, bool between,
                           const char *file, const char *doubt) {
    char text[32] = "open";
    if (isfinite(interval)) snprintf(text, sizeof text, "%.3g", interval);
    printf("  %-22s %12.6g +- %-10s %-12s %-14s%s%s%s\n", row->name, value, text, row->unit,
           between ? "between runs" : "within the run", file ? "  of " : "", file ? pl__model_fit_name(file) : "",
           doubt);
}

static void print_constants(const struct pl_fit *fit) {
    if (fit->constants) printf("  %-22s %12s    %-10s %-12s %s\n", "constant", "value", "95 %", "unit", "interval");
    for (unsigned i = 0; i < fit->constants; i++)
        print_constant(&fit->experiment->parameters[fit->row[i]], fit->value[i], fit->quantile * fit->deviation[i],
                       fit->between[i], fit->of_file[i] < 0 ? NULL : fit->file[fit->of_file[i]].path,
                       fit->at_bound[i]  ? "  (at a bound of its range)"
                       : fit->at_odds[i] ? "  (not told: at odds with what is expected of it)"
                       : fit->untold[i]  ? "  (not told by these data)"
                                         : "");
}

/* What files that judge have told of their own. */
static void print_adapted(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->file_count; i++)
        for (unsigned k = 0; fit->file[i].adapted && fit->experiment->parameters[k].name; k++)
            if (!isnan(fit->file[i].own_interval[k]))
                print_constant(&fit->experiment->parameters[k], fit->file[i].used[k], fit->file[i].own_interval[k],
                               false, fit->file[i].path, ", which judges: by its first part");
}

static json_t *adapted_json(const struct pl_fit *fit, const struct pl_fit_file *file) {
    json_t *all = json_array();
    for (unsigned k = 0; file->adapted && fit->experiment->parameters[k].name; k++)
        if (!isnan(file->own_interval[k]))
            json_array_append_new(all,
                                  json_pack("{s:s, s:s, s:f, s:o, s:o}", "name", fit->experiment->parameters[k].name,
                                            "unit", fit->experiment->parameters[k].unit, "value", file->used[k], "low",
                                            pl__model_number(file->used[k] - file->own_interval[k]), "high",
                                            pl__model_number(file->used[k] + file->own_interval[k])));
    return all;
}

void pl__model_fit_text(const struct calibration *c) {
    const struct pl_fit *fit = &c->fit;
    printf("%s, experiment %s: %ld runs; %s\n", c->model->name, fit->experiment->name, fit->runs, fit->ended);
    print_constants(fit);
    print_adapted(fit);
    print_doubts(fit);
    printf("\n%-28s %11s %12s %12s %12s   %s, target %g\n", "file", "fit+judge", "fitted", "foreseen", "judged",
           fit->experiment->measure, fit->experiment->target);
    for (unsigned i = 0; i < fit->file_count; i++) {
        const struct pl_fit_file *file = &fit->file[i];
        char points[48], fitted[32] = "-", ahead[32] = "-", rest[32] = "-";
        if (!isnan(file->fitted)) snprintf(fitted, sizeof fitted, "%.4g", file->fitted);
        if (!isnan(file->judged)) snprintf(rest, sizeof rest, "%.4g", file->judged);
        if (isfinite(file->foreseen)) snprintf(ahead, sizeof ahead, "about %.3g", file->foreseen);
        if (isinf(file->foreseen)) snprintf(ahead, sizeof ahead, "open");
        snprintf(points, sizeof points, "%zu+%zu", file->points - judging(file), judging(file));
        printf("%-28s %11s %12s %12s %12s   %s%s\n", pl__model_fit_name(file->path), points, fitted, ahead, rest,
               file_good(fit, file) ? "good" : "MISS",
               file->adapted ? "  (what is its own is from its first part)" : "");
    }
    print_verdict(c);
    print_figures(c);
    print_ended(fit);
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
            all, json_pack("{s:s, s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:o, s:o, s:b, s:o}", "file",
                           file->path, "own", adapted_json(fit, file), "adapted", (int)file->adapted, "judge",
                           (int)file->judge, "points", (json_int_t)file->points, "points_fitted",
                           (json_int_t)(file->points - judging(file)), "points_judging", (json_int_t)judging(file),
                           "left_out", (json_int_t)file->left_out, "left_out_line",
                           file->left_out ? json_integer((json_int_t)file->left_line) : json_null(), "fitted",
                           pl__model_number(file->fitted), "foreseen", pl__model_number(file->foreseen), "beyond",
                           (json_int_t)file->beyond, "told", told_json(file->foreseen, fit->experiment), "judged",
                           pl__model_number(file->judged), "good", (int)file_good(fit, file), "as_foreseen",
                           isnan(file->judged) || isnan(file->foreseen) ? json_null() : json_boolean(!exceeds(file))));
    }
    return all;
}

int pl__model_fit_json(struct calibration *c, bool good) {
    const struct pl_fit *fit = &c->fit;
    json_t *constants = json_array();
    for (unsigned i = 0; i < fit->constants; i++) {
        const struct pl_model_parameter *row = &fit->experiment->parameters[fit->row[i]];
        json_t *one = json_pack("{s:s, s:s, s:f, s:o, s:o, s:o, s:b, s:b, s:b, s:b}", "name", row->name, "unit",
                                row->unit, "value", fit->value[i], "deviation", pl__model_number(fit->deviation[i]),
                                "low", pl__model_number(fit->value[i] - fit->quantile * fit->deviation[i]), "high",
                                pl__model_number(fit->value[i] + fit->quantile * fit->deviation[i]), "at_bound",
                                (int)fit->at_bound[i], "at_odds", (int)fit->at_odds[i], "told", (int)!fit->untold[i],
                                "between_runs", (int)fit->between[i]);
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
    return pl__model_json(
        json_pack("{s:s, s:s, s:s, s:f, s:o, s:o, s:o, s:o, s:f, s:s, s:I, s:s, s:o, s:b, s:o, s:o, s:o}", "model",
                  c->model->name, "experiment", fit->experiment->name, "measure", fit->experiment->measure, "target",
                  fit->experiment->target, "foreseen", pl__model_number(ahead), "told",
                  told_json(ahead, fit->experiment), "judged", pl__model_number(together(fit, judged)), "fitted",
                  pl__model_number(fitted_together(fit)), "rms", fit->rms, "unit", fit->experiment->unit, "runs",
                  (json_int_t)fit->runs, "ended", fit->ended, "condition", pl__model_number(fit->condition), "good",
                  (int)good, "constants", constants, "files", files_json(fit), "figures", figures));
}
