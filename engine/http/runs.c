/* runs.c: runs of stored models: carried out on a worker (run_work.c), and what comes of them kept in memory for a
 * while. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/text.h>

#include "graph/models.h"
#include "http/run.h"

enum { RUNS = 32, A_MODEL = 8 };

static const char *const state_names[] = {"queued", "running", "done", "failed"};

struct pl__runs {
    struct pl__run *list[RUNS]; /* oldest first */
    unsigned count;
    uint64_t number;
    _Atomic bool ending;
};

struct pl__runs *pl__runs_new(void) {
    return PL_NEW(struct pl__runs);
}

void pl__runs_stop(struct pl__runs *runs) {
    if (runs) atomic_store(&runs->ending, true);
}

void pl__runs_free(struct pl__runs *runs) {
    for (unsigned i = 0; runs && i < runs->count; i++)
        pl__run_free(runs->list[i]);
    pl_free(runs);
}

static bool is_over(const struct pl__run *run) {
    return atomic_load(&run->state) >= PL__RUN_DONE;
}

static void forget(struct pl__runs *runs, unsigned i) {
    pl__run_free(runs->list[i]);
    memmove(runs->list + i, runs->list + i + 1, (--runs->count - i) * sizeof *runs->list);
}

/* ---- As it is told ---- */

static json_t *number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *outputs_json(const struct pl__run *run, const double *output, unsigned times) {
    json_t *all = json_object();
    for (unsigned k = 0; k < run->outputs; k++) {
        json_t *values = json_array();
        for (unsigned i = 0; i < times; i++)
            json_array_append_new(values, number(output[(size_t)i * run->outputs + k]));
        json_object_set_new(all, run->model->outputs[k].name,
                            json_pack("{s:s, s:o}", "unit", run->model->outputs[k].unit, "values", values));
    }
    return all;
}

static json_t *head_json(const struct pl__call *call, const struct pl__run *run) {
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
    json_t *head =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:o}", "runId", run->id, "modelId", run->model_id,
                  "modelName", run->model->name, "status", state_names[atomic_load(&run->state)], "creationTimestamp",
                  asked, "user", run->user, "until", run->until, "every", run->every, "links", links);
    if (!run->fork) return head;
    json_object_set_new(head, "asset", json_string(run->asset));
    json_object_set_new(head, "since", json_string(run->since));
    json_object_set(head, "set", run->set);
    if (run->note[0]) json_object_set_new(head, "note", json_string(run->note));
    return head;
}

/* Which constraints the changes leave, and how far. */
static json_t *left_json(const struct pl__run *run) {
    json_t *all = json_array();
    for (unsigned i = 0; i < run->limits.count; i++) {
        const struct pl_what_if_limit *l = &run->limits.limit[i];
        struct pl_what_if_left left;
        double scale = 1;
        int output = pl_what_if_limit_output(l, run->model, &scale);
        if (output < 0) continue;
        const struct pl_what_if_course nothing = {run->baseline + output, run->baseline_times, run->outputs},
                                       changed = {run->output + output, run->times, run->outputs};
        if (!pl_what_if_limit_left(l, scale, &nothing, &changed, &left)) continue;
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "constraint", l->of,
                                             "scope", l->scope, "unit", l->unit, "low", number(l->low), "high",
                                             number(l->high), "now", number(left.now), "baseline", number(left.nothing),
                                             "changed", number(left.changed), "note", left.note));
    }
    return all;
}

/* Where the branches are beyond what the model is meant for. */
static json_t *outside_json(const struct pl__run *run) {
    static const char *const names[] = {"baseline", "changed"};
    const struct pl_what_if_branch *const branch[] = {&run->fork->nothing, &run->fork->changed};
    json_t *all = json_array();
    for (unsigned i = 0; i < 2; i++) {
        const struct pl_what_if_outside *o = &branch[i]->outside;
        char note[PL_WHAT_IF_OUTSIDE_MAX];
        if (!pl_what_if_outside(branch[i], note, sizeof note)) continue;
        json_array_append_new(all,
                              json_pack("{s:s, s:s, s:s, s:o, s:f, s:f, s:f, s:f, s:s}", "branch", names[i], "quantity",
                                        o->of.name, "unit", o->of.unit, "value", number(o->value), "low", o->of.low,
                                        "high", o->of.high, "from", o->from, "to", o->to, "note", note));
    }
    return all;
}

/* Of constraints nothing is said (null) while it runs, where it ended before its time, and where none are known. */
static void put_fork(json_t *value, const struct pl__run *run, bool over) {
    bool known = over && !run->code && run->baseline && (!run->unknown[0] || run->limits.count);
    json_object_set_new(value, "baseline",
                        over ? outputs_json(run, run->baseline, run->baseline_times) : json_object());
    json_object_set_new(value, "outside", over ? outside_json(run) : json_null());
    json_object_set_new(value, "constraintsLeft", known ? left_json(run) : json_null());
    if (run->unknown[0]) json_object_set_new(value, "constraintsUnknown", json_string(run->unknown));
}

static json_t *run_json(const struct pl__call *call, const struct pl__run *run) {
    json_t *value = head_json(call, run), *time = json_array(), *steps = json_object();
    bool over = is_over(run);
    for (unsigned i = 0; over && i < run->times; i++)
        json_array_append_new(time, number(run->time[i]));
    for (unsigned i = 0; over && i < PL_STEPPER_RUNGS; i++)
        json_object_set_new(steps, pl_stepper_rung_name(i), json_integer((json_int_t)run->steps[i]));
    json_object_set_new(value, "time", time);
    json_object_set_new(value, "outputs", over ? outputs_json(run, run->output, run->times) : json_object());
    if (run->fork) put_fork(value, run, over);
    json_object_set_new(value, "steps", steps);
    if (over && run->code)
        json_object_set_new(value, "error",
                            json_pack("{s:s, s:s}", "code", pl_code_name(run->code), "detail", run->why));
    return value;
}

static json_t *profile_json(const struct pl__run *run, const struct pl__run_profile *profile) {
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

static struct pl__run *find(struct pl__call *call) {
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
    char pointer[PL__RUN_ID];
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

static bool read_times(struct pl__call *call, struct pl__run *run) {
    json_t *errors = json_array();
    bool given = seconds(call, "until", run->model->until, &run->until, errors);
    seconds(call, "every", fmin(run->model->every, run->until / 10), &run->every, errors);
    if (given && run->until / run->every > PL__RUN_TIMES)
        pl__field_error(errors, "/every", "at most %d times are kept of a run", PL__RUN_TIMES);
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

static void begin(struct pl__call *call, struct pl__run *run) {
    struct pl__runs *runs = call->rest->runs;
    char href[PL__PATH];
    if (!make_room(runs, run->model_id) || !pl_workers_do(call->rest->slow, call->who.name, pl__run_work, run)) {
        pl__run_free(run);
        pl__problem_wait(call, PL__NOT_NOW, 5, "Too many runs are under way.");
        return;
    }
    runs->list[runs->count++] = run;
    pl__call_audit(call, "pde-models run", run->model_id, "done");
    pl__href(call, href, "pde-models/%s/runs/%s", run->model_id, run->id);
    pl__answer_json(call, PL__ACCEPTED, head_json(call, run), href);
}

/* ---- From where a twin stands ---- */

static void refuse(struct pl__call *call, struct pl__run *run, struct pl_error *error) {
    json_t *errors = json_array();
    if (error && error->code == PL_USAGE) {
        pl__field_error(errors, "/set", "%s", error->text);
        pl__problem_fields(call, errors);
    } else {
        json_decref(errors);
        pl__complain(call, PL__SEMANTIC, "The twin's state cannot be gone on from: %s",
                     error ? error->text : "it is damaged");
    }
    pl_error_free(&error);
    pl__run_free(run);
}

/* The changes are tried out at once: what is out of range is told now. */
static enum pl_code fork_from(struct pl__run *run, const struct pl_what_if_state *state, struct pl_error **error) {
    const json_t *one;
    size_t i;
    if (strcmp(state->model, run->model->name) != 0)
        return pl_error_set(error, PL_NOT_FOUND, "the twin follows with %s, this is a %s", state->model,
                            run->model->name);
    run->fork = pl_what_if_new(state, error);
    if (!run->fork) return PL_NOT_FOUND;
    pl_what_if_note(state, run->note, sizeof run->note);
    json_array_foreach(run->set, i, one) {
        const char *text = json_string_value(one);
        enum pl_code code = text ? pl_what_if_change(run->fork, text, error)
                                 : pl_error_set(error, PL_USAGE, "strings are expected: \"acd=-2mm\"");
        if (code) return code;
    }
    enum pl_code code = pl_what_if_begin(run->fork, error);
    pl_what_if_end(run->fork);
    return code;
}

static void free_work(void *work) {
    pl__run_free(work);
}

/* The optimiser has told its constraints (command `constraints list`), or why not: a run goes on without, and says so.
 */
static void limited(struct pl__call *call) {
    struct pl__run *run = call->work;
    const struct pl__result *result = &call->result;
    struct pl_unpack unpack;
    call->work = NULL;
    pl_unpack_init(&unpack, result->rows, result->size);
    if (result->missing)
        snprintf(run->unknown, sizeof run->unknown, "there is no optimiser");
    else if (result->code)
        snprintf(run->unknown, sizeof run->unknown, "%s", result->error ? result->error : pl_code_text(result->code));
    else if (!pl_what_if_limits_read(&run->limits, run->asset, &unpack, result->count)) {
        run->limits.count = 0;
        snprintf(run->unknown, sizeof run->unknown, "what the optimiser tells are no constraints");
    } else if (result->cut)
        snprintf(run->unknown, sizeof run->unknown, "there are more than a reply takes");
    begin(call, run);
}

static void ask_limits(struct pl__call *call, struct pl__run *run) {
    const char *words[] = {"constraints", "list"};
    call->work = run;
    pl__result_free(&call->result);
    pl__call_ask(call, words, 2, NULL, limited);
}

/* The twin's node has told the state (command `twin state`). */
static void forked(struct pl__call *call) {
    struct pl__run *run = call->work;
    struct pl_what_if_state *state = PL_NEW(struct pl_what_if_state);
    struct pl_error *error = NULL;
    struct pl_unpack unpack;
    call->work = NULL;
    if (pl__call_failed(call)) {
        pl__run_free(run);
    } else {
        pl_unpack_init(&unpack, call->result.rows, call->result.size);
        bool good = state && pl_what_if_read(&unpack, state) && !fork_from(run, state, &error);
        if (good) snprintf(run->since, sizeof run->since, "%s", state->told);
        if (good)
            ask_limits(call, run);
        else
            refuse(call, run, error);
    }
    pl_free(state);
}

static void fork_twin(struct pl__call *call, struct pl__run *run) {
    const char *asset = pl__call_text(call, "asset");
    char argument[PL_REST_SEGMENT + 16];
    snprintf(run->asset, sizeof run->asset, "%s", asset);
    snprintf(argument, sizeof argument, "--asset=%s", asset);
    const json_t *set = pl__call_value(call, "set");
    run->set = set ? json_deep_copy(set) : json_array();
    const char *words[] = {"twin", "state", argument};
    call->work = run;
    call->end_work = free_work;
    pl__call_ask(call, words, 3, NULL, forked);
}

/* What is changed, and of which cell: neither says anything without the other, here as in the command what-if. */
static bool whole_question(struct pl__call *call) {
    bool asset = pl__call_text(call, "asset") != NULL, set = json_array_size(pl__call_value(call, "set")) > 0;
    if (asset == set && (asset || !pl__call_value(call, "set"))) return true;
    json_t *errors = json_array();
    if (asset)
        pl__field_error(errors, "/set", "what is to be different? [\"acd=-2mm\"]");
    else
        pl__field_error(errors, "/asset",
                        "`set` changes a cell from where its twin is: which one? Without one, a run is of the model's "
                        "`parameters`");
    pl__problem_fields(call, errors);
    return false;
}

void pl__runs_create(struct pl__call *call) {
    struct pl__run *run = PL_NEW(struct pl__run);
    if (!run) {
        pl__problem_code(call, PL_NO_MEMORY, NULL);
        return;
    }
    run->ending = &call->rest->runs->ending;
    run->listed = true;
    if (!whole_question(call) || !pl__models_ready(call, &run->model, run->values) || !read_times(call, run)) {
        pl__run_free(run);
        return;
    }
    snprintf(run->id, sizeof run->id, "run-%03llu", (unsigned long long)++call->rest->runs->number);
    snprintf(run->model_id, sizeof run->model_id, "%s", call->match.value[0]);
    snprintf(run->user, sizeof run->user, "%s", call->who.name);
    run->asked = pl__rest_now(call->rest);
    if (pl__call_text(call, "asset"))
        fork_twin(call, run);
    else
        begin(call, run);
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
    const struct pl__run *run = find(call);
    if (run) pl__answer_json(call, PL__OK, run_json(call, run), NULL);
}

/* By time, each quantity; none as long as it is under way. */
void pl__runs_profiles(struct pl__call *call) {
    const struct pl__run *run = find(call);
    if (!run) return;
    json_t *list = json_array();
    unsigned count = is_over(run) ? run->profiles : 0;
    for (size_t i = call->offset; i < count && i < call->offset + call->limit; i++)
        json_array_append_new(list, profile_json(run, &run->profile[i]));
    pl__answer_list(call, list, count > call->offset + call->limit);
}

void pl__runs_remove(struct pl__call *call) {
    struct pl__run *run = find(call);
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
