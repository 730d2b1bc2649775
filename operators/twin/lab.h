/* lab.h: measured data as tables of numbers. */
#ifndef TWIN_LAB_H
#define TWIN_LAB_H

#include <potline/error.h>
#include <potline/model.h>
#include <stdbool.h>
#include <stddef.h>

enum { LAB_COLUMNS = PL_MODEL_COLUMNS_MAX, LAB_FIELDS = 64, LAB_ROWS = 2000000 };

struct lab_table {
    double
        *column[LAB_COLUMNS]; /* by the table that was asked for; NaN where there is no number, NULL where no column */
    int columns;
    size_t rows;
    size_t *line; /* of each row in its file */
};

/* A file of numbers between commas, tabs or semicolons. Its columns are found by their names in the first line, in any
 * order, others are passed over; a file without names is an error, unless `headless`, which has as many columns as the
 * table. Rows with a text in one of them, or without a number where there must be one, are left out. */
enum pl_code lab_read(struct lab_table *table, const char *path, const struct pl_model_column *columns, bool headless,
                      struct pl_model_taken *taken, struct pl_error **error);
/* Row i is not used either. */
void lab_leave_out(const struct lab_table *table, size_t i, struct pl_model_taken *taken);
void lab_count_out(struct pl_model_taken *taken, size_t line);
/* The file beside another that it is of no use without: numbers without a gap, `what` it holds. */
enum pl_code lab_read_beside(struct lab_table *table, const char *path, const char *beside,
                             const struct pl_model_column *columns, const char *what, struct pl_error **error);
void lab_free(struct lab_table *table);

/* The number that stands before `word` in a file's name ("orr_0625rpm.csv", "rpm": 625); NaN: none does. */
double lab_number_in_name(const char *path, const char *word);

/* Another file in the same folder; false when it is too long. */
bool lab_beside(const char *path, const char *name, char *other, size_t size);

double lab_at(const double *x, const double *y, size_t count, double at); /* on straight lines; ends hold */
double lab_rms(const double *a, const double *b, const bool *use, size_t count);

#endif
