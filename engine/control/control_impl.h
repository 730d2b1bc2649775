/* control_impl.h: the control thread's own things (inside of engine/control). */
#ifndef POTLINE_CONTROL_IMPL_H
#define POTLINE_CONTROL_IMPL_H

#include <pthread.h>
#include <uv.h>

#include "control/ask.h"
#include "control/control.h"
#include "control/packet.h"
#include "control/request.h"
#include "store/audit.h"

enum { PL__FACES = 2, PL__FRAME_MAX = 64 << 10, PL__REQUESTS_MAX = 256, PL__UNSETTLED_MAX = 64, PL__TAPS_MAX = 32 };

/* A socket that people come to. */
struct pl__face {
    struct pl_control *control;
    void *socket; /* NULL: not there */
    bool local;
    uv_poll_t poll;
    bool watched;
};

struct pl_control {
    struct pl_control_options options;
    struct pl_command_table commands;
    const struct pl_graph *graph; /* that they are of; held */
    struct pl_sessions *sessions;
    struct pl_audit *audit; /* the engine's; NULL: no data folder, or the end */
    void *zmq;
    struct pl__face faces[PL__FACES];
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_async_t async;
    uv_timer_t tick;
    pthread_t thread;
    bool running;
    _Atomic bool closing; /* asked for */
    _Atomic bool ending;  /* the loop ends */
    bool closed;          /* done */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct pl_calls back; /* calls that have come back */
    struct pl_ask *asked; /* commands from inside the process, oldest first; with the lock */
    struct pl_request *requests;
    unsigned request_count, tap_count, logins;
    unsigned explaining;     /* processes of the command `explain` */
    unsigned looking_ahead;  /* requests of the command `what-if` */
    unsigned unsettled;      /* requests that are not counted any more, and looked after for the audit */
    uint64_t request_number; /* of the last one */
    uint64_t strangers;      /* commands of nobody who is signed in, refused since the last record of them */
    uint64_t strangers_told;
    uint64_t begun;
};

/* ---- request.c ---- */
void pl__request_receive(struct pl_control *control, const struct pl_peer *peer, const void *bytes, size_t size);
/* A command from inside of the process (ask.h), which is answered there. */
void pl__request_ask(struct pl_control *control, struct pl_ask *ask, const struct pl_identity *who,
                     struct pl__packet *packet);
void pl__request_came_back(struct pl_control *control, struct pl_call *call);
void pl__requests_tick(struct pl_control *control, uint64_t now);
const char *pl__control_leaves(const struct pl_control *control);         /* why nothing more is answered */
void pl__requests_end(struct pl_control *control);                        /* at close: streams are ended */
void pl__requests_end_user(struct pl_control *control, const char *name); /* and those of one user */
void pl__requests_free(struct pl_control *control);

/* ---- reply.c ---- */
void pl__reply_send(struct pl_request *request, const char *status, enum pl_code code, const char *error,
                    uint64_t dropped);

/* ---- cluster_rows.c: the engines of a group ---- */
enum { PL__CLUSTER_PAIRS = 7 };
enum pl_code pl__cluster_rows(struct pl_request *request, struct pl_error **error);
void pl__cluster_status(struct pl_pack *pack, const struct pl_engine *engine);

/* ---- record.c: what goes into the audit ---- */
void pl__request_audit(const struct pl_request *request, const char *outcome);
void pl__strangers_audit(struct pl_control *control, uint64_t now);

/* ---- tap_stream.c ---- */
void pl__stream_stands(struct pl_request *request); /* calls have come back: maybe all of those that attach */
void pl__stream_pump(struct pl_request *request);
void pl__stream_renew(struct pl_request *request);
void pl__stream_cancel(struct pl_request *request, enum pl_code code, const char *why);
void pl__stream_tick(struct pl_request *request, uint64_t now);
bool pl__stream_over(const struct pl_request *request);
void pl__stream_free(struct pl_stream *stream);

#endif
