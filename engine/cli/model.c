/* model.c: `potline model`: the physical models of plugins: list and show them; what else there is, is in model_*.c. */
#include "model.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum { WIDTH = 100, INDENT = 24 };

/* ---- What all of them need ---- */

const struct pl_model *pl__model_named(const struct pl_cli *cli) {
    const char *name = pl_cli_operand(cli, 1);
    const struct pl_model *model = name ? pl_models_find(name) : NULL;
    if (model) return model;
    if (!name) {
        pl_cli_usage(cli, "which model? `potline model list` lists them");
        return NULL;
    }
    const char *nearest = pl_models_nearest(name);
    fprintf(stderr, "potline model: there is no model \"%s\"%s%s%s\n", name, nearest ? "; did you mean " : "",
            nearest ? nearest : "; potline model list lists them", nearest ? "?" : "");
    return NULL;
}

void pl__model_unknown(const struct pl_model_parameter *rows, const char *name) {
    const char *names[PL_MODEL_PARAMETERS_MAX];
    unsigned count = 0;
    for (; count < PL_MODEL_PARAMETERS_MAX && rows[count].name; count++)
        names[count] = rows[count].name;
    const char *nearest = pl_text_nearest(name, names, count);
    fprintf(stderr, "potline model: there is no parameter \"%s\"%s%s%s (potline model show lists them)\n", name,
            nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

bool pl__model_assign(const struct pl_cli *cli, const struct pl_model_parameter *rows, const char *text, int *row,
                      double *value, const char **at) {
    const char *equals = strchr(text, '=');
    if (!equals) {
        pl_cli_usage(cli, "\"%s\" is not NAME=VALUE", text);
        return false;
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    *row = pl_model_parameter(rows, name);
    if (*row < 0) {
        pl__model_unknown(rows, name);
        return false;
    }
    const char *end = at ? strchr(equals, '@') : NULL;
    if (at) *at = end ? end + 1 : NULL;
    size_t length = end ? (size_t)(end - equals - 1) : strlen(equals + 1);
    struct pl_error *error = NULL;
    if (!pl_model_value(&rows[*row], equals + 1, length, value, &error)) return true;
    pl__model_failed(cli, &error);
    return false;
}

bool pl__model_within(const struct pl_cli *cli, const char *option, double low, double high, double *value) {
    const char *text = pl_cli_get(cli, option);
    if (!text) return true;
    if (pl_text_f64(text, strlen(text), value) && *value >= low && *value <= high) return true;
    pl_cli_usage(cli, "--%s: \"%s\" is no number between %g and %g", option, text, low, high);
    return false;
}

int pl__model_failed(const struct pl_cli *cli, struct pl_error **error) {
    (void)cli;
    int code = *error && ((*error)->code == PL_SYNTAX || (*error)->code == PL_USAGE) ? PL_EXIT_USAGE : PL_EXIT_FAILED;
    char *text = *error ? pl_error_text(*error) : NULL;
    fprintf(stderr, "potline model: %s\n", text ? text : "out of memory");
    pl_free(text);
    pl_error_free(error);
    return code;
}

/* ---- list ---- */

static int list(const struct pl_cli *cli) {
    if (pl_cli_operand(cli, 1))
        return pl_cli_usage(cli, "list takes no model; potline model show %s tells of one", pl_cli_operand(cli, 1));
    json_t *all = json_array();
    for (unsigned i = 0; i < pl_models_count(); i++) {
        const struct pl_model *model = pl_models_get(i);
        json_array_append_new(all, json_pack("{s:s, s:s}", "name", model->name, "summary", model->summary));
        if (!pl_cli_has(cli, "json")) printf("%-22s  %s\n", model->name, model->summary);
    }
    if (pl_cli_has(cli, "json")) return pl__model_json(all);
    json_decref(all);
    return PL_EXIT_OK;
}

/* ---- show ---- */

static void wrap(int indent, const char *text) {
    int column = 0;
    while (*text) {
        if (column && strncmp(text, "\n\n", 2) == 0) {
            fputs("\n\n", stdout);
            column = 0;
        }
        text += strspn(text, " \n");
        int word = (int)strcspn(text, " \n");
        if (!word) break;
        if (column && column + 1 + word > WIDTH) {
            putchar('\n');
            column = 0;
        }
        column += column ? printf(" %.*s", word, text) : printf("%*s%.*s", indent, "", word, text);
        text += word;
    }
    putchar('\n');
}

static void show_parameters(const struct pl_model_parameter *row) {
    for (; row->name; row++) {
        printf("  %-*s", INDENT - 3, row->name);
        if (row->choices) {
            if (isnan(row->fallback))
                fputs(" no default; one of", stdout);
            else
                printf(" default %s; one of", row->choices[(int)row->fallback]);
            for (int i = 0; row->choices[i]; i++)
                printf("%s %s", i ? "," : "", row->choices[i]);
        } else if (isnan(row->fallback)) { /* of an experiment: its files tell it */
            printf(" no default%s%s; %g to %g", *row->unit ? "; in " : "", row->unit, row->low, row->high);
        } else {
            printf(" default %g%s%s; %g to %g", row->fallback, *row->unit ? " " : "", row->unit, row->low, row->high);
        }
        printf("%s\n", row->flags & PL_MODEL_INPUT ? "; input" : "");
        wrap(INDENT, row->doc);
    }
}

/* As what people at the line know an output; NULL: as it is named. */
static const struct pl_model_told *told_as(const struct pl_model_told *told, const char *output) {
    while (told && told->name && strcmp(told->output, output) != 0)
        told++;
    return told && told->name ? told : NULL;
}

static void show_quantities(const char *title, const struct pl_model_quantity *row, const struct pl_model_told *all) {
    printf("\n%s\n", title);
    for (; row && row->name; row++) {
        const struct pl_model_told *told = told_as(all, row->name);
        printf("  %-*s %s", INDENT - 3, row->name, row->unit);
        if (told)
            printf("%stwin.cell: %s%s%s", *row->unit ? "; " : "", told->name, *told->unit ? ", " : "", told->unit);
        if (told && told->low < told->high) printf("; meant for %g to %g", told->low, told->high);
        putchar('\n');
        wrap(INDENT, row->doc);
    }
}

/* What `calibrate --data` reads. */
static void show_file(const struct pl_model_experiment *e) {
    char names[PL_MODEL_COLUMNS_TEXT];
    pl_model_columns_names(e->columns, names, sizeof names);
    printf("\n  Its files (--data, --judge): rows of numbers between commas, tabs or semicolons, with a point for "
           "decimals;\n  %s, columns in any order, others beside them:\n",
           e->headless ? "a first line of names (without it, just these columns in this order)"
                       : "a first line of names");
    for (const struct pl_model_column *c = e->columns; c->name; c++) {
        printf("  %-*s %s", INDENT - 3, c->name, *c->unit ? c->unit : "-");
        if (c->low < c->high) printf("; %g to %g", c->low, c->high);
        printf("%s%s%s%s%s\n", c->flags & PL_COLUMN_RISING ? "; never back" : "", c->alias ? "; or named " : "",
               c->alias ? c->alias : "", c->flags & PL_COLUMN_OPTIONAL ? "; may be missing" : "",
               c->flags & PL_COLUMN_SPARSE ? "; may be empty in a row" : "");
        wrap(INDENT, c->doc);
    }
    printf("  Example:\n    %s\n    %s\n", names, e->example);
}

static json_t *parameters_json(const struct pl_model_parameter *row) {
    json_t *all = json_array();
    for (; row->name; row++) {
        json_t *one = json_pack("{s:s, s:s, s:o, s:f, s:f, s:b, s:b, s:s}", "name", row->name, "unit", row->unit,
                                "default", pl__model_number(row->fallback), "low", row->low, "high", row->high, "input",
                                (int)(row->flags & PL_MODEL_INPUT) != 0, "whole",
                                (int)(row->flags & PL_MODEL_WHOLE) != 0, "doc", row->doc);
        if (row->choices) {
            json_t *choices = json_array();
            for (int i = 0; row->choices[i]; i++)
                json_array_append_new(choices, json_string(row->choices[i]));
            json_object_set_new(one, "choices", choices);
        }
        json_array_append_new(all, one);
    }
    return all;
}

/* Of what the model is meant for; null: of any. */
static json_t *limit_json(const struct pl_model_told *told, double limit) {
    return told->low < told->high ? json_real(limit) : json_null();
}

static json_t *quantities_json(const struct pl_model_quantity *row, const struct pl_model_told *told) {
    json_t *all = json_array();
    for (; row && row->name; row++) {
        const struct pl_model_told *as = told_as(told, row->name);
        json_t *one = json_pack("{s:s, s:s, s:s}", "name", row->name, "unit", row->unit, "doc", row->doc);
        if (as)
            json_object_set_new(one, "told",
                                json_pack("{s:s, s:s, s:f, s:o, s:o}", "name", as->name, "unit", as->unit, "scale",
                                          as->scale, "low", limit_json(as, as->low), "high", limit_json(as, as->high)));
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *columns_json(const struct pl_model_column *row) {
    json_t *all = json_array();
    for (; row->name; row++) {
        bool bounded = row->low < row->high;
        json_array_append_new(all, json_pack("{s:s, s:s?, s:s, s:b, s:b, s:b, s:o, s:o, s:s}", "name", row->name,
                                             "alias", row->alias, "unit", row->unit, "optional",
                                             (int)(row->flags & PL_COLUMN_OPTIONAL) != 0, "sparse",
                                             (int)(row->flags & PL_COLUMN_SPARSE) != 0, "rising",
                                             (int)(row->flags & PL_COLUMN_RISING) != 0, "low",
                                             bounded ? json_real(row->low) : json_null(), "high",
                                             bounded ? json_real(row->high) : json_null(), "doc", row->doc));
    }
    return all;
}

static json_t *experiments_json(const struct pl_model_experiment *row) {
    json_t *all = json_array();
    for (; row && row->name; row++)
        json_array_append_new(all,
                              json_pack("{s:s, s:s, s:o, s:b, s:s, s:s, s:s, s:f, s:o}", "name", row->name, "doc",
                                        row->doc, "columns", columns_json(row->columns), "headless", (int)row->headless,
                                        "example", row->example, "fit", row->fit, "measure", row->measure, "target",
                                        row->target, "parameters", parameters_json(row->parameters)));
    return all;
}

static int show_json(const struct pl_model *model) {
    return pl__model_json(json_pack(
        "{s:s, s:s, s:s, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "name", model->name, "summary", model->summary, "doc",
        model->doc, "until", model->until, "every", model->every, "parameters", parameters_json(model->parameters),
        "states", quantities_json(model->states, NULL), "outputs", quantities_json(model->outputs, model->told),
        "profiles", quantities_json(model->profiles, NULL), "experiments", experiments_json(model->experiments)));
}

static int show(const struct pl_cli *cli) {
    const struct pl_model *model = pl__model_named(cli);
    if (!model) return PL_EXIT_USAGE;
    if (pl_cli_has(cli, "json")) return show_json(model);
    printf("%s: %s\n\n", model->name, model->summary);
    wrap(0, model->doc);
    printf("\nParameters (an input may change while it runs: --set NAME=VALUE@TIME)\n");
    show_parameters(model->parameters);
    show_quantities("States", model->states, NULL);
    show_quantities("Outputs", model->outputs, model->told);
    show_quantities("Profiles", model->profiles, NULL);
    for (const struct pl_model_experiment *row = model->experiments; row && row->name; row++) {
        printf("\nExperiment %s (free by default: %s)\n", row->name, *row->fit ? row->fit : "nothing");
        wrap(2, row->doc);
        show_file(row);
        puts("\n  What may be free, --set for all files, or set for one (FILE,NAME=VALUE):");
        show_parameters(row->parameters);
    }
    return PL_EXIT_OK;
}

/* ---- The subcommand ---- */

static const char *const only_json[] = {"json", NULL};
static const char *const of_run[] = {"set", "until", "every", "budget", "deadline", "within",
                                     "out", "plot",  "of",    "image",  "json",     NULL};
static const char *const of_calibrate[] = {"set", "plot",  "image",       "data",   "judge", "experiment",
                                           "fit", "share", "evaluations", "report", "json",  NULL};

static const struct verb {
    const char *name;
    int (*run)(const struct pl_cli *cli);
    const char *const *options;
} verbs[] = {{"list", list, only_json},
             {"show", show, only_json},
             {"run", pl__model_run, of_run},
             {"calibrate", pl__model_calibrate, of_calibrate},
             {"verify", pl__model_verify, only_json},
             {"validate", pl__model_validate, only_json},
             {.name = NULL}};

static bool is_one_of(const char *const *names, const char *name) {
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names;
}

/* What would do nothing is refused: whoever writes it means something by it. */
static bool options_count(const struct pl_cli *cli, const struct verb *verb) {
    for (const struct pl_cli_option *o = pl_subcommand_model.options; o->name; o++)
        if (pl_cli_has(cli, o->name) && !is_one_of(verb->options, o->name)) {
            char owner[64] = "";
            for (const struct verb *v = verbs; v->name; v++)
                if (is_one_of(v->options, o->name))
                    snprintf(owner + strlen(owner), sizeof owner - strlen(owner), "%s%s", *owner ? ", " : "", v->name);
            pl_cli_usage(cli, "--%s does nothing with %s; it is of %s", o->name, verb->name, owner);
            return false;
        }
    return true;
}

static int model(const struct pl_cli *cli) {
    int verb = pl_cli_verb(cli, verbs, sizeof *verbs);
    return verb < 0 || !options_count(cli, &verbs[verb]) ? PL_EXIT_USAGE : verbs[verb].run(cli);
}

const struct pl_subcommand pl_subcommand_model = {
    .name = "model",
    .operands = "list|show|run|calibrate|verify|validate [MODEL]",
    .least = 0,
    .most = 2,
    .summary = "Run, calibrate, verify and validate the physical models.",
    .doc =
        "list       which models there are\n"
        "show       a model's assumptions, parameters, outputs and experiments\n"
        "run        a model by itself: potline model run SidewallLedgeModel --set film=900 --until 8h --plot\n"
        "calibrate  free constants from measured data: --data FILE --fit NAME,NAME; with --judge FILE, or on a part\n"
        "           of each file that is kept back; what that part will be missed by is foreseen, and what the data do "
        "not\n"
        "           tell is said\n"
        "verify     against closed solutions: errors, observed orders, balances; exit code 1 when one misses\n"
        "validate   against published measurements",
    .options = PL_CLI_OPTIONS(
        {"set", "NAME=VALUE[@TIME]", "A parameter; of an input also from a time on. May be repeated.", 's'},
        {"until", "TIME", "How long a run is: 8h.", 0}, {"every", "TIME", "How often its outputs are taken.", 0},
        {"budget", "COUNT", "Evaluations of the equations that a step may take before it is degraded (200000).", 0},
        {"deadline", "TIME", "The same in time of computing, as a net behind it (10s).", 0},
        {"within", "TIME", "What a whole run may compute before it is ended (2m).", 0},
        {"out", "FILE", "Outputs and profiles as CSV: t_s,quantity,unit,position_m,value.", 'o'},
        {"plot", NULL, "Plot on the terminal; of a calibration the same as --report.", 0},
        {"of", "NAME", "What is plotted: outputs over time, profiles at the end. May be repeated.", 0},
        {"image", "FILE", "Plot into a PNG or SVG file, by gnuplot.", 0},
        {"data", "FILE[,NAME=VALUE...]", "Measured data; with what is set for this file alone. May be repeated.", 0},
        {"judge", "FILE[,NAME=VALUE...]", "Data that are not fitted to, to judge by. May be repeated.", 0},
        {"experiment", "NAME", "Which set-up the data are of, where their header does not tell.", 0},
        {"fit", "NAME[,NAME...]", "What is free; else what the experiment says, but for what is set.", 0},
        {"share", "PART",
         "How much of a file is fitted to (0.5); the rest judges: points between, or behind where time goes on.", 0},
        {"evaluations", "COUNT", "The most runs of the model that a calibration may take (12000).", 0},
        {"report", NULL, "Plot data, fit and residuals on the terminal; with --image, into a file.", 0},
        {"json", NULL, "Print JSON.", 0}),
    .run = model,
};
