/* model.h: how a plugin offers models of a process: physics that runs by itself in time, for `potline model` and for
 * operators and pages that run one.
 *
 *     PL_MODELS(fit, fit_release, &fourier_model, &cell_model)
 *
 * beside PL_PLUGIN in one source file of the plugin. A model is one constant descriptor. An instance is made of a value
 * for each row of its parameter table, is advanced from 0 s on, and is asked for outputs (numbers) and profiles (fields
 * over a position) at any time. Rows with PL_MODEL_INPUT may be set while it runs.
 *
 *     void *self = NULL;
 *     enum pl_code code = model->open(&self, values, &error);
 *     while (!code && t < 3600 && !(code = model->advance(self, t += 60, &error)))
 *         model->read(self, outputs);
 *     model->close(self);                      whatever open returned
 *
 * `advance` ends where it was told to, or fails with an error that names the limit that was crossed: PL_RANGE (the
 * physics: frozen, empty, too hot) or PL_LIMIT (the numbers: no convergence, more work than allowed). It never gives
 * what is no number, and its work is bounded; so is that of `open`, whatever the parameters, before an allowance can be
 * given: by counts of its own. After a failure an instance can be read and saved (the last good state)
 * and closed, not advanced. Whoever must go on all the same degrades by steps: potline/stepper.h.
 *
 * An instance belongs to one thread at a time; instances are independent of each other. `fit` runs the models of an
 * experiment on the caller's thread and may take minutes: it is bounded by `evaluations`.
 */
#ifndef POTLINE_MODEL_H
#define POTLINE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "error.h"

#define PL_MODEL_MAGIC 0x504c4d31u /* "PLM1" */
#define PL_MODEL_SYMBOL "pl_model_info"

enum pl_model_flags {
    PL_MODEL_INPUT = 1 << 0, /* may change while it runs */
    PL_MODEL_WHOLE = 1 << 1, /* a whole number */
    PL_MODEL_GRID = 1 << 2,  /* how fine: the coarser, the cheaper */
    PL_MODEL_LOOSE = 1 << 3, /* the error of a step: the larger, the cheaper */
    PL_MODEL_OWN = 1 << 4,   /* of an experiment: differs from run to run, so each file has its own */
};

enum { PL_MODEL_PARAMETERS_MAX = 64, PL_MODEL_OUTPUTS_MAX = 64, PL_MODEL_PROFILE_MAX = 2048 };

struct pl_model_parameter {
    const char *name, *unit; /* ends the table when NULL */
    double fallback, low, high;
    const char *const *choices; /* values are indexes of these (ends in NULL); NULL: a number */
    unsigned flags;
    const char *doc;
};

struct pl_model_quantity {
    const char *name, *unit, *doc;
};

/* What people at the line call an output, and in which unit: twin.cell tells it as ASSET.twin.NAME, and what-if as
 * NAME.
 */
struct pl_model_told {
    const char *name, *output, *unit; /* ends the table when `name` is NULL */
    double scale;                     /* how many of this unit one of the output's is */
    double low, high;                 /* in this unit: the model is meant for what is between; both 0: for any */
};

/* What an advance may take. Evaluations of the equations are counted, so that the same input gives the same answer; the
 * clock is a net behind them, that of the thread: it stands while something else runs. */
struct pl_model_allowance {
    long evaluations; /* from now on; 0: as many as it takes */
    double longest;   /* s: of a step of the integration; 0: as long as it likes */
    double seconds;   /* of the thread's clock, from now on; 0: no net */
    double origin;    /* s: times in errors count from there */
};

/* One thing that was compared with what it should be. */
struct pl_model_finding {
    const char *subject;  /* the case, or who measured */
    const char *quantity; /* what was compared */
    const char *unit;
    double expected, found;
    double error; /* relative, or in `error_unit` */
    double limit; /* of the error; of `found` where `at_least` */
    bool at_least;
    bool good;
    const char *error_unit; /* NULL: relative */
    const char *source;     /* of a measurement; NULL: of mathematics */
    const char *note;       /* why it misses, or what it rests on; may be NULL */
    bool itself;            /* the model is made of this: met by construction, so neither held nor missed */
    const char *file;       /* of a calibration: what it is about */
    bool judges;            /* and whether that is a file, or has a part, that is not fitted to */
};

struct pl_model_report {
    void (*tell)(void *context, const struct pl_model_finding *finding);
    void *context;
};

struct pl_model_case {
    const char *name, *doc; /* ends the table when NULL */
    enum pl_code (*run)(const struct pl_model_report *report, struct pl_error **error);
};

/* What is known of a constant before anything is measured: it holds where the data do not tell it, and yields where
 * they do. */
struct pl_model_expected {
    const char *name; /* ends the table when NULL */
    double value, deviation;
    const char *source;
};

enum pl_model_column_flags {
    PL_COLUMN_SPARSE = 1 << 0,   /* may be empty in a row */
    PL_COLUMN_OPTIONAL = 1 << 1, /* may be missing */
    PL_COLUMN_TEXT = 1 << 2,     /* must be there, and is not read as a number */
    PL_COLUMN_RISING = 1 << 3,   /* time: never less than in the row before */
};

enum { PL_MODEL_COLUMNS_MAX = 16 };

/* A column of an experiment's files: found by its name, wherever it stands. At most PL_MODEL_COLUMNS_MAX count. */
struct pl_model_column {
    const char *name, *alias; /* ends the table when `name` is NULL; the alias, or NULL, is as good a name */
    const char *unit;
    unsigned flags;
    const char *doc;
    double low, high; /* beyond these a number is no measurement of this; both 0: any is */
};

/* Where the names of a header (between commas, tabs or semicolons; quotes, blanks and a byte order mark are no part of
 * them) stand: `place` of each column from 0 on, -1 for what is missing. Returns how many columns are there. */
PL_API unsigned pl_model_columns_find(const struct pl_model_column *columns, const char *header, int *place);
/* The same for a file's first line; PL_SYNTAX with what is expected, found and near when it does not fit. */
PL_API enum pl_code pl_model_columns_check(const struct pl_model_column *columns, const char *header, const char *path,
                                           int *place, struct pl_error **error);
/* "t_s,T1_C" of what a header must have; always ends with a 0. */
PL_API void pl_model_columns_names(const struct pl_model_column *columns, char *text, size_t size);
enum { PL_MODEL_COLUMNS_TEXT = 512 };

/* What is taken of a file. A row that tells nothing (a text where a number belongs) is left out, and that is told. */
struct pl_model_taken {
    size_t points;
    size_t rows, left_out;
    size_t line; /* of the first that is left out */
};

/* A set-up that was measured: what its files hold, what is free, and the model at work in it. */
struct pl_model_experiment {
    const char *name, *doc;                      /* ends the table when NULL */
    const struct pl_model_column *columns;       /* of its files, by which they are recognised as well */
    const char *example;                         /* a row of them, in the table's order, without what is optional */
    const struct pl_model_parameter *parameters; /* all that describes the set-up */
    const char *fit;                             /* free by default: "a,b" */
    const char *along;                           /* what its points lie along: "time (s)" */
    const char *unit;                            /* of what is compared */
    const char *what;                            /* that is, for an axis: "temperature rise" */
    const char *const *series; /* curves that its points are of, in turn (ends in NULL); NULL: of one */
    bool headless;             /* files may have no line of names: then in the table's order */
    bool blocks;               /* curve after curve, of as many points each, and not in turn */
    bool nyquist;              /* two curves, real and imaginary parts: drawn over each other */
    const char *measure;       /* what `misfit` is */
    bool figure; /* that is no mean of residuals but a figure of the curve, or a maximum: nothing is foreseen of it */
    bool alternate;  /* without files to judge by, points between others are kept back; else the later part is */
    unsigned starts; /* of the search beside the defaults, the best of some dozens of points; 0: one */
    double target;   /* of the misfit */
    double step;     /* of differences, as a share of a constant's range: so wide that what a step of the integration
                        leaves open is little beside it; 0: 1e-5, for formulas */
    const struct pl_model_expected *expected; /* may be NULL */
    double scatter; /* with `expected`: of a weighted residual, model and measurement together */

    /* A file becomes points: sets *taken, and parameters that the file itself tells. */
    enum pl_code (*load)(void **data, const char *path, double *parameters, struct pl_model_taken *taken,
                         struct pl_error **error);
    void (*observed)(const void *data, double *position, double *value);
    void (*weight)(const void *data, double *weight); /* of a point's residual; NULL: 1 */
    /* Where the search may begin for a file, as its plot shows: changes what it is sure of. NULL: at the defaults. */
    void (*guess)(const void *data, double *parameters);
    enum pl_code (*predict)(void *data, const double *parameters, double *value, struct pl_error **error);
    /* With their derivatives, `points` for each of `free`; NULL: by differences. */
    enum pl_code (*sensitive)(void *data, const double *parameters, const unsigned *free, unsigned count, double *value,
                              double *slope, struct pl_error **error);
    /* Of the points with use[i]; further figures go to the report, which may be NULL. */
    double (*misfit)(const void *data, const double *parameters, const double *predicted, const bool *use,
                     const struct pl_model_report *report);
    void (*unload)(void *data);
};

struct pl_model {
    size_t size; /* of this struct, by PL_MODEL */
    const char *name, *summary;
    const char *doc; /* what it assumes: paragraphs */
    const struct pl_model_parameter *parameters;
    const struct pl_model_quantity *states, *outputs, *profiles; /* end with a NULL name */
    double until, every;                                         /* s: what a run is for if nothing is said */

    enum pl_code (*open)(void **self, const double *parameters, struct pl_error **error);
    enum pl_code (*advance)(void *self, double until, struct pl_error **error);
    enum pl_code (*set)(void *self, unsigned parameter, double value, struct pl_error **error);
    void (*read)(void *self, double *outputs);
    /* Points written, at most PL_MODEL_PROFILE_MAX. */
    unsigned (*profile)(void *self, unsigned index, double *position, double *value);
    void (*close)(void *self);

    void (*allow)(void *self, const struct pl_model_allowance *allowance);
    long (*effort)(void *self); /* evaluations since `open` */
    /* The whole state, inputs included, as numbers: how many; only counted where `state` is NULL. */
    size_t (*save)(void *self, double *state);
    /* Goes on from what another instance has saved, of the same parameters but for inputs, grid and tolerance: onto
     * another grid with what is conserved conserved. PL_CORRUPT: not a state of this model. */
    enum pl_code (*load)(void *self, const double *state, size_t count, struct pl_error **error);

    const struct pl_model_case *cases;        /* against mathematics; may be NULL */
    const struct pl_model_case *measurements; /* against what was published; may be NULL */
    const struct pl_model_experiment *experiments;
    const struct pl_model_told *told; /* may be NULL */
};

#define PL_MODEL(name_, summary_) .size = sizeof(struct pl_model), .name = (name_), .summary = (summary_)
#define PL_QUANTITIES(...) ((const struct pl_model_quantity[]){__VA_ARGS__, {.name = NULL}})

/* ---- Calibration ---- */

enum { PL_FIT_MAX = 16, PL_FIT_FILES_MAX = 32 };

struct pl_fit_file {
    const char *path;
    bool judge;   /* not fitted to */
    bool adapted; /* out: it judges, but constants of its own are from its first part, and the rest judges */
    double own[PL_MODEL_PARAMETERS_MAX];  /* what is set for this file; NaN: nothing */
    double used[PL_MODEL_PARAMETERS_MAX]; /* out: what it was run with */
    size_t points;                        /* out */
    size_t left_out, left_line;           /* out: rows that tell nothing, and the line of the first */
    double fitted, judged;                /* out: the misfit of either part; NaN: it has none */
    /* Out, of the part that judges: the misfit to reckon with, as far as the constants and the residuals of
     * what was fitted to tell: no bound, some records exceed it. What was measured in that part is only the scale of a
     * misfit that is relative to it. Infinite: it may be anything, for the model cannot be run beside what was found,
     * or leaves no residuals and does not tell all constants. NaN: nothing is foreseen, for nothing is free, the misfit
     * is a figure of the curve, or the file has constants of its own beside some that others have told. */
    double foreseen;
    size_t beyond; /* out: points of that part with twice the leverage of any that was fitted to: extrapolated to */
    /* Out, where adapted: half of the 95 % interval of each constant of its own (`used` has its value), with the shared
     * ones taken for exact; NaN: it is none. */
    double own_interval[PL_MODEL_PARAMETERS_MAX];
    double *position, *observed, *predicted; /* out: owned by the fit */
    bool *kept_back;                         /* out */
};

struct pl_fit {
    const struct pl_model_experiment *experiment;
    double set[PL_MODEL_PARAMETERS_MAX]; /* common to all files; NaN: its default, or what the file says */
    unsigned free[PL_FIT_MAX];
    unsigned free_count;
    double share; /* of a file that is fitted to when no file is there to judge by */
    long evaluations;
    struct pl_fit_file *file;
    unsigned file_count;
    struct pl_model_report figures;
    /* Told now and then while it searches: runs so far, and the best rms; NULL: nobody asks. */
    void (*progress)(void *context, long runs, double rms);
    void *progress_context;

    /* out: by constant; one that is a file's own is one for each file that is fitted to */
    unsigned constants;
    unsigned row[PL_FIT_MAX];
    int of_file[PL_FIT_MAX]; /* below 0: of all */
    double value[PL_FIT_MAX];
    /* Standard error, from the curvature at the optimum, and wider where residuals hang together; NaN where there is
     * none, infinite where the data leave it open. */
    double deviation[PL_FIT_MAX];
    unsigned records; /* that are fitted to */
    /* Its interval holds how the records differ: they share it, and none tells it alone. */
    bool between[PL_FIT_MAX];
    double quantile; /* deviations of an interval of 95 %: Student's, by the points that are to spare */
    /* The data do not tell it: its interval is half of its range or more, it is at a bound, or at odds. */
    bool untold[PL_FIT_MAX];
    bool at_odds[PL_FIT_MAX]; /* five deviations or more from what is expected of it: either is wrong */
    double condition; /* of the constants together (scaled slopes): the root of the greatest by the least eigenvalue */
    double correlation[PL_FIT_MAX][PL_FIT_MAX];
    bool at_bound[PL_FIT_MAX];
    double rms; /* of the residuals fitted to, in the experiment's unit */
    long runs;
    const char *ended; /* why the search ended */
};

/* ---- What a plugin offers ---- */

struct pl_model_suite {
    uint32_t magic;
    uint16_t abi_major, abi_minor;
    uint32_t model_size, parameter_size, finding_size, experiment_size, fit_size;
    const struct pl_model *const *models; /* ends in NULL */
    enum pl_code (*fit)(struct pl_fit *fit, struct pl_error **error);
    void (*fit_release)(struct pl_fit *fit); /* what the outputs own */
};

#define PL_MODELS(fit_, release_, ...)                                                                                 \
    extern __attribute__((visibility("default"))) const struct pl_model_suite pl_model_info;                           \
    const struct pl_model_suite pl_model_info = {                                                                      \
        .magic = PL_MODEL_MAGIC,                                                                                       \
        .abi_major = PL_ABI_MAJOR,                                                                                     \
        .abi_minor = PL_ABI_MINOR,                                                                                     \
        .model_size = sizeof(struct pl_model),                                                                         \
        .parameter_size = sizeof(struct pl_model_parameter),                                                           \
        .finding_size = sizeof(struct pl_model_finding),                                                               \
        .experiment_size = sizeof(struct pl_model_experiment),                                                         \
        .fit_size = sizeof(struct pl_fit),                                                                             \
        .models = (const struct pl_model *const[]){__VA_ARGS__, NULL},                                                 \
        .fit = (fit_),                                                                                                 \
        .fit_release = (release_),                                                                                     \
    };

#endif
