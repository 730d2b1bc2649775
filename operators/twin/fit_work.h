/* fit_work.h: a fit at work: what its files hold, and what is fitted to, as residuals and their slopes at a point; the
 * search for the least of them. A point has a constant each, scaled to 0..1.
 */
#ifndef TWIN_FIT_WORK_H
#define TWIN_FIT_WORK_H

#include <nlopt.h>
#include <potline/model.h>

struct fit_work {
    struct pl_fit *fit;
    void *data[PL_FIT_FILES_MAX];
    double *weight[PL_FIT_FILES_MAX];
    bool *use[PL_FIT_FILES_MAX]; /* fitted to */
    size_t points, residuals;    /* fitted to, of all files; with what is known before, which comes last */
    const struct pl_model_expected *expected[PL_FIT_MAX]; /* by constant; NULL: nothing */
    double *residual;                                     /* at a point */
    double *moved;                                        /* slopes of one file: by constant, its points */
    double *jacobian;                                     /* by constant: residuals */
    double *slope;                                        /* of one file, by row that is free */
    bool both_sides; /* what slopes by differences are of, where an experiment says how wide */
    long runs;
    double best; /* mean of squares, so far */
    nlopt_opt optimiser;
};

/* Lays out the constants, reads the files, and takes the memory; fit_unload follows all the same. */
enum pl_code fit_load(struct fit_work *work, struct pl_error **error);
void fit_unload(struct fit_work *work);

unsigned fit_count(const struct fit_work *work); /* of constants */
const struct pl_model_parameter *fit_row(const struct fit_work *work, unsigned constant);
bool fit_is_own(const struct pl_fit *fit, unsigned free); /* each file has its own of it */

void fit_put_free(const struct fit_work *work, unsigned file, const double *x); /* into what the file is run with */
/* Of all that is fitted to; false where the model fails. */
bool fit_residuals(struct fit_work *work, const double *x, double *out);
bool fit_linearise(struct fit_work *work, const double *x); /* residuals and their slopes, into the work's own */
/* Gauss and Newton's matrix and right side of what was linearised. */
void fit_normal(const struct fit_work *work, double a[PL_FIT_MAX][PL_FIT_MAX], double *b);

/* The point with the least mean of squares, or that of none where nothing is free; false: the model could be run at
 * none. */
bool fit_search(struct fit_work *work, double x[PL_FIT_MAX], double *mean);

enum { FIT_STRETCHES = 24 }; /* of a record: what hangs together counts as one */

/* How far the constants (scaled) may be from what was found, by estimates of their covariance. */
struct fit_spread {
    double curvature[PL_FIT_MAX][PL_FIT_MAX]; /* of independent residuals, and no constant farther than its range */
    double stretches[PL_FIT_MAX][PL_FIT_MAX]; /* of residuals that hang together over stretches of the record */
    double blocks[PL_FIT_MAX][PL_FIT_MAX];    /* of what each of a few large blocks of the record has decided */
    double records[PL_FIT_MAX][PL_FIT_MAX];   /* of what each of several records has decided, of what they share */
    double expected[PL_FIT_MAX][PL_FIT_MAX];  /* besides: of what is known before, as far as that decides */
    double odds[PL_FIT_MAX]; /* squared: from what is known before, where the data are at odds with it; else 0 */
};
/* The variance along a direction; `beyond` what was fitted to, the blocks count as well. */
double fit_along(const struct fit_spread *spread, unsigned n, const double *direction, bool beyond);
double fit_leverage(const struct fit_spread *spread, unsigned n, const double *direction);

/* Deviations, correlations and what is not told, into the fit, and the spread; false: it could not be linearised. */
bool fit_know(struct fit_work *work, const double *x, struct fit_spread *spread);

/* What each file that judges is foreseen to be missed by, from residuals of what was fitted to alone. The predictions
 * are those at `x`; without a spread, or where nothing can be run beside `x`, it is infinite. */
enum pl_code fit_foresee(struct fit_work *work, const double *x, const struct fit_spread *spread,
                         struct pl_error **error);
/* Of all points of a file, whose predictions are those at x: slopes by the scaled constants times weight, constant by
 * constant; by the experiment's own sensitivities, else by differences. */
enum pl_code fit_slopes(struct fit_work *work, unsigned file, const double *x, double *out, struct pl_error **error);

#endif
