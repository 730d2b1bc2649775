/* commands_what_if.c: the command `what-if`: what would become of a cell that a twin follows.
 *
 * Every node that has the command `twin state` is asked for a copy of the cell's state, which takes microseconds of its
 * thread; the way ahead is then taken on a thread beside it, which is nicer than those of the data path. So neither the
 * twin nor the control thread waits for it. Nodes that have constraints (`constraints list`) are asked for those
 * meanwhile, so that the answer says which of them a change would leave; one that is at work on something long, or
 * fails, costs the answer no more than that.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <potline/alloc.h>

#include "control/control_impl.h"
#include "graph/options.h"
#include "graph/what_if_limits.h"

#define PATIENCE_NS (UINT64_C(120) * 1000000000)
#define LIMITS_PATIENCE_NS (UINT64_C(2) * 1000000000) /* for constraints, beside the way ahead */

enum { AT_ONCE = 2, NICE = 10 };
static const char state_command[] = "twin state", limits_command[] = "constraints list";

struct ahead {
    struct pl_control *control;
    struct asked {                      /* one command of nodes */
        struct pl_options_owner *owner; /* of `args` */
        void *args;
    } for_state, for_limits;
    struct pl_what_if_state state;
    struct pl_what_if *what_if;
    struct pl_what_if_limits limits;
    char unknown[PL_CALL_TEXT]; /* why not all constraints are known */
    uint64_t limits_until;      /* hrtime */
    double seconds;
    pthread_t thread;
    bool started, counted;
    _Atomic bool unwanted, done;
    enum pl_code code;
    struct pl_error *error;
};

struct what_if_args {
    const char *asset;
    struct pl_strings set;
    pl_time lasts;
};

/* ---- On its thread ---- */

static void *look_ahead(void *arg) {
    struct ahead *a = arg;
    pthread_setname_np(pthread_self(), "what-if");
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread, on Linux */
    a->code = pl_what_if_run(a->what_if, a->seconds, pl_what_if_times(a->seconds), &a->unwanted, &a->error);
    atomic_store(&a->done, true);
    return NULL;
}

/* ---- On the control thread ---- */

/* Before the end where that waits for a call that has not come back. */
static void count_no_more(struct ahead *a) {
    if (a->counted) a->control->looking_ahead--;
    a->counted = false;
}

static void end_ahead(void *work) {
    struct ahead *a = work;
    atomic_store(&a->unwanted, true);
    if (a->started) pthread_join(a->thread, NULL);
    count_no_more(a);
    pl_options_free(a->for_state.owner);
    pl_free(a->for_state.args);
    pl_options_free(a->for_limits.owner);
    pl_free(a->for_limits.args);
    pl_what_if_free(a->what_if);
    pl_error_free(&a->error);
    pl_free(a);
}

static const struct pl_command *command_of(const struct pl_operator *op, const char *name) {
    for (const struct pl_command *c = op->commands; c && c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

/* Arguments are made by the first node's table: all of them are of the same command. */
static enum pl_code ask(struct pl_request *request, struct asked *asked, const struct pl_argument *pair,
                        struct pl_task *task, const struct pl_command *command, struct pl_error **error) {
    if (!asked->args) {
        asked->args = pl_alloc(command->args_size + 1);
        if (!asked->args) return pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
        enum pl_code code =
            pl_arguments_parse(command->name, command->args, pair, pair ? 1 : 0, asked->args, &asked->owner, error);
        if (code) return code;
    }
    struct pl_call *call = pl__request_own_call(request, error);
    if (!call) return PL_NO_MEMORY;
    call->run = pl_call_run_command;
    call->where = PL_CALL_COMMAND;
    call->command = command;
    call->args = asked->args;
    if (!pl_task_call(task, call)) pl__request_drop_call(request, call);
    return PL_OK;
}

static enum pl_code ask_all(struct pl_request *request, const char *name, struct asked *asked,
                            const struct pl_argument *pair, struct pl_error **error) {
    struct pl_engine *engine = request->control->options.engine;
    const struct pl_command *command;
    for (unsigned i = 0; i < pl_engine_task_count(engine); i++) {
        struct pl_task *task = pl_engine_task(engine, i);
        if (!(command = command_of(task->node.config.op, name))) continue;
        enum pl_code code = ask(request, asked, pair, task, command, error);
        if (code) return code;
    }
    return PL_OK;
}

static enum pl_code ask_twins(struct pl_request *request, struct pl_error **error) {
    struct ahead *a = request->work;
    const struct pl_argument pair = {"asset", ((const struct what_if_args *)request->args)->asset};
    enum pl_code code = ask_all(request, state_command, &a->for_state, &pair, error);
    if (code || request->waiting) return code;
    return pl_error_set(error, PL_NOT_FOUND, "no node of this graph follows cells: add one with `op: twin.cell`");
}

/* The rows that the nodes have told are the state, and no part of the answer. */
static enum pl_code take_state(struct pl_request *request, struct ahead *a, struct pl_error **error) {
    struct pl_pack *rows = request->reply->rows;
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, pl_pack_data(rows), pl_pack_size(rows));
    bool good = pl_what_if_read(&unpack, &a->state);
    pl_pack_reset(rows);
    request->reply->row_count = 0;
    if (!good) return pl_error_set(error, PL_CORRUPT, "what the twin tells is no state");
    a->what_if = pl_what_if_new(&a->state, error);
    return a->what_if ? PL_OK : *error ? (*error)->code : PL_NO_MEMORY;
}

/* Of a node that has constraints: no part of the answer either, and its failure is none of the question's. */
static bool take_limits(struct pl_request *request, struct pl_call *call) {
    struct ahead *a = request->work;
    if (strcmp(call->command->name, limits_command) != 0) return false;
    const char *asset = ((const struct what_if_args *)request->args)->asset;
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, pl_pack_data(call->rows), pl_pack_size(call->rows));
    if (call->code)
        snprintf(a->unknown, sizeof a->unknown, "%s", call->error ? call->error->text : pl_code_text(call->code));
    else if (!pl_what_if_limits_read(&a->limits, asset, &unpack, (uint32_t)call->row_count))
        snprintf(a->unknown, sizeof a->unknown, "what the optimiser tells are no constraints");
    else if (call->cut)
        snprintf(a->unknown, sizeof a->unknown, "there are more than a reply takes");
    return true;
}

static void ask_limits(struct pl_request *request, struct ahead *a) {
    struct pl_error *error = NULL;
    request->take = take_limits;
    a->limits_until = uv_hrtime() + LIMITS_PATIENCE_NS;
    if (ask_all(request, limits_command, &a->for_limits, NULL, &error))
        snprintf(a->unknown, sizeof a->unknown, "%s", error ? error->text : pl_code_text(PL_NO_MEMORY));
    pl_error_free(&error);
}

static enum pl_code start(struct pl_request *request, struct ahead *a, struct pl_error **error) {
    const struct what_if_args *args = request->args;
    const char *const *set = args->set.items;
    enum pl_code code = take_state(request, a, error);
    for (uint32_t i = 0; !code && i < args->set.count; i++)
        code = pl_what_if_change(a->what_if, set[i], error);
    if (code) return code;
    a->seconds = (double)args->lasts * 1e-9;
    request->deadline = uv_hrtime() + PATIENCE_NS;
    a->started = pthread_create(&a->thread, NULL, look_ahead, a) == 0;
    if (!a->started) return pl_error_set(error, PL_UNAVAILABLE, "no thread can be started");
    ask_limits(request, a);
    return PL_BUSY;
}

/* ---- The answer ---- */

static void put_row(struct pl_request *request, const char *output, const char *unit, double now, double nothing,
                    double changed, const char *note) {
    struct pl_pack *pack = pl_request_row(request, 7);
    pl_pack_pair_str(pack, "output", output);
    pl_pack_pair_str(pack, "unit", unit);
    pl_pack_pair_f64(pack, "now", now);
    pl_pack_pair_f64(pack, "nothing", nothing);
    pl_pack_pair_f64(pack, "changed", changed);
    pl_pack_pair_f64(pack, "difference", changed - nothing);
    pl_pack_pair_str(pack, "note", note);
}

/* What is to be known of where it begins. */
static void put_notes(struct pl_request *request, const struct pl_what_if_state *s) {
    char note[PL_WHAT_IF_NOTES_MAX];
    double none = (double)NAN;
    if (pl_what_if_unsettled(s, note, sizeof note)) put_row(request, "settled", "s", s->followed, none, none, note);
    if (pl_what_if_foreseen(s, note, sizeof note)) put_row(request, "foreseen", "min", s->minutes, none, none, note);
}

/* How far a branch has come, and why not farther. */
static void put_reached(struct pl_request *request, const struct pl_what_if *w) {
    char note[PL_CALL_TEXT];
    const struct pl_what_if_branch *n = &w->nothing, *c = &w->changed;
    snprintf(note, sizeof note, "%s %s (%s)%s%s%s%s", w->state.model, w->state.parameters, w->state.fidelity,
             n->error ? "; doing nothing ends: " : "", n->error ? n->error->text : "",
             c->error ? "; changed ends: " : "", c->error ? c->error->text : "");
    put_row(request, "reached", "h", 0, n->reached / 3600, c->reached / 3600, note);
}

/* From when on a branch is where the model is not meant for. */
static void put_outside(struct pl_request *request, const struct pl_what_if *w) {
    const struct pl_what_if_branch *n = &w->nothing, *c = &w->changed;
    char nothing[PL_WHAT_IF_OUTSIDE_MAX], changed[PL_WHAT_IF_OUTSIDE_MAX], note[2 * PL_WHAT_IF_OUTSIDE_MAX + 40];
    double never = (double)NAN;
    bool left[] = {pl_what_if_outside(n, nothing, sizeof nothing), pl_what_if_outside(c, changed, sizeof changed)};
    if (!left[0] && !left[1]) return;
    snprintf(note, sizeof note, "%s%s%s%s%s", left[0] ? "doing nothing: " : "", nothing, left[0] && left[1] ? "; " : "",
             left[1] ? "changed: " : "", changed);
    put_row(request, "outside", "h", never, left[0] ? n->outside.from / 3600 : never,
            left[1] ? c->outside.from / 3600 : never, note);
}

static void put_changes(struct pl_request *request, const struct pl_what_if *w) {
    for (unsigned i = 0; i < w->changes; i++) {
        const struct pl_what_if_change *c = &w->change[i];
        struct pl_model_told told = pl_what_if_told_change(w, c);
        char name[PL_WHAT_IF_NAME_MAX + 8];
        snprintf(name, sizeof name, "set %s", told.name);
        put_row(request, name, told.unit, c->from * told.scale, c->from * told.scale, c->to * told.scale, "");
    }
}

/* Both branches at the last time that both have reached. */
static void put_all(struct pl_request *request, const struct pl_what_if *w) {
    const struct pl_what_if_branch *n = &w->nothing, *c = &w->changed;
    size_t end = pl_what_if_compared(w);
    char note[64] = "";
    if (n->over || c->over) snprintf(note, sizeof note, "after %.2f h, where one ends", w->time[end] / 3600);
    put_notes(request, &w->state);
    put_reached(request, w);
    put_outside(request, w);
    put_changes(request, w);
    for (unsigned i = 0; i < w->outputs; i++) {
        struct pl_model_told told = pl_what_if_told(w, i);
        if (pl_what_if_usual(told.output))
            put_row(request, told.name, told.unit, n->output[i][0] * told.scale, n->output[i][end] * told.scale,
                    c->output[i][end] * told.scale, note);
    }
    if (n->effect_at < 0 && c->effect_at < 0) return;
    double never = (double)NAN;
    put_row(request, "anode_effect_after", "h", never, n->effect_at < 0 ? never : n->effect_at / 3600,
            c->effect_at < 0 ? never : c->effect_at / 3600, "the first one");
}

/* What would be beyond a constraint: looked at all the same, but not in silence. */
static void put_left(struct pl_request *request, const struct ahead *a) {
    struct pl_what_if_left left;
    for (unsigned i = 0; i < a->limits.count; i++) {
        const struct pl_what_if_limit *l = &a->limits.limit[i];
        if (!pl_what_if_limits_left(&a->limits, i, a->what_if, &left)) continue;
        char name[PL_WHAT_IF_NAME_MAX + 16];
        snprintf(name, sizeof name, "constraint %s", l->of);
        put_row(request, name, l->unit, left.now, left.nothing, left.changed, left.note);
    }
    if (!request->waiting && !a->unknown[0]) return;
    char note[PL_CALL_TEXT + 32];
    double none = (double)NAN;
    snprintf(note, sizeof note, "not all are known: %s", request->waiting ? "no answer yet" : a->unknown);
    put_row(request, "constraints", "", none, none, none, note);
}

static enum pl_code look(struct pl_request *request, struct pl_error **error) {
    struct ahead *a = request->work;
    if (!a->started) return request->waiting ? PL_BUSY : start(request, a, error);
    if (!atomic_load(&a->done)) return PL_BUSY;
    if (!a->code && request->waiting && uv_hrtime() < a->limits_until) return PL_BUSY;
    count_no_more(a);
    if (!a->code) put_all(request, a->what_if);
    if (!a->code) put_left(request, a);
    *error = a->error;
    a->error = NULL;
    return a->code;
}

static enum pl_code run_what_if(struct pl_request *request, struct pl_error **error) {
    if (request->control->looking_ahead >= AT_ONCE)
        return pl_error_set(error, PL_BUSY, "%d are looking ahead already", AT_ONCE);
    struct ahead *a = PL_NEW(struct ahead);
    if (!a) return pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
    a->control = request->control;
    a->control->looking_ahead++;
    a->counted = true;
    request->work = a;
    request->end_work = end_ahead;
    enum pl_code code = ask_twins(request, error);
    if (code) return code;
    request->look = look;
    pl_request_later(request);
    return PL_BUSY;
}

static const struct pl_option what_if_args[] = {
    PL_OPT_STRING(struct what_if_args, asset, "asset", NULL, PL_FIXED, "The cell: line1.pot07."),
    PL_OPT_STRINGS(
        struct what_if_args, set, "set", NULL, PL_FIXED,
        "What is changed: acd=-2mm, feed=+5%, current=185kA; inputs of the model, or acd, alf3, ce. All but 0 "
        "needs a unit or %."),
    PL_OPT_DURATION(struct what_if_args, lasts, "for", "8h", "1m", "7d", PL_FIXED, "How far ahead."),
    PL_OPT_END,
};

const struct pl_control_command pl__commands_what_if[] = {
    {.spec =
         {.name = "what-if",
          .doc = "Runs the twin of a cell ahead from where it is, with a change and without; nothing of it changes. "
                 "In both it is fed as alumina is used and tapped as metal is made, all along; feed=+5% is of that. "
                 "A constraint of the optimiser that the change would leave is told, and so are what the twin foresees "
                 "and from when on a branch is outside of what the model is meant for.",
          .roles = PL_MAY_SEE,
          .args = what_if_args,
          .args_size = sizeof(struct what_if_args)},
     .run = run_what_if},
    PL_CONTROL_COMMANDS_END,
};
