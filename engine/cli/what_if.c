/* what_if.c: `potline what-if`: the twin of a cell goes on from where it is, with and without a change. Nothing of the
 * running engine is touched: the state is read, and two models of its own run here. */
#include "what_if.h"

#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "base/clock.h"
#include "data.h"
#include "model.h"

static const double OLD = 3600; /* s of a state: twins tell it more often */

/* ---- What is asked ---- */

static bool duration(const struct pl_cli *cli, const char *option, double *seconds) {
    const char *text = pl_cli_get(cli, option);
    pl_time time;
    if (!text) return true;
    if (!pl_text_duration(text, strlen(text), &time) || time < PL_SECOND || time > 366 * PL_DAY)
        return !pl_cli_usage(cli, "--%s: \"%s\" is no duration between 1s and 366d; write 8h", option, text);
    *seconds = (double)time * 1e-9;
    return true;
}

static bool parse(const struct pl_cli *cli, struct pl_what_if *w, double *seconds) {
    const char *const *set = pl_cli_all(cli, "set");
    struct pl_error *error = NULL;
    *seconds = 8 * 3600;
    if (!duration(cli, "for", seconds)) return false;
    if (!set || !*set) return !pl_cli_usage(cli, "what is to be different? --set acd=-2mm");
    for (; *set; set++)
        if (pl_what_if_change(w, *set, &error)) {
            pl_cli_usage(cli, "--set %s", error->text);
            pl_error_free(&error);
            return false;
        }
    return true;
}

/* What is to be told: some names, or the usual ones. */
static bool choose(const struct pl_cli *cli, const struct pl_what_if *w, bool wanted[PL_MODEL_OUTPUTS_MAX]) {
    const char *const *of = pl_cli_all(cli, "of");
    struct pl_error *error = NULL;
    unsigned output;
    for (unsigned i = 0; i < w->outputs; i++)
        wanted[i] = (!of || !*of) && pl_what_if_usual(w->model->outputs[i].name);
    for (; of && *of; of++) {
        if (pl_what_if_output(w, *of, &output, &error)) {
            pl_cli_usage(cli, "--of %s: %s", *of, error->text);
            pl_error_free(&error);
            return false;
        }
        wanted[output] = true;
    }
    return true;
}

/* ---- Telling ---- */

static void say_how_it_ended(const char *name, const struct pl_what_if_branch *b) {
    char note[PL_WHAT_IF_OUTSIDE_MAX];
    if (b->effect_at >= 0) printf("%s: an anode effect after %.2f h\n", name, b->effect_at / 3600);
    if (pl_what_if_outside(b, note, sizeof note)) printf("%s: %s\n", name, note);
    if (b->over)
        printf("%s: ends after %.2f h: %s\n", name, b->reached / 3600, b->error ? b->error->text : "out of memory");
    if (b->uncertain) printf("%s: %llu steps were taken with less exactness\n", name, (unsigned long long)b->uncertain);
}

/* What was kept of the cell: where it is, and what holds for it. */
struct kept {
    struct pl_what_if_state state;
    struct pl__twin_limits limits;
    pl_time asked; /* as of when */
    bool from;     /* and whether that was said */
};

static double age(const struct kept *kept) {
    return (double)(kept->asked - kept->state.time) * 1e-9;
}

static void print_notes(const struct kept *kept) {
    const double DAY = 86400, HOUR = 3600;
    char note[PL_WHAT_IF_NOTES_MAX];
    double old = age(kept);
    bool days = old > 2 * DAY;
    if (old > OLD)
        printf("note: the newest state that is kept is %.1f %s old%s\n", old / (days ? DAY : HOUR), days ? "days" : "h",
               kept->from ? " at that time" : "");
    if (pl_what_if_note(&kept->state, note, sizeof note)) printf("note: %s\n", note);
}

static void print_left(const struct pl_what_if *w, const struct kept *kept) {
    struct pl_what_if_left left;
    for (unsigned i = 0; i < kept->limits.of.count; i++)
        if (pl_what_if_limits_left(&kept->limits.of, i, w, &left))
            printf("changed: %g %s, %s\n", left.changed, kept->limits.of.limit[i].unit, left.note);
    char at[PL_TEXT_TIME_MAX] = "";
    if (kept->limits.at != PL_TIME_MIN) *pl_text_put_time(at, kept->limits.at) = 0;
    if (kept->limits.known)
        printf("constraints: of the run of the optimiser at %s\n", at);
    else if (*at)
        printf("constraints: none are known: its newest optimize.run, at %s, tells none (of an older version, or "
               "damaged)\n",
               at);
    else
        printf("constraints: none are known: no optimize.run of it in zone gold\n");
}

static void print_changes(const struct pl_what_if *w) {
    for (unsigned i = 0; i < w->changes; i++) {
        const struct pl_what_if_change *c = &w->change[i];
        struct pl_model_told told = pl_what_if_told_change(w, c);
        printf("set %s: %.6g -> %.6g %s\n", told.name, c->from * told.scale, c->to * told.scale, told.unit);
    }
}

static void print_table(const struct pl_cli *cli, const struct pl_what_if *w, const struct kept *kept,
                        const bool *wanted) {
    size_t end = pl_what_if_compared(w);
    char at[PL_TEXT_TIME_MAX];
    *pl_text_put_time(at, w->state.time) = 0;
    printf("%s at %s, %s %s (%s), %g h ahead\n", pl_cli_operand(cli, 0), at, w->state.model, w->state.parameters,
           w->state.fidelity, round(w->time[end] / 36) / 100);
    print_changes(w);
    print_notes(kept);
    printf("%-23s %14s %14s %14s %14s\n", "output", "now", "doing nothing", "changed", "difference");
    for (unsigned i = 0; i < w->outputs; i++) {
        if (!wanted[i]) continue;
        struct pl_model_told told = pl_what_if_told(w, i);
        double now = w->nothing.output[i][0] * told.scale, same = w->nothing.output[i][end] * told.scale;
        double other = w->changed.output[i][end] * told.scale;
        printf("%-23s %14.6g %14.6g %14.6g %14.6g %s\n", told.name, now, same, other, other - same, told.unit);
    }
    say_how_it_ended("doing nothing", &w->nothing);
    say_how_it_ended("changed", &w->changed);
    print_left(w, kept);
}

/* A curve in the unit of the line: an output's values are this run's own, and read no more behind this. */
static struct pl__curve curve_of(const char *name, const struct pl_what_if *w, const struct pl_what_if_branch *b,
                                 unsigned output, double scale) {
    for (size_t k = 0; k < b->times; k++)
        b->output[output][k] *= scale;
    return (struct pl__curve){name, w->time, b->output[output], b->times, false};
}

static bool plot(const struct pl_cli *cli, const struct pl_what_if *w, const bool *wanted) {
    const char *image = pl_cli_get(cli, "image");
    struct pl__plot file[PL_CURVES_MAX];
    char titles[PL_CURVES_MAX][96];
    unsigned files = 0;
    if (!image && !pl_cli_has(cli, "plot")) return true;
    bool all = pl_cli_all(cli, "of") && *pl_cli_all(cli, "of");
    for (unsigned i = 0; i < w->outputs && files < PL_CURVES_MAX; i++) {
        const struct pl_model_quantity *of = &w->model->outputs[i];
        bool first = strcmp(of->name, "bath_temperature") == 0 || strcmp(of->name, "alumina") == 0;
        if (!wanted[i] || (!all && !first)) continue;
        struct pl_model_told told = pl_what_if_told(w, i);
        snprintf(titles[files], sizeof titles[0], "%s (%s)", told.name, told.unit);
        struct pl__plot one = {.title = titles[files], .x = "s", .y = told.unit, .count = 2};
        one.curve[0] = curve_of("doing nothing", w, &w->nothing, i, told.scale);
        one.curve[1] = curve_of("changed", w, &w->changed, i, told.scale);
        if (pl_cli_has(cli, "plot")) pl__plot_terminal(stdout, &one);
        file[files++] = one;
    }
    return !image || pl__plot_file(cli, image, file, files);
}

/* Null: it stays where the model is meant for. */
static json_t *outside_json(const struct pl_what_if_branch *b) {
    const struct pl_what_if_outside *o = &b->outside;
    char note[PL_WHAT_IF_OUTSIDE_MAX];
    if (!pl_what_if_outside(b, note, sizeof note)) return json_null();
    return json_pack("{s:s, s:s, s:o, s:f, s:f, s:f, s:f, s:s}", "quantity", o->of.name, "unit", o->of.unit, "value",
                     pl__model_number(o->value), "low", o->of.low, "high", o->of.high, "from", o->from, "to", o->to,
                     "note", note);
}

static json_t *branch_json(const struct pl_what_if *w, const struct pl_what_if_branch *b) {
    json_t *all = json_object();
    for (unsigned i = 0; i < w->outputs; i++) {
        json_t *values = json_array();
        for (size_t k = 0; k < b->times; k++)
            json_array_append_new(values, pl__model_number(b->output[i][k]));
        json_object_set_new(all, w->model->outputs[i].name, values);
    }
    json_t *one = json_pack("{s:o, s:o}", "outputs", all, "anode_effect_at",
                            b->effect_at < 0 ? json_null() : json_real(b->effect_at));
    json_object_set_new(one, "reached", json_real(b->reached));
    json_object_set_new(one, "outside", outside_json(b));
    if (b->error) json_object_set_new(one, "error", json_string(b->error->text));
    return one;
}

/* Null: none are known. */
static json_t *left_json(const struct pl_what_if *w, const struct kept *kept) {
    struct pl_what_if_left left;
    json_t *all = kept->limits.known ? json_array() : json_null();
    for (unsigned i = 0; i < kept->limits.of.count; i++) {
        const struct pl_what_if_limit *l = &kept->limits.of.limit[i];
        if (!pl_what_if_limits_left(&kept->limits.of, i, w, &left)) continue;
        json_array_append_new(all,
                              json_pack("{s:s, s:s, s:o, s:o, s:o, s:s}", "constraint", l->of, "unit", l->unit, "now",
                                        pl__model_number(left.now), "nothing", pl__model_number(left.nothing),
                                        "changed", pl__model_number(left.changed), "note", left.note));
    }
    return all;
}

static int print_json(const struct pl_cli *cli, const struct pl_what_if *w, const struct kept *kept) {
    const struct pl_what_if_state *s = &w->state;
    char at[PL_TEXT_TIME_MAX], limits_at[PL_TEXT_TIME_MAX] = "";
    *pl_text_put_time(at, s->time) = 0;
    if (kept->limits.at != PL_TIME_MIN) *pl_text_put_time(limits_at, kept->limits.at) = 0;
    char note[PL_WHAT_IF_NOTES_MAX];
    bool noted = pl_what_if_note(s, note, sizeof note);
    json_t *time = json_array();
    for (size_t i = 0; i < w->times; i++)
        json_array_append_new(time, json_real(w->time[i]));
    return pl__model_json(json_pack("{s:o, s:o, s:o, s:f, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "note",
                                    noted ? json_string(note) : json_null(), "risk", pl__model_number(s->risk),
                                    "risk_minutes", pl__model_number(s->minutes), "age", age(kept), "asset",
                                    pl_cli_operand(cli, 0), "at", at, "model", s->model, "parameters", s->parameters,
                                    "fidelity", s->fidelity, "time", time, "nothing", branch_json(w, &w->nothing),
                                    "changed", branch_json(w, &w->changed), "constraints", left_json(w, kept),
                                    "constraints_at", *limits_at ? json_string(limits_at) : json_null()));
}

/* ---- The command ---- */

static int failed(struct pl_error **error) {
    bool usage = *error && (*error)->code == PL_USAGE;
    fprintf(stderr, "potline what-if: %s\n", *error ? (*error)->text : "out of memory");
    pl_error_free(error);
    return usage ? PL_EXIT_USAGE : PL_EXIT_FAILED;
}

static int look_ahead(const struct pl_cli *cli, struct pl_what_if *w, const struct kept *kept) {
    struct pl_error *error = NULL;
    double seconds;
    bool wanted[PL_MODEL_OUTPUTS_MAX] = {false};
    if (!parse(cli, w, &seconds) || !choose(cli, w, wanted) || !pl__plot_possible(cli)) return PL_EXIT_USAGE;
    if (pl_what_if_run(w, seconds, pl_what_if_times(seconds), NULL, &error)) return failed(&error);
    if (pl_cli_has(cli, "json")) return print_json(cli, w, kept);
    print_table(cli, w, kept, wanted);
    return plot(cli, w, wanted) ? PL_EXIT_OK : PL_EXIT_FAILED;
}

static int from_kept(const struct pl_cli *cli, const struct kept *kept) {
    struct pl_error *error = NULL;
    struct pl_what_if *w = pl_what_if_new(&kept->state, &error);
    int exit_code = w ? look_ahead(cli, w, kept) : failed(&error);
    pl_what_if_free(w);
    return exit_code;
}

static int from_state(const struct pl_cli *cli, struct kept *kept) {
    const char *asset = pl_cli_operand(cli, 0);
    struct pl_clock clock;
    char at[PL_TEXT_TIME_MAX];
    pl_clock_init(&clock, PL_CLOCK_WALL, 0);
    pl_time now = pl_clock_now(&clock);
    int exit_code = pl__twin_state_find(cli, asset, pl_cli_get(cli, "node"), kept->asked, &kept->state, &kept->limits);
    if (exit_code) return exit_code;
    *pl_text_put_time(at, kept->state.time) = 0;
    if (kept->from && kept->asked > now && kept->asked > kept->state.time)
        return pl_cli_usage(cli, "--from: that is in the future; the newest state of %s is of %s", asset, at);
    if (!kept->from) kept->asked = now;
    return from_kept(cli, kept);
}

static int what_if(const struct pl_cli *cli) {
    const char *from = pl_cli_get(cli, "from");
    struct kept *kept = PL_NEW(struct kept);
    if (!kept) return PL_EXIT_FAILED;
    kept->asked = PL_TIME_MAX;
    kept->from = from && strcmp(from, "now") != 0;
    int exit_code = kept->from && !pl_cli_time(cli, "from", &kept->asked) ? PL_EXIT_USAGE : from_state(cli, kept);
    pl_free(kept);
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
        "it changes by, with % of what it is, and all but 0 needs a unit. What is told has the names and units of\n"
        "twin.cell's tags; JSON has all outputs by the model's own.\n"
        "\n"
        "Doing nothing means: the feeders keep the alumina where it is, metal is tapped as it is made, all along, the\n"
        "anodes stay where they are, and AlF3 comes as it does now (days of that may be too much). So it is with a\n"
        "change, too: feed=+5% is five percent more than would be fed there to keep up, tapping=+5% than is made "
        "there;\n"
        "with a unit and without a sign a feed is what it says.\n"
        "\n"
        "What the twin expects of the cell is told beside (an anode effect, feeders that are blocked), and so is from\n"
        "when on a branch is outside of what the model is meant for (potline model show CellModel).\n"
        "\n"
        "A change may go beyond constraints. Which ones is told, as far as the folder keeps them: those of the "
        "newest\n"
        "optimize.run of the cell in zone gold, by then, whose time is told: they may have changed since. A running "
        "engine tells its own of now (the command what-if\n"
        "of potline shell).",
    .options = PL_CLI_OPTIONS(
        {"data", "DIR", "The data folder of the engine (it may be running).", 0}, PL_CLI_KEY_FILE,
        {"set", "NAME=VALUE", "What is changed: acd=-2mm, feed=+5%, current=185kA. May be repeated.", 's'},
        {"for", "DURATION", "How far ahead (8h).", 0},
        {"from", "TIME", "From the newest state until that time (now).", 0},
        {"node", "NAME", "Only what this node has put into the lake: faster in a large folder.", 0},
        {"of", "OUTPUT", "Outputs to be told and plotted, as twin.cell or as the model names them. May be repeated.",
         0},
        {"plot", NULL, "Draw them on the terminal (bath temperature and alumina unless --of says others).", 0},
        {"image", "FILE", "Draw them into a PNG or SVG file.", 0}, {"json", NULL, "All outputs over time as JSON.", 0}),
    .run = what_if,
};
