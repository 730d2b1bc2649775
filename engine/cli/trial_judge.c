#include "trial_judge.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/expr.h>

#include "trial_match.h"

enum { EXAMPLES = 5 };

struct judging {
    const struct pl_trial_expectation *of;
    const struct pl__trial_view *view;
    struct pl__trial_failures *failures;
    struct pl__found *found; /* what the expectation is about */
    uint32_t found_count;
    struct pl__expected *expected;
    uint32_t expected_count;
    struct pl__trial_formulas **formulas; /* of the file's rows */
};

/* ---- Failures ---- */

struct pl__trial_failure *pl__trial_fail(struct pl__trial_failures *failures, struct pl_place place, const char *format,
                                         ...) {
    struct pl__trial_failure *grown = pl_realloc(failures->list, (failures->count + 1) * sizeof *failures->list);
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *summary = grown ? pl_strdup(text) : NULL;
    if (grown) failures->list = grown;
    if (!summary) {
        failures->no_memory = true;
        return NULL;
    }
    struct pl__trial_failure *failure = &failures->list[failures->count++];
    *failure = (struct pl__trial_failure){.place = place, .summary = summary};
    return failure;
}

void pl__trial_failures_fini(struct pl__trial_failures *failures) {
    for (unsigned i = 0; i < failures->count; i++) {
        struct pl__trial_failure *failure = &failures->list[i];
        for (unsigned k = 0; k < failure->count; k++) {
            free(failure->list[k].time);
            free(failure->list[k].key);
            free(failure->list[k].expected);
            free(failure->list[k].found);
        }
        pl_free(failure->summary);
    }
    pl_free(failures->list);
    *failures = (struct pl__trial_failures){0};
}

/* A place for one more; NULL when there are enough. */
static struct pl__trial_difference *next_difference(struct pl__trial_failure *failure) {
    if (!failure) return NULL;
    if (failure->count == PL__DIFFERENCES_MAX) {
        failure->left_out++;
        return NULL;
    }
    struct pl__trial_difference *made = &failure->list[failure->count++];
    *made = (struct pl__trial_difference){0};
    return made;
}

static char *time_text(const struct pl__trial_view *view, pl_time time) {
    char text[PL__TIME_TEXT];
    return strdup(pl__time_text(view, time, text));
}

static void add_found(const struct judging *j, struct pl__trial_failure *failure, const struct pl__found *found,
                      int type) {
    struct pl__trial_difference *made = next_difference(failure);
    if (!made) return;
    made->type = type;
    made->time = time_text(j->view, pl__found_time(found));
    made->key = strdup(pl__found_key(j->view, found));
    made->found = pl__found_text(j->view, found);
}

static void add_missing(const struct judging *j, struct pl__trial_failure *failure,
                        const struct pl__expected *expected) {
    struct pl__trial_difference *made = next_difference(failure);
    if (!made) return;
    const char *key = pl__expected_key(expected);
    pl_time time;
    made->type = PL__MISSING;
    made->time = pl__expected_time(expected, &time) ? time_text(j->view, time) : strdup("");
    made->key = strdup(key ? key : "");
    made->expected = pl__expected_text(j->view, expected);
}

static void add_pair(const struct judging *j, struct pl__trial_failure *failure, const struct pl__expected *expected,
                     const struct pl__found *found) {
    struct pl__trial_difference *made = next_difference(failure);
    if (!made) return;
    made->type = PL__DIFFERS;
    made->time = time_text(j->view, pl__found_time(found));
    made->key = strdup(pl__found_key(j->view, found));
    pl__rows_differ(j->view, j->of, expected, found, &made->expected, &made->found);
}

/* ---- Which rows an expectation is about ---- */

static bool one_fits(const struct pl_strings *patterns, const char *name) {
    for (uint32_t i = 0; i < patterns->count; i++)
        if (pl_glob(patterns->items[i], name)) return true;
    return patterns->count == 0;
}

static bool is_about(const struct judging *j, const struct pl__found *found) {
    if (!one_fits(&j->of->tags, pl__found_key(j->view, found))) return false;
    if (found->batch->kind != PL_EVENTS) return true;
    return one_fits(&j->of->kinds, pl_tags_get(j->view->tags, found->batch->events.kind[found->row])->name);
}

static bool holds(const struct judging *j, struct pl_expr *expr, const struct pl_trial_scope *scope,
                  const struct pl__found *found, uint32_t index) {
    double values[PL_EXPR_VARIABLES_MAX];
    pl__found_values(j->view, found, index, scope, values);
    double truth = pl_expr_eval_one(expr, values);
    return truth != 0 && !isnan(truth);
}

/* NULL without memory: the text is a good one. */
static struct pl_expr *compile(const char *text, enum pl_kind kind, struct pl_trial_scope *scope) {
    struct pl_expr *expr = NULL;
    *scope = (struct pl_trial_scope){.kind = kind};
    return pl_expr_compile(text, pl_trial_resolve, scope, &expr, NULL) ? NULL : expr;
}

static bool take_found(struct judging *j, const struct pl__trial_output *output) {
    struct pl_trial_scope scope;
    struct pl_expr *where = *j->of->where ? compile(j->of->where, j->of->kind, &scope) : NULL;
    j->found = pl_alloc((output->rows + 1) * sizeof *j->found);
    bool good = j->found && (where || !*j->of->where);
    uint32_t index = 0;
    for (uint32_t i = 0; good && i < output->count; i++)
        for (uint32_t row = 0; row < output->batches[i]->rows; row++, index++) {
            struct pl__found found = {output->batches[i], row};
            if (!is_about(j, &found) || (where && !holds(j, where, &scope, &found, index))) continue;
            j->found[j->found_count++] = found;
        }
    pl_expr_free(where);
    return good;
}

static bool take_expected(struct judging *j) {
    const struct pl_trial_rows *rows = &j->of->rows;
    j->expected = pl_alloc((rows->total + 1) * sizeof *j->expected);
    j->formulas = pl_alloc((rows->count + 1) * sizeof(struct pl__trial_formulas *));
    for (uint32_t i = 0; j->expected && j->formulas && i < rows->count; i++) {
        j->formulas[i] = pl__trial_formulas_new(&rows->list[i]);
        if (!j->formulas[i]) return false;
        for (uint32_t k = 0; k < rows->list[i].times; k++)
            j->expected[j->expected_count++] =
                (struct pl__expected){.row = &rows->list[i], .formulas = j->formulas[i], .index = k};
    }
    return j->expected && j->formulas;
}

static void let_go(struct judging *j) {
    for (uint32_t i = 0; j->formulas && i < j->of->rows.count; i++)
        pl__trial_formulas_free(j->formulas[i]);
    pl_free(j->formulas);
    pl_free(j->expected);
    pl_free(j->found);
}

/* ---- The expectations ---- */

static const char *rows_word(uint64_t count) {
    return count == 1 ? "row" : "rows";
}

/* One behind the other, as they were expected and as they came. */
static void tell_differences(const struct judging *j, const struct pl__matching *m, struct pl__trial_failure *failure) {
    bool surplus = !j->of->contains_given;
    uint32_t f = 0;
    for (uint32_t e = 0; e < m->expected_count; e++) {
        uint32_t other = m->of_expected[e];
        for (; surplus && !j->of->any_order && other != PL__NO_ROW && f < other; f++)
            if (m->of_found[f] == PL__NO_ROW) add_found(j, failure, &m->found[f], PL__SURPLUS);
        if (other == PL__NO_ROW)
            add_missing(j, failure, &m->expected[e]);
        else if (!m->alike[e])
            add_pair(j, failure, &m->expected[e], &m->found[other]);
    }
    for (; surplus && f < m->found_count; f++)
        if (m->of_found[f] == PL__NO_ROW) add_found(j, failure, &m->found[f], PL__SURPLUS);
}

static void judge_rows(struct judging *j) {
    struct pl__matching m = {.view = j->view,
                             .how = j->of,
                             .expected = j->expected,
                             .found = j->found,
                             .expected_count = j->expected_count,
                             .found_count = j->found_count};
    bool free_order = j->of->any_order || j->of->contains_given;
    bool good = free_order ? pl__match_in_any_order(&m) : pl__match_in_order(&m);
    bool all = m.matched == m.expected_count && (j->of->contains_given || m.matched == m.found_count);
    if (!good) {
        j->failures->no_memory = true;
    } else if (!all) {
        uint32_t differ = m.expected_count - m.matched, rest = m.found_count - m.matched;
        struct pl__trial_failure *failure;
        pl__match_left_over(&m);
        if (j->of->contains_given)
            failure = pl__trial_fail(j->failures, j->of->place, "%s: %u of %u expected %s not among the %u found",
                                     j->of->name, differ, m.expected_count,
                                     m.expected_count == 1 ? "row is" : "rows are", m.found_count);
        else
            failure =
                pl__trial_fail(j->failures, j->of->place, "%s: expected %u %s, found %u: %u as expected, %u %s",
                               j->of->name, m.expected_count, rows_word(m.expected_count), m.found_count, m.matched,
                               differ > rest ? differ : rest, differ > 1 || rest > 1 ? "differ" : "differs");
        tell_differences(j, &m, failure);
    }
    pl__matching_fini(&m);
}

/* Which of them are too many nobody knows: a few show what they are like. */
static void tell_found(const struct judging *j, struct pl__trial_failure *failure) {
    for (uint32_t i = 0; failure && i < j->found_count; i++)
        if (i < EXAMPLES || j->of->none)
            add_found(j, failure, &j->found[i], PL__SURPLUS);
        else
            failure->left_out++;
}

static void judge_count(struct judging *j) {
    const struct pl_trial_expectation *of = j->of;
    uint32_t n = j->found_count;
    if (of->none && n > 0)
        tell_found(j,
                   pl__trial_fail(j->failures, of->place, "%s: expected none, found %u %s", of->name, n, rows_word(n)));
    if (of->count >= 0 && of->count != n)
        tell_found(j, pl__trial_fail(j->failures, of->place, "%s: expected %lld %s, found %u", of->name,
                                     (long long)of->count, rows_word((uint64_t)of->count), n));
    if (of->least > n)
        tell_found(j, pl__trial_fail(j->failures, of->place, "%s: expected %lld %s or more, found %u", of->name,
                                     (long long)of->least, rows_word((uint64_t)of->least), n));
    if (of->most >= 0 && of->most < n)
        tell_found(j, pl__trial_fail(j->failures, of->place, "%s: expected %lld %s or fewer, found %u", of->name,
                                     (long long)of->most, rows_word((uint64_t)of->most), n));
}

static void judge_each(struct judging *j) {
    struct pl_trial_scope scope;
    struct pl_expr *expr = compile(j->of->each, j->of->kind, &scope);
    uint32_t broken = 0;
    if (!expr) {
        j->failures->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < j->found_count; i++)
        broken += !holds(j, expr, &scope, &j->found[i], i);
    struct pl__trial_failure *failure =
        broken ? pl__trial_fail(j->failures, j->of->place, "%s: %u of %u %s do not fulfil %s", j->of->name, broken,
                                j->found_count, rows_word(j->found_count), j->of->each)
               : NULL;
    for (uint32_t i = 0; failure && i < j->found_count; i++)
        if (!holds(j, expr, &scope, &j->found[i], i)) add_found(j, failure, &j->found[i], PL__BREAKS);
    pl_expr_free(expr);
}

static void judge_one(struct judging *j, const struct pl__trial_output *output) {
    if (!take_found(j, output) || !take_expected(j)) {
        j->failures->no_memory = true;
    } else {
        if (j->of->rows_given || j->of->contains_given) judge_rows(j);
        judge_count(j);
        if (*j->of->each) judge_each(j);
    }
    let_go(j);
}

void pl__trial_judge(const struct pl_trial_case *of, const struct pl__trial_view *view,
                     const struct pl__trial_result *result, struct pl__trial_failures *failures) {
    for (unsigned i = 0; i < of->expectation_count; i++) {
        struct judging j = {.of = &of->expectations[i], .view = view, .failures = failures};
        judge_one(&j, pl__trial_output_of(result, j.of));
    }
}

/* ---- Two runs of one case ---- */

struct line {
    pl_time time;
    char *text;
};

static int by_time_and_text(const void *a, const void *b) {
    const struct line *l = a, *r = b;
    if (l->time != r->time) return l->time < r->time ? -1 : 1;
    return strcmp(l->text, r->text);
}

static char *line_text(const struct pl__trial_view *view, const struct pl__found *found) {
    char *row = pl__found_text(view, found), *text = NULL;
    const char *key = pl__found_key(view, found);
    size_t room = strlen(key) + (row ? strlen(row) : 0) + 4;
    text = row ? malloc(room) : NULL;
    if (text) snprintf(text, room, "%s: %s", key, row);
    free(row);
    return text;
}

static void free_lines(struct line *lines, uint64_t count) {
    for (uint64_t i = 0; lines && i < count; i++)
        free(lines[i].text);
    pl_free(lines);
}

/* All rows of an output by time; NULL without memory. */
static struct line *lines_of(const struct pl__trial_view *view, const struct pl__trial_output *output) {
    struct line *lines = pl_alloc((output->rows + 1) * sizeof *lines);
    size_t n = 0;
    for (uint32_t i = 0; lines && i < output->count; i++)
        for (uint32_t row = 0; row < output->batches[i]->rows; row++) {
            struct pl__found found = {output->batches[i], row};
            char *text = line_text(view, &found);
            if (!text) {
                free_lines(lines, n);
                return NULL;
            }
            lines[n++] = (struct line){pl__found_time(&found), text};
        }
    if (n) qsort(lines, n, sizeof *lines, by_time_and_text);
    return lines;
}

static void add_lines(const struct pl__trial_view *view, struct pl__trial_failure *failure, const struct line *one,
                      const struct line *other) {
    struct pl__trial_difference *made = next_difference(failure);
    if (!made) return;
    made->type = one && other ? PL__DIFFERS : one ? PL__MISSING : PL__SURPLUS;
    made->time = time_text(view, one ? one->time : other->time);
    made->key = strdup("");
    made->expected = one ? strdup(one->text) : NULL;
    made->found = other ? strdup(other->text) : NULL;
}

static void compare_lines(const struct pl__trial_view *view, const struct line *one, uint64_t ones,
                          const struct line *other, uint64_t others, struct pl__trial_failure *failure) {
    for (uint64_t i = 0, k = 0; i < ones || k < others;) {
        int order = i == ones ? 1 : k == others ? -1 : by_time_and_text(&one[i], &other[k]);
        if (order) add_lines(view, failure, order < 0 ? &one[i] : NULL, order > 0 ? &other[k] : NULL);
        i += order <= 0;
        k += order >= 0;
    }
}

static bool same_lines(const struct line *one, uint64_t ones, const struct line *other, uint64_t others) {
    for (uint64_t i = 0; ones == others && i < ones; i++)
        if (by_time_and_text(&one[i], &other[i]) != 0) return false;
    return ones == others;
}

void pl__trial_compare(const struct pl_trial_case *of, const struct pl__trial_view *view,
                       const struct pl__trial_result *one, const struct pl__trial_view *other_view,
                       const struct pl__trial_result *other, uint64_t seed, struct pl__trial_failures *failures) {
    for (unsigned i = 0; i < one->output_count; i++) {
        struct line *left = lines_of(view, &one->outputs[i]), *right = lines_of(other_view, &other->outputs[i]);
        uint64_t ones = one->outputs[i].rows, others = other->outputs[i].rows;
        if (!left || !right) {
            failures->no_memory = true;
        } else if (!same_lines(left, ones, right, others)) {
            const char *name = of->graph->graph->nodes[one->outputs[i].node].name;
            compare_lines(view, left, ones, right, others,
                          pl__trial_fail(failures, of->place,
                                         "%s gives other rows where batches are cut differently (cut "
                                         "%llu)",
                                         name, (unsigned long long)seed));
        }
        free_lines(left, ones);
        free_lines(right, others);
    }
}
