/* isolation_impl.h: across the files of an isolation: isolation.c has the life of its process and what is given to it,
 * isolation_take.c what comes from it. */
#ifndef POTLINE_ISOLATION_IMPL_H
#define POTLINE_ISOLATION_IMPL_H

#include <potline/zone.h>

#include "graph/option_pack.h"
#include "runtime/isolation.h"
#include "runtime/program_keys.h"
#include "store/state.h"

enum { PL__FLIGHTS = 48, PL__FLIGHT_BATCHES = 16, PL__FLIGHT_BYTES = 2 << 20 };

struct pl__flight {
    struct pl_item item; /* its batch is owned */
    unsigned port;
    uint64_t number;
    uint64_t record;
    uint64_t given; /* uv_hrtime, of a program's */
};

/* A set point for the field that a program was given. */
struct pl__order {
    uint64_t id;
    uint32_t tag;
};

struct pl_isolation {
    struct pl_isolation_options options;
    struct pl_task *task;
    struct pl_child child;
    const struct pl_program *program; /* NULL: this binary's own */
    enum pl_encoding encoding;
    uv_timer_t again;
    bool timed;    /* `again` is there */
    bool ready;    /* the process takes items */
    bool begun;    /* a process has been ready before: the next begins afresh */
    bool finished; /* the task has ended: nothing of what comes goes anywhere */
    bool careful;
    struct pl__flight flights[PL__FLIGHTS]; /* a ring */
    unsigned from, count, batches;
    int64_t bytes;
    bool barrier;    /* one is under way */
    uint64_t number; /* of the last item */
    uint64_t done;
    uint64_t done_at;            /* uv_hrtime, of a program */
    struct pl_program_keys keys; /* of a program: how much it keeps */
    struct pl_buffer state;      /* that belongs to the oldest item */
    uint64_t emitted, credited;  /* bytes */
    struct pl__order *orders;    /* for the field that the program has not told the end of, oldest first */
    uint32_t order_count, order_room;
    uint64_t unlisted;              /* the same, that found no room */
    struct pl_call *calls;          /* under way, in no order */
    struct pl_calls held;           /* until the process is there */
    struct pl__isolation_set *sets; /* that have been done: a process that begins afresh is told them */
    uint64_t call_number;
    struct pl_zone *zones[PL_ZONES]; /* that it puts rows into; NULL: it has not yet */
    struct pl_pack *settings;        /* its options as they are now, packed */
    _Atomic int pid;
    _Atomic unsigned generation;
    _Atomic uint64_t lost_rows;
};

struct pl__isolation_set {
    struct pl__isolation_set *next;
    char *option;
    struct pl_pack *call;
};

/* Sends again what was under way when a process was lost, but for its rows. */
void pl__isolation_resume(struct pl_isolation *isolation);
/* isolation_brief.c: everything in front of its first item */
enum pl_code pl__isolation_brief(struct pl_isolation *isolation, struct pl_error **error);
/* isolation_program.c: the same for a program, and what its rows are said to come from */
enum pl_code pl__isolation_brief_program(struct pl_isolation *isolation, struct pl_error **error);
void pl__isolation_send_entry(struct pl_isolation *isolation, const struct pl_state_entry *entry);
void pl__isolation_stamp(struct pl_isolation *isolation, struct pl_batch *batch);
/* isolation_field.c: before a batch is given to a program, and when one has come from it: what is set points of the
 * field, or how they ended, is noted. */
void pl__isolation_note_orders(struct pl_isolation *isolation, const struct pl_batch *batch);
void pl__isolation_note_ends(struct pl_isolation *isolation, const struct pl_batch *batch);
void pl__isolation_note_orphans(struct pl_isolation *isolation, const char *why); /* the program has gone */
/* isolation_calls.c */
void pl__isolation_set_again(struct pl_isolation *isolation);
void pl__isolation_forget_sets(struct pl_isolation *isolation);
void pl__isolation_remember_set(struct pl_isolation *isolation, const struct pl_call *call);
void pl__isolation_changes(struct pl_task *task); /* calls for the barrier that is about to be given */
void pl__isolation_drop_calls(struct pl_isolation *isolation, const char *why);

/* isolation_take.c; false: nonsense. */
bool pl__isolation_take(void *isolation, const struct pl_frame *frame);

#endif
