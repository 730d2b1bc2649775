/* report.h: what `potline report` tells of a span of time: tables and plots, and writing them down.
 *
 * Everything is text by then; a writer only knows tables, so that a new section is one more table.
 */
#ifndef POTLINE_CLI_REPORT_H
#define POTLINE_CLI_REPORT_H

#include <stdio.h>

#include <potline/pack.h>

#include "base/tally.h"
#include "batch/tags.h"
#include "store/store.h"

enum { PL__SPAN_COLUMNS = 13, PL__SPAN_TABLES = 16, PL__SPAN_PLOTS = 8, PL__SPAN_CURVES = 64 };
enum { PL__SPAN_NUMBER = 64, PL__BODY_TEXT = 256 };

struct pl__span_table {
    const char *title, *note; /* note: "" or a sentence below it */
    unsigned columns;
    const char *heading[PL__SPAN_COLUMNS];
    char **cell; /* rows * columns */
    size_t rows, room;
};

struct pl__span_curve {
    char *name;
    pl_time *time;
    double *value;
    size_t count, room;
};

struct pl__span_plot {
    const char *title, *unit;
    struct pl__span_curve curve[PL__SPAN_CURVES];
    unsigned curves;
};

struct pl__span {
    const char *folder;
    pl_time from, to;
    struct pl__span_table table[PL__SPAN_TABLES];
    unsigned tables;
    struct pl__span_plot plot[PL__SPAN_PLOTS];
    unsigned plots;
    bool failed; /* without memory */
};

/* `headings` ends in NULL. NULL: there is no room for another one. */
struct pl__span_table *pl__span_table(struct pl__span *report, const char *title, const char *note,
                                      const char *const *headings);
void pl__span_row(struct pl__span *report, struct pl__span_table *table, const char *const *cells); /* copied */
struct pl__span_plot *pl__span_plot(struct pl__span *report, const char *title, const char *unit);
void pl__span_point(struct pl__span *report, struct pl__span_plot *plot, const char *curve, pl_time time, double value);
void pl__span_fini(struct pl__span *report);

/* ---- Reading, for sections ---- */

/* Batches of the gold zone that have rows of the span, and others; key figures stand at the end of their period, so of
 * samples the span's last moment belongs to it. */
struct pl__span_walk {
    enum pl_kind kind;
    struct pl_tags **names; /* of the rows: made by the walk, freed by the caller, whatever came of it */
    bool (*take)(void *arg, const struct pl_batch *batch); /* false: no more of what this node has written */
    void *arg;
};
enum pl_code pl__span_walk(struct pl__span *report, struct pl_store *store, const struct pl__span_walk *walk,
                           struct pl_error **error);

bool pl__body_text(const void *body, size_t size, const char *name, char text[PL__BODY_TEXT]); /* cut to fit */
const char *pl__span_number(char text[PL__SPAN_NUMBER], double value, int decimals);           /* "-": there is none */

double pl__span_student(uint64_t freedom); /* the 97.5 % quantile of Student's t; NaN: of none */

/* ---- What there is to tell; each adds its tables where there is data ---- */
enum pl_code pl__span_figures(struct pl__span *report, struct pl_store *store, const char *period,
                              struct pl_error **error);
enum pl_code pl__span_events(struct pl__span *report, struct pl_store *store, struct pl_error **error);
enum pl_code pl__span_savings(struct pl__span *report, struct pl_store *store, struct pl_error **error);
enum pl_code pl__span_people(struct pl__span *report, struct pl_store *store, struct pl_error **error);

/* Which pots were treated, a pattern, and from when on; NULL: those that set points have passed to, as the gold zone
 * has them, from the first on, and where nothing can be compared nothing is told. Key figures by `period`, which is
 * `length` long. PL_NOT_FOUND: there is nothing that could be compared. */
struct pl__span_trial {
    const char *treated, *period;
    pl_time since, length;
};
enum pl_code pl__span_trial(struct pl__span *report, struct pl_store *store, const struct pl__span_trial *of,
                            struct pl_error **error);

/* ---- Writing ---- */
void pl__span_html(const struct pl__span *report, FILE *out); /* self-contained: style and plots are in it */
void pl__span_markdown(const struct pl__span *report, FILE *out);
/* A row a cell: section, row, column, value. Texts that a spreadsheet would take for a formula get an apostrophe. */
void pl__span_csv(const struct pl__span *report, FILE *out);

#endif
