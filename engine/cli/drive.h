/* drive.h: an engine at work until it ends, the time is up, or somebody stops it. */
#ifndef POTLINE_CLI_DRIVE_H
#define POTLINE_CLI_DRIVE_H

#include <stdatomic.h>
#include <uv.h>

#include "runtime/engine.h"

enum pl_drive_hand { PL_HAND_NONE, PL_HAND_OVER, PL_HAND_LOST };

struct pl_drive {
    struct pl_engine *engine;               /* set by the owner, between init and work */
    void (*show)(struct pl_drive *drive);   /* writes one line on standard error, twice a second on a terminal */
    void (*beat)(struct pl_drive *drive);   /* every `pace` ms, also while there is no engine, and when it is to
                                               stop; may change it; 0: never */
    void (*hangup)(struct pl_drive *drive); /* on SIGHUP */
    uint64_t pace;
    pl_time patience; /* what is under way has as long to be worked off when it is stopped; 0: nothing is */

    uv_loop_t loop;
    uv_signal_t interrupt, terminate, reread;
    uv_timer_t limit, drain, status, pulse;
    uv_async_t changed;
    uv_timer_t rest;
    _Atomic bool asked;         /* to stop, by a command */
    _Atomic bool windows_close; /* and as if the data had ended */
    bool stopping;
    bool forced; /* not everything was worked off */
    bool ended;
    bool fallen; /* the engine is to be made anew (engine.h) */
    bool resting;
    /* In a group: */
    void (*rested)(struct pl_drive *drive); /* nothing is at work, as was asked for */
    _Atomic int hand;                       /* enum pl_drive_hand */
    _Atomic bool begins;                    /* another engine may be made */
    _Atomic bool renews;                    /* the engine is to be made anew */
    bool handing, awaiting;
    pl_time delay;
    bool shown;
    enum pl_code code;
    struct pl_error *error;
    uint64_t begun; /* uv_hrtime */
};

/* It must stay where it is. */
void pl_drive_init(struct pl_drive *drive);
/* Behind the engine's end. */
void pl_drive_fini(struct pl_drive *drive);

/* Is called on SIGHUP from now on. */
void pl_drive_on_hangup(struct pl_drive *drive, void (*hangup)(struct pl_drive *drive));

/* For pl_engine_options. Any thread. */
void pl_drive_notify(void *drive);
/* A command's wish; any thread. */
void pl_drive_stop(void *drive, bool drain);

/* Starts the engine and returns when it has ended. The first SIGINT or SIGTERM stops it in good order, the second at
 * once. PL_BUSY: not everything was worked off. `limit` 0: none. When the engine has fallen, it is called again with
 * another one. */
enum pl_code pl_drive_work(struct pl_drive *drive, pl_time limit, struct pl_error **error);

/* The engine has fallen, and is freed: waits for as long as that says. False: it is to end instead. */
bool pl_drive_rest(struct pl_drive *drive);

/* Without an engine, which could not be made: it is to be tried again in a moment, as if it had fallen. False: it is to
 * end instead. */
bool pl_drive_try_again(struct pl_drive *drive);

/* Behind a fall: rests, or does what the group asks for meanwhile. False: it is to end instead. */
bool pl_drive_go_on(struct pl_drive *drive);

/* Of a group, any thread: the engine is to end with a last checkpoint, or, when its partitions are lost, as it stands.
 * pl_drive_work returns as if it had fallen. */
void pl_drive_hand_over(struct pl_drive *drive, bool lost);
/* Of a group, any thread: the engine is to end with a last checkpoint; another one is made at once. */
void pl_drive_renew(void *drive);
/* Any thread: what it is to work off is known. */
void pl_drive_begin(struct pl_drive *drive);
/* Without an engine: waits for that. False: it is to end instead. */
bool pl_drive_await(struct pl_drive *drive);

double pl_drive_seconds(const struct pl_drive *drive); /* since its start */

#endif
