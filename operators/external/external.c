/* external.c: operators, sources and sinks that are programs in any language. All of it is the engine's
 * (potline/program.h); here is what a graph file may say of them. */
#include <potline/potline.h>

struct external {
    struct pl_program program; /* first */
};

static const char *const kinds[] = {"samples", "windows", "profiles", "setpoints", "events", NULL};

#define ALL_KINDS                                                                                                      \
    (PL_SET(PL_SAMPLES) | PL_SET(PL_WINDOWS) | PL_SET(PL_PROFILES) | PL_SET(PL_SETPOINTS) | PL_SET(PL_EVENTS))

#define GIVES                                                                                                          \
    PL_OPT_CHOICE(struct external, program.gives, "kind", "samples", kinds, PL_FIXED, "Kind of the rows that it gives.")

#define ABOUT                                                                                                          \
    "The program is started, told its options over two ZeroMQ endpoints that are made for it, and given rows there; "  \
    "docs/external.md says what is sent, and tools/clients has a library of one file for Python and for Node. What "   \
    "comes of it is trusted in nothing, and refused with the program's end where it makes no sense. It is ended when " \
    "it is silent for `hang`, and started again; what it writes on its standard output or error goes into the "        \
    "engine's messages. It may do what the engine's user may do: the graph file decides what runs."

static const struct pl_option operator_options[] = {
    PL_PROGRAM_OPTIONS(struct external),
    GIVES,
    PL_OPT_END,
};

static const struct pl_option sink_options[] = {
    PL_PROGRAM_OPTIONS(struct external),
    PL_OPT_END,
};

static const struct pl_option setpoint_options[] = {
    PL_PROGRAM_OPTIONS(struct external),
    PL_OPT_CHOICE(struct external, program.gives, "kind", "events", kinds, PL_FIXED,
                  "Kind of the rows that it gives: how each set point ended."),
    PL_OPT_END,
};

static const struct pl_option source_options[] = {
    PL_PROGRAM_OPTIONS(struct external),
    GIVES,
    PL_OPT_DURATION(struct external, program.hang, "hang", "10s", "0s", "1d", PL_FIXED,
                    "Silent for so long, the program is ended and started again; 0: never."),
    PL_OPT_END,
};

static const struct pl_operator external = {
    PL_OPERATOR("external", "A program in any language works on the rows."),
    .doc = ABOUT "\n\nIts state is saved at barriers, by keys. After its death the engine goes on from the last epoch, "
                 "so each row has its effect once. A record at which it dies three times is left out and goes into "
                 "the zone dead.",
    .inputs = PL_PORTS({"in", ALL_KINDS, PL_PORT_FIXED, "What the program is given."}),
    .outputs = PL_PORTS({"out", ALL_KINDS, PL_PORT_OPTION, "What the program makes of it."}),
    .options = operator_options,
    .scope = PL_EITHER,
    .flags = PL_OP_PROGRAM,
    .instance_size = sizeof(struct external),
    .check = pl_program_check,
    .open = pl_program_open,
    .process = pl_program_process,
    .watermark = pl_program_watermark,
    .stop = pl_program_stop,
    .close = pl_program_close,
};

static const struct pl_operator sink_external = {
    PL_OPERATOR("sink.external", "A program in any language takes the rows."),
    .doc = ABOUT,
    .guarantee = "At least once: after a death it is given the rows since the last epoch again. It can make that once "
                 "by what it saves at a barrier, or by keys of its own.",
    .inputs = PL_PORTS({"in", ALL_KINDS, PL_PORT_FIXED, "What the program is given."}),
    .options = sink_options,
    .scope = PL_EITHER,
    .flags = PL_OP_PROGRAM,
    .instance_size = sizeof(struct external),
    .check = pl_program_check,
    .open = pl_program_open,
    .process = pl_program_process,
    .watermark = pl_program_watermark,
    .stop = pl_program_stop,
    .close = pl_program_close,
};

static const struct pl_operator setpoint_external = {
    PL_OPERATOR("setpoint.external", "A program in any language takes set points to the field."),
    .doc = ABOUT "\n\nSet points come from a guard only, as for every way to the field, and a replay writes none.",
    .guarantee = "At least once: after a death it is given the set points since the last epoch again, and leaves out "
                 "those that have expired.",
    .inputs = PL_PORTS({"in", PL_SET(PL_SETPOINTS), PL_PORT_FIXED, "Set points that a guard has let pass."}),
    .outputs = PL_PORTS({"out", ALL_KINDS, PL_PORT_OPTION, "How they ended."}),
    .options = setpoint_options,
    .scope = PL_GLOBAL,
    .flags = PL_OP_PROGRAM | PL_OP_FIELD | PL_OP_ANY_ORDER,
    .instance_size = sizeof(struct external),
    .check = pl_program_check,
    .open = pl_program_open,
    .process = pl_program_process,
    .watermark = pl_program_watermark,
    .stop = pl_program_stop,
    .close = pl_program_close,
};

static const struct pl_operator source_external = {
    PL_OPERATOR("source.external", "A program in any language gives the rows."),
    .doc = ABOUT "\n\nWith rows it gives the place where it stands behind them, which goes into the log with them; "
                 "started again it is told the last one.",
    .guarantee = "Exactly once, for a program that goes on at the place it is told.",
    .outputs = PL_PORTS({"out", ALL_KINDS, PL_PORT_OPTION, "What the program gives."}),
    .options = source_options,
    .counters = PL_COUNTERS(PL_PROGRAM_COUNTERS),
    .scope = PL_GLOBAL,
    .flags = PL_OP_PROGRAM | PL_OP_REPLAYABLE,
    .instance_size = sizeof(struct external),
    .check = pl_program_check,
    .open = pl_program_source_open,
    .produce = pl_program_source_produce,
    .snapshot = pl_program_source_snapshot,
    .restore = pl_program_source_restore,
    .stop = pl_program_source_stop,
    .close = pl_program_source_close,
};

PL_PLUGIN(external, "1.0", &external, &sink_external, &setpoint_external, &source_external)
