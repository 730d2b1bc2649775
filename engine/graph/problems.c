/* problems.c: the list of problems. */
#include "problems.h"

#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "base/utf8.h"
#include "yaml.h"

enum { KEPT_MAX = 2000, FILES_MAX = 1024, QUOTED_CHARACTERS = 60 };

struct entry {
    struct pl_problem problem; /* text and place.file are one allocation */
    unsigned file;             /* its place among `files` */
    unsigned order;
};

struct pl_problems {
    struct entry *entries;
    unsigned count, capacity;
    unsigned errors, left_out, left_out_errors;
    const char *files[FILES_MAX]; /* borrowed while collecting */
    unsigned file_count;
    bool failed;
};

struct pl_problems *pl__problems_new(void) {
    return PL_NEW(struct pl_problems);
}

void pl__problems_free(struct pl_problems *problems) {
    if (!problems) return;
    for (unsigned i = 0; i < problems->count; i++)
        pl_free(problems->entries[i].problem.text);
    pl_free(problems->entries);
    pl_free(problems);
}

void pl_problems_free(struct pl_problem *problems, unsigned count) {
    for (unsigned i = 0; problems && i < count; i++)
        pl_free(problems[i].text);
    pl_free(problems);
}

unsigned pl__problems_errors(const struct pl_problems *problems) {
    return problems->errors;
}

static unsigned file_rank(struct pl_problems *problems, const char *file) {
    for (unsigned i = 0; i < problems->file_count; i++)
        if (strcmp(problems->files[i], file) == 0) return i;
    if (problems->file_count < FILES_MAX) problems->files[problems->file_count++] = file;
    return problems->file_count - 1;
}

void pl__problems_file(struct pl_problems *problems, const char *file) {
    file_rank(problems, file);
}

/* ---- Adding ---- */

static bool same_place(const struct pl_place *a, const struct pl_place *b) {
    return a->line == b->line && a->column == b->column && strcmp(a->file, b->file) == 0;
}

static bool reported_there(const struct pl_problems *problems, const struct pl_problem_at *at) {
    for (unsigned i = 0; i < problems->count; i++) {
        const struct pl_problem *problem = &problems->entries[i].problem;
        if (problem->warning == at->warning && same_place(&problem->place, &at->place)) return true;
    }
    return false;
}

bool pl__problems_enough(const struct pl_problems *problems) {
    return problems->count > PL_PROBLEMS_MAX;
}

bool pl__problems_wanted(const struct pl_problems *problems, const struct pl_yaml *at) {
    struct pl_problem_at place = {.place = at->place};
    return !pl__problems_enough(problems) && !(at->repeated && reported_there(problems, &place));
}

static struct entry *add_entry(struct pl_problems *problems) {
    if (problems->count == problems->capacity) {
        unsigned capacity = problems->capacity ? problems->capacity * 2 : 16;
        struct entry *entries = pl_realloc(problems->entries, capacity * sizeof *entries);
        if (!entries) return NULL;
        problems->entries = entries;
        problems->capacity = capacity;
    }
    return &problems->entries[problems->count];
}

/* A message quotes what users and their files say: what is no text, or would move the terminal's cursor, becomes '?'.
 */
static void make_printable(char *text) {
    for (size_t left = strlen(text); left > 0;) {
        unsigned bytes = pl_utf8_next(text, left);
        if (!bytes || (unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
        text += bytes ? bytes : 1;
        left -= bytes ? bytes : 1;
    }
}

/* Text and file name, one after the other: the caller of a failed load has no graph that would keep the name. */
static char *print_text(const char *file, const char *prefix, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) return NULL;
    size_t before = strlen(prefix), room = before + (size_t)length + 1;
    char *text = pl_alloc(room + strlen(file) + 1);
    if (!text) return NULL;
    memcpy(text, prefix, before);
    vsnprintf(text + before, room - before, format, arguments);
    make_printable(text);
    strcpy(text + room, file);
    return text;
}

void pl__problem_put(struct pl_problems *problems, struct pl_problem_at at, const char *prefix, const char *format,
                     va_list arguments) {
    if (!at.place.file) at.place.file = "";
    if (at.repeated && reported_there(problems, &at)) return;
    problems->errors += !at.warning;
    if (problems->count == KEPT_MAX) {
        problems->left_out++;
        problems->left_out_errors += !at.warning;
        return;
    }
    char *text = print_text(at.place.file, prefix, format, arguments);
    struct entry *entry = text ? add_entry(problems) : NULL;
    if (!entry) {
        pl_free(text);
        problems->failed = true;
        return;
    }
    unsigned file = file_rank(problems, at.place.file);
    at.place.file = text + strlen(text) + 1;
    *entry = (struct entry){{.place = at.place, .warning = at.warning, .text = text}, file, problems->count};
    problems->count++;
}

void pl__problem(struct pl_problems *problems, const struct pl_yaml *at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pl__problem_put(problems, (struct pl_problem_at){at->place, at->repeated, false}, "", format, arguments);
    va_end(arguments);
}

void pl__problem_warn(struct pl_problems *problems, const struct pl_yaml *at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pl__problem_put(problems, (struct pl_problem_at){at->place, at->repeated, true}, "", format, arguments);
    va_end(arguments);
}

void pl__problem_at(struct pl_problems *problems, struct pl_place place, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pl__problem_put(problems, (struct pl_problem_at){.place = place}, "", format, arguments);
    va_end(arguments);
}

/* ---- The report ---- */

static int compare(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    if (a->file != b->file) return a->file < b->file ? -1 : 1;
    if (a->problem.place.line != b->problem.place.line) return a->problem.place.line - b->problem.place.line;
    if (a->problem.place.column != b->problem.place.column) return a->problem.place.column - b->problem.place.column;
    return a->order < b->order ? -1 : 1;
}

/* Drops what is beyond the limit, of the warnings first, and says how much that was. */
static void shorten(struct pl_problems *problems) {
    unsigned kept = 0, errors = problems->errors - problems->left_out_errors;
    unsigned warnings = errors < PL_PROBLEMS_MAX ? PL_PROBLEMS_MAX - errors : 0;
    for (unsigned i = 0; i < problems->count; i++) {
        struct entry *entry = &problems->entries[i];
        bool keep = kept < PL_PROBLEMS_MAX && (!entry->problem.warning || warnings > 0);
        if (keep) {
            warnings -= entry->problem.warning;
            problems->entries[kept++] = *entry;
        } else {
            pl_free(entry->problem.text);
            problems->left_out++;
        }
    }
    problems->count = kept;
}

bool pl__problems_take(struct pl_problems *problems, struct pl_problem **list, unsigned *count) {
    *list = NULL;
    *count = 0;
    if (problems->failed) return false;
    if (problems->count) qsort(problems->entries, problems->count, sizeof *problems->entries, compare);
    shorten(problems);
    if (problems->left_out) {
        struct pl_place whole = {.file = problems->files[0]};
        pl__problem_at(problems, whole, "%u more problems are not shown", problems->left_out);
        if (problems->failed) return false;
    }
    if (problems->count == 0) return true;
    struct pl_problem *taken = pl_alloc(problems->count * sizeof *taken);
    if (!taken) return false;
    for (unsigned i = 0; i < problems->count; i++)
        taken[i] = problems->entries[i].problem;
    *list = taken;
    *count = problems->count;
    problems->count = 0;
    return true;
}

/* ---- Texts of users ---- */

_Static_assert(QUOTED_CHARACTERS * 4 + sizeof "\"...\"" <= PL_QUOTE_MAX, "four bytes a character fit");

const char *pl__quote(char buffer[PL_QUOTE_MAX], const char *text) {
    char *at = buffer;
    *at++ = '"';
    for (unsigned characters = 0; *text && characters < QUOTED_CHARACTERS; characters++) {
        unsigned bytes = pl_utf8_next(text, strnlen(text, 4));
        bool printable = bytes && (unsigned char)*text >= 0x20 && *text != 0x7f;
        if (printable)
            at = mempcpy(at, text, bytes);
        else
            at += sprintf(at, "\\x%02x", (unsigned char)*text);
        text += printable ? bytes : 1;
    }
    strcpy(at, *text ? "...\"" : "\"");
    return buffer;
}
