/* task_letters.c: a source is given letters again that it has refused before (store/letters.h). */
#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>

#include "runtime/losses.h"
#include "runtime/task_impl.h"
#include "store/letters.h"

enum { SEVERITY_OUTCOME = 1 };

static void tell_outcome(struct pl_task *task, const struct pl_letter_order *order, bool done) {
    struct pl_tags *tags = task->node.config.tags;
    uint32_t tag = pl_tags_intern(tags, order->tag, strlen(order->tag));
    if (tag == PL_NO_ID) tag = 0;
    struct pl_pack *body = pl_pack_new();
    if (!body) {
        pl_fail(&task->node, "no memory for a dead letter");
        return;
    }
    pl_losses_pack_outcome(body, order, done);
    pl_emit_event(&task->node, PL_PORT_LETTERS, order->time, PL_REINJECTED_KIND, SEVERITY_OUTCOME,
                  pl_tags_get(tags, tag)->asset, tag, body);
    pl_pack_free(body);
}

/* Its rows, what came of it, and that it was this order go into the log as one. */
static void give_in(struct pl_task *task, const struct pl_letter_order *order) {
    struct pl_node *node = &task->node;
    struct pl_error *error = NULL;
    task->whole = true;
    enum pl_code code = node->config.op->inject(node->self, node, order->bytes, order->size, &error);
    if (code == PL_NO_MEMORY) pl_fail(node, "no memory for a dead letter");
    if (code == PL_UNAVAILABLE) {
        atomic_store(&task->orders, false); /* until somebody asks again, or the next run */
        pl_node_diag(node, PL_WARN, "dead letters wait: %s", error ? error->text : pl_code_text(code));
    } else if (!node->failure) {
        if (code)
            pl_node_diag(node, PL_WARN, "dead letter %016" PRIx64 " is refused again: %s", order->letter,
                         error ? error->text : pl_code_text(code));
        task->injected = order->number;
        tell_outcome(task, order, !code);
        pl__task_hand_on_whole(task);
    }
    task->whole = false;
    pl_error_free(&error);
}

void pl__task_take_order(struct pl_task *task) {
    struct pl_node *node = &task->node;
    struct pl_letter_order order;
    struct pl_error *error = NULL;
    enum pl_code code = pl_letters_next(node->config.store, node->config.name, task->injected, &order, &error);
    if (!code)
        give_in(task, &order);
    else
        atomic_store(&task->orders, false);
    if (code && code != PL_NOT_FOUND)
        pl_node_diag(node, PL_ERROR, "dead letters cannot be given in again: %s",
                     error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    pl_free(order.block);
}

bool pl_task_look_for_letters(struct pl_task *task) {
    const struct pl_node_config *config = &task->node.config;
    if (config->op->inputs || !config->op->inject || !config->keeps_losses ||
        atomic_load(&task->state) != PL_TASK_RUNNING)
        return false;
    atomic_store(&task->orders, true);
    pl_poke(&task->runnable);
    return true;
}
