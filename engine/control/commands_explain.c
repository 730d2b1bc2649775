/* commands_explain.c: what made a row of silver or gold.
 *
 * `potline explain` says it, in a process beside the engine: it reads the folder as any reader does, so what it takes
 * in time, memory and mistakes of operators is not the engine's. This turns what it prints into the rows of an answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <potline/alloc.h>

#include "control/control_impl.h"

#define PATIENCE_NS (UINT64_C(120) * 1000000000)

enum { AT_ONCE = 2, NICE = 10, WORDS = 24, SAID_MAX = 64 << 20, TEXT = 512 };

/* The process that finds it out. */
struct explaining {
    struct pl_control *control;
    pid_t pid;
    int out, err; /* files in memory */
    uint64_t until;
};

struct explain_args {
    uint32_t what;
    const char *name, *time, *node;
    int64_t rows;
};

static const char *const whats[] = {"window", "sample", "event", "alarm", NULL};

/* ---- The process ---- */

static void end_explaining(void *work) {
    struct explaining *e = work;
    if (e->pid > 0) {
        kill(e->pid, SIGKILL);
        while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (e->out >= 0) close(e->out);
    if (e->err >= 0) close(e->err);
    e->control->explaining--;
    pl_free(e);
}

static unsigned put_words(const struct pl_request *request, const char **words, char rows[32]) {
    const struct explain_args *args = request->args;
    struct pl_engine *engine = request->control->options.engine;
    unsigned n = 0;
    words[n++] = "potline";
    words[n++] = "explain";
    words[n++] = "--json";
    words[n++] = "--data";
    words[n++] = pl_engine_data(engine);
    words[n++] = "--rows";
    snprintf(rows, 32, "%lld", (long long)args->rows);
    words[n++] = rows;
    if (*args->node) words[n++] = "--node", words[n++] = args->node;
    bool timed = args->what < 2;
    if (*args->time && !timed) words[n++] = "--at", words[n++] = args->time;
    words[n++] = "--";
    words[n++] = whats[args->what];
    words[n++] = args->name;
    if (*args->time && timed) words[n++] = args->time;
    words[n] = NULL;
    return n;
}

static int spawn(struct explaining *e, const char *const *words) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, e->out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, e->err, STDERR_FILENO);
    int failed = posix_spawn(&e->pid, "/proc/self/exe", &actions, NULL, (char *const *)(uintptr_t)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) e->pid = 0;
    if (!failed) setpriority(PRIO_PROCESS, (id_t)e->pid, NICE);
    return failed;
}

static enum pl_code start(struct pl_request *request, struct pl_error **error) {
    const char *words[WORDS];
    char rows[32];
    struct explaining *e = PL_NEW(struct explaining);
    if (!e) return pl_error_set(error, PL_NO_MEMORY, "no memory for a command");
    *e = (struct explaining){.control = request->control, .until = uv_hrtime() + PATIENCE_NS};
    e->control->explaining++;
    e->out = memfd_create("potline-explain", MFD_CLOEXEC);
    e->err = memfd_create("potline-explain-errors", MFD_CLOEXEC);
    request->work = e;
    request->end_work = end_explaining;
    put_words(request, words, rows);
    int failed = e->out < 0 || e->err < 0 ? errno : spawn(e, words);
    return failed ? pl_error_set(error, PL_UNAVAILABLE, "no process can be started: %s", strerror(failed)) : PL_OK;
}

/* ---- What it says, as rows ---- */

static void put_row(struct pl_request *request, const char *part, const json_t *time, const char *name,
                    const json_t *value, const char *text) {
    struct pl_pack *pack = pl_request_row(request, 5);
    const char *when = json_string_value(time);
    pl_pack_pair_str(pack, "part", part);
    pl_pack_pair_str(pack, "time", when ? when : "");
    pl_pack_pair_str(pack, "name", name ? name : "");
    pl_pack_str(pack, "value");
    if (json_is_real(value))
        pl_pack_f64(pack, json_real_value(value));
    else if (json_is_integer(value))
        pl_pack_int(pack, json_integer_value(value));
    else if (json_is_boolean(value))
        pl_pack_bool(pack, json_is_true(value));
    else
        pl_pack_str(pack, json_is_string(value) ? json_string_value(value) : "");
    pl_pack_pair_str(pack, "text", text);
}

/* "quality good, place 0:12": what an object has besides; what is deeper as it stands. */
static void tell(const json_t *object, const char *const *without, char text[TEXT]) {
    size_t used = 0;
    const char *key;
    json_t *value;
    *text = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        bool skip = json_is_null(value) || (json_is_array(value) && !json_array_size(value));
        for (const char *const *name = without; *name; name++)
            skip |= strcmp(*name, key) == 0;
        if (skip) continue;
        char *said = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        const char *shown = json_is_string(value) ? json_string_value(value) : said;
        int more = snprintf(text + used, TEXT - used, "%s%s %s", used ? ", " : "", key, shown ? shown : "");
        if (more > 0) used = used + (size_t)more < TEXT ? used + (size_t)more : TEXT - 1;
        free(said);
    }
}

static void put_object(struct pl_request *request, const char *part, const json_t *object) {
    static const char *const names[] = {"tag", "node", "object", "name", "id", NULL};
    static const char *const shown[] = {"time", "near", "tag", "value", "node", "object", "name", NULL};
    const char *name = NULL;
    char text[TEXT];
    for (unsigned i = 0; names[i] && !name; i++)
        name = json_string_value(json_object_get(object, names[i]));
    bool of_node = json_object_get(object, "tag") && json_object_get(object, "node");
    tell(object, of_node ? (const char *const[]){"time", "tag", "value", NULL} : shown, text);
    json_t *time = json_object_get(object, "time");
    put_row(request, part, time ? time : json_object_get(object, "near"), name, json_object_get(object, "value"), text);
}

/* One of a node on the way: what it made, flat. */
static void put_made(struct pl_request *request, const json_t *made) {
    json_t *row = json_copy(json_object_get(made, "row"));
    if (!row) return;
    json_object_set(row, "node", json_object_get(made, "node"));
    if (json_object_get(row, "end")) json_object_set(row, "time", json_object_get(row, "end"));
    put_object(request, "on the way", row);
    json_decref(row);
}

static void put_columns(struct pl_request *request, const char *part, const json_t *object) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        char *said = json_is_object(value) || json_is_array(value) ? json_dumps(value, JSON_COMPACT) : NULL;
        if (!json_is_null(value)) put_row(request, part, NULL, key, value, said ? said : "");
        free(said);
    }
}

static void put_part(struct pl_request *request, const char *key, const json_t *value) {
    size_t i;
    json_t *item;
    if (json_is_object(value))
        put_columns(request, key, value);
    else if (!json_is_array(value))
        put_row(request, "row", NULL, key, value, "");
    json_array_foreach((json_t *)(uintptr_t)value, i, item) {
        if (strcmp(key, "made") == 0)
            put_made(request, item);
        else
            put_object(request, key, item);
    }
}

/* What stands in a file in memory; the caller's. */
static char *said_in(int fd, size_t *size) {
    off_t end = lseek(fd, 0, SEEK_END);
    char *text = end >= 0 && end <= SAID_MAX ? pl_alloc((size_t)end + 1) : NULL;
    *size = text ? (size_t)end : 0;
    if (text && pread(fd, text, (size_t)end, 0) != end) *size = 0;
    return text;
}

static enum pl_code answer(struct pl_request *request, int status, struct pl_error **error) {
    const struct explaining *e = request->work;
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    size_t size;
    char *text = said_in(good ? e->out : e->err, &size);
    json_t *said = good && text ? json_loadb(text, size, 0, NULL) : NULL;
    const char *key, *why = text ? text : "";
    json_t *value;
    json_object_foreach(said, key, value) {
        put_part(request, key, value);
    }
    static const char own[] = "potline explain: "; /* warnings about the graph may stand in front */
    char *found = !said && text ? strstr(text, own) : NULL;
    if (found) why = found + strlen(own);
    if (!said && size) text[(size_t)(why - text) + strcspn(why, "\n")] = 0;
    enum pl_code code = said ? PL_OK
                             : pl_error_set(error, WIFSIGNALED(status) ? PL_UNAVAILABLE : PL_NOT_FOUND, "%s",
                                            *why ? why : "the process that was to find it out is gone");
    json_decref(said);
    pl_free(text);
    return code;
}

static enum pl_code look(struct pl_request *request, struct pl_error **error) {
    struct explaining *e = request->work;
    int status = 0;
    pid_t ended = waitpid(e->pid, &status, WNOHANG);
    if (ended == 0 && uv_hrtime() < e->until) return PL_BUSY;
    if (ended == 0)
        return pl_error_set(error, PL_LIMIT, "it takes longer than two minutes; potline explain has no limit");
    e->pid = 0;
    return answer(request, status, error);
}

static enum pl_code run_explain(struct pl_request *request, struct pl_error **error) {
    const struct explain_args *args = request->args;
    struct pl_engine *engine = request->control->options.engine;
    if (!pl_engine_store(engine) || !pl_engine_recovers(engine))
        return pl_error_set(error, PL_UNAVAILABLE, "this run has no log, so there is nothing to explain from");
    if (args->what < 2 && !*args->time)
        return pl_error_set(error, PL_USAGE, "time is missing: of a %s", whats[args->what]);
    if (request->control->explaining >= AT_ONCE)
        return pl_error_set(error, PL_BUSY, "%d explanations are being looked for already", AT_ONCE);
    enum pl_code code = start(request, error);
    if (code) return code;
    request->deadline = UINT64_MAX;
    request->look = look;
    pl_request_later(request);
    return PL_BUSY;
}

static const struct pl_option explain_args[] = {
    PL_OPT_CHOICE(struct explain_args, what, "what", NULL, whats, PL_FIXED, "What is asked about."),
    PL_OPT_STRING(
        struct explain_args, name, "name", NULL, PL_FIXED,
        "The tag of a window or sample; the id of an event; an alarm's name, or the id of one of its events."),
    PL_OPT_STRING(struct explain_args, time, "time", "", PL_FIXED,
                  "In the window; of the sample; an alarm as it was then (default: the last time)."),
    PL_OPT_STRING(struct explain_args, node, "node", "", PL_FIXED, "The node that made it, where several fit."),
    PL_OPT_INT(struct explain_args, rows, "rows", "20", "0", "10000", PL_FIXED, "How many samples are listed."),
    PL_OPT_END,
};

const struct pl_control_command pl__commands_explain[] = {
    {.spec = {.name = "explain",
              .doc = "Tells what made a row of silver or gold: the nodes, the graph, the rule, the raw samples.",
              .roles = PL_MAY_SEE,
              .args = explain_args,
              .args_size = sizeof(struct explain_args)},
     .run = run_explain},
    PL_CONTROL_COMMANDS_END,
};
