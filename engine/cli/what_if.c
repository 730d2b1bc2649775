/* what_if.c: `potline what-if`: the twin of a cell goes on from where it is, with and without a change. Nothing of the
 * running engine is touched: the state is read, and two models of its own run here. */
#include "what_if.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "data.h"
#include "model.h"

enum { CHANGES_MAX = 32, TIMES = 97 };

struct change {
    int parameter;
    double value;
    bool relative, percent; /* to what it would be; of it */
};

struct branch { /* doing nothing, or the change */
    const char *name;
    struct pl_stepper stepper;
    double *output[PL_MODEL_OUTPUTS_MAX]; /* over the times */
    size_t times;                         /* reached */
    double effect_at;                     /* s of the first anode effect; below 0: none */
    uint64_t uncertain;                   /* steps on a low rung */
    struct pl_error *error;               /* beyond the physics on the way */
};

struct what_if {
    const struct pl_cli *cli;
    const struct pl_model *model;
    struct pl__twin_state *state;
    struct change change[CHANGES_MAX];
    unsigned changes, outputs;
    double lasts, every, time[TIMES];
    size_t times;
    struct branch nothing, changed;
    double *room;
};

/* ---- What is changed ---- */

static const struct {
    const char *unit, *of; /* of the parameter */
    double factor;
} units[] = {{"mm", "m", 1e-3},
             {"cm", "m", 1e-2},
             {"m", "m", 1},
             {"kA", "A", 1e3},
             {"A", "A", 1},
             {"kg/s", "kg/s", 1},
             {"kg/h", "kg/s", 1.0 / 3600},
             {"kg", "kg", 1},
             {"W/K", "W/K", 1},
             {"uohm", "ohm", 1e-6},
             {"ohm", "ohm", 1},
             {"degC", "degC", 1},
             {"K", "degC", 1}};

/* What people at the line call them. */
static const struct {
    const char *said, *name;
} aliases[] = {{"acd", "distance"}, {"alf3", "fluoride_feed"}, {"ce", "efficiency"}};

static int parameter_named(const struct what_if *w, const char *name) {
    for (unsigned i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcmp(aliases[i].said, name) == 0) name = aliases[i].name;
    return pl_model_parameter(w->model->parameters, name);
}

static bool has_unit(const char *text, const struct pl_model_parameter *row, struct change *change) {
    if (!*text) return true;
    if (strcmp(text, "%") == 0) return change->percent = true;
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].unit, text) == 0 && strcmp(units[i].of, row->unit) == 0) {
            change->value *= units[i].factor;
            return true;
        }
    return false;
}

static bool parse_change(struct what_if *w, const char *text) {
    const char *equals = strchr(text, '=');
    char name[64];
    if (!equals || equals[1] == 0)
        return !pl_cli_usage(w->cli, "--set %s: write NAME=VALUE, acd=-2mm or feed=+5%%", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    struct change change = {.parameter = parameter_named(w, name)};
    if (change.parameter < 0) {
        pl_cli_usage(w->cli, "--set %s: %s has no input %s; potline model show %s lists them", text, w->model->name,
                     name, w->model->name);
        return false;
    }
    const struct pl_model_parameter *row = &w->model->parameters[change.parameter];
    size_t length = strspn(equals + 1, "+-.0123456789eE");
    change.relative = equals[1] == '+' || equals[1] == '-';
    const char *number = equals + 1 + (equals[1] == '+');
    if (!(row->flags & PL_MODEL_INPUT))
        return !pl_cli_usage(w->cli, "--set %s: %s is no input, it cannot change", text, row->name);
    if (!pl_text_f64(number, length - (size_t)(number - equals - 1), &change.value) ||
        !has_unit(equals + 1 + length, row, &change))
        return !pl_cli_usage(w->cli, "--set %s: \"%s\" is no value in %s; with + or - it is what it changes by", text,
                             equals + 1, *row->unit ? row->unit : "%");
    if (w->changes == CHANGES_MAX) return !pl_cli_usage(w->cli, "more than %d changes", CHANGES_MAX);
    w->change[w->changes++] = change;
    return true;
}

static double changed_value(const struct change *change, double now) {
    if (change->percent) return change->relative ? now * (1 + change->value / 100) : now * change->value / 100;
    return change->relative ? now + change->value : change->value;
}

static bool duration(const struct pl_cli *cli, const char *option, double *seconds) {
    const char *text = pl_cli_get(cli, option);
    pl_time time;
    if (!text) return true;
    if (!pl_text_duration(text, strlen(text), &time) || time < PL_SECOND || time > 366 * PL_DAY)
        return !pl_cli_usage(cli, "--%s: \"%s\" is no duration between 1s and 366d; write 8h", option, text);
    *seconds = (double)time * 1e-9;
    return true;
}

static bool parse(struct what_if *w) {
    const char *const *set = pl_cli_all(w->cli, "set");
    w->lasts = 8 * 3600;
    if (!duration(w->cli, "for", &w->lasts)) return false;
    if (!set || !*set) return !pl_cli_usage(w->cli, "what is to be different? --set acd=-2mm");
    for (; *set; set++)
        if (!parse_change(w, *set)) return false;
    return true;
}

/* ---- Running ahead ---- */

static int output_named(const struct what_if *w, const char *name) {
    for (unsigned i = 0; i < w->outputs; i++)
        if (strcmp(w->model->outputs[i].name, name) == 0) return (int)i;
    return -1;
}

static void record(const struct what_if *w, struct branch *b) {
    double outputs[PL_MODEL_OUTPUTS_MAX];
    w->model->read(b->stepper.self, outputs);
    for (unsigned i = 0; i < w->outputs; i++)
        b->output[i][b->times] = outputs[i];
    int effect = output_named(w, "anode_effect");
    if (effect >= 0 && b->effect_at < 0 && outputs[effect] > 0) b->effect_at = w->time[b->times];
    b->times++;
}

static enum pl_code set(const struct what_if *w, struct branch *b, const char *name, double value) {
    int row = pl_model_parameter(w->model->parameters, name);
    if (row < 0) return PL_OK;
    const struct pl_model_parameter *p = &w->model->parameters[row];
    return pl_stepper_set(&b->stepper, (unsigned)row, fmin(fmax(value, p->low), p->high), &b->error);
}

/* What goes on by itself: the feeders keep up with what is used, metal is tapped as it is made, the anodes stay. */
static enum pl_code settle(const struct what_if *w, struct branch *b, double *values) {
    double outputs[PL_MODEL_OUTPUTS_MAX];
    w->model->read(b->stepper.self, outputs);
    int used = output_named(w, "consumption"), made = output_named(w, "production");
    enum pl_code code = set(w, b, "drift", 0);
    if (!code) code = set(w, b, "fluoride_feed", w->state->fluoride);
    if (!code && used >= 0) code = set(w, b, "feed", outputs[used] / 3600);
    if (!code && made >= 0) code = set(w, b, "tapping", outputs[made] / 3600);
    int feed = pl_model_parameter(w->model->parameters, "feed");
    int distance = pl_model_parameter(w->model->parameters, "distance"), now = output_named(w, "distance");
    int fluoride = pl_model_parameter(w->model->parameters, "fluoride_feed");
    if (feed >= 0 && used >= 0) values[feed] = outputs[used] / 3600;
    if (distance >= 0 && now >= 0) values[distance] = outputs[now];
    if (fluoride >= 0) values[fluoride] = w->state->fluoride;
    return code;
}

static enum pl_code begin(const struct what_if *w, struct branch *b, bool change) {
    const struct pl__twin_state *s = w->state;
    enum pl_code code = pl_stepper_open(&b->stepper, w->model, s->values, &b->error);
    if (!code)
        code = pl_stepper_resume(&b->stepper, (enum pl_stepper_rung)s->rung, 0, s->t, s->state, s->count, &b->error);
    if (code) return code;
    double values[PL_MODEL_PARAMETERS_MAX];
    memcpy(values, s->state, s->value_count * sizeof *values);
    code = settle(w, b, values);
    for (unsigned i = 0; change && !code && i < w->changes; i++) {
        const struct change *c = &w->change[i];
        const struct pl_model_parameter *row = &w->model->parameters[c->parameter];
        double value = changed_value(c, values[c->parameter]);
        if (!(value >= row->low && value <= row->high))
            return pl_error_set(&b->error, PL_USAGE, "%s would be %g %s; it may be %g to %g", row->name, value,
                                row->unit, row->low, row->high);
        code = pl_stepper_set(&b->stepper, (unsigned)c->parameter, value, &b->error);
        values[c->parameter] = value;
    }
    return code;
}

/* PL_OK also where the physics end on the way: then there are fewer times. */
static enum pl_code run_branch(const struct what_if *w, struct branch *b, bool change) {
    b->effect_at = -1;
    enum pl_code code = begin(w, b, change);
    if (code) return code;
    record(w, b);
    for (size_t i = 1; i < w->times; i++) {
        if (pl_stepper_advance(&b->stepper, w->state->t + w->time[i], &b->error)) return PL_OK;
        b->uncertain += pl_stepper_uncertain(&b->stepper);
        record(w, b);
    }
    return PL_OK;
}

static bool prepare(struct what_if *w) {
    while (w->outputs < PL_MODEL_OUTPUTS_MAX && w->model->outputs[w->outputs].name)
        w->outputs++;
    w->times = TIMES;
    for (size_t i = 0; i < w->times; i++)
        w->time[i] = w->lasts * (double)i / (double)(w->times - 1);
    w->room = pl_alloc(2 * w->outputs * w->times * sizeof *w->room);
    for (unsigned i = 0; w->room && i < w->outputs; i++) {
        w->nothing.output[i] = w->room + 2 * i * w->times;
        w->changed.output[i] = w->nothing.output[i] + w->times;
    }
    return w->room != NULL;
}

/* ---- Telling ---- */

static bool asked_for(const struct what_if *w, const char *name) {
    static const char *const usual[] = {"bath_temperature", "superheat",  "alumina",     "ledge_bath",
                                        "ledge_metal",      "voltage",    "distance",    "current_efficiency",
                                        "energy",           "production", "anode_effect"};
    const char *const *of = pl_cli_all(w->cli, "of");
    if (of && *of) {
        for (; *of; of++)
            if (strcmp(*of, name) == 0) return true;
        return false;
    }
    for (unsigned i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(usual[i], name) == 0) return true;
    return false;
}

static void say_how_it_ended(const struct branch *b) {
    if (b->effect_at >= 0) printf("%s: an anode effect after %.1f h\n", b->name, b->effect_at / 3600);
    if (b->error) printf("%s: ends before its time: %s\n", b->name, b->error->text);
    if (b->uncertain)
        printf("%s: %llu steps were taken with less exactness\n", b->name, (unsigned long long)b->uncertain);
}

static void print_table(const struct what_if *w) {
    char at[PL_TEXT_TIME_MAX];
    *pl_text_put_time(at, w->state->time) = 0;
    printf("%s at %s, %s %s (%s), %g h ahead\n", pl_cli_operand(w->cli, 0), at, w->state->model, w->state->parameters,
           w->state->fidelity, w->lasts / 3600);
    printf("%-20s %14s %14s %14s %14s\n", "output", "now", "doing nothing", "changed", "difference");
    for (unsigned i = 0; i < w->outputs; i++) {
        if (!asked_for(w, w->model->outputs[i].name)) continue;
        double now = w->nothing.output[i][0], same = w->nothing.output[i][w->nothing.times - 1];
        double other = w->changed.output[i][w->changed.times - 1];
        printf("%-20s %14.6g %14.6g %14.6g %14.6g %s\n", w->model->outputs[i].name, now, same, other, other - same,
               w->model->outputs[i].unit);
    }
    say_how_it_ended(&w->nothing);
    say_how_it_ended(&w->changed);
}

static bool plot(const struct what_if *w) {
    const char *image = pl_cli_get(w->cli, "image");
    struct pl__plot file[PL_CURVES_MAX];
    char titles[PL_CURVES_MAX][96];
    unsigned files = 0;
    if (!image && !pl_cli_has(w->cli, "plot")) return true;
    bool all = pl_cli_all(w->cli, "of") && *pl_cli_all(w->cli, "of");
    for (unsigned i = 0; i < w->outputs && files < PL_CURVES_MAX; i++) {
        const struct pl_model_quantity *of = &w->model->outputs[i];
        bool first = strcmp(of->name, "bath_temperature") == 0 || strcmp(of->name, "alumina") == 0;
        if (!asked_for(w, of->name) || (!all && !first)) continue;
        snprintf(titles[files], sizeof titles[0], "%s (%s)", of->name, of->unit);
        struct pl__plot one = {.title = titles[files], .x = "s", .y = of->unit, .count = 2};
        one.curve[0] = (struct pl__curve){"doing nothing", w->time, w->nothing.output[i], w->nothing.times, false};
        one.curve[1] = (struct pl__curve){"changed", w->time, w->changed.output[i], w->changed.times, false};
        if (pl_cli_has(w->cli, "plot")) pl__plot_terminal(stdout, &one);
        file[files++] = one;
    }
    return !image || pl__plot_file(w->cli, image, file, files);
}

static json_t *branch_json(const struct what_if *w, const struct branch *b) {
    json_t *all = json_object();
    for (unsigned i = 0; i < w->outputs; i++) {
        json_t *values = json_array();
        for (size_t k = 0; k < b->times; k++)
            json_array_append_new(values, pl__model_number(b->output[i][k]));
        json_object_set_new(all, w->model->outputs[i].name, values);
    }
    json_t *one = json_pack("{s:o, s:o}", "outputs", all, "anode_effect_at",
                            b->effect_at < 0 ? json_null() : json_real(b->effect_at));
    if (b->error) json_object_set_new(one, "error", json_string(b->error->text));
    return one;
}

static int print_json(const struct what_if *w) {
    char at[PL_TEXT_TIME_MAX];
    *pl_text_put_time(at, w->state->time) = 0;
    json_t *time = json_array();
    for (size_t i = 0; i < w->times; i++)
        json_array_append_new(time, json_real(w->time[i]));
    return pl__model_json(json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "asset", pl_cli_operand(w->cli, 0),
                                    "at", at, "model", w->state->model, "parameters", w->state->parameters, "fidelity",
                                    w->state->fidelity, "time", time, "nothing", branch_json(w, &w->nothing), "changed",
                                    branch_json(w, &w->changed)));
}

/* ---- The command ---- */

static int failed(const struct what_if *w, struct branch *b) {
    (void)w;
    bool usage = b->error && b->error->code == PL_USAGE;
    fprintf(stderr, "potline what-if: %s\n", b->error ? b->error->text : "out of memory");
    return usage ? PL_EXIT_USAGE : PL_EXIT_FAILED;
}

static int work(struct what_if *w) {
    if (!prepare(w)) {
        fputs("potline what-if: out of memory\n", stderr);
        return PL_EXIT_FAILED;
    }
    if (run_branch(w, &w->nothing, false)) return failed(w, &w->nothing);
    if (run_branch(w, &w->changed, true)) return failed(w, &w->changed);
    if (pl_cli_has(w->cli, "json")) return print_json(w);
    print_table(w);
    return plot(w) ? PL_EXIT_OK : PL_EXIT_FAILED;
}

static int find_model(struct what_if *w) {
    w->model = pl_models_find(w->state->model);
    if (w->model && w->state->value_count == pl_model_parameters(w->model->parameters) &&
        w->state->count > w->state->value_count && w->state->rung >= 0 && w->state->rung < PL_STEPPER_HELD)
        return PL_EXIT_OK;
    fprintf(stderr, "potline what-if: the state is of a %s that this version does not have\n", w->state->model);
    return PL_EXIT_FAILED;
}

static int what_if(const struct pl_cli *cli) {
    struct what_if *w = PL_NEW(struct what_if);
    struct pl__twin_state *state = PL_NEW(struct pl__twin_state);
    int exit_code = PL_EXIT_FAILED;
    pl_time at = PL_TIME_MAX;
    if (w && state) {
        *w = (struct what_if){
            .cli = cli, .state = state, .nothing = {.name = "doing nothing"}, .changed = {.name = "changed"}};
        const char *from = pl_cli_get(cli, "from");
        exit_code = (from && strcmp(from, "now") == 0) || pl_cli_time(cli, "from", &at)
                        ? pl__twin_state_find(cli, pl_cli_operand(cli, 0), pl_cli_get(cli, "node"), at, state)
                        : PL_EXIT_USAGE;
        if (!exit_code) exit_code = find_model(w);
        if (!exit_code) exit_code = parse(w) ? work(w) : PL_EXIT_USAGE;
        struct branch *both[] = {&w->nothing, &w->changed};
        for (unsigned i = 0; i < 2; i++) {
            if (both[i]->stepper.model) pl_stepper_close(&both[i]->stepper);
            pl_error_free(&both[i]->error);
        }
        pl_free(w->room);
    }
    pl_free(state);
    pl_free(w);
    return exit_code;
}

const struct pl_subcommand pl_subcommand_what_if = {
    .name = "what-if",
    .operands = "ASSET",
    .least = 1,
    .most = 1,
    .summary = "Run the twin of a cell ahead, with a change and without.",
    .doc =
        "Goes on from the state that the twin (twin.cell) has told last, which a data folder keeps: doing nothing, "
        "and\n"
        "with what --set changes from now on. Nothing of the engine is touched, and nothing is written.\n"
        "\n"
        "    potline what-if line1.pot07 --data DIR --set acd=-2mm --set feed=+5% --for 8h --plot\n"
        "\n"
        "Names are inputs of the model (potline model show CellModel), or acd, alf3, ce; a value with a sign is what\n"
        "it changes by. Doing nothing means: the feeders keep up with what is used, metal is tapped as it is made, "
        "the\n"
        "anodes stay where they are.",
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder of the engine (it may be running).", 0}, PL_CLI_KEY_FILE,
        {"set", "NAME=VALUE", "What is changed: acd=-2mm, feed=+5%, current=185kA. May be repeated.", 's'},
        {"for", "DURATION", "How far ahead (8h).", 0}, {"from", "TIME", "From the state at that time (now).", 0},
        {"node", "NAME", "Only states that this node has put into the lake: faster in a large folder.", 0},
        {"of", "OUTPUT", "Outputs to be told and plotted. May be repeated.", 0},
        {"plot", NULL, "Draw them on the terminal (bath temperature and alumina unless --of says others).", 0},
        {"image", "FILE", "Draw them into a PNG or SVG file.", 0}, {"json", NULL, "All outputs over time as JSON.", 0}),
    .run = what_if,
};
