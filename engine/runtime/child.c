#include "child.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/message.h"
#include "runtime/program_start.h"
#include "runtime/program_wire.h"

enum {
    LINE_MAX_BYTES = 1024,
    START_PATIENCE_MS = 30000,
    TICK_MIN_MS = 20,
    TICK_MAX_MS = 1000,
    FRAMES_A_RUN = 256,
    ARGUMENTS = 6,
    HANDLES = 5
};

/* What libuv holds for one process. It is given back when all of it is closed, which may be after the next one has been
 * started; `child` is NULL from then on that nobody listens. */
struct pl_child_handles {
    struct pl_child *child;
    uv_process_t process;
    struct pl_started started; /* of a program, instead of `process` */
    uv_poll_t end;             /* the same */
    uv_pipe_t error;
    uv_poll_t poll, out;
    uv_timer_t timer;
    uv_handle_t *all[HANDLES + 1]; /* of these, those that are there */
    unsigned count, open;
    bool program;
    bool exited, error_ended;
    int64_t status;
    int signal;
    char line[LINE_MAX_BYTES];
    size_t line_used;
};

static void say_gone(struct pl_child *child);

/* ---- Handles ---- */

static void closed(uv_handle_t *handle) {
    struct pl_child_handles *handles = handle->data;
    if (--handles->open) return;
    if (handles->program && handles->started.process >= 0) close(handles->started.process);
    pl_free(handles);
}

static void add_handle(struct pl_child_handles *handles, void *handle) {
    ((uv_handle_t *)handle)->data = handles;
    handles->all[handles->count++] = handle;
}

static void close_all(struct pl_child_handles *handles) {
    handles->open = handles->count;
    for (unsigned i = 0; i < handles->count; i++)
        uv_close(handles->all[i], closed);
    if (!handles->count) pl_free(handles);
}

/* ---- What it writes ---- */

/* The last lines, for those who ask why it died. */
static void remember(struct pl_child *child, const char *line) {
    size_t length = strlen(line), used = strlen(child->lines), room = sizeof child->lines - 1;
    if (length > room / 2) length = room / 2;
    while (used && used + 1 + length > room) { /* the oldest goes */
        char *end = strchr(child->lines, '\n');
        size_t first = end ? (size_t)(end - child->lines) + 1 : used;
        memmove(child->lines, child->lines + first, used - first + 1);
        used -= first;
    }
    if (used) child->lines[used++] = '\n';
    memcpy(child->lines + used, line, length);
    child->lines[used + length] = 0;
}

/* What is no text is shown as question marks. */
static void make_text(char *line, size_t length) {
    bool text = pl_utf8_check(line, length);
    for (size_t i = line[0] == PL__DIAG_MARK; i < length; i++) {
        unsigned char byte = (unsigned char)line[i];
        if (byte < ' ' || byte == 0x7f) line[i] = ' ';
        if (byte > '~' && !text) line[i] = '?';
    }
    line[length] = 0;
}

static void end_line(struct pl_child_handles *handles) {
    if (!handles->line_used) return;
    make_text(handles->line, handles->line_used);
    handles->line_used = 0;
    if (!handles->child) return;
    bool ours = handles->line[0] == PL__DIAG_MARK;
    remember(handles->child, handles->line + ours);
    handles->child->options.line(handles->child->options.owner, handles->line + ours, ours);
}

static void take_bytes(struct pl_child_handles *handles, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' || handles->line_used == sizeof handles->line - 1) end_line(handles);
        if (bytes[i] != '\n') handles->line[handles->line_used++] = bytes[i];
    }
}

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
    static _Thread_local char bytes[4096];
    (void)handle;
    (void)wanted;
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void on_error_bytes(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
    struct pl_child_handles *handles = stream->data;
    if (size > 0) take_bytes(handles, buffer->base, (size_t)size);
    if (size >= 0) return;
    end_line(handles);
    handles->error_ended = true;
    uv_read_stop(stream);
    if (handles->exited && handles->child) say_gone(handles->child);
}

/* ---- Its death ---- */

static void put_cause(const struct pl_child *child, const struct pl_child_handles *handles, char *text, size_t size) {
    if (child->reason[0])
        snprintf(text, size, "%s", child->reason);
    else if (handles->signal)
        snprintf(text, size, "it was ended by signal %d (%s)", handles->signal, strsignal(handles->signal));
    else
        snprintf(text, size, "it ended by itself with exit code %" PRId64, handles->status);
}

/* Frames that had arrived before it died are told first; what it wrote is all there. */
static void say_gone(struct pl_child *child) {
    struct pl_child_handles *handles = child->handles;
    char cause[320], why[PL_CHILD_WHY];
    while (pl_child_receive_one(child)) {
    }
    put_cause(child, handles, cause, sizeof cause);
    snprintf(why, sizeof why, "its process %d is gone: %s%s%s", child->pid, cause,
             child->lines[0] ? "; the last it wrote: " : "", child->lines);
    child->state = PL_CHILD_NONE;
    child->handles = NULL;
    handles->child = NULL;
    close_all(handles);
    pl_link_free(child->link);
    child->link = NULL;
    child->options.gone(child->options.owner, why);
}

/* Somebody that it has started itself may hold its standard error open: that is not waited for long. */
static void waited_for_lines(uv_timer_t *timer) {
    struct pl_child_handles *handles = timer->data;
    if (handles->child) say_gone(handles->child);
}

static void has_ended(struct pl_child_handles *handles, int64_t status, int signal) {
    handles->exited = true;
    handles->status = status;
    handles->signal = signal;
    if (!handles->child) return;
    handles->child->state = PL_CHILD_DYING;
    if (handles->error_ended)
        say_gone(handles->child);
    else
        uv_timer_start(&handles->timer, waited_for_lines, 100, 0);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal) {
    has_ended(process->data, status, signal);
}

static void on_end_of_program(uv_poll_t *poll, int status, int events) {
    struct pl_child_handles *handles = poll->data;
    int64_t code;
    int signal;
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    pl_program_ended(&handles->started, &code, &signal);
    has_ended(handles, code, signal);
}

void pl_child_kill(struct pl_child *child, const char *reason) {
    if (child->state == PL_CHILD_NONE || child->state == PL_CHILD_DYING) return;
    if (reason) snprintf(child->reason, sizeof child->reason, "%s", reason);
    child->state = PL_CHILD_DYING;
    if (child->options.program)
        pl_program_kill(child->pid);
    else
        uv_process_kill(&child->handles->process, SIGKILL);
}

/* ---- Its heartbeat ---- */

static uint64_t hang_ms(const struct pl_child *child) {
    return (uint64_t)(child->options.hang / PL_MILLISECOND);
}

static void tick(uv_timer_t *timer) {
    struct pl_child_handles *handles = timer->data;
    struct pl_child *child = handles->child;
    if (!child) return;
    uint64_t now = uv_now(timer->loop), silent = now - child->heard;
    char reason[128];
    if (child->state == PL_CHILD_QUITTING) {
        if (now - child->started >= PL_CHILD_PATIENCE_MS) pl_child_kill(child, "it did not close in good time");
        return;
    }
    if (child->state == PL_CHILD_STARTING) {
        snprintf(reason, sizeof reason, "nothing was heard of it in %d s", START_PATIENCE_MS / 1000);
        if (now - child->started >= START_PATIENCE_MS) pl_child_kill(child, reason);
        return;
    }
    if (child->state != PL_CHILD_UP || !hang_ms(child)) return;
    if (silent >= hang_ms(child) && child->asked >= 2) {
        snprintf(reason, sizeof reason, "it hangs: nothing was heard of it for %.1f s", (double)silent / 1000);
        pl_child_kill(child, reason);
        return;
    }
    struct pl_frame ping = {.type = PL_FRAME_PING, .number = ++child->asked};
    pl_child_send(child, &ping);
    child->options.ready(child->options.owner); /* to find that nothing is there (link.h) */
}

static uint64_t tick_ms(const struct pl_child *child) {
    uint64_t ms = hang_ms(child) ? hang_ms(child) / 4 : TICK_MAX_MS;
    return ms < TICK_MIN_MS ? TICK_MIN_MS : ms > TICK_MAX_MS ? TICK_MAX_MS : ms;
}

/* ---- Talking to it ---- */

bool pl_child_is_up(const struct pl_child *child) {
    return child->state == PL_CHILD_UP;
}

bool pl_child_send(struct pl_child *child, const struct pl_frame *frame) {
    if (child->state != PL_CHILD_UP && child->state != PL_CHILD_QUITTING) return false;
    child->sent = true;
    return pl_link_send(child->link, frame);
}

/* This binary says its number, a program what it speaks. */
static bool greet(struct pl_child *child, const struct pl_frame *frame) {
    uint64_t expected = child->options.program ? PL_PROGRAM_PROTOCOL : (uint64_t)child->pid;
    if (frame->type != PL_FRAME_HELLO || frame->number != expected) return false;
    if (child->options.program) uv_poll_stop(&child->handles->out);
    pl_link_found(child->link);
    child->state = PL_CHILD_UP;
    return true;
}

static bool take_frame(struct pl_child *child, const struct pl_frame *frame) {
    bool starting = child->state == PL_CHILD_STARTING;
    if (frame->type == PL_FRAME_HELLO && child->state == PL_CHILD_DYING) return true; /* it came too late */
    if (starting ? !greet(child, frame) : frame->type == PL_FRAME_HELLO) return false;
    if (frame->type == PL_FRAME_CLOSED) child->farewell = true;
    return child->options.frame(child->options.owner, frame);
}

static void blame(struct pl_child *child, const struct pl_frame *frame, char *reason, size_t size) {
    if (!child->options.program)
        snprintf(reason, size, "it talks nonsense (a message of type %u)", frame ? frame->type : 0u);
    else if (frame && frame->type == PL_FRAME_HELLO && child->state == PL_CHILD_STARTING)
        snprintf(reason, size, "it speaks protocol %" PRIu64 ", and this engine %d", frame->number,
                 PL_PROGRAM_PROTOCOL);
    else
        snprintf(reason, size, "it talks nonsense (%s)", pl_link_problem(child->link));
}

bool pl_child_receive_one(struct pl_child *child) {
    struct pl_frame frame;
    bool listens = child->link && (child->state != PL_CHILD_STARTING || pl_link_listens(child->link));
    enum pl_received received = listens ? pl_link_receive(child->link, &frame) : PL_RECEIVED_NOTHING;
    if (received == PL_RECEIVED_NOTHING) return false;
    child->heard = uv_now(child->options.loop);
    child->asked = 0;
    if (child->reason[0]) return true; /* we are done with it */
    if (received == PL_RECEIVED_FRAME && take_frame(child, &frame)) return true;
    char reason[sizeof child->reason];
    blame(child, received == PL_RECEIVED_FRAME ? &frame : NULL, reason, sizeof reason);
    child->nonsense = true;
    if (child->state == PL_CHILD_DYING) snprintf(child->reason, sizeof child->reason, "%s", reason);
    pl_child_kill(child, reason);
    return true;
}

void pl_child_receive(struct pl_child *child) {
    child->sent = false;
    for (int i = 0; i < FRAMES_A_RUN; i++)
        if (!pl_child_receive_one(child)) return;
    child->sent = true; /* there may be more: others have their turn first */
}

void pl_child_quit(struct pl_child *child) {
    struct pl_frame quit = {.type = PL_FRAME_QUIT};
    if (child->state == PL_CHILD_STARTING) pl_child_kill(child, "it was not wanted any more");
    if (child->state != PL_CHILD_UP) return;
    pl_child_send(child, &quit);
    child->state = PL_CHILD_QUITTING;
    child->started = uv_now(child->options.loop);
    while (pl_child_receive_one(child)) {
    } /* to the last one: its user may not run again, and a process that waits for an answer says nothing new */
}

/* ---- Life ---- */

void pl_child_init(struct pl_child *child, const struct pl_child_options *options) {
    *child = (struct pl_child){.options = *options};
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct pl_child_handles *handles = poll->data;
    (void)status;
    (void)events;
    if (!handles->child) return;
    while (handles->child->state == PL_CHILD_QUITTING && pl_child_receive_one(handles->child)) {
    } /* its user may not run */
    handles->child->options.ready(handles->child->options.owner);
}

/* No secret is among these: `ps` shows them. */
static int spawn_guest(struct pl_child *child, struct pl_child_handles *handles) {
    char parent[24], program[PATH_MAX] = "/proc/self/exe";
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length > 0) program[length] = 0;
    if (length <= 0 || access(program, X_OK)) strcpy(program, "/proc/self/exe"); /* replaced on disk: still this one */
    snprintf(parent, sizeof parent, "%d", child->options.survives ? 0 : (int)getpid());
    char *arguments[ARGUMENTS] = {"potline", (char *)child->options.subcommand, (char *)pl_link_endpoint(child->link),
                                  parent,    (char *)child->options.name,       NULL};
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
                                     {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE}};
    stdio[2].data.stream = (uv_stream_t *)&handles->error;
    uv_process_options_t options = {
        .file = program, .args = arguments, .stdio = stdio, .stdio_count = 3, .exit_cb = on_exit_of};
    if (child->options.survives) options.flags = UV_PROCESS_DETACHED;
    int status = uv_spawn(child->options.loop, &handles->process, &options);
    add_handle(handles, &handles->process); /* also of a process that could not be started */
    child->pid = (int)handles->process.pid;
    return status;
}

static int watch_program(struct pl_child *child, struct pl_child_handles *handles) {
    uv_loop_t *loop = child->options.loop;
    int status = uv_pipe_open(&handles->error, handles->started.error);
    if (status) close(handles->started.error);
    if (!status) status = uv_poll_init(loop, &handles->end, handles->started.process);
    if (status) return status;
    add_handle(handles, &handles->end);
    return uv_poll_start(&handles->end, UV_READABLE, on_end_of_program);
}

static int spawn_program(struct pl_child *child, struct pl_child_handles *handles, struct pl_error **error) {
    struct pl_link_endpoints endpoints;
    pl_link_endpoints(child->link, &endpoints);
    int status = uv_poll_init(child->options.loop, &handles->out, pl_link_out_fd(child->link));
    if (status) return status;
    add_handle(handles, &handles->out);
    handles->program = true;
    handles->started.process = -1;
    if (pl_program_start(child->options.program, child->options.name, &endpoints, &handles->started, error))
        return UV_EAGAIN;
    child->pid = handles->started.pid;
    status = watch_program(child, handles);
    if (status) {
        int64_t code;
        int signal;
        pl_program_kill(child->pid);
        pl_program_ended(&handles->started, &code, &signal);
        return status;
    }
    return uv_poll_start(&handles->out, UV_READABLE, on_readable);
}

static int spawn(struct pl_child *child, struct pl_child_handles *handles, struct pl_error **error) {
    uv_loop_t *loop = child->options.loop;
    uv_pipe_init(loop, &handles->error, 0);
    add_handle(handles, &handles->error);
    uv_timer_init(loop, &handles->timer);
    add_handle(handles, &handles->timer);
    int status = uv_poll_init(loop, &handles->poll, pl_link_fd(child->link));
    if (status) return status;
    add_handle(handles, &handles->poll);
    return child->options.program ? spawn_program(child, handles, error) : spawn_guest(child, handles);
}

static enum pl_code not_started(struct pl_child *child, struct pl_child_handles *handles, int status,
                                struct pl_error **error) {
    handles->child = NULL;
    child->handles = NULL;
    close_all(handles);
    pl_link_free(child->link);
    child->link = NULL;
    if (error && *error) return PL_LIMIT;
    return pl_error_set(error, PL_LIMIT, "cannot start a process: %s", uv_strerror(status));
}

enum pl_code pl_child_start(struct pl_child *child, struct pl_error **error) {
    bool program = child->options.program;
    enum pl_code code = program ? pl_link_bind_program(child->options.zmq, &child->link, error)
                                : pl_link_bind(child->options.zmq, &child->link, error);
    if (code) return code;
    struct pl_child_handles *handles = PL_NEW(struct pl_child_handles);
    if (!handles) {
        pl_link_free(child->link);
        child->link = NULL;
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a process");
    }
    child->reason[0] = child->lines[0] = 0;
    child->asked = 0;
    child->farewell = child->nonsense = false;
    int status = spawn(child, handles, error);
    if (status) return not_started(child, handles, status, error);
    handles->child = child;
    child->handles = handles;
    child->generation++;
    child->state = PL_CHILD_STARTING;
    uv_update_time(child->options.loop);
    child->started = child->heard = uv_now(child->options.loop);
    uv_poll_start(&handles->poll, UV_READABLE, on_readable);
    uv_read_start((uv_stream_t *)&handles->error, give_buffer, on_error_bytes);
    uv_timer_start(&handles->timer, tick, tick_ms(child), tick_ms(child));
    child->options.ready(child->options.owner);
    return PL_OK;
}

void pl_child_fini(struct pl_child *child) {
    pl_link_free(child->link);
    child->link = NULL;
}
