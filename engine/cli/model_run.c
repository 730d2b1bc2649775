/* model_run.c: `potline model run`: one model by itself, with its inputs changed on the way. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include <potline/alloc.h>
#include <potline/stepper.h>
#include <potline/text.h>
#include <potline/time.h>

#include "base/clock.h"
#include "model.h"

enum { CHANGES_MAX = 256, TIMES_MAX = 200000, WITHIN_S = 120 };

struct change {
    double time;
    int parameter;
    double value;
};

struct run {
    const struct pl_cli *cli;
    const struct pl_model *model;
    double values[PL_MODEL_PARAMETERS_MAX]; /* at the start */
    struct change change[CHANGES_MAX];      /* by time */
    unsigned changes;
    double until, every;
    long budget;             /* of a step */
    double deadline, within; /* s of computing: for a step, for all of it */
    pl_time begun;

    unsigned outputs;
    size_t times, room;
    double *time;
    double *output[PL_MODEL_OUTPUTS_MAX]; /* over the times */
    double *rung;                         /* likewise: the worst since the time before */
    enum pl_stepper_rung worst;
    double degraded_at; /* the first time; below 0: never */
    char why[sizeof((struct pl_stepper *)0)->why];
    struct pl_stepper stepper;
    double position[PL_MODEL_PROFILE_MAX], value[PL_MODEL_PROFILE_MAX];
    FILE *out;
    char *beside; /* where it is written until it is whole; NULL: where it belongs */
};

/* Control-C ends a run behind the step it is at; once more, and it ends at once. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    (void)number;
    interrupted = 1;
}

/* ---- What is asked for ---- */

static bool seconds(const struct pl_cli *cli, const char *option, const char *text, double *value) {
    pl_time time;
    if (!pl_text_duration(text, strlen(text), &time) || time < 0) {
        pl_cli_usage(cli, "--%s: \"%s\" is not a duration; write 90s or 8h", option, text);
        return false;
    }
    *value = (double)time * 1e-9;
    return true;
}

static bool later(struct run *run, const char *text, int row, double value, const char *at) {
    double time = 0;
    if (!seconds(run->cli, "set", at, &time)) return false;
    if (!(run->model->parameters[row].flags & PL_MODEL_INPUT)) {
        pl_cli_usage(run->cli, "--set %s: %s is no input, it cannot change on the way", text,
                     run->model->parameters[row].name);
        return false;
    }
    if (run->changes == CHANGES_MAX) {
        pl_cli_usage(run->cli, "more than %d changes on the way", CHANGES_MAX);
        return false;
    }
    unsigned place = run->changes++;
    for (; place && run->change[place - 1].time > time; place--)
        run->change[place] = run->change[place - 1];
    run->change[place] = (struct change){time, row, value};
    return true;
}

/* The beginning of a name will do as well. */
static const char *nearest_of(const char *name, const char *const *names, unsigned count) {
    const char *nearest = pl_text_nearest(name, names, count);
    for (unsigned i = 0; i < count && !nearest && *name; i++)
        if (strncmp(name, names[i], strlen(name)) == 0) nearest = names[i];
    return nearest;
}

/* What is to be plotted are outputs and profiles of the model. */
static bool check_wishes(const struct run *run) {
    const char *names[PL_MODEL_OUTPUTS_MAX * 2];
    unsigned count = 0;
    const struct pl_model_quantity *tables[] = {run->model->outputs, run->model->profiles};
    for (unsigned t = 0; t < 2; t++)
        for (const struct pl_model_quantity *q = tables[t]; q && q->name && count < PL_MODEL_OUTPUTS_MAX * 2; q++)
            names[count++] = q->name;
    const char *const *of = pl_cli_all(run->cli, "of");
    if (of && *of && !pl_cli_has(run->cli, "plot") && !pl_cli_has(run->cli, "image")) {
        pl_cli_usage(run->cli, "--of says what is plotted: with --plot or --image");
        return false;
    }
    for (; of && *of; of++) {
        bool found = false;
        for (unsigned i = 0; i < count; i++)
            found = found || strcmp(names[i], *of) == 0;
        if (found) continue;
        const char *nearest = nearest_of(*of, names, count);
        fprintf(stderr, "potline model: --of: %s has no output or profile \"%s\"%s%s%s\n", run->model->name, *of,
                nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
        return false;
    }
    return true;
}

/* One file cannot hold both. */
static bool files_apart(const struct pl_cli *cli) {
    const char *out = pl_cli_get(cli, "out"), *image = pl_cli_get(cli, "image");
    struct stat a, b;
    bool same = out && image &&
                (strcmp(out, image) == 0 ||
                 (!stat(out, &a) && !stat(image, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino));
    if (same) pl_cli_usage(cli, "--out and --image are the same file: %s", out);
    return !same;
}

static bool take_settings(struct run *run) {
    const struct pl_cli *cli = run->cli;
    for (unsigned i = 0; run->model->parameters[i].name; i++)
        run->values[i] = run->model->parameters[i].fallback;
    const char *const *set = pl_cli_all(cli, "set");
    for (; set && *set; set++) {
        int row;
        double value;
        const char *at;
        if (!pl__model_assign(cli, run->model->parameters, *set, &row, &value, &at)) return false;
        if (at && !later(run, *set, row, value, at)) return false;
        if (!at) run->values[row] = value;
    }
    return true;
}

static bool take_times(struct run *run) {
    const struct pl_cli *cli = run->cli;
    run->until = run->model->until;
    run->every = run->model->every;
    const char *until = pl_cli_get(cli, "until"), *every = pl_cli_get(cli, "every");
    if (until && !seconds(cli, "until", until, &run->until)) return false;
    if (!(run->until > 0)) {
        pl_cli_usage(cli, "--until: a run takes longer than %s", until);
        return false;
    }
    if (run->changes && run->change[run->changes - 1].time > run->until) {
        const struct change *late = &run->change[run->changes - 1];
        pl_cli_usage(cli, "--set %s@%gs is behind the end of the run (%gs, --until)",
                     run->model->parameters[late->parameter].name, late->time, run->until);
        return false;
    }
    if (until && !every) run->every = fmin(run->every, run->until / 10);
    if (every && !seconds(cli, "every", every, &run->every)) return false;
    if (every && run->every > run->until) {
        pl_cli_usage(cli, "--every %s is longer than the run (%gs, --until)", every, run->until);
        return false;
    }
    if (!(run->every > 0) || run->until / run->every > TIMES_MAX) {
        pl_cli_usage(cli, "outputs each %g s for %g s: at most %d times are possible", run->every, run->until,
                     TIMES_MAX);
        return false;
    }
    return true;
}

static bool take_bounds(struct run *run) {
    const struct pl_cli *cli = run->cli;
    const char *deadline = pl_cli_get(cli, "deadline"), *within = pl_cli_get(cli, "within");
    run->deadline = PL_STEPPER_DEADLINE;
    run->within = WITHIN_S;
    if (deadline && !seconds(cli, "deadline", deadline, &run->deadline)) return false;
    if (within && !seconds(cli, "within", within, &run->within)) return false;
    double budget = PL_STEPPER_BUDGET;
    if (!pl__model_within(cli, "budget", 1, 1e12, &budget)) return false;
    run->budget = (long)budget;
    return true;
}

static bool parse(struct run *run) {
    return check_wishes(run) && files_apart(run->cli) && pl__plot_possible(run->cli) && take_settings(run) &&
           take_times(run) && take_bounds(run);
}

/* ---- Running ---- */

static bool take_memory(struct run *run) {
    while (run->model->outputs[run->outputs].name && run->outputs < PL_MODEL_OUTPUTS_MAX)
        run->outputs++;
    run->room = (size_t)(run->until / run->every) + 3;
    run->time = pl_alloc(run->room * (run->outputs + 2) * sizeof *run->time);
    for (unsigned i = 0; run->time && i < run->outputs; i++)
        run->output[i] = run->time + (i + 1) * run->room;
    if (run->time) run->rung = run->time + (run->outputs + 1) * run->room;
    return run->time != NULL;
}

static void write_row(FILE *out, double time, const struct pl_model_quantity *of, double position, double value) {
    char text[PL_TEXT_F64_MAX];
    *pl_text_put_f64(text, time) = 0;
    fprintf(out, "%s,%s,%s,", text, of->name, of->unit);
    if (!isnan(position)) {
        *pl_text_put_f64(text, position) = 0;
        fputs(text, out);
    }
    *pl_text_put_f64(text, value) = 0;
    fprintf(out, ",%s\n", text);
}

static void record(struct run *run, double time) {
    static const struct pl_model_quantity rung = {"rung", "", ""};
    double outputs[PL_MODEL_OUTPUTS_MAX];
    void *self = run->stepper.self;
    run->model->read(self, outputs);
    size_t at = run->times < run->room ? run->times++ : run->room - 1;
    run->time[at] = time;
    run->rung[at] = run->worst;
    run->worst = PL_STEPPER_ASKED;
    if (run->out) write_row(run->out, time, &rung, NAN, run->rung[at]);
    for (unsigned i = 0; i < run->outputs; i++) {
        run->output[i][at] = outputs[i];
        if (run->out) write_row(run->out, time, &run->model->outputs[i], NAN, outputs[i]);
    }
    for (unsigned k = 0; run->out && run->model->profiles[k].name; k++) {
        unsigned count = run->model->profile(self, k, run->position, run->value);
        for (unsigned i = 0; i < count; i++)
            write_row(run->out, time, &run->model->profiles[k], run->position[i], run->value[i]);
    }
}

static enum pl_code step(struct run *run, double until, struct pl_error **error) {
    struct pl_stepper *stepper = &run->stepper;
    if (interrupted)
        return pl_error_set(error, PL_LIMIT, "interrupted at %g s of %g s%s%s", stepper->t, run->until,
                            run->beside ? "; what was reached is in " : "", run->beside ? run->beside : "");
    double left = run->within - (double)(pl_clock_worked() - run->begun) * 1e-9;
    if (left <= 0)
        return pl_error_set(error, PL_LIMIT, "at %g s of %g s, %g s of computing are used up (--within)", stepper->t,
                            run->until, run->within);
    stepper->deadline = fmin(run->deadline > 0 ? run->deadline : left, left);
    enum pl_code code = pl_stepper_advance(stepper, until, error);
    if (code || stepper->rung == PL_STEPPER_ASKED) return code;
    if (stepper->rung > run->worst) run->worst = stepper->rung;
    if (run->degraded_at < 0) {
        run->degraded_at = until;
        memcpy(run->why, stepper->why, sizeof run->why);
    }
    return PL_OK;
}

/* To the next time that outputs are due, with the inputs that change on the way. */
static enum pl_code advance(struct run *run, unsigned *next, double until, struct pl_error **error) {
    while (*next < run->changes && run->change[*next].time <= until) {
        const struct change *change = &run->change[(*next)++];
        enum pl_code code = step(run, change->time, error);
        if (!code) code = pl_stepper_set(&run->stepper, (unsigned)change->parameter, change->value, error);
        if (code) return code;
    }
    return step(run, until, error);
}

static enum pl_code work(struct run *run, struct pl_error **error) {
    unsigned next = 0;
    run->degraded_at = -1;
    run->begun = pl_clock_worked();
    enum pl_code code = pl_stepper_open(&run->stepper, run->model, run->values, error);
    if (code) return code;
    run->stepper.budget = run->budget;
    record(run, 0);
    for (size_t i = 1; !code && (double)(i - 1) * run->every < run->until * (1 - 1e-12); i++) {
        double time = fmin((double)i * run->every, run->until);
        code = advance(run, &next, time, error);
        if (!code) record(run, time);
    }
    return code;
}

/* ---- Telling ---- */

static json_t *profiles_json(struct run *run, void *self) {
    json_t *all = json_object();
    for (unsigned k = 0; run->model->profiles[k].name; k++) {
        unsigned count = run->model->profile(self, k, run->position, run->value);
        json_t *positions = json_array(), *values = json_array();
        for (unsigned i = 0; i < count; i++) {
            json_array_append_new(positions, pl__model_number(run->position[i]));
            json_array_append_new(values, pl__model_number(run->value[i]));
        }
        json_object_set_new(
            all, run->model->profiles[k].name,
            json_pack("{s:s, s:o, s:o}", "unit", run->model->profiles[k].unit, "position", positions, "value", values));
    }
    return all;
}

static json_t *rungs_json(const uint64_t *counts) {
    json_t *all = json_object();
    for (unsigned i = 0; i < PL_STEPPER_RUNGS; i++)
        json_object_set_new(all, pl_stepper_rung_name(i), json_integer((json_int_t)counts[i]));
    return all;
}

static int print_json(struct run *run, const struct pl_error *error) {
    json_t *of_parameters = json_object(), *of_outputs = json_object(), *parameters = json_object(),
           *time = json_array(), *rung = json_array(), *outputs = json_object();
    for (unsigned i = 0; run->model->parameters[i].name; i++) {
        json_object_set_new(parameters, run->model->parameters[i].name, pl__model_number(run->values[i]));
        json_object_set_new(of_parameters, run->model->parameters[i].name, json_string(run->model->parameters[i].unit));
    }
    for (size_t i = 0; i < run->times; i++) {
        json_array_append_new(time, json_real(run->time[i]));
        json_array_append_new(rung, json_integer((json_int_t)run->rung[i]));
    }
    for (unsigned k = 0; k < run->outputs; k++) {
        json_t *values = json_array();
        for (size_t i = 0; i < run->times; i++)
            json_array_append_new(values, pl__model_number(run->output[k][i]));
        json_object_set_new(outputs, run->model->outputs[k].name, values);
        json_object_set_new(of_outputs, run->model->outputs[k].name, json_string(run->model->outputs[k].unit));
    }
    json_t *units = json_pack("{s:s, s:s, s:o, s:o}", "time", "s", "position", "m", "parameters", of_parameters,
                              "outputs", of_outputs);
    json_t *all = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "model", run->model->name, "units",
                            units, "parameters", parameters, "time", time, "rung", rung, "outputs", outputs, "profiles",
                            run->times ? profiles_json(run, run->stepper.self) : json_object(), "steps",
                            rungs_json(run->stepper.steps), "failures", rungs_json(run->stepper.failures),
                            "evaluations", (json_int_t)(run->times ? pl_stepper_effort(&run->stepper) : 0));
    if (error)
        json_object_set_new(all, "error",
                            json_pack("{s:s, s:s}", "code", pl_code_name(error->code), "text", error->text));
    return pl__model_json(all);
}

static void print_text(const struct run *run) {
    printf("%-24s %14s %14s %14s  %s\n", "output", "at the start", "at the end", "least", "most");
    for (unsigned k = 0; k < run->outputs && run->times; k++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < run->times; i++) {
            low = fmin(low, run->output[k][i]);
            high = fmax(high, run->output[k][i]);
        }
        printf("%-24s %14.6g %14.6g %14.6g  %.6g %s\n", run->model->outputs[k].name, run->output[k][0],
               run->output[k][run->times - 1], low, high, run->model->outputs[k].unit);
    }
}

/* That, how often and why something else was done than was asked for. */
static void print_rungs(const struct run *run) {
    if (run->degraded_at < 0) return;
    printf("degraded, first before %g s: %s; steps", run->degraded_at, run->why);
    for (unsigned i = 0; i < PL_STEPPER_RUNGS; i++)
        printf("%s %s %llu", i ? "," : "", pl_stepper_rung_name(i), (unsigned long long)run->stepper.steps[i]);
    puts(run->stepper.steps[PL_STEPPER_HELD] ? "; what is held is not where the process would be" : "");
}

static bool asked_for(const struct run *run, const char *name, bool fallback) {
    const char *const *of = pl_cli_all(run->cli, "of");
    if (!of || !*of) return fallback;
    for (; *of; of++)
        if (strcmp(*of, name) == 0) return true;
    return false;
}

static void plot_one(const struct run *run, const struct pl__plot *plot, struct pl__plot *file, unsigned *files) {
    if (pl_cli_has(run->cli, "plot")) pl__plot_terminal(stdout, plot);
    if (*files < PL_CURVES_MAX) file[(*files)++] = *plot;
}

/* Outputs over the time (without a wish the first one), profiles at the end. */
static bool plot(struct run *run) {
    const char *image = pl_cli_get(run->cli, "image");
    if (!run->times || (!image && !pl_cli_has(run->cli, "plot"))) return true;
    struct pl__plot file[PL_CURVES_MAX];
    char titles[PL_CURVES_MAX][96];
    unsigned files = 0, count = 0;
    const char *unit = run->time[run->times - 1] > 2 * 3600 ? "h" : "s";
    for (size_t i = 0; i < run->times && *unit == 'h'; i++)
        run->time[i] /= 3600; /* nothing but the plots comes after */
    for (unsigned k = 0; k < run->outputs && files < PL_CURVES_MAX - 1; k++) {
        const struct pl_model_quantity *of = &run->model->outputs[k];
        if (!asked_for(run, of->name, k == 0)) continue;
        snprintf(titles[files], sizeof titles[0], "%s (%s)", of->name, of->unit);
        struct pl__plot one = {.title = titles[files], .x = unit, .y = of->unit, .count = 1};
        one.curve[0] = (struct pl__curve){of->name, run->time, run->output[k], run->times, false};
        plot_one(run, &one, file, &files);
    }
    for (unsigned k = 0; run->model->profiles[k].name && files < PL_CURVES_MAX; k++) {
        const struct pl_model_quantity *of = &run->model->profiles[k];
        if (count || !asked_for(run, of->name, k == 0)) continue;
        count = run->model->profile(run->stepper.self, k, run->position, run->value);
        snprintf(titles[files], sizeof titles[0], "%s (%s) at %g %s", of->name, of->unit, run->time[run->times - 1],
                 unit);
        struct pl__plot one = {.title = titles[files], .x = "m", .y = of->unit, .count = 1};
        one.curve[0] = (struct pl__curve){of->name, run->position, run->value, count, false};
        plot_one(run, &one, file, &files);
    }
    return !image || pl__plot_file(run->cli, image, file, files);
}

static bool open_out(struct run *run) {
    const char *path = pl_cli_get(run->cli, "out");
    struct stat is;
    if (!path) return true;
    if (stat(path, &is) || S_ISREG(is.st_mode)) { /* a pipe or a terminal is no file that could be put in place */
        run->beside = pl_alloc(strlen(path) + sizeof ".part");
        if (!run->beside) return false;
        sprintf(run->beside, "%s.part", path);
    }
    run->out = fopen(run->beside ? run->beside : path, "w");
    if (run->out)
        fputs("t_s,quantity,unit,position_m,value\n", run->out);
    else
        fprintf(stderr, "potline model: %s: %s\n", path, strerror(errno));
    return run->out != NULL;
}

/* Under its own name stands only what is whole: all of a run, or all until it met a limit. */
static bool close_out(struct run *run) {
    if (!run->out) return true;
    bool good = !ferror(run->out);
    const char *path = pl_cli_get(run->cli, "out");
    good = fclose(run->out) == 0 && good;
    if (good && run->beside && !interrupted) good = rename(run->beside, path) == 0;
    if (!good) fprintf(stderr, "potline model: %s could not be written\n", path);
    return good;
}

int pl__model_run(const struct pl_cli *cli) {
    struct run *run = PL_NEW(struct run);
    if (!run) return PL_EXIT_FAILED;
    *run = (struct run){.cli = cli, .model = pl__model_named(cli)};
    int exit_code = PL_EXIT_USAGE;
    struct pl_error *error = NULL;
    if (run->model && parse(run)) {
        bool opened = take_memory(run) && open_out(run);
        sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESETHAND}, NULL);
        exit_code = opened ? PL_EXIT_OK : PL_EXIT_FAILED;
        if (!exit_code && work(run, &error)) exit_code = PL_EXIT_FAILED;
        if (!exit_code && run->stepper.rung == PL_STEPPER_HELD) exit_code = PL_EXIT_FAILED;
        if (!close_out(run)) exit_code = PL_EXIT_FAILED;
        if (opened && pl_cli_has(cli, "json") && print_json(run, error)) exit_code = PL_EXIT_FAILED;
        if (opened && !pl_cli_has(cli, "json")) print_text(run);
        if (opened && !pl_cli_has(cli, "json")) print_rungs(run);
        if (opened && !plot(run)) exit_code = PL_EXIT_FAILED;
    }
    if (error) pl__model_failed(cli, &error);
    if (run->model) pl_stepper_close(&run->stepper);
    pl_free(run->time);
    pl_free(run->beside);
    pl_free(run);
    return exit_code;
}
