#include "call.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

#include "runtime/node.h"

const char *const pl_role_names[PL_ROLES + 1] = {"operator", "engineer", "manager", "executive", "admin", NULL};

struct pl_call *pl_call_new(void) {
    struct pl_call *call = PL_NEW(struct pl_call);
    if (!call) return NULL;
    call->rows = pl_pack_new();
    call->surplus = pl_pack_new();
    if (call->rows && call->surplus) return call;
    pl_call_free(call);
    return NULL;
}

void pl_call_free(struct pl_call *call) {
    if (!call) return;
    pl_error_free(&call->error);
    pl_pack_free(call->rows);
    pl_pack_free(call->surplus);
    pl_free(call);
}

enum pl_code pl_call_run_command(struct pl_call *call, struct pl_node *node, struct pl_error **error) {
    pl_time received = node->received;
    node->received = 0; /* what it gives begins now: it follows from no row */
    enum pl_code code = call->command->run(node->self, node, call->args, call, error);
    node->received = received;
    return code;
}

void pl_call_carry_out(struct pl_call *call, struct pl_node *node) {
    if (node->state != PL_NODE_OPEN || node->failure)
        call->code = pl_error_set(&call->error, PL_UNAVAILABLE, "node %s %s", node->config.name,
                                  node->failure ? node->failure : "does not run");
    else
        call->code = call->run(call, node, &call->error);
    if (!call->code && pl_pack_failed(call->rows))
        call->code = pl_error_set(&call->error, PL_NO_MEMORY, "no memory for the reply");
}

/* ---- What an operator calls ---- */

const char *pl_call_user(const struct pl_call *call) {
    return call->user;
}

enum pl_role pl_call_role(const struct pl_call *call) {
    return call->role;
}

struct pl_pack *pl_reply_row(struct pl_call *call, uint32_t pairs) {
    struct pl_pack *pack = call->rows;
    if (call->row_count == PL_REPLY_ROWS_MAX || pl_pack_size(pack) > PL_REPLY_BYTES_MAX) {
        call->cut = true;
        pack = call->surplus;
        pl_pack_reset(pack);
    } else {
        call->row_count++;
    }
    pl_pack_map(pack, pairs);
    return pack;
}

static void put_text(char *to, const char *text) {
    if (text) snprintf(to, PL_CALL_TEXT, "%s", text);
}

void pl_call_changed(struct pl_call *call, const char *object, const char *from, const char *to) {
    size_t used = strlen(call->object);
    if (used == 0) {
        put_text(call->object, object);
        put_text(call->from, from);
        put_text(call->to, to);
    } else if (object) {
        snprintf(call->object + used, PL_CALL_TEXT - used, ", %s", object);
    }
}

/* ---- The queue: a stack that is turned round when it is taken ---- */

static struct pl_call closed; /* on top of a queue that takes nothing any more */

bool pl_calls_put(struct pl_calls *calls, struct pl_call *call) {
    struct pl_call *top = atomic_load(&calls->top);
    do {
        if (top == &closed) return false;
        call->next = top;
    } while (!atomic_compare_exchange_weak(&calls->top, &top, call));
    return true;
}

static struct pl_call *take_all(struct pl_calls *calls, struct pl_call *leave) {
    struct pl_call *call = atomic_exchange(&calls->top, leave), *first = NULL;
    while (call && call != &closed) {
        struct pl_call *next = call->next;
        call->next = first;
        first = call;
        call = next;
    }
    return first;
}

struct pl_call *pl_calls_take(struct pl_calls *calls) {
    return take_all(calls, NULL);
}

bool pl_calls_wait(const struct pl_calls *calls) {
    const struct pl_call *top = atomic_load_explicit(&calls->top, memory_order_relaxed);
    return PL_UNLIKELY(top && top != &closed);
}

void pl_calls_run(struct pl_calls *calls, struct pl_node *node) {
    if (!pl_calls_wait(calls)) return;
    for (struct pl_call *call = take_all(calls, NULL), *next; call; call = next) {
        next = call->next;
        pl_call_carry_out(call, node);
        call->done(call);
    }
}

void pl_calls_close(struct pl_calls *calls) {
    for (struct pl_call *call = take_all(calls, &closed), *next; call; call = next) {
        next = call->next;
        call->code = pl_error_set(&call->error, PL_UNAVAILABLE, "the node has ended");
        call->done(call);
    }
}
