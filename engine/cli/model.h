/* model.h: what the files of `potline model` share: model.c (list, show), model_json.c, model_run.c, model_check.c
 * (verify, validate), model_fit.c and model_fit_tell.c (calibrate), model_fit_plot.c (its picture), model_experiment.c
 * (what its files are of), model_plot.c (plots on a terminal and as files). */
#ifndef POTLINE_CLI_MODEL_H
#define POTLINE_CLI_MODEL_H

#include <jansson.h>
#include <stdio.h>

#include "cli.h"
#include "graph/models.h"

int pl__model_run(const struct pl_cli *cli);
int pl__model_verify(const struct pl_cli *cli);
int pl__model_validate(const struct pl_cli *cli);
int pl__model_calibrate(const struct pl_cli *cli);

/* The model that operand 1 names; NULL after saying that there is none. */
const struct pl_model *pl__model_named(const struct pl_cli *cli);

/* NAME=VALUE (and what follows an '@', which the caller asks for by `at`) for a table; false after saying what is
 * wrong. */
bool pl__model_assign(const struct pl_cli *cli, const struct pl_model_parameter *rows, const char *text, int *row,
                      double *value, const char **at);

/* Says that a table has no such row, and which name is nearest. */
void pl__model_unknown(const struct pl_model_parameter *rows, const char *name);

/* An option that is a number between two; false after saying that it is none. Without it *value stays. */
bool pl__model_within(const struct pl_cli *cli, const char *option, double low, double high, double *value);

/* Prints an error that a model gave and takes it. Returns PL_EXIT_FAILED, or PL_EXIT_USAGE when values are wrong. */
int pl__model_failed(const struct pl_cli *cli, struct pl_error **error);

/* The experiment of all `paths` (one at least): --experiment, or that of their columns; NULL after saying what is
 * wrong. */
const struct pl_model_experiment *pl__model_experiment(const struct pl_cli *cli, const struct pl_model *model,
                                                       char *const *paths, unsigned count);

/* Whether no file (FILE,NAME=VALUE...; NULL: none) is there twice, or judges and is fitted to; false after saying
 * which.
 */
bool pl__model_apart(const char *const *data, const char *const *judge);

/* model_json.c */
json_t *pl__model_number(double value); /* null for what is none */
int pl__model_json(json_t *value);      /* prints and takes it; the exit code */

/* ---- Plots ---- */

enum { PL_CURVES_MAX = 24 };
/* How a curve is drawn; those of a calibration also by which curve of the record they are (`family`: symbol, colour).
 */
enum { PL_STYLE_LINE, PL_STYLE_POINTS, PL_STYLE_FITTED, PL_STYLE_KEPT_BACK, PL_STYLE_MODEL };
#define PL_STYLE(kind, family) ((unsigned)(kind) | (unsigned)(family) << 8)

struct pl__curve {
    const char *name; /* NULL: not in the legend */
    const double *x, *y;
    size_t count;
    unsigned style;
};
struct pl__plot {
    const char *title, *x, *y; /* with their units */
    struct pl__curve curve[PL_CURVES_MAX];
    unsigned count;
    bool logarithmic; /* x */
    bool equal;       /* as much of x as of y is as long */
};

void pl__plot_terminal(FILE *out, const struct pl__plot *plot);

/* Whether --image, if it is there, can be written as what its ending says; false after saying why not. */
bool pl__plot_possible(const struct pl_cli *cli);

/* PNG or SVG by the file's ending, through gnuplot, one above the other. False after saying why not. */
bool pl__plot_file(const struct pl_cli *cli, const char *path, const struct pl__plot *plots, unsigned count);

#endif
