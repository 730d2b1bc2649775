/* Nodes in processes of their own, in a running engine. The processes are this program: it is an engine's guest when it
 * is called as one, or one that behaves badly, as the name of its node says. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <zmq.h>

#include <cmocka.h>

#include <potline/setpoint.h>

#include "graph/registry.h"
#include "runtime/engine.h"
#include "runtime/guest.h"
#include "runtime/isolation.h"
#include "store/folder_testing.h"

enum { ROWS = 100, PATIENCE_S = 60 };

/* ---- Operators ---- */

struct count {
    int64_t batches;
    int64_t at;
};

static const struct pl_option count_options[] = {
    PL_OPT_INT(struct count, batches, "batches", "300", "0", NULL, PL_FIXED, "How many."),
    PL_OPT_END,
};

static enum pl_flow count_produce(void *self, struct pl_node *node) {
    struct count *count = self;
    if (count->at == count->batches) return PL_FLOW_END;
    struct pl_batch *batch = pl_node_batch(node, PL_SAMPLES, ROWS, 0);
    if (!batch) return PL_FLOW_FAIL;
    uint32_t tag = pl_tags_intern(pl_node_tags(node), "line1.v", 7);
    for (; batch->rows < ROWS; batch->rows++) {
        batch->samples.time[batch->rows] = count->at * ROWS + batch->rows;
        batch->samples.tag[batch->rows] = tag;
        batch->samples.value[batch->rows] = 1;
        batch->samples.quality[batch->rows] = 0;
    }
    count->at++;
    return pl_emit(node, 0, &batch);
}

static const struct pl_operator op_count = {
    PL_OPERATOR("test.count", "Rows with the times 0, 1, 2, ..."),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .options = count_options,
    .instance_size = sizeof(struct count),
    .produce = count_produce,
};

struct work {
    int64_t fail_at, die_at, copies;
    int64_t rows, expected;
    uv_timer_t timer;
    struct pl_node *node;
    bool timed;
    bool slow; /* a sink that is busy every now and then */
    bool mixed;
    bool writes;
};

enum { COUNT_ROWS, COUNT_WATERMARKS };

static const struct pl_option work_options[] = {
    PL_OPT_INT(struct work, fail_at, "fail_at", "-1", NULL, NULL, PL_FIXED, "It fails at the row of this time."),
    PL_OPT_INT(struct work, die_at, "die_at", "-1", NULL, NULL, PL_FIXED, "Its process dies there."),
    PL_OPT_INT(struct work, copies, "copies", "1", "1", NULL, PL_FIXED, "How many times it emits each batch."),
    PL_OPT_BOOL(struct work, mixed, "mixed", "false", PL_FIXED, "Rows need not come in order."),
    PL_OPT_BOOL(struct work, writes, "writes", "false", PL_FIXED, "Each row is a set point that leaves."),
    PL_OPT_BOOL(struct work, slow, "slow", "false", PL_FIXED, "It is busy every now and then."),
    PL_OPT_END,
};

static const struct pl_counter work_counters[] = {
    {"rows", "rows", "Seen."}, {"watermarks", "", "Seen."}, {.name = NULL}};

static const struct pl_gauge work_gauges[] = {{"last", "", "Row seen last.", PL_GAUGE_MOST}, {.name = NULL}};

static void not_busy(uv_timer_t *timer) {
    pl_busy(((struct work *)timer->data)->node, false);
}

static enum pl_code work_open(void *self, struct pl_node *node, struct pl_error **error) {
    struct work *work = self;
    (void)error;
    work->node = node;
    uv_timer_init(pl_node_loop(node), &work->timer);
    work->timer.data = work;
    work->timed = true;
    return PL_OK;
}

/* Rows come in order, each once, and none while it is busy. */
static bool look_at(struct work *work, const struct pl_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++)
        if (batch->samples.time[i] < work->expected && !work->mixed) return false;
    work->expected = batch->samples.time[batch->rows - 1];
    pl_count(work->node, COUNT_ROWS, batch->rows);
    pl_gauge_set(work->node, 0, (double)work->expected);
    return true;
}

static bool holds(const struct pl_batch *batch, int64_t time) {
    return batch->samples.time[0] <= time && time <= batch->samples.time[batch->rows - 1];
}

static void write_point(struct pl_node *node, uint64_t id, uint32_t tag) {
    pl_note_setpoint(node, &(struct pl_setpoint_note){.action = PL_SETPOINT_WRITE,
                                                      .outcome = "leaves",
                                                      .reason = "",
                                                      .id = id,
                                                      .sequence = UINT64_MAX,
                                                      .tag = tag,
                                                      .origin = tag,
                                                      .old = NAN,
                                                      .value = 1});
}

static enum pl_flow work_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct work *work = self;
    enum pl_flow flow = PL_FLOW_OK;
    (void)input;
    if (!look_at(work, batch)) flow = pl_fail(node, "rows are out of order");
    for (uint32_t i = 0; work->writes && i < batch->rows; i++) {
        write_point(node, (uint64_t)batch->samples.time[i], batch->samples.tag[i]);
        if (batch->samples.time[i] == work->die_at) raise(SIGKILL);
    }
    if (holds(batch, work->die_at)) raise(SIGKILL);
    if (holds(batch, work->fail_at)) flow = pl_fail(node, "it was to fail");
    for (int64_t i = 0; flow == PL_FLOW_OK && i < work->copies && pl_wanted(node, 0); i++) {
        struct pl_batch *copy = pl_batch_ref(batch);
        flow = pl_emit(node, 0, &copy);
    }
    pl_batch_unref(batch);
    if (work->slow && work->expected / ROWS % 3 == 0) {
        pl_busy(node, true);
        uv_timer_start(&work->timer, not_busy, 1, 0);
    }
    return flow;
}

static pl_time work_watermark(void *self, struct pl_node *node, pl_time now) {
    (void)self;
    pl_count(node, COUNT_WATERMARKS, 1);
    return now;
}

static void work_close(void *self, struct pl_node *node) {
    struct work *work = self;
    (void)node;
    if (work->timed) uv_close((uv_handle_t *)&work->timer, NULL);
}

static enum pl_code work_whose(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                               struct pl_error **error) {
    const struct work *work = self;
    (void)args;
    (void)error;
    if (work->writes) write_point(node, UINT64_MAX, pl_tags_intern(pl_node_tags(node), "line1.v", 7));
    pl_pack_pair_int(pl_reply_row(call, 1), "pid", getpid());
    return PL_OK;
}

static const struct pl_operator op_work = {
    PL_OPERATOR("test.work", "Hands rows on."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .options = work_options,
    .counters = work_counters,
    .gauges = work_gauges,
    .scope = PL_GLOBAL,
    .instance_size = sizeof(struct work),
    .open = work_open,
    .process = work_process,
    .watermark = work_watermark,
    .close = work_close,
    .commands = PL_COMMANDS({.name = "whose", .doc = "", .run = work_whose}),
};

static const struct pl_operator op_sink = {
    PL_OPERATOR("test.sink", "Takes rows."),
    .inputs = PL_PORTS({"in", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .options = work_options,
    .counters = work_counters,
    .gauges = work_gauges,
    .scope = PL_GLOBAL,
    .flags = PL_OP_OUTSIDE,
    .instance_size = sizeof(struct work),
    .open = work_open,
    .process = work_process,
    .watermark = work_watermark,
    .close = work_close,
    .commands = PL_COMMANDS({.name = "whose", .doc = "", .run = work_whose}),
};

/* ---- A run ---- */

struct run {
    struct pl_graph *graph;
    struct pl_engine *engine;
    struct pl_deaths *deaths;
};

static struct pl_task *task_of(const struct run *run, const char *name) {
    for (unsigned i = 0; i < pl_engine_task_count(run->engine); i++)
        if (strcmp(pl_engine_task(run->engine, i)->node.config.name, name) == 0) return pl_engine_task(run->engine, i);
    return NULL;
}

static void begin_in(struct run *run, const char *data, bool forgives, const char *nodes) {
    char text[2048];
    struct pl_problem *problems;
    unsigned count;
    snprintf(text, sizeof text, "potline: 1\nname: test\nlog: { kind: none }\nnodes:\n%s", nodes);
    *run = (struct run){0};
    enum pl_code code =
        pl_graph_parse(text, strlen(text), "test.yaml", &(struct pl_graph_options){0}, &run->graph, &problems, &count);
    if (code) fprintf(stderr, "%s\n", count ? problems[0].text : "?");
    assert_int_equal(code, PL_OK);
    pl_problems_free(problems, count);
    if (forgives) run->deaths = pl_deaths_new();
    struct pl_engine_options options = {.data = data, .until_eof = true, .deaths = run->deaths};
    assert_int_equal(pl_engine_new(run->graph, &options, &run->engine, NULL), PL_OK);
    assert_int_equal(pl_engine_start(run->engine, NULL), PL_OK);
}

static void begin(struct run *run, bool forgives, const char *nodes) {
    begin_in(run, NULL, forgives, nodes);
}

static void end(struct run *run) {
    pl_engine_free(run->engine);
    pl_deaths_free(run->deaths);
    pl_graph_free(run->graph);
}

static void good_end(struct run *run) {
    struct pl_error *error = NULL;
    enum pl_code code = pl_engine_wait(run->engine, PATIENCE_S * PL_SECOND, &error);
    if (code) fprintf(stderr, "%s\n", error ? error->text : pl_code_text(code));
    assert_int_equal(code, PL_OK);
}

static void bad_end(struct run *run, const char *why) {
    struct pl_error *error = NULL;
    assert_int_equal(pl_engine_wait(run->engine, PATIENCE_S * PL_SECOND, &error), PL_UNAVAILABLE);
    if (!strstr(error->text, why)) fprintf(stderr, "\"%s\" expected in: %s\n", why, error->text);
    assert_non_null(strstr(error->text, why));
    pl_error_free(&error);
}

/* ---- What they do ---- */

static void rows_go_through(void **state) {
    (void)state;
    struct run run;
    begin(&run, false,
          "  in: { op: test.count }\n  apart: { op: test.work, from: in, copies: 2, isolate: process }\n"
          "  again: { op: test.work, from: apart, mixed: true, isolate: process }\n"
          "  out: { op: test.sink, from: again, mixed: true }\n");
    good_end(&run);
    assert_int_equal(pl_stat_get(&task_of(&run, "apart")->stats.rows_in), 300 * ROWS);
    assert_int_equal(pl_stat_get(&task_of(&run, "apart")->stats.rows_out), 600 * ROWS);
    assert_int_equal(pl_node_counter(&task_of(&run, "apart")->node, COUNT_ROWS), 300 * ROWS);
    assert_int_equal(pl_node_counter(&task_of(&run, "out")->node, COUNT_ROWS), 600 * ROWS);
    assert_true(pl_node_gauge(&task_of(&run, "apart")->node, 0) == pl_node_gauge(&task_of(&run, "out")->node, 0));
    assert_true(pl_node_gauge(&task_of(&run, "apart")->node, 0) > 0);
    assert_true(pl_node_counter(&task_of(&run, "apart")->node, COUNT_WATERMARKS) > 0);
    assert_int_equal(atomic_load(&task_of(&run, "out")->stats.watermark), PL_TIME_MAX);
    end(&run);
}

static void a_busy_sink_gets_each_row_once(void **state) {
    (void)state;
    static const char *const on_full[] = {"spill", "block"}; /* what was spilled comes behind what is new */
    for (size_t i = 0; i < PL_COUNT_OF(on_full); i++) {
        struct run run;
        char nodes[512];
        snprintf(nodes, sizeof nodes,
                 "  in: { op: test.count }\n  out: { op: test.sink, from: in, slow: true, mixed: %s, on_full: %s, "
                 "isolate: process }\n",
                 i ? "false" : "true", on_full[i]);
        begin(&run, false, nodes);
        good_end(&run);
        assert_int_equal(pl_node_counter(&task_of(&run, "out")->node, COUNT_ROWS), 300 * ROWS);
        end(&run);
    }
}

/* What is emitted while nobody takes it is bounded, and goes on when somebody does. */
static void a_slow_graph_holds_it_up(void **state) {
    (void)state;
    struct run run;
    begin(&run, false,
          "  in: { op: test.count, batches: 5000 }\n  apart: { op: test.work, from: in, copies: 8, isolate: process }\n"
          "  out: { op: test.sink, from: apart, on_full: block, mixed: true, queue: { batches: 4 } }\n");
    pl_task_pause(task_of(&run, "out"), true);
    struct pl_task *apart = task_of(&run, "apart");
    uint64_t before = UINT64_MAX, now = 0;
    for (int still = 0; still < 20; still = now == before && now ? still + 1 : 0) {
        before = now;
        uv_sleep(20);
        now = pl_stat_get(&apart->stats.bytes_out);
    }
    assert_true(now > 0 && now < 2 * PL_GUEST_CEILING);
    pl_task_pause(task_of(&run, "out"), false);
    good_end(&run);
    assert_int_equal(pl_node_counter(&task_of(&run, "out")->node, COUNT_ROWS), 40000 * ROWS);
    end(&run);
}

static void its_failure_is_that_of_the_node(void **state) {
    (void)state;
    struct run run;
    begin(&run, false,
          "  in: { op: test.count }\n  apart: { op: test.work, from: in, fail_at: 5050, isolate: process }\n"
          "  out: { op: test.sink, from: apart }\n");
    bad_end(&run, "node apart: it was to fail");
    end(&run);
}

static void its_death_fails_a_node_that_nobody_restarts(void **state) {
    (void)state;
    struct run run;
    begin(&run, false,
          "  in: { op: test.count }\n  apart: { op: test.work, from: in, die_at: 5050, isolate: process }\n"
          "  out: { op: test.sink, from: apart }\n");
    bad_end(&run, "it was ended by signal 9 (Killed)");
    end(&run);
}

static enum pl_code count_write(void *arg, const struct pl_audit_record *record, struct pl_error **error) {
    (void)error;
    *(int *)arg += strcmp(record->action, PL_SETPOINT_WRITE) == 0;
    return PL_OK;
}

/* Whatever its process is about when it is killed: what had left is in the audit. */
static void each_write_is_in_the_audit_before_it_leaves(void **state) {
    (void)state;
    for (int last = 0; last < ROWS; last += 7) {
        struct run run;
        char nodes[256], *folder = make_folder();
        int writes = 0;
        snprintf(nodes, sizeof nodes,
                 "  in: { op: test.count, batches: 3 }\n"
                 "  out: { op: test.sink, from: in, writes: true, die_at: %d, isolate: process }\n",
                 last);
        begin_in(&run, folder, false, nodes);
        bad_end(&run, "it was ended by signal 9 (Killed)");
        assert_int_equal(pl_audit_each(pl_engine_store(run.engine), 0, count_write, &writes, NULL), PL_OK);
        assert_int_equal(writes, last + 1);
        end(&run);
        remove_folder(folder);
    }
}

/* Without a log what it had is lost, and counted; the rest goes through. */
static void another_begins_afresh(void **state) {
    (void)state;
    struct run run;
    begin(&run, true,
          "  in: { op: test.count }\n  apart: { op: test.work, from: in, die_at: 5050, isolate: process }\n"
          "  out: { op: test.sink, from: apart }\n");
    good_end(&run);
    struct pl_isolation_stats stats;
    struct pl_task_input_stats inputs;
    pl_isolation_stats(task_of(&run, "apart")->isolation, &stats);
    pl_task_input_stats(task_of(&run, "apart"), &inputs);
    assert_int_equal(stats.generation, 2);
    assert_true(stats.lost_rows >= ROWS && stats.lost_rows <= 20 * ROWS);
    assert_int_equal(inputs.dropped_rows, stats.lost_rows);
    uint64_t came = pl_node_counter(&task_of(&run, "out")->node, COUNT_ROWS);
    assert_true(came + stats.lost_rows >= 300 * ROWS && came < 300 * ROWS);
    assert_int_equal(pl_engine_deaths(run.engine, "apart"), 1);
    end(&run);
}

static _Atomic int answered;

static void keep_pid(struct pl_call *call) {
    struct pl_unpack rows;
    uint32_t pairs;
    int64_t pid = -1;
    pl_unpack_init(&rows, pl_pack_data(call->rows), pl_pack_size(call->rows));
    if (!call->code && pl_unpack_map(&rows, &pairs) && pl_unpack_skip(&rows)) pl_unpack_int(&rows, &pid);
    atomic_store(&answered, (int)pid);
    pl_call_free(call);
}

static void ask_whose(const struct run *run, const char *node, void (*done)(struct pl_call *call)) {
    struct pl_call *call = pl_call_new();
    call->run = pl_call_run_command;
    call->where = PL_CALL_COMMAND;
    call->command = &task_of(run, node)->node.config.op->commands[0];
    call->done = done;
    assert_true(pl_task_call(task_of(run, node), call));
}

static void commands_are_done_where_it_is(void **state) {
    (void)state;
    struct run run;
    begin(&run, false,
          "  in: { op: test.count, batches: 100000, rate: 10000/s }\n"
          "  apart: { op: test.work, from: in, isolate: process }\n  out: { op: test.sink, from: apart }\n");
    ask_whose(&run, "apart", keep_pid); /* before it is there: it waits */
    for (int i = 0; i < 100 * PATIENCE_S && !atomic_load(&answered); i++)
        uv_sleep(10);
    struct pl_isolation_stats stats;
    pl_isolation_stats(task_of(&run, "apart")->isolation, &stats);
    assert_true(stats.pid > 0 && stats.pid != getpid());
    assert_int_equal(atomic_load(&answered), stats.pid);
    end(&run); /* at work still: nothing is left behind */
    assert_int_equal(kill(stats.pid, 0), -1);
}

/* ---- Processes that behave badly ---- */

static _Atomic int answers;

static void count_answer(struct pl_call *call) {
    if (!call->code) atomic_fetch_add(&answers, 1);
    pl_call_free(call);
}

/* What it is asked while it waits for the engine, in the middle of an item or of another answer, is done behind that.
 */
static void what_comes_while_it_waits_is_done_later(void **state) {
    (void)state;
    enum { BATCHES = 30, CALLS = 50 };
    struct run run;
    char *folder = make_folder();
    int writes = 0;
    atomic_store(&answers, 0);
    begin_in(&run, folder, false,
             "  in: { op: test.count, batches: 30 }\n"
             "  out: { op: test.sink, from: in, writes: true, isolate: process, hang: 1s }\n");
    for (int i = 0; i < CALLS; i++)
        ask_whose(&run, "out", count_answer);
    good_end(&run);
    assert_int_equal(pl_node_counter(&task_of(&run, "out")->node, COUNT_ROWS), BATCHES * ROWS);
    assert_int_equal(atomic_load(&answers), CALLS);
    assert_int_equal(pl_audit_each(pl_engine_store(run.engine), 0, count_write, &writes, NULL), PL_OK);
    assert_int_equal(writes, BATCHES * ROWS + CALLS);
    end(&run);
    remove_folder(folder);
}

static void say(void *socket, const void *bytes, size_t size, int flags) {
    zmq_send(socket, bytes, size, flags);
}

static void send_frame(void *socket, struct pl_frame frame, const void *body, size_t size) {
    static uint8_t bytes[PL_FRAME_HEAD + 4096];
    pl_frame_write_head(&frame, bytes);
    if (size) memcpy(bytes + PL_FRAME_HEAD, body, size);
    say(socket, bytes, PL_FRAME_HEAD + size, 0);
}

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static void send_noise(void *socket, uint64_t seed) {
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)next_random(&seed);
    bytes[0] = (uint8_t)(next_random(&seed) % (PL_FRAME_TYPES + 3));
    memset(bytes + 1, 0, 3);
    say(socket, bytes, next_random(&seed) % sizeof bytes, 0);
}

static int be_a_rogue(const char *endpoint, const char *name) {
    void *zmq = zmq_ctx_new(), *socket = zmq_socket(zmq, ZMQ_PAIR);
    if (zmq_connect(socket, endpoint)) return 9;
    struct pl_frame hello = {.type = PL_FRAME_HELLO, .number = (uint64_t)getpid()};
    if (strcmp(name, "rogue-stranger") == 0) hello.number++;
    if (strcmp(name, "rogue-raw") == 0) say(socket, "what is this", 12, 0);
    send_frame(socket, hello, NULL, 0);
    if (strcmp(name, "rogue-parts") == 0) {
        say(socket, "a", 1, ZMQ_SNDMORE);
        say(socket, "b", 1, 0);
    }
    if (strncmp(name, "rogue-noise", 11) == 0)
        for (uint64_t i = 1; i < 50; i++)
            send_noise(socket, i * 7919 + strlen(name));
    if (strcmp(name, "rogue-done") == 0) {
        send_frame(socket, (struct pl_frame){.type = PL_FRAME_READY}, NULL, 0);
        send_frame(socket, (struct pl_frame){.type = PL_FRAME_DONE, .number = 77}, NULL, 0);
    }
    if (strcmp(name, "rogue-rows") == 0) {
        send_frame(socket, (struct pl_frame){.type = PL_FRAME_READY}, NULL, 0);
        send_frame(socket, (struct pl_frame){.type = PL_FRAME_EMIT}, "no rows at all", 14);
    }
    if (strcmp(name, "rogue-exit") == 0) {
        fputs("this is the end\n", stderr);
        return 3;
    }
    for (;;) /* says nothing any more */
        uv_sleep(1000);
}

static void expect_rogue(const char *name, const char *hang, const char *why) {
    struct run run;
    char nodes[512];
    snprintf(nodes, sizeof nodes,
             "  in: { op: test.count }\n  %s: { op: test.work, from: in, isolate: process, hang: %s }\n"
             "  out: { op: test.sink, from: %s }\n",
             name, hang, name);
    begin(&run, false, nodes);
    bad_end(&run, why);
    end(&run);
}

static void what_makes_no_sense_is_the_end_of_its_process(void **state) {
    (void)state;
    expect_rogue("rogue-stranger", "1m", "it talks nonsense");
    expect_rogue("rogue-raw", "1m", "it talks nonsense");
    expect_rogue("rogue-parts", "1m", "it talks nonsense");
    expect_rogue("rogue-done", "1m", "it talks nonsense");
    expect_rogue("rogue-rows", "1m", "it talks nonsense");
    expect_rogue("rogue-noise-1", "1m", "it talks nonsense");
    expect_rogue("rogue-noise-22", "1m", "it talks nonsense");
    expect_rogue("rogue-noise-333", "1m", "it talks nonsense");
}

static void one_that_is_silent_is_ended(void **state) {
    (void)state;
    expect_rogue("rogue-silent", "200ms", "it hangs: nothing was heard of it");
}

static void its_last_words_are_told(void **state) {
    (void)state;
    expect_rogue("rogue-exit", "1m", "it ended by itself with exit code 3; the last it wrote: this is the end");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_go_through),
        cmocka_unit_test(a_busy_sink_gets_each_row_once),
        cmocka_unit_test(a_slow_graph_holds_it_up),
        cmocka_unit_test(its_failure_is_that_of_the_node),
        cmocka_unit_test(its_death_fails_a_node_that_nobody_restarts),
        cmocka_unit_test(each_write_is_in_the_audit_before_it_leaves),
        cmocka_unit_test(another_begins_afresh),
        cmocka_unit_test(commands_are_done_where_it_is),
        cmocka_unit_test(what_comes_while_it_waits_is_done_later),
        cmocka_unit_test(what_makes_no_sense_is_the_end_of_its_process),
        cmocka_unit_test(one_that_is_silent_is_ended),
        cmocka_unit_test(its_last_words_are_told),
    };
    if (!pl_registry_add(&op_count) || !pl_registry_add(&op_work) || !pl_registry_add(&op_sink)) return 2;
    if (argc == 5 && strcmp(argv[1], PL_GUEST_SUBCOMMAND) == 0) {
        if (strncmp(argv[4], "rogue", 5) == 0) return be_a_rogue(argv[2], argv[4]);
        return pl_guest_run(&(struct pl_guest_options){.endpoint = argv[2], .parent = argv[3]});
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
