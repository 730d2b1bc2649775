/* lab_voltammetry.c: cyclic voltammetry: diffusion of a couple to a disk whose potential is swept. */
#include <math.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>

#include "lab.h"
#include "lab_experiments.h"
#include "layer.h"

enum {
    RATE,
    ALPHA,
    STANDARD,
    CONCENTRATION,
    DIFFUSIVITY,
    AREA,
    CAPACITANCE,
    OFFSET,
    KELVIN,
    REDUCED,
    THICKNESS,
    EDGE,
    BEFORE
};
const struct pl_model_parameter twin_voltammetry_parameters[] = {
    [RATE] = {"rate", "m/s", 3e-5, 1e-7, 1e-2, NULL, 0, "Standard rate constant."},
    [ALPHA] = {"alpha", "", 0.5, 0.2, 0.8, NULL, 0, "Cathodic transfer coefficient."},
    [STANDARD] = {"standard", "V", 0.29, -1, 1.5, NULL, 0, "Formal potential of the couple."},
    [CONCENTRATION] = {"concentration", "mol/m3", 1.6, 0.01, 100, NULL, 0, "Of both forms together."},
    [DIFFUSIVITY] = {"diffusivity", "m2/s", 7.6e-10, 1e-12, 1e-8, NULL, 0, "Of both forms."},
    [AREA] = {"area", "m2", 7.07e-6, 1e-9, 1e-1, NULL, 0, "Of the disk."},
    [CAPACITANCE] = {"capacitance", "F", 0, 0, 1e-3, NULL, 0, "Of the double layer."},
    [OFFSET] = {"offset", "A", 0, -1e-5, 1e-5, NULL, 0, "Of the instrument."},
    [KELVIN] = {"temperature", "K", 298.15, 250, 400, NULL, 0, "Of the solution."},
    [REDUCED] = {"reduced", "", 0, 0, 1, NULL, 0, "Share of the reduced form in the solution."},
    [THICKNESS] = {"layer", "m", 2e-4, 3e-5, 1e-2, NULL, 0,
                   "Where the solution begins to mix by itself, which a slow sweep feels."},
    [EDGE] = {"edge", "", 1, 0, 1, NULL, 0,
              "1: diffusion reaches the disk from its side too, as around a sphere of its radius; 0: as to a plane."},
    [BEFORE] = {"before", "", 1, 1, 20, NULL, PL_MODEL_WHOLE, "Cycles that were run before the one that was recorded."},
    {.name = NULL},
};

enum { TIME, POTENTIAL, CURRENT };
const struct pl_model_column twin_voltammetry_columns[] = {
    [TIME] = {"t_s", NULL, "s", PL_COLUMN_RISING, "Even steps through one cycle.", -1e10, 1e10},
    [POTENTIAL] = {"E_applied_V", NULL, "V", 0, "Downwards, and up again.", -20, 20},
    [CURRENT] = {"I_A", NULL, "A", 0, "Above 0 where something is oxidised.", -1e6, 1e6},
    {.name = NULL},
};

enum { CELLS = 60 };
static const double FIRST = 1e-6, FAR = 4, PI = 3.14159265358979323846;

struct voltammetry {
    struct lab_table table;
    const double *p; /* while it runs */
    double cycle;    /* s */
    double rate;     /* V/s */
    double height;   /* A, between the peaks as measured */
    size_t turn;     /* the row of it */
};

static double potential(const struct voltammetry *v, double t) {
    const double *time = v->table.column[TIME], *e = v->table.column[POTENTIAL];
    return lab_at(time, e, v->table.rows, fmod(t, v->cycle));
}

/* Both forms diffuse alike, so their sum stays what it is. */
static struct kinetics_line line(const struct layer *l, void *context) {
    const struct voltammetry *v = context;
    const double *p = v->p;
    double f = KINETICS_FARADAY / (KINETICS_GAS * p[KELVIN]), over = l->potential - p[STANDARD];
    double oxidise = p[RATE] * exp((1 - p[ALPHA]) * f * over), reduce = p[RATE] * exp(-p[ALPHA] * f * over);
    return (struct kinetics_line){.a = KINETICS_FARADAY * (oxidise + reduce),
                                  .b = KINETICS_FARADAY * reduce * p[CONCENTRATION]};
}

/* How much wider each cell is than the one before, for the first one to be FIRST wide. */
static double growth_for(double thickness) {
    double low = 1, high = 2;
    for (int k = 0; k < 50; k++) {
        double middle = 0.5 * (low + high);
        if (FIRST * (pow(middle, CELLS) - 1) / (middle - 1) < thickness)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

static void drive(double t, struct layer *l, void *context) {
    l->potential = potential(context, t);
}

/* ---- Peaks ---- */

struct peaks {
    double cathodic, anodic; /* V */
    double height;           /* A */
};

/* The vertex of a parabola through the extreme point and what is a little way on either side of it. */
static double vertex(const double *e, const double *i, size_t at, size_t low, size_t high) {
    enum { BESIDE = 6 };
    if (at < low + BESIDE || at + BESIDE >= high) return e[at];
    double before = i[at - BESIDE], here = i[at], after = i[at + BESIDE], bend = before - 2 * here + after;
    if (bend == 0) return e[at];
    return e[at] + 0.5 * (before - after) / bend * (e[at + BESIDE] - e[at - BESIDE]) / 2;
}

static struct peaks find_peaks(const struct voltammetry *v, const double *i) {
    const double *e = v->table.column[POTENTIAL];
    size_t low = 0, high = v->turn;
    for (size_t k = 0; k < v->table.rows; k++) {
        if (k < v->turn && i[k] < i[low]) low = k;
        if (k >= v->turn && i[k] > i[high]) high = k;
    }
    return (struct peaks){vertex(e, i, low, 0, v->turn), vertex(e, i, high, v->turn, v->table.rows), i[high] - i[low]};
}

/* ---- Experiment ---- */

enum pl_code twin_voltammetry_load(void **data, const char *path, double *p, struct pl_model_taken *taken,
                                   struct pl_error **error) {
    (void)p;
    struct voltammetry *v = PL_NEW(struct voltammetry);
    *data = v;
    if (!v) return pl_error_set(error, PL_NO_MEMORY, "no memory for a voltammogram");
    enum pl_code code = lab_read(&v->table, path, twin_voltammetry_columns, false, taken, error);
    if (code) return code;
    size_t n = v->table.rows;
    const double *t = v->table.column[TIME], *e = v->table.column[POTENTIAL];
    if (n < 20) return pl_error_set(error, PL_SYNTAX, "%s: %zu rows are no cycle", path, n);
    for (size_t k = 0; k < n; k++)
        if (e[k] < e[v->turn]) v->turn = k;
    if (v->turn < 5 || v->turn + 5 > n)
        return pl_error_set(error, PL_SYNTAX, "%s: the potential does not go down and up again", path);
    v->cycle = t[n - 1] + (t[n - 1] - t[0]) / (double)(n - 1);
    v->rate = fabs((e[v->turn] - e[0]) / (t[v->turn] - t[0]));
    v->height = find_peaks(v, v->table.column[CURRENT]).height;
    taken->points = n;
    return PL_OK;
}

void twin_voltammetry_unload(void *data) {
    struct voltammetry *v = data;
    if (v) lab_free(&v->table);
    pl_free(v);
}

void twin_voltammetry_observed(const void *data, double *position, double *value) {
    const struct voltammetry *v = data;
    memcpy(position, v->table.column[POTENTIAL], v->table.rows * sizeof *position);
    memcpy(value, v->table.column[CURRENT], v->table.rows * sizeof *value);
}

void twin_voltammetry_weight(const void *data, double *weight) {
    const struct voltammetry *v = data;
    for (size_t k = 0; k < v->table.rows; k++)
        weight[k] = 1 / v->height;
}

enum pl_code twin_voltammetry_predict(void *data, const double *p, double *value, struct pl_error **error) {
    struct voltammetry *v = data;
    v->p = p;
    struct layer l = {.cells = CELLS,
                      .thickness = FAR * p[THICKNESS],
                      .growth = growth_for(FAR * p[THICKNESS]),
                      .mixing = p[THICKNESS],
                      .radius = p[EDGE] > 0 ? sqrt(p[AREA] / PI) / p[EDGE] : 0,
                      .diffusivity = p[DIFFUSIVITY],
                      .electrons = 1,
                      .bulk = fmax(p[CONCENTRATION] * p[REDUCED], 1e-9),
                      .scale = p[CONCENTRATION],
                      .control = LAYER_POTENTIAL,
                      .tolerance = 1e-5,
                      .drive = drive,
                      .line = line,
                      .context = v};
    enum pl_code code = layer_open(&l, p[CONCENTRATION] * p[REDUCED], error);
    for (size_t k = 0; k < v->table.rows && !code; k++) {
        double t = v->table.column[TIME][k];
        code = layer_advance(&l, p[BEFORE] * v->cycle + t, NULL, error);
        if (code) break;
        double swept = k < v->turn ? -v->rate : v->rate;
        value[k] = layer_current(&l) * p[AREA] + p[CAPACITANCE] * swept + p[OFFSET];
    }
    layer_close(&l);
    return code;
}

/* By the height of the record: a current between the peaks, and all along. */
static void tell_current(const struct pl_model_report *report, const char *subject, const char *quantity,
                         struct pl_model_finding f) {
    f.subject = subject;
    f.quantity = quantity;
    f.limit = 0.05;
    f.good = fabs(f.error) <= f.limit;
    report->tell(report->context, &f);
}

double twin_voltammetry_misfit(const void *data, const double *p, const double *predicted, const bool *use,
                               const struct pl_model_report *report) {
    (void)p;
    const struct voltammetry *v = data;
    struct peaks is = find_peaks(v, v->table.column[CURRENT]), found = find_peaks(v, predicted);
    double measured = (is.anodic - is.cathodic) * 1000, modelled = (found.anodic - found.cathodic) * 1000;
    if (!report) return fabs(modelled - measured);
    char subject[48];
    snprintf(subject, sizeof subject, "%.0f mV/s", v->rate * 1000);
    struct pl_model_finding f = {.subject = subject,
                                 .quantity = "separation of the peaks",
                                 .unit = "mV",
                                 .expected = measured,
                                 .found = modelled,
                                 .error = modelled - measured,
                                 .limit = 5,
                                 .error_unit = "mV"};
    f.good = fabs(f.error) <= f.limit;
    report->tell(report->context, &f);
    tell_current(report, subject, "current between the peaks",
                 (struct pl_model_finding){.unit = "uA",
                                           .expected = is.height * 1e6,
                                           .found = found.height * 1e6,
                                           .error = found.height / is.height - 1});
    double rms = lab_rms(predicted, v->table.column[CURRENT], use, v->table.rows);
    tell_current(report, subject, "current all along, rms",
                 (struct pl_model_finding){.unit = "uA", .expected = 0, .found = rms * 1e6, .error = rms / is.height});
    return fabs(modelled - measured);
}
