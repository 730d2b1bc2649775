#include "guest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zmq.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/message.h"
#include "batch/batch_impl.h"
#include "batch/tags.h"
#include "runtime/guest_impl.h"

enum { LINGER_MS = 2000, EXIT_FAILED = 1 };

/* ---- Talking ---- */

void pl__guest_send(struct pl_guest *guest, const struct pl_frame *frame) {
    guest->sent = true;
    pl_ready(&guest->runnable); /* an operator also sends from callbacks of the loop (see run) */
    if (!pl_link_send(guest->link, frame)) pl__guest_give_up("the engine takes nothing any more");
}

_Noreturn void pl__guest_give_up(const char *why) {
    pl_diag(PL_ERROR, "%s", why);
    _exit(EXIT_FAILED);
}

void pl__guest_fail(struct pl_guest *guest, const char *text) {
    if (guest->failed) return;
    guest->failed = true;
    struct pl_frame frame = {.type = PL_FRAME_FAILED, .body = text, .size = strnlen(text, PL_FRAME_TEXT_MAX)};
    pl__guest_send(guest, &frame);
}

static void fail_with(struct pl_guest *guest, struct pl_error *error, enum pl_code code) {
    char *text = error ? pl_error_text(error) : NULL;
    pl__guest_fail(guest, text ? text : pl_code_text(code));
    pl_free(text);
    pl_error_free(&error);
}

/* ---- Becoming a node ---- */

static enum pl_code make_node(struct pl_guest *guest, struct pl_error **error) {
    struct pl_guest_config *config = &guest->config;
    struct pl_tags_options tags = {.limit = config->tag_limit,
                                   .key_depth = config->node.key_depth,
                                   .rules = config->rules,
                                   .rule_count = config->rule_count,
                                   .broadcast = config->broadcast};
    guest->tags = pl_tags_new(&tags);
    guest->codec = guest->tags ? pl_codec_new(guest->tags) : NULL;
    guest->counter_count = pl_node_numbers(config->node.op);
    guest->counters = pl_alloc((guest->counter_count + 1) * sizeof *guest->counters);
    if (!guest->codec || !guest->counters || !pl__guest_begin_kept(guest))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a node");
    config->node.tags = guest->tags;
    config->node.clock = &guest->clock;
    config->node.loop = pl_worker_loop(guest->worker);
    guest->made = true;
    enum pl_code code = pl_node_init(&guest->node, &config->node, &pl__guest_host, guest, error);
    guest->node.epoch = config->epoch;
    return code ? code : pl_node_open(&guest->node, error);
}

static void configure(struct pl_guest *guest, const struct pl_frame *frame) {
    struct pl_error *error = NULL;
    enum pl_code code = pl_guest_config_read(&guest->config, frame->body, frame->size, &error);
    guest->configured = true;
    if (!code) pl_diag_setup((enum pl_level)guest->config.least, guest->config.json);
    if (!code) code = make_node(guest, &error);
    if (code) fail_with(guest, error, code);
}

/* Entries may be cut anywhere; whole ones are loaded, the rest waits for the next piece. */
static void restore(struct pl_guest *guest, const struct pl_frame *frame) {
    struct pl_error *error = NULL;
    enum pl_code code = PL_OK;
    if (guest->failed || !frame->size) return;
    if (!pl_buffer_put(&guest->state, frame->body, frame->size)) code = PL_NO_MEMORY;
    const char *at = guest->state.data, *end = at + guest->state.size;
    struct pl_state_entry entry;
    while (!code && pl_state_next(&at, end, &entry))
        code = pl_node_load(&guest->node, &entry, &error);
    if (code)
        fail_with(guest, error, code);
    else
        pl_buffer_drop(&guest->state, (size_t)(at - guest->state.data));
}

static void begin(struct pl_guest *guest) {
    if (guest->failed) return;
    if (guest->state.size) {
        pl__guest_fail(guest, "the state it is to go on with is damaged");
        return;
    }
    pl_buffer_fini(&guest->state);
    guest->open = true;
    pl__guest_pong(guest, PL_FRAME_READY, 0);
}

/* ---- Running ---- */

static void quit(struct pl_guest *guest) {
    if (guest->closed) return;
    guest->closed = true;
    if (guest->made) pl_node_close(&guest->node);
    pl__guest_pong(guest, PL_FRAME_CLOSED, 0);
    pl_worker_stop(guest->worker);
}

/* What a frame may come in front of, and behind. */
static bool fits(const struct pl_guest *guest, uint8_t type) {
    switch (type) {
    case PL_FRAME_CONFIG: return !guest->configured;
    case PL_FRAME_STATE:
    case PL_FRAME_OPEN: return guest->configured && !guest->open;
    case PL_FRAME_PING:
    case PL_FRAME_QUIT:
    case PL_FRAME_CREDIT: return true;
    case PL_FRAME_NOTED: return false; /* who waits for it takes it (guest_wait.c) */
    default: return guest->open || guest->failed;
    }
}

static void take(struct pl_guest *guest, const struct pl_frame *frame) {
    if (!fits(guest, frame->type)) {
        pl__guest_fail(guest, "the engine says what makes no sense");
        return;
    }
    bool works = guest->open && !guest->failed;
    switch (frame->type) {
    case PL_FRAME_CONFIG: configure(guest, frame); break;
    case PL_FRAME_STATE: restore(guest, frame); break;
    case PL_FRAME_OPEN: begin(guest); break;
    case PL_FRAME_COMMIT:
        if (works) pl_node_commit(&guest->node, (uint64_t)frame->value);
        break;
    case PL_FRAME_CREDIT: guest->credited = (uint64_t)frame->value; break;
    case PL_FRAME_CALL:
        if (works) pl__guest_call(guest, frame);
        break;
    case PL_FRAME_PING: pl__guest_pong(guest, PL_FRAME_PONG, frame->number); break;
    case PL_FRAME_QUIT: quit(guest); break;
    default:
        if (works && !pl__guest_put(guest, frame)) pl__guest_fail(guest, "the engine gives more than was agreed");
        break;
    }
}

static void run(struct pl_runnable *runnable) {
    struct pl_guest *guest = (struct pl_guest *)(void *)runnable;
    struct pl_frame frame;
    enum pl_received received;
    guest->sent = false;
    while (!guest->closed && (received = pl__guest_receive(guest, &frame)) != PL_RECEIVED_NOTHING)
        if (received == PL_RECEIVED_FRAME) take(guest, &frame);
    if (guest->closed) return;
    pl__guest_work(guest);
    if (guest->sent) pl_ready(runnable); /* before it sleeps, a receive has failed behind the last send (link.h) */
}

static void readable(uv_poll_t *poll, int status, int events) {
    struct pl_guest *guest = poll->data;
    (void)status;
    (void)events;
    pl_ready(&guest->runnable);
}

static void start(struct pl_runnable *runnable) {
    struct pl_guest *guest = (struct pl_guest *)(void *)runnable;
    uv_poll_init(pl_worker_loop(guest->worker), &guest->poll, pl_link_fd(guest->link));
    guest->poll.data = guest;
    uv_poll_start(&guest->poll, UV_READABLE, readable);
    struct pl_frame hello = {.type = PL_FRAME_HELLO, .number = (uint64_t)getpid()};
    pl__guest_send(guest, &hello);
}

static void finish(struct pl_runnable *runnable) {
    struct pl_guest *guest = (struct pl_guest *)(void *)runnable;
    uv_close((uv_handle_t *)&guest->poll, NULL);
}

/* ---- Life ---- */

/* Dies with the engine, unless it is to survive; nothing of the engine's is open here but the three of every process;
 * who sits at a terminal speaks to the engine. */
static void become_a_guest(const struct pl_guest_options *options) {
    int parent = atoi(options->parent);
    if (parent) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(EXIT_FAILED); /* gone already */
    }
    syscall(SYS_close_range, 3u, ~0u, 0u);
    const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < PL_COUNT_OF(ignored); i++)
        signal(ignored[i], SIG_IGN);
    pl__diag_mark_lines();
}

static void fini(struct pl_guest *guest) {
    for (; guest->count; guest->count--, guest->from++) {
        struct pl_item *item = &guest->items[guest->from % PL__GUEST_ITEMS].item;
        if (item->type == PL_ITEM_BATCH) pl_batch_unref(item->batch);
    }
    if (guest->made) pl_node_fini(&guest->node);
    pl__guest_end_kept(guest);
    pl__guest_drop_later(guest);
    pl_worker_free(guest->worker);
    if (guest->link) pl_link_linger(guest->link, LINGER_MS);
    pl_link_free(guest->link);
    if (guest->zmq) zmq_ctx_term(guest->zmq);
    pl_buffer_fini(&guest->state);
    pl_codec_free(guest->codec);
    pl_free(guest->counters);
    pl_tags_free(guest->tags);
    pl_guest_config_fini(&guest->config);
    pl_free(guest);
}

static enum pl_code live(struct pl_guest *guest, struct pl_error **error) {
    guest->zmq = zmq_ctx_new();
    if (!guest->zmq) return pl_error_set(error, PL_NO_MEMORY, "no memory for a process");
    enum pl_code code = pl_link_connect(guest->zmq, guest->options.endpoint, &guest->link, error);
    if (!code) code = pl_worker_new("node", &guest->worker, error);
    if (!code) code = pl_worker_add(guest->worker, &guest->runnable, error);
    if (!code) code = pl_worker_start(guest->worker, error);
    if (!code) pl_worker_join(guest->worker);
    return code;
}

int pl_guest_run(const struct pl_guest_options *options) {
    become_a_guest(options);
    struct pl_guest *guest = PL_NEW(struct pl_guest);
    struct pl_error *error = NULL;
    if (!guest) return EXIT_FAILED;
    guest->options = *options;
    guest->runnable = (struct pl_runnable){.start = start, .run = run, .finish = finish};
    pl_buffer_init(&guest->state, SIZE_MAX / 2);
    pl_clock_init(&guest->clock, PL_CLOCK_WALL, 0);
    enum pl_code code = live(guest, &error);
    if (error) pl_error_print(stderr, error);
    pl_error_free(&error);
    fini(guest);
    return code ? EXIT_FAILED : 0;
}
