/* call.c: a request under way: its command asked for, its rows taken back. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <potline/alloc.h>
#include <potline/diag.h>

#include "http/rest_impl.h"

enum { WORDS = PL_REST_FIELDS + 16, LINE = 4096 /* as long as a field of a body */ };

void pl__result_free(struct pl__result *result) {
    pl_free(result->error);
    pl_free(result->rows);
    *result = (struct pl__result){0};
}

void pl__call_free(struct pl__call *call) {
    for (unsigned i = 0; i < PL_REST_FIELDS; i++) {
        if (call->text[i]) OPENSSL_cleanse(call->text[i], strlen(call->text[i]));
        pl_free(call->text[i]);
    }
    if (call->end_work) call->end_work(call->work);
    pl__result_free(&call->result);
    json_decref(call->body);
    pl_free(call);
}

static int field_of(const struct pl__call *call, const char *name) {
    for (int i = 0; call->route->fields && call->route->fields[i].name; i++)
        if (strcmp(call->route->fields[i].name, name) == 0) return i;
    return -1;
}

const char *pl__call_text(const struct pl__call *call, const char *field) {
    int i = field_of(call, field);
    return i < 0 ? NULL : call->text[i];
}

const json_t *pl__call_value(const struct pl__call *call, const char *field) {
    int i = field_of(call, field);
    return i < 0 ? NULL : call->value[i];
}

/* ---- Asking ---- */

static void come_back(void *arg) { /* on the server's thread */
    struct pl__call *call = arg;
    call->told(call);
}

/* On the control thread. */
static void told(void *arg, const struct pl_ask_reply *reply) {
    struct pl__call *call = arg;
    struct pl__result *result = &call->result;
    result->code = reply->code;
    result->missing = reply->missing;
    result->cut = reply->cut;
    result->error = reply->error ? pl_strdup(reply->error) : NULL;
    if (reply->size && (result->rows = pl_alloc(reply->size))) {
        memcpy(result->rows, reply->rows, reply->size);
        result->size = reply->size;
        result->count = reply->count;
    } else if (reply->size) {
        result->code = PL_NO_MEMORY;
    }
    pl_http_post(call->rest->options.server, &call->posted, come_back, call);
}

void pl__call_ask(struct pl__call *call, const char *const *words, unsigned count, const char *password,
                  void (*then)(struct pl__call *call)) {
    struct pl_ask *ask = NULL;
    struct pl_error *error = NULL;
    char origin[PL_ASK_ORIGIN];
    snprintf(origin, sizeof origin, "http %s", call->request->peer);
    call->told = then;
    struct pl_ask_options options = {.words = words,
                                     .count = count,
                                     .who = call->who,
                                     .password = password,
                                     .origin = origin,
                                     .correlation = call->correlation,
                                     .reply = told,
                                     .arg = call};
    enum pl_code code = PL_UNAVAILABLE;
    if (pl__rest_enter(call->rest)) {
        code = pl_control_ask(call->rest->control, &options, &ask, &error);
        pl__rest_leave(call->rest);
    }
    pl_ask_unref(ask); /* it is answered all the same */
    if (code) {
        call->result.code = code;
        call->result.error = error ? pl_strdup(error->text) : NULL;
        then(call);
    }
    pl_error_free(&error);
}

/* A command that no node of this graph has: there is nothing of it, which for a list is no error. What the path names
 * is not there either; what is to be done cannot be, as things are. */
bool pl__call_failed(struct pl__call *call) {
    struct pl__result *result = &call->result;
    const char *operators = call->route->operators;
    if (result->missing && call->route->answer == PL_REST_ROWS) result->code = PL_OK;
    if (!result->code) return false;
    if (result->missing && operators)
        pl__complain(call, call->route->method == PL_HTTP_GET ? PL__NOT_FOUND : PL__CONFLICT,
                     "The graph that runs has no node of %s, which is what does this (\"%s\").", operators,
                     call->route->command ? call->route->command : call->route->name);
    else if (result->missing)
        pl__complain(call, PL__NOT_FOUND, "The graph that runs has nothing that does this.");
    else
        pl__problem_code(call, result->code, result->error);
    return true;
}

static void route_told(struct pl__call *call) {
    if (!pl__call_failed(call)) pl__call_told(call);
}

struct line {
    char *words[WORDS];
    unsigned count;
    const char *password;
    bool failed;
};

static void add_word(struct line *line, char *word) {
    if (word && line->count < WORDS)
        line->words[line->count++] = word;
    else
        line->failed = true;
}

static void add_argument(struct line *line, const char *name, const char *value) {
    size_t size = strlen(name) + strlen(value) + 4;
    char *word = pl_alloc(size);
    if (word) snprintf(word, size, "--%s=%s", name, value);
    add_word(line, word);
}

static void fill_line(struct line *line, const struct pl__call *call) {
    for (const char *at = call->route->command; *at;) {
        size_t length = strcspn(at, " ");
        add_word(line, pl_strndup(at, length));
        at += length + (at[length] == ' ');
    }
    for (unsigned i = 0; call->route->fields && call->route->fields[i].name; i++) {
        const struct pl_rest_field *field = &call->route->fields[i];
        if (!field->argument || !call->text[i]) continue;
        if (strcmp(field->argument, "password") == 0)
            line->password = call->text[i];
        else
            add_argument(line, field->argument, call->text[i]);
    }
}

static void free_line(struct line *line) {
    for (unsigned i = 0; i < line->count; i++)
        pl_free(line->words[i]);
}

void pl__call_command(struct pl__call *call) {
    struct line line = {.count = 0};
    struct pl__result kept;
    uint64_t number;
    if (pl__pages_find(call, &kept, &number)) {
        pl__answer_kept(call, &kept, number);
        return;
    }
    fill_line(&line, call);
    if (line.failed)
        pl__problem_code(call, PL_NO_MEMORY, "no memory for a command");
    else
        pl__call_ask(call, (const char *const *)line.words, line.count, line.password, route_told);
    free_line(&line);
}

/* ---- Any command, by its name: what there is no resource for ---- */

static void add_given(struct line *line, const char *name, const json_t *value) {
    char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (json_is_string(value))
        add_argument(line, name, json_string_value(value));
    else if (text)
        add_argument(line, name, text);
    else
        line->failed = true;
    free(text);
}

void pl__commands_run(struct pl__call *call) {
    struct line line = {.password = pl__call_text(call, "password")};
    const char *at = pl__call_text(call, "command"), *name;
    json_t *value, *arguments = (json_t *)(uintptr_t)pl__call_value(call, "arguments");
    json_t *errors = json_array();
    while (*(at += strspn(at, " "))) {
        size_t length = strcspn(at, " ");
        if (at[0] == '-')
            pl__field_error(errors, "/command", "The name of a command; its arguments are \"arguments\".");
        add_word(&line, pl_strndup(at, length));
        at += length;
    }
    json_object_foreach(arguments, name, value) {
        if (name[0] == 0 || strchr(name, '=') || line.count >= WORDS)
            pl__field_error(errors, "/arguments", "Names of arguments, %d at most.", WORDS);
        else
            add_given(&line, name, value);
    }
    bool stream = line.count && strcmp(line.words[0], "tap") == 0,
         in = line.count && strcmp(line.words[0], "login") == 0;
    if (stream || in)
        pl__field_error(errors, "/command", stream ? "Rows are at streams/OUTPUT." : "Sign in at tokens.");
    if (!line.count) pl__field_error(errors, "/command", "The name of a command.");
    if (json_array_size(errors)) {
        pl__problem_fields(call, errors);
    } else {
        json_decref(errors);
        if (line.failed)
            pl__problem_code(call, PL_NO_MEMORY, "no memory for a command");
        else
            pl__call_ask(call, (const char *const *)line.words, line.count, line.password, route_told);
    }
    free_line(&line);
}

/* set NODE.OPTION VALUE: two values of the path make one argument. */
void pl__nodes_set(struct pl__call *call) {
    char option[2 * PL_REST_SEGMENT + 12], value[LINE + 16];
    const char *persist = pl__call_text(call, "persist");
    snprintf(option, sizeof option, "--option=%s.%s", call->match.value[0], call->match.value[1]);
    snprintf(value, sizeof value, "--value=%s", pl__call_text(call, "value"));
    const char *words[] = {"set", option, value, "--persist"};
    pl__call_ask(call, words, persist && strcmp(persist, "true") == 0 ? 4 : 3, NULL, route_told);
}

void pl__call_audit(struct pl__call *call, const char *action, const char *object, const char *outcome) {
    char origin[PL_ASK_ORIGIN], correlation[PL_RUN_NAME + PL_ASK_CORRELATION];
    if (!pl__rest_enter(call->rest)) return;
    const struct pl_journal *journal = pl_engine_journal(call->rest->engine);
    struct pl_error *error = NULL;
    snprintf(origin, sizeof origin, "http %s", call->request->peer);
    snprintf(correlation, sizeof correlation, "%s %s", journal->run, call->correlation);
    struct pl_audit_record record = {.time = pl_engine_now(call->rest->engine),
                                     .user = call->who.name,
                                     .role = call->who.known ? pl_role_names[call->who.role] : "",
                                     .origin = origin,
                                     .action = action,
                                     .object = object,
                                     .outcome = outcome,
                                     .correlation = correlation};
    if (journal->audit && pl_audit_append(journal->audit, &record, &error))
        pl_diag(PL_ERROR, "the audit cannot be written: %s", error ? error->text : "no memory");
    pl_error_free(&error);
    pl__rest_leave(call->rest);
}
