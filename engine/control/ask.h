/* ask.h: commands from inside the process (HTTP): through the same table, role checks and audit as those of a socket.
 *
 *     struct pl_ask_options options = {.words = words, .count = 2, .who = who, .reply = answered, .arg = exchange};
 *     code = pl_control_ask(control, &options, &ask, &error);
 *     ...
 *     pl_ask_unref(ask);
 *
 * `reply` is called on the control thread, and must not block: once, or for a stream (tap) any number of times with
 * PL_ANSWER_MORE and then once with another status. It is also called when the control plane is closed meanwhile. A
 * stream goes on for as long as its asker holds the ask.
 *
 * Threads: any.
 */
#ifndef POTLINE_CONTROL_ASK_H
#define POTLINE_CONTROL_ASK_H

#include "control/client.h"
#include "control/session.h"

struct pl_control;
struct pl_ask;

enum { PL_ASK_ORIGIN = 96, PL_ASK_CORRELATION = 129 };

/* Borrowed for the call. */
struct pl_ask_reply {
    enum pl_answer_status status;
    enum pl_code code;
    bool missing;      /* no command of that name is there: no node of the graph has it */
    const char *error; /* NULL without one */
    const void *rows;  /* `count` msgpack maps, one behind the other */
    size_t size;
    uint32_t count;
    bool cut;
    uint64_t dropped;
};

struct pl_ask_options { /* copied */
    const char *const *words;
    unsigned count;
    struct pl_identity who; /* known: signed in, as that */
    const char *password;   /* of login and the users commands; NULL: none */
    const char *origin;     /* for the audit: "http 10.0.0.7" */
    const char *correlation;
    void (*reply)(void *arg, const struct pl_ask_reply *reply);
    void *arg;
};

/* PL_UNAVAILABLE: the control plane is closed; PL_LIMIT: more words than a command has. `reply` is not called then. */
enum pl_code pl_control_ask(struct pl_control *control, const struct pl_ask_options *options, struct pl_ask **ask,
                            struct pl_error **error);
void pl_ask_unref(struct pl_ask *ask); /* ends a stream; NULL is fine */

/* ---- Inside of engine/control ---- */

void pl__asks_begin(struct pl_control *control); /* those that have come in; on the control thread */
void pl__asks_refuse(struct pl_control *control);
void pl__ask_end(struct pl_ask *ask); /* behind its last reply; NULL is fine */
void pl__ask_reply(struct pl_ask *ask, const struct pl_ask_reply *reply);
bool pl__ask_left(const struct pl_ask *ask); /* nobody wants more of its stream */
const char *pl__ask_origin(const struct pl_ask *ask);
const char *pl__ask_correlation(const struct pl_ask *ask);

#endif
