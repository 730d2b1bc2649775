/* model_fit_plot.c: a calibration as a picture: what was measured, with what was kept back apart from what was fitted
 * to, and the model through it; and what is between them. Several curves of a record (sensors) have a symbol each;
 * an impedance is drawn as Nyquist does. */
#include <math.h>

#include <potline/alloc.h>

#include "model_fit.h"

enum { DRAWN = 120 /* symbols of a curve: more lie over each other */, ROOM = 6 /* numbers for each point */ };

struct picture {
    const struct pl_model_experiment *experiment;
    const struct pl_fit_file *file;
    unsigned families; /* curves of the record */
    size_t length;     /* of each */
    double *memory, *next;
    char x[96], y[96], between[96], title[160];
    struct pl__plot plot[2];
};

static size_t place_of(const struct picture *p, unsigned family, size_t k) {
    return p->experiment->blocks ? family * p->length + k : k * p->families + family;
}

/* Abscissa and ordinate of a point: measured, or of the model, or the difference. */
enum of { MEASURED, MODEL, RESIDUAL };
static void at(const struct picture *p, bool nyquist, enum of what, unsigned family, size_t k, double *x, double *y) {
    const struct pl_fit_file *f = p->file;
    const double *value = what == MODEL ? f->predicted : f->observed;
    size_t i = place_of(p, family, k);
    *x = nyquist ? value[i] : f->position[i];
    *y = nyquist ? -value[place_of(p, 1, k)] : what == RESIDUAL ? f->predicted[i] - f->observed[i] : value[i];
}

static bool is_kept(const struct picture *p, unsigned family, size_t k) {
    return p->file->kept_back[place_of(p, family, k)];
}

static void add_line(struct picture *p, struct pl__plot *plot, unsigned family, const char *name) {
    double *x = p->next, *y = x + p->length;
    for (size_t k = 0; k < p->length; k++)
        at(p, plot->equal, MODEL, family, k, &x[k], &y[k]);
    p->next = y + p->length;
    plot->curve[plot->count++] = (struct pl__curve){name, x, y, p->length, PL_STYLE(PL_STYLE_MODEL, family)};
}

/* The points that were kept back, or the others; few enough to be told apart. */
static void add_points(struct picture *p, struct pl__plot *plot, enum of what, unsigned family, bool kept,
                       const char *name) {
    size_t all = 0, count = 0, seen = 0;
    for (size_t k = 0; k < p->length; k++)
        all += is_kept(p, family, k) == kept;
    if (!all) return;
    size_t every = (all + DRAWN - 1) / DRAWN;
    double *x = p->next, *y = x + (all + every - 1) / every;
    for (size_t k = 0; k < p->length; k++)
        if (is_kept(p, family, k) == kept && seen++ % every == 0) {
            at(p, plot->equal, what, family, k, &x[count], &y[count]);
            count++;
        }
    p->next = y + count;
    bool only = p->families == 1 || plot->equal; /* then by another colour and symbol as well */
    unsigned style = kept ? PL_STYLE(PL_STYLE_KEPT_BACK, only ? 1 : family) : PL_STYLE(PL_STYLE_FITTED, family);
    plot->curve[plot->count++] = (struct pl__curve){name, x, y, count, style};
}

static bool has(const struct picture *p, bool kept) {
    for (size_t i = 0; i < p->file->points; i++)
        if (p->file->kept_back[i] == kept) return true;
    return false;
}

/* A record's only curve is named by what was done to it, several by their own names. */
static void add_measured(struct picture *p, struct pl__plot *plot, enum of what, unsigned families) {
    for (unsigned f = 0; f < families; f++) {
        const char *own = families > 1 ? p->experiment->series[f] : NULL;
        add_points(p, plot, what, f, false, own ? own : "fitted to");
        const char *kept = own && !has(p, false) ? own : own ? f ? NULL : "hollow: kept back" : "kept back, judges";
        add_points(p, plot, what, f, true, kept);
    }
}

static bool spans_decades(const struct pl_fit_file *file) {
    double least = INFINITY, most = 0;
    for (size_t k = 0; k < file->points; k++) {
        least = fmin(least, file->position[k]);
        most = fmax(most, file->position[k]);
    }
    return least > 0 && most > 1e3 * least; /* frequencies */
}

static void draw(struct picture *p, const char *model) {
    const struct pl_model_experiment *e = p->experiment;
    const char *unit = *e->unit ? e->unit : "1";
    snprintf(p->title, sizeof p->title, "%s: %s by %s%s", pl__model_fit_name(p->file->path), e->what, model,
             has(p, false) ? "" : " (none of it was fitted to)");
    snprintf(p->x, sizeof p->x, e->nyquist ? "real part (%s)" : "%s", e->nyquist ? unit : e->along);
    snprintf(p->y, sizeof p->y, "%s (%s)", e->nyquist ? "- imaginary part" : e->what, unit);
    snprintf(p->between, sizeof p->between, "model less measured (%s)", unit);
    bool decades = spans_decades(p->file);
    struct pl__plot *plot = &p->plot[0];
    *plot = (struct pl__plot){
        .title = p->title, .x = p->x, .y = p->y, .equal = e->nyquist, .logarithmic = decades && !e->nyquist};
    unsigned families = e->nyquist ? 1 : p->families;
    add_measured(p, plot, MEASURED, families);
    for (unsigned f = 0; f < families; f++)
        add_line(p, plot, f, f ? NULL : families > 1 ? "model: lines" : "model");
    plot = &p->plot[1];
    *plot = (struct pl__plot){.title = "residuals", .x = e->along, .y = p->between, .logarithmic = decades};
    add_measured(p, plot, RESIDUAL, p->families);
}

bool pl__model_fit_plot(const struct calibration *c) {
    const char *image = pl_cli_get(c->cli, "image");
    bool terminal = pl_cli_has(c->cli, "report") || pl_cli_has(c->cli, "plot");
    if (!image && !terminal) return true;
    const struct pl_fit_file *file = &c->fit.file[0]; /* the first that judges, if one does */
    for (unsigned i = 0; i < c->fit.file_count && !file->judge; i++)
        if (c->fit.file[i].judge) file = &c->fit.file[i];
    struct picture p = {.experiment = c->fit.experiment, .file = file, .families = 1};
    while (p.experiment->series && p.experiment->series[p.families])
        p.families++;
    p.length = file->points / p.families;
    p.memory = p.next = pl_alloc((ROOM * file->points + 1) * sizeof *p.memory);
    if (!p.memory) return false;
    draw(&p, c->model->name);
    for (unsigned i = 0; i < 2 && terminal && !pl_cli_has(c->cli, "json"); i++)
        pl__plot_terminal(stdout, &p.plot[i]);
    bool good = !image || pl__plot_file(c->cli, image, p.plot, 2);
    pl_free(p.memory);
    return good;
}
