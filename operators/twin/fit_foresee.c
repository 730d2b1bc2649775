/* fit_foresee.c: what a file that judges will be missed by, as it can be told before its residuals are looked at.
 *
 * What the constants leave open goes over to a prediction along its slopes by them: much where they matter more than in
 * what was fitted to (a hidden extrapolation, by leverage), little where they do not. What the model leaves over
 * besides is there in what was fitted to, and grows with the range of what is predicted (weighted, where the misfit is
 * relative: what was measured is its scale, and no more).
 */
#include <math.h>
#include <potline/alloc.h>

#include "fit_parts.h"
#include "fit_work.h"

/* Of the most leverage, since between neighbours it is a little more than at them. Twice is a choice, not derived, by
 * the records of tests/bench/splits. */
static const double BEYOND = 2;
static const double DIGITS = 1e-9; /* of a prediction: slopes by differences have no more */

struct seen {             /* of what was fitted to */
    double low, high;     /* of a weighted prediction */
    double leverage;      /* the most */
    double noise, misfit; /* rms of the weighted residuals, and what the experiment calls it */
};

static double weighted(const struct fit_work *s, unsigned file, size_t point) {
    return s->weight[file][point] * s->fit->file[file].predicted[point];
}

/* Slopes of a point, by constant. */
static void slopes_at(const struct fit_work *s, unsigned file, size_t point, const double *slope, double *v) {
    for (unsigned j = 0; j < fit_count(s); j++)
        v[j] = slope[j * s->fit->file[file].points + point];
}

/* What the points that are fitted to span, of all files: predictions and leverage. False: it cannot be run beside the
 * optimum. */
static bool see_files(struct fit_work *s, const double *x, const struct fit_spread *spread, double *slope,
                      struct seen *seen) {
    double squares = 0, count = 0;
    *seen = (struct seen){.low = INFINITY, .high = -INFINITY};
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        const struct pl_fit_file *file = &s->fit->file[i];
        if (isnan(file->fitted)) continue;
        if (fit_slopes(s, i, x, slope, NULL)) return false;
        for (size_t k = 0; k < file->points; k++) {
            if (!s->use[i][k]) continue;
            seen->low = fmin(seen->low, weighted(s, i, k));
            seen->high = fmax(seen->high, weighted(s, i, k));
            double v[PL_FIT_MAX];
            slopes_at(s, i, k, slope, v);
            seen->leverage = fmax(seen->leverage, fit_leverage(spread, fit_count(s), v));
        }
        squares += file->fitted * file->fitted;
        count++;
    }
    seen->misfit = sqrt(squares / count);
    seen->noise = sqrt(fit_squares(s->residual, s->points) / (double)s->points);
    return true;
}

/* The noise that the rest may show (95 %): residuals of a fit are less than it, and of few points either may be large
 * or small by chance (F's distribution). Points hang together, so that many are no more than the stretches of a record.
 */
static double noise_of(const struct fit_work *s, const struct seen *seen, double rest) {
    double spare = (double)(s->residuals - fit_count(s));
    double chance = fit_fisher(fmin(rest, FIT_STRETCHES), fmin(spare, FIT_STRETCHES));
    return seen->noise * sqrt((double)s->residuals / spare * chance);
}

/* Residuals down to the last digits of what is predicted say nothing of how far the constants may move. */
static bool is_exact(const struct seen *seen) {
    return seen->noise <= DIGITS * fmax(fabs(seen->low), fabs(seen->high));
}

static bool all_told(const struct pl_fit *fit) {
    for (unsigned i = 0; i < fit->constants; i++)
        if (fit->untold[i]) return false;
    return true;
}

static void foresee(struct fit_work *s, unsigned i, const struct fit_spread *spread, const double *slope,
                    const struct seen *seen) {
    struct pl_fit_file *file = &s->fit->file[i];
    double low = seen->low, high = seen->high, open = 0, rest = 0;
    for (size_t k = 0; k < file->points; k++) {
        if (!file->kept_back[k]) continue;
        low = fmin(low, weighted(s, i, k));
        high = fmax(high, weighted(s, i, k));
        double v[PL_FIT_MAX];
        slopes_at(s, i, k, slope, v);
        bool beyond = fit_leverage(spread, fit_count(s), v) > BEYOND * seen->leverage;
        open += fit_along(spread, fit_count(s), v, beyond);
        file->beyond += beyond;
        rest++;
    }
    double wider = seen->high > seen->low ? (high - low) / (seen->high - seen->low) : 1;
    double noise = noise_of(s, seen, rest) * wider, by_constants = s->fit->quantile * sqrt(open / rest);
    double miss = seen->noise > 0 ? seen->misfit * hypot(noise, by_constants) / seen->noise : seen->misfit;
    bool open_ended = isnan(miss) || (is_exact(seen) && !all_told(s->fit));
    file->foreseen = open_ended ? INFINITY : miss;
}

enum pl_code fit_foresee(struct fit_work *s, const double *x, const struct fit_spread *spread,
                         struct pl_error **error) {
    size_t most = 0;
    for (unsigned i = 0; i < s->fit->file_count; i++)
        if (s->fit->file[i].points > most) most = s->fit->file[i].points;
    double *slope = pl_alloc((fit_count(s) + 1) * most * sizeof *slope);
    if (!slope) return pl_error_set(error, PL_NO_MEMORY, "no memory for the slopes of %zu points", most);
    struct seen seen = {0};
    bool known = spread && see_files(s, x, spread, slope, &seen);
    for (unsigned i = 0; i < s->fit->file_count; i++) {
        struct pl_fit_file *file = &s->fit->file[i];
        if (isnan(file->judged) || file->adapted) continue;
        if (known && !fit_slopes(s, i, x, slope, NULL))
            foresee(s, i, spread, slope, &seen);
        else /* what cannot be run beside the optimum may be anything, but the fit stands */
            file->foreseen = INFINITY;
    }
    pl_free(slope);
    return PL_OK;
}
