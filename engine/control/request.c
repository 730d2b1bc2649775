/* request.c: from a peer's bytes to a command under way, and back. */
#include "control/request.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "control/carried.h"
#include "control/control_impl.h"
#include "control/packet.h"
#include "runtime/live_option.h"

#define PATIENCE_NS (UINT64_C(10) * 1000000000)

/* ---- Life ---- */

static void free_request(struct pl_request *request) {
    if (request->end_work) request->end_work(request->work);
    pl__stream_free(request->stream);
    if (request->password) OPENSSL_cleanse(request->password, strlen(request->password));
    if (request->line) OPENSSL_cleanse(request->line, strlen(request->line));
    pl_free(request->password);
    pl_options_free(request->owner);
    pl_free(request->args);
    pl_free(request->line);
    pl_call_free(request->reply);
    pl_error_free(&request->error);
    pl__ask_end(request->ask);
    pl_free(request);
}

static void forget(struct pl_request *request) {
    struct pl_request **at = &request->control->requests;
    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    request->control->request_count--;
    free_request(request);
}

static bool is_over(const struct pl_request *request) {
    return request->answered && request->waiting == 0 && !request->unsettled && pl__stream_over(request);
}

static char *joined(const struct pl__packet *m) {
    char *line = pl_alloc(m->used + PL_WORDS_MAX + 1), *at = line;
    for (unsigned i = 0; line && i < m->count; i++)
        at += sprintf(at, i ? " %s" : "%s", m->words[i]);
    return line;
}

/* ---- Answering ---- */

void pl_request_later(struct pl_request *request) {
    request->later = true;
}

struct pl_pack *pl_request_row(struct pl_request *request, uint32_t pairs) {
    return pl_reply_row(request->reply, pairs);
}

void pl_request_say(struct pl_request *request, const char *format, ...) {
    char said[PL_CALL_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(said, sizeof said, format, args);
    va_end(args);
    pl_pack_pair_str(pl_request_row(request, 1), "said", said);
}

void pl_request_changed(struct pl_request *request, const char *object, const char *from, const char *to) {
    pl_call_changed(request->reply, object, from, to);
}

/* Causes behind each other, as in "duration is missing: For how long; reason is missing: Why." Frees `text`. */
static char *in_one_line(char *text) {
    static const char between[] = "; ";
    size_t length = text ? strlen(text) : 0, lines = 1;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    char *line = text ? pl_alloc(length + lines * strlen(between) + 1) : NULL, *to = line;
    for (size_t i = 0; line && i < length; i++) {
        if (text[i] == '.' && text[i + 1] == '\n') continue;
        to = text[i] == '\n' ? stpcpy(to, between) : (*to = text[i], to + 1);
    }
    if (to) *to = 0;
    pl_free(text);
    return line;
}

void pl_request_answer(struct pl_request *request, enum pl_code code, struct pl_error **error) {
    struct pl_error *none = NULL;
    if (!error) error = &none;
    char *text = *error ? in_one_line(pl_error_text(*error)) : NULL;
    const char *said = text ? text : code ? pl_code_text(code) : NULL;
    bool changes = request->command && request->command->spec->flags & PL_COMMAND_CHANGES;
    if (!request->answered) {
        request->answered = true;
        if (changes) pl__request_audit(request, code ? said : "done");
        pl__reply_send(request, code ? "error" : "ok", code, said, 0);
    }
    pl_free(text);
    pl_error_free(error);
}

/* ---- Calls into nodes ---- */

static void came_back(struct pl_call *call) { /* on the node's thread */
    struct pl_request *request = call->owner;
    struct pl_control *control = request->control;
    pl_calls_put(&control->back, call);
    uv_async_send(&control->async);
}

static void fill_in(const struct pl_request *request, struct pl_call *call) {
    call->done = came_back;
    call->owner = (void *)(uintptr_t)request;
    call->command = request->command->spec;
    call->args = request->args;
    call->role = request->who.role;
    snprintf(call->user, sizeof call->user, "%s", request->who.name);
}

_Static_assert(sizeof(struct pl_set_args) == sizeof(struct pl_call_texts), "they go to another process as texts");

static enum pl_call_where where_of(enum pl_code (*run)(struct pl_call *, struct pl_node *, struct pl_error **)) {
    return run == pl_call_run_command    ? PL_CALL_COMMAND
           : run == pl_live_option_call  ? PL_CALL_SET
           : run == pl_live_options_show ? PL_CALL_OPTIONS
                                         : PL_CALL_HERE;
}

enum pl_code pl_request_call(struct pl_request *request, struct pl_task *task,
                             enum pl_code (*run)(struct pl_call *, struct pl_node *, struct pl_error **),
                             struct pl_error **error) {
    struct pl_call *call = pl_call_new();
    if (!call) return pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
    fill_in(request, call);
    call->run = run;
    call->where = where_of(run);
    request->waiting++;
    bool state = request->command->spec->flags & PL_COMMAND_STATE;
    if (state ? pl_engine_change(request->control->options.engine, task, call) : pl_task_call(task, call)) return PL_OK;
    request->waiting--;
    pl_call_free(call);
    return pl_error_set(error, PL_UNAVAILABLE, "node %s has ended", task->node.config.name);
}

struct pl_call *pl__request_own_call(struct pl_request *request, struct pl_error **error) {
    struct pl_call *call = pl_call_new();
    if (!call) {
        pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
        return NULL;
    }
    fill_in(request, call);
    request->waiting++;
    return call;
}

void pl__request_drop_call(struct pl_request *request, struct pl_call *call) {
    request->waiting--;
    pl_call_free(call);
}

static bool has_command(const struct pl_operator *op, const struct pl_command *spec) {
    for (const struct pl_command *c = op->commands; c && c->name; c++)
        if (c == spec) return true;
    return false;
}

enum pl_code pl__request_ask_nodes(struct pl_request *request, struct pl_error **error) {
    struct pl_engine *engine = request->control->options.engine;
    enum pl_code code = PL_UNAVAILABLE;
    for (unsigned i = 0; i < pl_engine_task_count(engine); i++) {
        struct pl_task *task = pl_engine_task(engine, i);
        if (!has_command(task->node.config.op, request->command->spec)) continue;
        if (pl_request_call(request, task, pl_call_run_command, request->waiting ? NULL : error) == PL_OK) code = PL_OK;
    }
    if (code) return code;
    pl_request_later(request);
    return PL_BUSY;
}

/* The rows of every instance, as far as a reply may reach. */
static void add_rows(struct pl_call *reply, const struct pl_call *call) {
    bool fits = reply->row_count + call->row_count <= PL_REPLY_ROWS_MAX &&
                pl_pack_size(reply->rows) + pl_pack_size(call->rows) <= PL_REPLY_BYTES_MAX;
    reply->cut |= call->cut || !fits;
    if (!fits) return;
    pl_pack_raw(reply->rows, pl_pack_data(call->rows), pl_pack_size(call->rows));
    reply->row_count += call->row_count;
}

/* Of nodes that do not have it, the one that says what was probably meant has the word. */
static bool says_more(const struct pl_error *error, const struct pl_error *than) {
    return !than || (error && strlen(error->text) > strlen(than->text));
}

/* Success anywhere is success; "not here" only counts when it was nowhere. */
static void settle(struct pl_request *request, struct pl_call *call) {
    if (call->code == PL_OK) {
        const struct pl_set_args *set = call->where == PL_CALL_SET ? request->args : NULL;
        if (set) pl_carried_set(request->control->options.carried, set->option, set->value, set->persist);
        add_rows(request->reply, call);
        if (call->object[0]) pl_call_changed(request->reply, call->object, call->from, call->to);
        request->done++;
        if (call->epoch > request->awaited) request->awaited = call->epoch;
    } else if (request->code == PL_OK || (request->code == PL_NOT_FOUND &&
                                          (call->code != PL_NOT_FOUND || says_more(call->error, request->error)))) {
        pl_error_free(&request->error);
        request->code = call->code;
        request->error = call->error;
        call->error = NULL;
    }
}

/* A change is done when no death takes it back any more. */
static enum pl_code look_for_change(struct pl_request *request, struct pl_error **error) {
    struct pl_engine *engine = request->control->options.engine;
    if (pl_engine_epochs(engine) >= request->awaited) return PL_OK;
    if (pl_engine_check(engine, NULL))
        return pl_error_set(error, PL_UNAVAILABLE, "the engine is ending, and has not kept it: a node failed");
    return PL_BUSY;
}

static void answer_calls(struct pl_request *request) {
    bool bad = request->code != PL_OK && (request->done == 0 || request->code != PL_NOT_FOUND);
    if (!bad && request->awaited && look_for_change(request, NULL) == PL_BUSY) {
        request->look = look_for_change;
        return;
    }
    if (!bad && request->look) return; /* there is more to it than the calls */
    if (!request->control->closed)
        pl_request_answer(request, bad ? request->code : PL_OK, bad ? &request->error : NULL);
    request->answered = true;
}

/* Its asker has been told that the time was up. The audit has to know whether it was done. */
static void settle_later(struct pl_request *request) {
    struct pl_control *control = request->control;
    if (request->unsettled || control->unsettled == PL__UNSETTLED_MAX) return;
    request->unsettled = true;
    control->unsettled++;
    control->request_count--;
}

static void look_after(struct pl_request *request) {
    enum pl_code code = look_for_change(request, NULL);
    if (code == PL_BUSY) return;
    if (!code) pl__request_audit(request, "done, after the time was up");
    request->unsettled = false;
    request->control->unsettled--;
    request->control->request_count++;
}

static void came_back_late(struct pl_request *request) {
    bool changes = request->command->spec->flags & PL_COMMAND_CHANGES;
    if (!request->done || !changes) return;
    if (request->awaited)
        settle_later(request);
    else
        pl__request_audit(request, "done, after the time was up");
}

void pl__request_came_back(struct pl_control *control, struct pl_call *call) {
    struct pl_request *request = call->owner;
    request->waiting--;
    if (!request->take || !request->take(request, call)) settle(request, call);
    pl_call_free(call);
    if (request->stream && request->waiting == 0) pl__stream_stands(request);
    bool all = request->waiting == 0 && request->later && !request->stream;
    if (all && request->answered) came_back_late(request);
    if (all && !request->answered) answer_calls(request);
    if (is_over(request) && !control->closed) forget(request);
}

/* ---- Carrying out ---- */

static struct pl_identity who_asks(struct pl_control *control, const struct pl_peer *peer, const struct pl__packet *m) {
    struct pl_identity who = {.name = ""};
    if (m->session) {
        pl_sessions_find(control->sessions, m->session, &who);
    } else if (peer->local && !control->options.login) {
        snprintf(who.name, sizeof who.name, "local");
        who.role = PL_ROLE_ADMIN;
        who.known = true;
    }
    return who;
}

static enum pl_code may(const struct pl_request *request, struct pl_error **error) {
    const struct pl_command *spec = request->command->spec;
    if (strcmp(spec->name, "login") == 0 || strcmp(spec->name, "help") == 0) return PL_OK;
    if (!request->who.known) return pl_error_set(error, PL_DENIED, "sign in first: login NAME");
    if (spec->roles & PL_MAY(request->who.role)) return PL_OK;
    return pl_error_set(error, PL_DENIED, "%s is not for the role %s", spec->name, pl_role_names[request->who.role]);
}

static enum pl_code read_arguments(struct pl_request *request, const struct pl__packet *m, unsigned used,
                                   struct pl_error **error) {
    const struct pl_command *spec = request->command->spec;
    struct pl_command_space *space = PL_NEW(struct pl_command_space);
    const char *reason = NULL;
    unsigned pairs = 0;
    request->args = pl_alloc(spec->args_size + 1);
    if (!space || !request->args) {
        pl_free(space);
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
    }
    enum pl_code code = pl_command_pairs(spec, m->words + used, m->count - used, space, &pairs, &reason, error);
    if (reason) snprintf(request->reason, sizeof request->reason, "%s", reason);
    if (!code && spec->args)
        code = pl_arguments_parse(spec->name, spec->args, space->pairs, pairs, request->args, &request->owner, error);
    pl_free(space);
    return code;
}

static enum pl_code carry_out(struct pl_request *request, const struct pl__packet *m, struct pl_error **error) {
    unsigned used = 0;
    enum pl_code code =
        pl_commands_find(&request->control->commands, m->words, m->count, &request->command, &used, error);
    request->missing = code != PL_OK;
    if (code) return code;
    request->entry = *request->command; /* the table may be another one before this is answered */
    request->command = &request->entry;
    code = may(request, error);
    if (code) {
        pl__request_audit(request, "refused");
        request->command = NULL; /* recorded */
        return code;
    }
    code = read_arguments(request, m, used, error);
    if (!code) return request->command->run(request, error);
    /* The words may hold what does not belong there, a password too: the audit only keeps that it was wrong. */
    pl_call_changed(request->reply, request->command->spec->name, NULL, NULL);
    if (request->command->spec->flags & PL_COMMAND_CHANGES) pl__request_audit(request, "its arguments were wrong");
    request->command = NULL;
    return code;
}

static struct pl_request *new_request(struct pl_control *control, const struct pl_peer *peer, struct pl__packet *m) {
    struct pl_request *request = PL_NEW(struct pl_request);
    if (!request) return NULL;
    request->control = control;
    request->peer = *peer;
    request->id = m->id;
    request->number = ++control->request_number;
    request->reply = pl_call_new();
    request->line = joined(m);
    request->password = m->password ? pl_strdup(m->password) : NULL;
    request->who = who_asks(control, peer, m);
    request->deadline = uv_hrtime() + PATIENCE_NS;
    if (!request->reply || !request->line || (m->password && !request->password)) {
        free_request(request);
        return NULL;
    }
    request->next = control->requests;
    control->requests = request;
    control->request_count++;
    return request;
}

static void begin(struct pl_request *request, struct pl__packet *m) {
    struct pl_control *control = request->control;
    struct pl_error *error = NULL;
    enum pl_code code = PL_OK;
    if (m->too_many)
        code = pl_error_set(&error, PL_LIMIT, "a command has at most %d words", PL_WORDS_MAX);
    else if (control->request_count > PL__REQUESTS_MAX)
        code = pl_error_set(&error, PL_BUSY, "too many commands at once");
    else if (!m->count)
        code = pl_error_set(&error, PL_USAGE, "no command");
    else
        code = carry_out(request, m, &error);
    if (!(code == PL_BUSY && request->later)) pl_request_answer(request, code, &error);
    pl_error_free(&error);
    if (is_over(request)) forget(request);
}

static bool same_peer(const struct pl_peer *a, const struct pl_peer *b) {
    return a->socket == b->socket && a->size == b->size && memcmp(a->name, b->name, a->size) == 0;
}

static void steer(struct pl_control *control, const struct pl_peer *peer, const struct pl__packet *m) {
    for (struct pl_request *r = control->requests; r; r = r->next) {
        if (r->id != m->id || !r->stream || !same_peer(&r->peer, peer)) continue;
        if (m->cancel)
            pl__stream_cancel(r, PL_OK, NULL);
        else
            pl__stream_renew(r);
        return;
    }
}

void pl__request_receive(struct pl_control *control, const struct pl_peer *peer, const void *bytes, size_t size) {
    struct pl__packet m;
    struct pl_request *request;
    if (pl__packet_read(&m, bytes, size)) {
        if (m.renew || m.cancel)
            steer(control, peer, &m);
        else if ((request = new_request(control, peer, &m)))
            begin(request, &m);
    }
    pl__packet_fini(&m);
}

void pl__request_ask(struct pl_control *control, struct pl_ask *ask, const struct pl_identity *who,
                     struct pl__packet *m) {
    static const struct pl_peer nobody; /* not local: paths are those of strangers */
    struct pl_request *request = new_request(control, &nobody, m);
    if (!request) {
        pl__ask_reply(ask, &(struct pl_ask_reply){.status = PL_ANSWER_ERROR, .code = PL_NO_MEMORY});
        pl__ask_end(ask);
        return;
    }
    request->ask = ask;
    request->who = *who;
    begin(request, m);
}

/* ---- Time ---- */

static bool has_come(struct pl_request *request) {
    struct pl_error *error = NULL;
    enum pl_code code = request->look(request, &error);
    if (code != PL_BUSY) pl_request_answer(request, code, &error);
    pl_error_free(&error);
    return code != PL_BUSY;
}

void pl__requests_tick(struct pl_control *control, uint64_t now) {
    for (struct pl_request *r = control->requests, *next; r; r = next) {
        next = r->next;
        if (r->stream) {
            pl__stream_tick(r, now);
        } else if (!r->answered && r->look && has_come(r)) {
            r->look = NULL;
        } else if (!r->answered && now > r->deadline) {
            struct pl_error *error = NULL;
            pl_error_set(&error, PL_BUSY, "no answer within ten seconds: %s",
                         r->command->spec->flags & PL_COMMAND_STATE
                             ? "it is done at the next checkpoint, which has not come: is a node paused?"
                             : "a node is at work on something long");
            pl_request_answer(r, PL_BUSY, &error);
            if (r->waiting == 0) came_back_late(r);
        } else if (r->unsettled) {
            look_after(r);
        }
        if (is_over(r)) forget(r);
    }
    pl__strangers_audit(control, now);
}

void pl__requests_end_user(struct pl_control *control, const char *name) {
    for (struct pl_request *r = control->requests; r; r = r->next)
        if (r->stream && strcmp(r->who.name, name) == 0) pl__stream_cancel(r, PL_DENIED, "signed out");
}

/* Why nothing more is answered. */
const char *pl__control_leaves(const struct pl_control *control) {
    pl_time delay;
    return pl_engine_fallen(control->options.engine, &delay) ? "the engine goes back to its last checkpoint: ask again"
                                                             : "the engine is ending";
}

void pl__requests_end(struct pl_control *control) {
    for (struct pl_request *r = control->requests; r; r = r->next) {
        if (r->stream) pl__stream_cancel(r, PL_UNAVAILABLE, "the engine ends");
        if (r->ask && !r->answered) pl__reply_send(r, "error", PL_UNAVAILABLE, pl__control_leaves(control), 0);
        r->answered = true;
    }
}

void pl__requests_free(struct pl_control *control) {
    while (control->requests)
        forget(control->requests);
}
