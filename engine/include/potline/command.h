/* command.h: what an operator lets people do to a running node.
 *
 *     static const struct pl_option ack_args[] = {
 *         PL_OPT_STRING(struct ack_args, alarm, "alarm", NULL, PL_FIXED, "Id or pattern of the alarms."),
 *         PL_OPT_END,
 *     };
 *     .commands = PL_COMMANDS({.name = "alarms ack", .doc = "Acknowledges alarms.", .roles = PL_MAY_OPERATE,
 *                              .flags = PL_COMMAND_CHANGES, .args = ack_args, .args_size = sizeof(struct ack_args),
 *                              .run = alarms_ack}),
 *
 * The row is the whole declaration: arguments are parsed by their option table (in its order where they are given
 * without a name), roles are checked, and what changes something is audited, before `run` is called; shell, REST and
 * dashboard show the same help. `run` is called on the node's own thread, between two batches, in every node of that
 * operator and each of its partitions. The command has succeeded when one of them returns PL_OK; PL_NOT_FOUND means
 * that what it is about is not here.
 *
 * A reply is rows: each a map with text keys. The first row's keys are the columns a table shows.
 */
#ifndef POTLINE_COMMAND_H
#define POTLINE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"
#include "error.h"
#include "option.h"
#include "pack.h"

struct pl_node;
struct pl_call;

enum pl_role {
    PL_ROLE_OPERATOR,  /* sees, acknowledges, shelves, engages the override, approves */
    PL_ROLE_ENGINEER,  /* and sets options, rules, thresholds, constraints; applies graphs; releases the override */
    PL_ROLE_MANAGER,   /* sees; sets thresholds; reads reports; releases the override */
    PL_ROLE_EXECUTIVE, /* sees */
    PL_ROLE_ADMIN,     /* everything, users and keys too */
    PL_ROLES
};

/* Sets of roles, as commands declare them. */
#define PL_MAY(role) (1u << (role))
#define PL_MAY_SEE ((1u << PL_ROLES) - 1)
#define PL_MAY_OPERATE (PL_MAY(PL_ROLE_OPERATOR) | PL_MAY(PL_ROLE_ENGINEER) | PL_MAY(PL_ROLE_ADMIN))
#define PL_MAY_LIMIT (PL_MAY(PL_ROLE_ENGINEER) | PL_MAY(PL_ROLE_MANAGER) | PL_MAY(PL_ROLE_ADMIN))
#define PL_MAY_ENGINEER (PL_MAY(PL_ROLE_ENGINEER) | PL_MAY(PL_ROLE_ADMIN))
#define PL_MAY_ADMIN PL_MAY(PL_ROLE_ADMIN)

PL_API const char *const pl_role_names[PL_ROLES + 1]; /* "operator", ...; ends in NULL, fit for a CHOICE option */

enum pl_command_flags {
    PL_COMMAND_CHANGES = 1 << 0, /* changes something: audited, with its outcome */

    /* Changes what becomes of rows: `run` is called where a barrier stands, so what it changes of the node's state is
     * part of that checkpoint, and "done" means that no death takes it back. It gives the same for the same state. */
    PL_COMMAND_STATE = 1 << 1,
};

struct pl_command {
    const char *name; /* words: "alarms ack"; an array of them ends with a NULL name */
    const char *doc;  /* one sentence */
    unsigned roles;   /* PL_MAY_... */
    unsigned flags;
    const struct pl_option *args; /* NULL: none; a fallback makes one optional */
    size_t args_size;             /* of the struct they fill */
    enum pl_code (*run)(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                        struct pl_error **error);
};

#define PL_COMMANDS(...) ((const struct pl_command[]){__VA_ARGS__, {.name = NULL}})

/* ---- What a call offers ---- */

PL_API const char *pl_call_user(const struct pl_call *call);
PL_API enum pl_role pl_call_role(const struct pl_call *call);

/* Begins a row of `pairs` pairs; write them at once, text keys first: pl_pack_pair_str(row, "tag", name). After a
 * limit of rows (100,000 a call) what is written is dropped, and the reply says that it was cut. Never NULL. */
PL_API struct pl_pack *pl_reply_row(struct pl_call *call, uint32_t pairs);

/* Tells the audit what was changed: the object ("clean.spike.k", "alarm 12"), its old and new value as text, either
 * may be NULL. At most one a call is kept; further ones extend the object's text. */
PL_API void pl_call_changed(struct pl_call *call, const char *object, const char *from, const char *to);

#endif
