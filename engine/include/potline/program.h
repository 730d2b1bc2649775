/* program.h: operators whose work a program in any language does: started, watched and talked to by the engine.
 *
 *     struct mine {
 *         struct pl_program program; // first
 *         ...
 *     };
 *     static const struct pl_option mine_options[] = {PL_PROGRAM_OPTIONS(struct mine), PL_OPT_END};
 *     static const struct pl_operator mine = {..., .flags = PL_OP_PROGRAM, .check = pl_program_check, ...};
 *
 * One with inputs is at work like a node with `isolate: process`, only that the process is the program: items are
 * numbered, its state is saved at barriers, it is ended when it hangs or talks nonsense, and the engine goes on from
 * the last epoch. Its callbacks open to close below do the same at once and wait for it, for a node outside of an
 * engine (a trial, a harness), and without any of that: a program that dies there has failed.
 *
 * A source has its own. The place that a program gives with its rows goes with them into the log; a program that is
 * started again is told the place of the last row that was taken, so none is lost or comes twice.
 *
 * What a program is to say and may say: docs/external.md.
 */
#ifndef POTLINE_PROGRAM_H
#define POTLINE_PROGRAM_H

#include "codec.h"
#include "operator.h"

struct pl_program {
    struct pl_strings command;
    struct pl_list options, environment; /* struct pl_pair */
    const char *directory;
    uint32_t format; /* enum pl_encoding: capnp or msgpack */
    bool limited;
    int64_t memory; /* 0: none */
    pl_time cpu;
    int64_t files;
    int64_t state;
    uint32_t gives;             /* enum pl_kind: of what it gives, where it has an output */
    pl_time hang;               /* of a source; of others it is an option of the node */
    struct pl_program_run *run; /* the engine's */
};

PL_API const char *const pl_program_formats[]; /* capnp, msgpack; ends in NULL */
PL_API const struct pl_option pl_program_limits[];

/* clang-format off */
#define PL_PROGRAM_OPTIONS(S) \
    PL_OPT_STRINGS(S, program.command, "command", NULL, PL_FIXED, \
        "The program and its arguments, each by itself: no shell reads them. A name without / is looked for in PATH."), \
    PL_OPT_PAIRS(S, program.options, "options", "{}", PL_FIXED, \
        "Names and texts that the program is given when it starts; what they mean is its own affair."), \
    PL_OPT_PAIRS(S, program.environment, "env", "{}", PL_FIXED, \
        "Environment variables of the program. Of the engine's it is given PATH, HOME, LANG, TZ and TMPDIR alone."), \
    PL_OPT_FILE(S, program.directory, "directory", "", PL_FIXED, \
        "Working directory of the program, found from the graph file; empty: the engine's."), \
    PL_OPT_CHOICE(S, program.format, "format", "msgpack", pl_program_formats, PL_FIXED, \
        "How batches of rows are written, both ways."), \
    PL_OPT_GROUP(S, program.limited, "limits", "true", pl_program_limits, PL_FIXED, \
        "What the program may use; the kernel holds it to that.")
/* clang-format on */

PL_API void pl_program_check(void *self, struct pl_check *check);

/* ---- With inputs, outside of an engine ---- */

PL_API enum pl_code pl_program_open(void *self, struct pl_node *node, struct pl_error **error);
PL_API enum pl_flow pl_program_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch);
PL_API pl_time pl_program_watermark(void *self, struct pl_node *node, pl_time now);
PL_API void pl_program_stop(void *self, struct pl_node *node);
PL_API void pl_program_close(void *self, struct pl_node *node);

/* ---- Sources ---- */

enum { PL_PROGRAM_DEATHS, PL_PROGRAM_NONSENSE }; /* the first counters of such a source */
#define PL_PROGRAM_COUNTERS                                                                                            \
    {"deaths", "", "How often the program has ended without being asked to."}, {                                       \
        "nonsense", "messages", "Messages of the program that were refused."                                           \
    }

PL_API enum pl_code pl_program_source_open(void *self, struct pl_node *node, struct pl_error **error);
PL_API enum pl_flow pl_program_source_produce(void *self, struct pl_node *node);
PL_API void pl_program_source_snapshot(const void *self, struct pl_node *node, struct pl_pack *pack);
PL_API enum pl_code pl_program_source_restore(void *self, struct pl_node *node, struct pl_unpack *unpack,
                                              struct pl_error **error);
PL_API void pl_program_source_stop(void *self, struct pl_node *node);
PL_API void pl_program_source_close(void *self, struct pl_node *node);

#endif
