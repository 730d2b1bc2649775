/* isolation_calls.c: calls into a node whose operator is in another process: sent there, or waiting for it. */
#include <string.h>

#include <potline/alloc.h>

#include "base/fault.h"
#include "runtime/call_wire.h"
#include "runtime/isolation_impl.h"

static void refuse(struct pl_call *call, const char *why) {
    call->code = pl_error_set(&call->error, PL_UNAVAILABLE, "%s", why);
    call->done(call);
}

static void send_call(struct pl_isolation *is, struct pl_call *call) {
    struct pl_pack *pack = pl_pack_new();
    struct pl_frame frame = {.type = PL_FRAME_CALL, .number = ++is->call_number};
    bool good = pack && pl_call_pack(pack, call) && pl_pack_size(pack) <= PL_FRAME_BODY_MAX;
    if (PL_FAULT_FAILS("call.send")) good = false;
    if (good) {
        frame.body = pl_pack_data(pack);
        frame.size = pl_pack_size(pack);
        good = pl_child_send(&is->child, &frame);
    }
    pl_pack_free(pack);
    if (!good) {
        refuse(call, "it cannot be given to the node's process");
        return;
    }
    call->number = frame.number;
    call->next = is->calls;
    is->calls = call;
}

static void do_here(struct pl_task *task, struct pl_call *call) {
    pl_call_carry_out(call, &task->node);
    call->done(call);
}

/* Those that come before the process is there wait for it. */
void pl__isolation_calls(struct pl_task *task) {
    struct pl_isolation *is = task->isolation;
    bool none = !atomic_load_explicit(&task->calls.top, memory_order_relaxed) &&
                !atomic_load_explicit(&is->held.top, memory_order_relaxed);
    if (PL_LIKELY(none)) return;
    for (struct pl_call *call = pl_calls_take(&task->calls), *next; call; call = next) {
        next = call->next;
        bool over = task->node.failure || task->state == PL_TASK_ENDED;
        if (call->where == PL_CALL_HERE && (over || task->node.state == PL_NODE_OPEN))
            do_here(task, call);
        else if (over || !pl_calls_put(&is->held, call))
            refuse(call, "the node's process is not at work any more");
    }
    for (struct pl_call *call = is->ready ? pl_calls_take(&is->held) : NULL, *next; call; call = next) {
        next = call->next;
        if (call->where == PL_CALL_HERE || is->program) /* which has no calls */
            do_here(task, call);
        else
            send_call(is, call);
    }
}

void pl__isolation_changes(struct pl_task *task) {
    struct pl_isolation *is = task->isolation;
    if (!pl_calls_wait(&task->changes)) return;
    for (struct pl_call *call = pl_calls_take(&task->changes), *next; call; call = next) {
        next = call->next;
        if (is->ready && is->program)
            do_here(task, call);
        else if (is->ready)
            send_call(is, call);
        else
            refuse(call, "the node's process is not at work");
    }
}

static void drop_set(struct pl__isolation_set **at) {
    struct pl__isolation_set *gone = *at;
    *at = gone->next;
    pl_free(gone->option);
    pl_pack_free(gone->call);
    pl_free(gone);
}

/* Without memory it is forgotten with the process at hand. */
void pl__isolation_remember_set(struct pl_isolation *is, const struct pl_call *call) {
    const struct pl_call_texts *texts = call->args;
    struct pl__isolation_set **at = &is->sets;
    while (*at && strcmp((*at)->option, texts->text[0]) != 0)
        at = &(*at)->next;
    if (!*at) {
        struct pl__isolation_set *set = PL_NEW(struct pl__isolation_set);
        if (!set) return;
        set->option = pl_strdup(texts->text[0]);
        set->call = pl_pack_new();
        *at = set;
    }
    if ((*at)->option && (*at)->call) {
        pl_pack_reset((*at)->call);
        pl_call_pack((*at)->call, call);
    } else {
        drop_set(at);
    }
}

void pl__isolation_forget_sets(struct pl_isolation *is) {
    while (is->sets)
        drop_set(&is->sets);
}

void pl__isolation_set_again(struct pl_isolation *is) {
    for (const struct pl__isolation_set *set = is->sets; set; set = set->next) {
        struct pl_frame frame = {.type = PL_FRAME_CALL, .number = ++is->call_number, .body = pl_pack_data(set->call)};
        frame.size = pl_pack_size(set->call);
        if (!pl_pack_failed(set->call)) pl_child_send(&is->child, &frame);
    }
}

void pl__isolation_drop_calls(struct pl_isolation *is, const char *why) {
    while (is->calls) {
        struct pl_call *call = is->calls;
        is->calls = call->next;
        refuse(call, why);
    }
    for (struct pl_call *call = pl_calls_take(&is->held), *next; call; call = next) {
        next = call->next;
        refuse(call, why);
    }
}
