/* model_experiment.c: which experiment of a model the files of a calibration are of: by name, or by their columns. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <potline/text.h>

#include "model.h"

enum { HEADER = 1024 };

/* The first line of a file of data; false after saying what the file is instead. */
static bool read_header(const char *path, char header[HEADER]) {
    struct stat is;
    FILE *in = fopen(path, "r");
    size_t length = 0;
    if (!in)
        fprintf(stderr, "potline model: %s: %s\n", path, strerror(errno));
    else if (!fstat(fileno(in), &is) && S_ISDIR(is.st_mode))
        fprintf(stderr, "potline model: %s is a folder: name a file of measurements in it, once for each\n", path);
    else
        length = fread(header, 1, HEADER - 1, in);
    if (in && !ferror(in) && !length)
        fprintf(stderr, "potline model: %s is empty: a line of column names and rows of numbers are expected\n", path);
    if (in) fclose(in);
    header[length] = 0;
    size_t line = strcspn(header, "\r\n");
    bool text = line == length || header[line];
    if (length && !text)
        fprintf(stderr, "potline model: %s:1: a byte of 0: the file is damaged, or no text in UTF-8\n", path);
    header[line] = 0;
    return length && text;
}

/* A pipe's first lines are gone for whoever reads it next. */
static bool read_once(const char *path) {
    struct stat is;
    return !stat(path, &is) && !S_ISREG(is.st_mode) && !S_ISDIR(is.st_mode);
}

/* Of FILE,NAME=VALUE. The same file by another name is the same file. */
static bool is_same(const char *one, const char *other, char name[PATH_MAX], char of[PATH_MAX]) {
    struct stat a, b;
    snprintf(name, PATH_MAX, "%.*s", (int)strcspn(one, ","), one);
    snprintf(of, PATH_MAX, "%.*s", (int)strcspn(other, ","), other);
    return !stat(name, &a) && !stat(of, &b) && S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Counted twice, a run looks like two that agree: intervals would be too narrow. */
static bool no_twice(const char *option, const char *const *files) {
    char name[PATH_MAX], of[PATH_MAX];
    for (; files && *files; files++)
        for (const char *const *next = files + 1; *next; next++) {
            if (!is_same(*next, *files, name, of)) continue;
            fprintf(stderr,
                    "potline model: --%s %s is --%s %s once more: one run is not two. Name each file once, or another "
                    "run\n",
                    option, name, option, of);
            return false;
        }
    return true;
}

/* What was fitted to is met by itself: it judges nothing. */
bool pl__model_apart(const char *const *data, const char *const *judge) {
    char judges[PATH_MAX], fitted[PATH_MAX];
    for (const char *const *other = judge; other && *other; other++)
        for (const char *const *one = data; one && *one; one++) {
            if (!is_same(*other, *one, judges, fitted)) continue;
            fprintf(stderr,
                    "potline model: --judge %s is what is fitted to (--data %s) and would judge itself: name another "
                    "run, or leave --judge out, and a part of the file is kept back to judge by\n",
                    judges, fitted);
            return false;
        }
    return no_twice("data", data) && no_twice("judge", judge);
}

static void list_experiments(const struct pl_model *model) {
    for (const struct pl_model_experiment *e = model->experiments; e && e->name; e++) {
        char names[PL_MODEL_COLUMNS_TEXT];
        pl_model_columns_names(e->columns, names, sizeof names);
        fprintf(stderr, "  %-20s %s\n", e->name, names);
    }
}

/* Whether a first line of numbers may be of an experiment whose files have no names. */
static bool fits_headless(const struct pl_model_experiment *e, const char *header) {
    unsigned columns = 0, fields = 1;
    double first;
    while (e->columns[columns].name)
        columns++;
    for (const char *at = header; *at; at++)
        fields += strchr(",;\t", *at) != NULL;
    return e->headless && columns == fields && pl_text_f64(header, strcspn(header, ",;\t"), &first);
}

static bool fits(const struct pl_model_experiment *e, const char *header, unsigned *there) {
    int place[PL_MODEL_COLUMNS_MAX];
    *there = pl_model_columns_find(e->columns, header, place);
    for (unsigned i = 0; e->columns[i].name; i++)
        if (place[i] < 0 && !(e->columns[i].flags & PL_COLUMN_OPTIONAL)) return fits_headless(e, header);
    return true;
}

/* The one with the most columns of those that a file's header has all of; NULL: of none. */
static const struct pl_model_experiment *by_header(const struct pl_model *model, const char *header) {
    const struct pl_model_experiment *found = NULL;
    unsigned most = 0;
    for (const struct pl_model_experiment *e = model->experiments; e && e->name; e++) {
        unsigned there;
        if (!fits(e, header, &there) || (found && there <= most)) continue;
        most = there;
        found = e;
    }
    return found;
}

static unsigned needed(const struct pl_model_experiment *e) {
    unsigned count = 0;
    for (const struct pl_model_column *c = e->columns; c->name; c++)
        count += !(c->flags & PL_COLUMN_OPTIONAL);
    return count;
}

/* Of those that lack as much: by which letters its first missing name differs from the nearest name of the header. */
static size_t how_near(const struct pl_model_experiment *e, const char *header, const int *place) {
    size_t least = SIZE_MAX;
    unsigned i = 0;
    while (e->columns[i].name && (place[i] >= 0 || e->columns[i].flags & PL_COLUMN_OPTIONAL))
        i++;
    const char *missing = e->columns[i].name;
    for (const char *at = header; missing && *at; at += strcspn(at, ",;\t"), at += *at != 0) {
        size_t length = strcspn(at, ",;\t"), same = 0, end = 0;
        while (same < length && missing[same] && at[same] == missing[same])
            same++;
        size_t wanted = strlen(missing);
        while (end + same < length && end + same < wanted && at[length - 1 - end] == missing[wanted - 1 - end])
            end++;
        size_t off = (length > wanted ? length : wanted) - same - end;
        if (off < least) least = off;
    }
    return least;
}

/* What a header lacks of the experiment that it lacks least of; nothing where it has no column of any. */
static void say_missing(const struct pl_cli *cli, const struct pl_model *model, const char *path, const char *header) {
    const struct pl_model_experiment *nearest = NULL;
    unsigned least = UINT_MAX;
    size_t slips = SIZE_MAX;
    int place[PL_MODEL_COLUMNS_MAX];
    for (const struct pl_model_experiment *e = model->experiments; e && e->name; e++) {
        unsigned there = pl_model_columns_find(e->columns, header, place), all = needed(e);
        unsigned lacks = all > there ? all - there : 0;
        size_t off = there ? how_near(e, header, place) : SIZE_MAX;
        if (!there || lacks > least || (lacks == least && off >= slips)) continue;
        least = lacks;
        slips = off;
        nearest = e;
    }
    struct pl_error *error = NULL;
    if (nearest && pl_model_columns_check(nearest->columns, header, path, place, &error)) pl__model_failed(cli, &error);
}

static const struct pl_model_experiment *by_name(const struct pl_model *model, const char *name) {
    for (const struct pl_model_experiment *e = model->experiments; e && e->name; e++)
        if (strcmp(name, e->name) == 0) return e;
    return NULL;
}

static bool has_experiments(const struct pl_model *model) {
    if (model->experiments && model->experiments->name) return true;
    fprintf(stderr, "potline model: %s has no experiment to be calibrated by; these have:", model->name);
    for (unsigned i = 0; i < pl_models_count(); i++) {
        const struct pl_model *other = pl_models_get(i);
        if (other->experiments && other->experiments->name) fprintf(stderr, " %s", other->name);
    }
    fputs("\n", stderr);
    return false;
}

/* What a file is of, where nobody has named it; NULL after saying why that cannot be. */
static const struct pl_model_experiment *told_by(const struct pl_cli *cli, const struct pl_model *model,
                                                 const char *path, const char *header,
                                                 const struct pl_model_experiment *first) {
    const struct pl_model_experiment *of = by_header(model, header);
    if (of && (!first || of->columns == first->columns)) return first ? first : of;
    if (first && of) {
        fprintf(stderr, "potline model: %s has the columns of experiment %s, not of %s: fit and judge them apart\n",
                path, of->name, first->name);
        return NULL;
    }
    say_missing(cli, model, path, header);
    fprintf(stderr, "potline model: %s: no experiment of %s has such columns (\"%.40s\"); say which by --experiment:\n",
            path, model->name, header);
    list_experiments(model);
    return NULL;
}

const struct pl_model_experiment *pl__model_experiment(const struct pl_cli *cli, const struct pl_model *model,
                                                       char *const *paths, unsigned count) {
    const char *name = pl_cli_get(cli, "experiment");
    const struct pl_model_experiment *found = name ? by_name(model, name) : NULL;
    if (!has_experiments(model)) return NULL;
    if (name && !found) {
        fprintf(stderr, "potline model: %s has no experiment \"%s\"; it has\n", model->name, name);
        list_experiments(model);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        char header[HEADER];
        if (read_once(paths[i])) {
            if (name) continue;
            fprintf(stderr, "potline model: %s can be read but once: say by --experiment what it is of:\n", paths[i]);
            list_experiments(model);
            return NULL;
        }
        if (!read_header(paths[i], header)) return NULL;
        if (!name) found = told_by(cli, model, paths[i], header, found);
        if (!found) return NULL;
    }
    return found;
}
