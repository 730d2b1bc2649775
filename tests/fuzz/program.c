/* What a program that is a source (`source.external`, the OPC UA gateway's subscription) may say: refused, or rows of
 * the kind that it gives, with names that there are; and a place that is one whole value, which a restart reads back.
 *
 * The first byte: 1 it has begun already, 2 its rows are of Cap'n Proto (else msgpack). Then messages: two bytes of
 * length, the message. */
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/harness.h>
#include <potline/program.h>

#include "base/unpack.h"
#include "batch/batch_impl.h"
#include "expect.h"
#include "runtime/program_run.h"
#include "runtime/program_wire.h"

enum { BEGUN = 1, CAPNP = 2, HEAD = 2, MESSAGES_MAX = 64 };

struct program {
    struct pl_program program;
};

static const struct pl_option options[] = {PL_PROGRAM_OPTIONS(struct program), PL_OPT_END};

static const struct pl_operator source = {
    PL_OPERATOR("fuzz.program", "Rows of a program."),
    .outputs = PL_PORTS({"out", PL_SET(PL_SAMPLES), PL_PORT_FIXED, ""}),
    .options = options,
    .counters = PL_COUNTERS(PL_PROGRAM_COUNTERS),
    .scope = PL_GLOBAL,
    .flags = PL_OP_PROGRAM | PL_OP_REPLAYABLE,
    .instance_size = sizeof(struct program),
    .open = pl_program_source_open,
    .produce = pl_program_source_produce,
    .snapshot = pl_program_source_snapshot,
    .restore = pl_program_source_restore,
    .stop = pl_program_source_stop,
    .close = pl_program_source_close,
};

static struct pl_program_run *begin(struct pl_harness *h, bool begun) {
    struct program *self = pl_harness_self(h);
    EXPECT(self && self->program.run);
    struct pl_program_run *run = self->program.run;
    run->started = true; /* no process: what it would say is given here */
    run->producing = true;
    struct pl_frame hello = {.type = PL_FRAME_HELLO}, ready = {.type = PL_FRAME_READY};
    if (begun) EXPECT(run->child.options.frame(run, &hello) && run->child.options.frame(run, &ready));
    return run;
}

static void take_all(struct pl_harness *h) {
    struct pl_batch *batch;
    while ((batch = pl_harness_pull(h, 0))) {
        EXPECT(batch->kind == PL_SAMPLES && batch->rows > 0 && batch->rows <= batch->capacity);
        for (uint32_t i = 0; i < batch->rows; i++)
            EXPECT(batch->samples.tag[i] < pl_tags_count(pl_harness_tags(h)));
        pl_batch_unref(batch);
    }
}

/* As child.h and link.h do it; false: it is ended for what it said. */
static bool say(struct pl_program_run *run, struct pl_program_wire *wire, const uint8_t *bytes, size_t size) {
    struct pl_frame frame;
    uint8_t *exact = malloc(size ? size : 1);
    EXPECT(exact);
    if (size) memcpy(exact, bytes, size);
    bool good = pl_program_wire_read(wire, exact, size, &frame) && (frame.type != PL_FRAME_HELLO || !run->ready) &&
                run->child.options.frame(run, &frame);
    free(exact);
    return good;
}

/* Where it stands is one value, and another instance goes on there. */
static void check_place(struct pl_harness *h, const struct pl_program_run *run, const char *how) {
    struct pl_unpack unpack;
    size_t size;
    if (run->position.size) {
        pl_unpack_init(&unpack, run->position.data, run->position.size);
        EXPECT(pl_unpack_skip(&unpack) && unpack.at == unpack.end);
    }
    void *state = pl_harness_snapshot(h, &size);
    struct pl_harness *other = pl_harness_of(&source, how, PL_SAMPLES, NULL);
    EXPECT(state && other && !pl_harness_restore(other, state, size, NULL));
    struct program *self = pl_harness_self(other);
    EXPECT(self->program.run->position.size == run->position.size || *(const uint8_t *)run->position.data == 0xC0);
    self->program.run->started = true;
    pl_harness_free(other);
    pl_free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct pl_program_wire wire;
    if (!size) return 0;
    const char *how = *bytes & CAPNP ? "{command: [none], format: capnp}" : "{command: [none]}";
    struct pl_harness *h = pl_harness_of(&source, how, PL_SAMPLES, NULL);
    EXPECT(h && pl_program_wire_init(&wire));
    struct pl_program_run *run = begin(h, *bytes & BEGUN);
    const uint8_t *at = bytes + 1, *end = bytes + size;
    for (int i = 0; i < MESSAGES_MAX && end - at >= HEAD; i++) {
        size_t length = (size_t)at[0] | (size_t)at[1] << 8, left = (size_t)(end - at) - HEAD;
        if (length > left) length = left;
        if (!say(run, &wire, at + HEAD, length) || pl_harness_failure(h)) break;
        at += HEAD + length;
        take_all(h);
    }
    if (!pl_harness_failure(h)) check_place(h, run, how);
    pl_program_wire_fini(&wire);
    pl_harness_free(h);
    return 0;
}
