/* model_check.c: `potline model verify` and `validate`: models against mathematics and against published measurements.
 */
#include <math.h>
#include <string.h>

#include <potline/alloc.h>

#include "model.h"

struct check {
    const struct pl_cli *cli;
    json_t *findings;
    const struct pl_model *model;
    const struct pl_model_case *at;
    unsigned good, bad, itself;
    bool all;     /* every finding is printed, not only cases */
    double worst; /* of the case, as a share of its limit */
    char subject[96];
};

/* ---- Lines ---- */

static void put_error(char text[32], const struct pl_model_finding *f) {
    if (!isfinite(f->found))
        snprintf(text, 32, "-");
    else if (f->at_least)
        snprintf(text, 32, "order %.3f", f->found);
    else if (f->error_unit)
        snprintf(text, 32, "%+.3g %s", f->error, f->error_unit);
    else if (f->source)
        snprintf(text, 32, "%+.2f %%", 100 * f->error);
    else
        snprintf(text, 32, "%.2e", f->error);
}

static void print_line(const struct pl_model_finding *f) {
    char error[32], found[32] = "-";
    put_error(error, f);
    if (isfinite(f->found)) snprintf(found, sizeof found, "%.8g", f->found);
    printf("%s  %-42.42s %-34.34s %14.8g %14s %-6.6s %14s",
           f->itself ? "same"
           : f->good ? "good"
                     : "MISS",
           f->subject, f->quantity, f->expected, found, f->unit, error);
    if (f->source) printf("  [%s]", f->source);
    if (f->note && (f->source || !f->good)) printf("  %s", f->note);
    putchar('\n');
}

/* What the columns of print_line are. */
static void print_heading(const struct check *check, bool mathematics) {
    printf("\n== %s\n      %-42s %-34s %14s %14s %-6s %14s%s\n", check->model->name, mathematics ? "case" : "of what",
           "quantity", mathematics ? "exact" : "published", "model", "unit", "error",
           mathematics ? "" : "  [source]  why");
}

static json_t *finding_json(const struct check *check, const struct pl_model_finding *f) {
    json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:f, s:b, s:b, s:b}", "model", check->model->name,
                            "case", check->at->name, "subject", f->subject, "quantity", f->quantity, "unit", f->unit,
                            "expected", pl__model_number(f->expected), "found", pl__model_number(f->found), "error",
                            pl__model_number(f->error), "limit", f->limit, "at_least", (int)f->at_least, "good",
                            (int)f->good, "itself", (int)f->itself);
    if (f->error_unit) json_object_set_new(one, "error_unit", json_string(f->error_unit));
    if (f->source) json_object_set_new(one, "source", json_string(f->source));
    if (f->note) json_object_set_new(one, "note", json_string(f->note));
    return one;
}

static void tell(void *context, const struct pl_model_finding *finding) {
    struct check *check = context;
    struct pl_model_finding f = *finding;
    f.good = f.good && isfinite(f.found); /* what is no number is not near anything */
    if (f.itself && f.good)
        check->itself++;
    else if (f.good)
        check->good++;
    else
        check->bad++;
    if (check->findings)
        json_array_append_new(check->findings, finding_json(check, &f));
    else
        print_line(&f);
}

/* ---- Cases ---- */

static void run_case(struct check *check) {
    struct pl_error *error = NULL;
    struct pl_model_report report = {.tell = tell, .context = check};
    if (!check->at->run(&report, &error)) return;
    char *text = error ? pl_error_text(error) : NULL;
    struct pl_model_finding failed = {.subject = check->at->name,
                                      .quantity = "the run",
                                      .unit = "",
                                      .error = NAN,
                                      .found = NAN,
                                      .note = text ? text : "?"};
    tell(check, &failed);
    pl_free(text);
    pl_error_free(&error);
}

static void run_cases(struct check *check, const struct pl_model_case *cases) {
    for (check->at = cases; check->at && check->at->name; check->at++)
        run_case(check);
}

/* `none`: there is nothing that it could be held against, which is no failure of the model's, and said. */
static int finish(struct check *check, const char *what, const char *none) {
    int code = check->bad || (!check->good && !none) ? PL_EXIT_FAILED : PL_EXIT_OK;
    if (check->findings) {
        int printed = pl__model_json(json_pack("{s:b, s:i, s:i, s:i, s:s*, s:o}", "good", code == PL_EXIT_OK, "held",
                                               (int)check->good, "missed", (int)check->bad, "itself",
                                               (int)check->itself, "note", none, "findings", check->findings));
        return printed ? printed : code;
    }
    if (none) {
        puts(none);
        return code;
    }
    printf("%u of %u %s, %u missed\n", check->good, check->good + check->bad, what, check->bad);
    if (check->itself)
        printf("Not counted: %u of what the model itself is made of (same): met by construction, no test of it\n",
               check->itself);
    return code;
}

static int check_all(const struct pl_cli *cli, bool mathematics) {
    const struct pl_model *only = pl_cli_operand(cli, 1) ? pl__model_named(cli) : NULL;
    if (pl_cli_operand(cli, 1) && !only) return PL_EXIT_USAGE;
    struct check check = {.cli = cli, .findings = pl_cli_has(cli, "json") ? json_array() : NULL};
    const char *what = mathematics ? "held" : "within their limits";
    for (unsigned i = 0; i < pl_models_count(); i++) {
        check.model = pl_models_get(i);
        if (only && check.model != only) continue;
        const struct pl_model_case *cases = mathematics ? check.model->cases : check.model->measurements;
        if (cases && cases->name && !check.findings) print_heading(&check, mathematics);
        run_cases(&check, cases);
    }
    char none[128];
    if (!only || check.good + check.bad + check.itself) return finish(&check, what, NULL);
    snprintf(none, sizeof none, "No %s is held against %s.", mathematics ? "closed solution" : "published measurement",
             only->name);
    return finish(&check, what, none);
}

int pl__model_verify(const struct pl_cli *cli) {
    return check_all(cli, true);
}

int pl__model_validate(const struct pl_cli *cli) {
    return check_all(cli, false);
}
