/* request.h: a command on its way: from the bytes of a peer to the rows of its answer.
 *
 * All of it happens on the control thread, but for the calls into nodes. A request lives until its last call has come
 * back, and what it changed is kept, also when it has been answered before (its time was up, its peer has left).
 */
#ifndef POTLINE_CONTROL_REQUEST_H
#define POTLINE_CONTROL_REQUEST_H

#include "control/command.h"
#include "control/session.h"
#include "runtime/call.h"
#include "runtime/task.h"

struct pl_control;
struct pl_stream;
struct pl_ask;

enum { PL_PEER_MAX = 255 };

/* Where an answer goes: a face's socket and the name it has for the other side. */
struct pl_peer {
    void *socket;
    bool local; /* over ipc: whoever may open the socket */
    uint8_t size;
    uint8_t name[PL_PEER_MAX];
};

struct pl_request {
    struct pl_control *control;
    struct pl_peer peer;
    struct pl_ask *ask;                     /* who asks, where it is no peer; held */
    uint64_t id;                            /* the peer's */
    uint64_t number;                        /* ours, for the audit */
    const struct pl_command_entry *command; /* `entry`; NULL: not known yet */
    struct pl_command_entry entry;
    void *args;
    struct pl_options_owner *owner;
    char *password; /* of login and the users commands, from outside of the words; wiped at the end */
    char *line;     /* the words again, for the audit */
    char reason[PL_CALL_TEXT];
    struct pl_identity who;
    struct pl_call *reply; /* rows, and what has changed */
    enum pl_code code;     /* of the calls so far */
    struct pl_error *error;
    unsigned waiting;                                                          /* calls that have not come back */
    unsigned done;                                                             /* calls that succeeded */
    bool later;                                                                /* answered by what comes back */
    enum pl_code (*look)(struct pl_request *request, struct pl_error **error); /* or once this is not PL_BUSY */
    bool (*take)(struct pl_request *request, struct pl_call *call); /* true: what came back is no part of the reply */
    uint64_t awaited;                                               /* by `look` */
    bool missing;                                                   /* there is no such command */
    bool tried;                                                     /* a password has been looked at */
    bool answered;
    bool unsettled;           /* answered too early: what it has changed is not known to be kept yet */
    uint64_t deadline;        /* hrtime; 0: none */
    struct pl_stream *stream; /* of a tap */
    void *work;               /* what is beside it; ended with it by end_work */
    void (*end_work)(void *work);
    struct pl_request *next;
};

/* For the commands of operators: asks every node that has it. */
enum pl_code pl__request_ask_nodes(struct pl_request *request, struct pl_error **error);

/* Asks one task to run `run`; the answer is given when every call has come back. */
enum pl_code pl_request_call(struct pl_request *request, struct pl_task *task,
                             enum pl_code (*run)(struct pl_call *, struct pl_node *, struct pl_error **),
                             struct pl_error **error);

/* A call that somebody else than a node carries out, and whose `done` answers the request; one that came to nothing. */
struct pl_call *pl__request_own_call(struct pl_request *request, struct pl_error **error);
void pl__request_drop_call(struct pl_request *request, struct pl_call *call);

/* Shorthand for rows of the reply. */
struct pl_pack *pl_request_row(struct pl_request *request, uint32_t pairs);
/* A reply of one sentence, which the shell shows as it is. */
void pl_request_say(struct pl_request *request, const char *format, ...) PL_PRINTF(2, 3);
void pl_request_changed(struct pl_request *request, const char *object, const char *from, const char *to);

/* The request will be answered by pl_request_answer; return PL_BUSY from `run`. */
void pl_request_later(struct pl_request *request);
void pl_request_answer(struct pl_request *request, enum pl_code code, struct pl_error **error); /* takes *error */

#endif
