/* runs.c: runs of stored models: on a worker, with what comes of them kept in memory for a while. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/stepper.h>
#include <potline/text.h>

#include "graph/models.h"
#include "http/rest_impl.h"

enum {
    RUNS = 32,
    A_MODEL = 8,
    TIMES = 500,
    POINTS = 200000, /* of all profiles of a run: 3 MiB */
    WHY = 256,
    NAME = 64
};
static const double BUDGET = 200000, DEADLINE_S = 10;

enum state { QUEUED, RUNNING, DONE, FAILED };
static const char *const state_names[] = {"queued", "running", "done", "failed"};

struct profile { /* of one quantity at one time */
    unsigned quantity, count;
    double time;
    size_t first; /* in the run's points */
};

/* What it is made of is set by the server's thread before the work, and what comes of it by the worker; whoever reads
 * that has seen `state` at DONE or FAILED. */
struct run {
    struct pl__runs *runs;
    char id[NAME], model_id[PL_REST_SEGMENT];
    const struct pl_model *model;
    double values[PL_MODEL_PARAMETERS_MAX];
    double until, every;
    pl_time asked;
    char user[PL_USER_NAME_MAX + 1];
    _Atomic int state;
    _Atomic bool unwanted;
    bool listed; /* not removed */
    unsigned outputs, times;
    double *time, *output; /* outputs x TIMES */
    double *position, *value;
    size_t points;
    struct profile *profile;
    unsigned profiles, quantities;
    bool cut; /* not all profiles are kept */
    char why[WHY];
    enum pl_code code;
    uint64_t steps[PL_STEPPER_RUNGS];
};

struct pl__runs {
    struct run *list[RUNS]; /* oldest first */
    unsigned count;
    uint64_t number;
    _Atomic bool ending;
};

static void free_run(struct run *run) {
    if (!run) return;
    pl_free(run->time);
    pl_free(run->output);
    pl_free(run->position);
    pl_free(run->value);
    pl_free(run->profile);
    pl_free(run);
}

struct pl__runs *pl__runs_new(void) {
    return PL_NEW(struct pl__runs);
}

void pl__runs_stop(struct pl__runs *runs) {
    if (runs) atomic_store(&runs->ending, true);
}

void pl__runs_free(struct pl__runs *runs) {
    for (unsigned i = 0; runs && i < runs->count; i++)
        free_run(runs->list[i]);
    pl_free(runs);
}

static bool is_over(const struct run *run) {
    return atomic_load(&run->state) >= DONE;
}

static void forget(struct pl__runs *runs, unsigned i) {
    free_run(runs->list[i]);
    memmove(runs->list + i, runs->list + i + 1, (--runs->count - i) * sizeof *runs->list);
}

/* ---- The work ---- */

static bool take_memory(struct run *run) {
    while (run->model->outputs[run->outputs].name && run->outputs < PL_MODEL_OUTPUTS_MAX)
        run->outputs++;
    while (run->model->profiles[run->quantities].name)
        run->quantities++;
    run->time = pl_alloc((TIMES + 1) * sizeof *run->time);
    run->output = pl_alloc((size_t)(TIMES + 1) * (run->outputs + 1) * sizeof *run->output);
    run->position = pl_alloc(POINTS * sizeof *run->position);
    run->value = pl_alloc(POINTS * sizeof *run->value);
    run->profile = pl_alloc((size_t)(TIMES + 1) * (run->quantities + 1) * sizeof *run->profile);
    return run->time && run->output && run->position && run->value && run->profile;
}

static void record_profiles(struct run *run, void *self, double time) {
    for (unsigned k = 0; k < run->quantities; k++) {
        if (run->points + PL_MODEL_PROFILE_MAX > POINTS) {
            run->cut = true;
            return;
        }
        unsigned count = run->model->profile(self, k, run->position + run->points, run->value + run->points);
        run->profile[run->profiles++] =
            (struct profile){.quantity = k, .count = count, .time = time, .first = run->points};
        run->points += count;
    }
}

static void record(struct run *run, struct pl_stepper *stepper, double time) {
    if (run->times > TIMES) return;
    run->time[run->times] = time;
    run->model->read(stepper->self, run->output + (size_t)run->times * run->outputs);
    run->times++;
    record_profiles(run, stepper->self, time);
}

static enum pl_code work_off(struct run *run, struct pl_error **error) {
    struct pl_stepper stepper = {0};
    enum pl_code code = pl_stepper_open(&stepper, run->model, run->values, error);
    stepper.budget = (long)BUDGET;
    stepper.deadline = DEADLINE_S;
    if (!code) record(run, &stepper, 0);
    for (unsigned i = 1; !code && (i - 1) * run->every < run->until * (1 - 1e-12); i++) {
        if (atomic_load(&run->unwanted) || atomic_load(&run->runs->ending)) {
            code = pl_error_set(error, PL_UNAVAILABLE, "it was ended");
            break;
        }
        double time = fmin(i * run->every, run->until);
        code = pl_stepper_advance(&stepper, time, error);
        if (!code) record(run, &stepper, time);
    }
    memcpy(run->steps, stepper.steps, sizeof run->steps);
    if (!code && stepper.rung == PL_STEPPER_HELD)
        code = pl_error_set(error, PL_LIMIT, "no convergence: %s", stepper.why);
    pl_stepper_close(&stepper);
    return code;
}

/* What it has not used is given back: it is kept for a while. */
static void shrink(struct run *run) {
    size_t size = (run->points + 1) * sizeof *run->position;
    double *position = pl_realloc(run->position, size), *value = pl_realloc(run->value, size);
    if (position) run->position = position;
    if (value) run->value = value;
}

static void work(void *arg) { /* on a worker */
    struct run *run = arg;
    struct pl_error *error = NULL;
    atomic_store(&run->state, RUNNING);
    run->code = take_memory(run) ? work_off(run, &error) : PL_NO_MEMORY;
    if (run->position && run->value) shrink(run);
    if (run->code) snprintf(run->why, sizeof run->why, "%s", error ? error->text : pl_code_text(run->code));
    pl_error_free(&error);
    atomic_store(&run->state, run->code ? FAILED : DONE);
}

/* ---- As it is told ---- */

static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *outputs_json(const struct run *run) {
    json_t *all = json_object();
    for (unsigned k = 0; k < run->outputs; k++) {
        json_t *values = json_array();
        for (unsigned i = 0; i < run->times; i++)
            json_array_append_new(values, number(run->output[(size_t)i * run->outputs + k]));
        json_object_set_new(all, run->model->outputs[k].name,
                            json_pack("{s:s, s:o}", "unit", run->model->outputs[k].unit, "values", values));
    }
    return all;
}

static json_t *head_json(const struct pl__call *call, const struct run *run) {
    char asked[40];
    pl__moment(run->asked, asked);
    json_t *links = pl__links(call, "pde-models/%s/runs/%s", run->model_id, run->id),
           *model = pl__links(call, "pde-models/%s", run->model_id);
    json_t *profiles = pl__links(call, "pde-models/%s/runs/%s/profiles", run->model_id, run->id);
    json_object_set_new(json_array_get(model, 0), "rel", json_string("model"));
    json_object_set_new(json_array_get(profiles, 0), "rel", json_string("profiles"));
    json_array_extend(links, model);
    json_array_extend(links, profiles);
    json_decref(model);
    json_decref(profiles);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:o}", "runId", run->id, "modelId", run->model_id,
                     "modelName", run->model->name, "status", state_names[atomic_load(&run->state)],
                     "creationTimestamp", asked, "user", run->user, "until", run->until, "every", run->every, "links",
                     links);
}

static json_t *run_json(const struct pl__call *call, const struct run *run) {
    json_t *value = head_json(call, run), *time = json_array(), *steps = json_object();
    bool over = is_over(run);
    for (unsigned i = 0; over && i < run->times; i++)
        json_array_append_new(time, number(run->time[i]));
    for (unsigned i = 0; over && i < PL_STEPPER_RUNGS; i++)
        json_object_set_new(steps, pl_stepper_rung_name(i), json_integer((json_int_t)run->steps[i]));
    json_object_set_new(value, "time", time);
    json_object_set_new(value, "outputs", over ? outputs_json(run) : json_object());
    json_object_set_new(value, "steps", steps);
    if (over && run->code)
        json_object_set_new(value, "error",
                            json_pack("{s:s, s:s}", "code", pl_code_name(run->code), "detail", run->why));
    return value;
}

static json_t *profile_json(const struct run *run, const struct profile *profile) {
    const struct pl_model_quantity *of = &run->model->profiles[profile->quantity];
    json_t *positions = json_array(), *values = json_array();
    for (unsigned i = 0; i < profile->count; i++) {
        json_array_append_new(positions, number(run->position[profile->first + i]));
        json_array_append_new(values, number(run->value[profile->first + i]));
    }
    return json_pack("{s:f, s:s, s:s, s:o, s:o}", "time", profile->time, "quantity", of->name, "unit", of->unit,
                     "positions", positions, "values", values);
}

/* ---- The routes ---- */

static struct run *find(struct pl__call *call) {
    struct pl__runs *runs = call->rest->runs;
    for (unsigned i = 0; i < runs->count; i++)
        if (runs->list[i]->listed && strcmp(runs->list[i]->model_id, call->match.value[0]) == 0 &&
            strcmp(runs->list[i]->id, call->match.value[1]) == 0)
            return runs->list[i];
    pl__complain(call, PL__NOT_FOUND, "There is no such run, or it is no longer kept.");
    return NULL;
}

/* Seconds, or a duration. */
static bool seconds(struct pl__call *call, const char *name, double fallback, double *value, json_t *errors) {
    const char *text = pl__call_text(call, name);
    char pointer[NAME];
    pl_time time;
    *value = fallback;
    if (!text) return true;
    snprintf(pointer, sizeof pointer, "/%s", name);
    bool good = pl_text_duration(text, strlen(text), &time) && time > 0 && time <= 365 * PL_DAY;
    if (good)
        *value = (double)time * 1e-9;
    else
        pl__field_error(errors, pointer, "a duration above 0 and up to 365d is expected");
    return good;
}

static bool read_times(struct pl__call *call, struct run *run) {
    json_t *errors = json_array();
    bool given = seconds(call, "until", run->model->until, &run->until, errors);
    seconds(call, "every", fmin(run->model->every, run->until / 10), &run->every, errors);
    if (given && run->until / run->every > TIMES)
        pl__field_error(errors, "/every", "at most %d times are kept of a run", TIMES);
    if (json_array_size(errors)) {
        pl__problem_fields(call, errors);
        return false;
    }
    json_decref(errors);
    return true;
}

static unsigned runs_of(const struct pl__runs *runs, const char *model_id) {
    unsigned count = 0;
    for (unsigned i = 0; i < runs->count; i++)
        count += strcmp(runs->list[i]->model_id, model_id) == 0;
    return count;
}

/* The oldest that is over makes room: of the same model, when that has many. */
static bool make_room(struct pl__runs *runs, const char *model_id) {
    bool many = runs_of(runs, model_id) >= A_MODEL;
    if (!many && runs->count < RUNS) return true;
    for (unsigned i = 0; i < runs->count; i++) {
        if (!is_over(runs->list[i]) || (many && strcmp(runs->list[i]->model_id, model_id) != 0)) continue;
        forget(runs, i);
        return true;
    }
    return false;
}

static void begin(struct pl__call *call, struct run *run) {
    struct pl__runs *runs = call->rest->runs;
    char href[PL__PATH];
    if (!make_room(runs, run->model_id) || !pl_workers_do(call->rest->slow, work, run)) {
        free_run(run);
        pl__problem_wait(call, PL__NOT_NOW, 5, "Too many runs are under way.");
        return;
    }
    runs->list[runs->count++] = run;
    pl__call_audit(call, "pde-models run", run->model_id, "done");
    pl__href(call, href, "pde-models/%s/runs/%s", run->model_id, run->id);
    pl__answer_json(call, PL__ACCEPTED, head_json(call, run), href);
}

void pl__runs_create(struct pl__call *call) {
    struct run *run = PL_NEW(struct run);
    if (!run) {
        pl__problem_code(call, PL_NO_MEMORY, NULL);
        return;
    }
    run->runs = call->rest->runs;
    run->listed = true;
    if (!pl__models_ready(call, &run->model, run->values)) {
        free_run(run);
    } else if (!read_times(call, run)) {
        free_run(run);
    } else {
        snprintf(run->id, sizeof run->id, "run-%03llu", (unsigned long long)++run->runs->number);
        snprintf(run->model_id, sizeof run->model_id, "%s", call->match.value[0]);
        snprintf(run->user, sizeof run->user, "%s", call->who.name);
        run->asked = pl__rest_now(call->rest);
        begin(call, run);
    }
}

void pl__runs_list(struct pl__call *call) {
    const struct pl__runs *runs = call->rest->runs;
    json_t *list = json_array();
    size_t at = 0;
    for (unsigned i = 0; i < runs->count; i++) {
        if (!runs->list[i]->listed || strcmp(runs->list[i]->model_id, call->match.value[0]) != 0) continue;
        if (at >= call->offset && at < call->offset + call->limit)
            json_array_append_new(list, head_json(call, runs->list[i]));
        at++;
    }
    pl__answer_list(call, list, at > call->offset + call->limit);
}

void pl__runs_get(struct pl__call *call) {
    const struct run *run = find(call);
    if (run) pl__answer_json(call, PL__OK, run_json(call, run), NULL);
}

/* By time, each quantity; none as long as it is under way. */
void pl__runs_profiles(struct pl__call *call) {
    const struct run *run = find(call);
    if (!run) return;
    json_t *list = json_array();
    unsigned count = is_over(run) ? run->profiles : 0;
    for (size_t i = call->offset; i < count && i < call->offset + call->limit; i++)
        json_array_append_new(list, profile_json(run, &run->profile[i]));
    pl__answer_list(call, list, count > call->offset + call->limit);
}

void pl__runs_remove(struct pl__call *call) {
    struct run *run = find(call);
    if (!run) return;
    pl__call_audit(call, "pde-models run remove", run->model_id, "done");
    run->listed = false; /* the worker may still be at it */
    atomic_store(&run->unwanted, true);
    for (unsigned i = 0; i < call->rest->runs->count && is_over(run); i++) {
        if (call->rest->runs->list[i] != run) continue;
        forget(call->rest->runs, i);
        break;
    }
    pl__answer_gone(call);
}
