/* mover_answer.c: what is said of a change: the plan, and what came of it. */
#include <inttypes.h>
#include <stdio.h>

#include "runtime/mover_impl.h"

void pl__mover_put_row(struct pl_call *call, const char *node, const char *op, const char *what, const char *state,
                       const char *why) {
    struct pl_pack *pack = call ? pl_reply_row(call, 5) : NULL;
    if (!pack) return;
    pl_pack_pair_str(pack, "node", node);
    pl_pack_pair_str(pack, "op", op);
    pl_pack_pair_str(pack, "becomes", what);
    pl_pack_pair_str(pack, "state", state);
    pl_pack_pair_str(pack, "why", why);
}

void pl__mover_put_planned(struct pl_call *call, const struct pl_change_node *node) {
    const char *state = node->kind == PL_CHANGE_REMOVED ? "goes"
                        : node->kind == PL_CHANGE_KEPT  ? "stays"
                        : node->state                   ? "carried"
                                                        : "none";
    pl__mover_put_row(call, node->name, node->op, pl_change_kinds[node->kind], state, node->why);
}

void pl__mover_put_plan(struct pl_call *call, const struct pl_change_plan *plan) {
    for (unsigned i = 0; i < plan->count; i++)
        pl__mover_put_planned(call, &plan->nodes[i]);
}

int64_t pl__mover_seconds(pl_time left) {
    return left > 0 ? (left + PL_SECOND - 1) / PL_SECOND : 0;
}

void pl__mover_summarize(const struct pl_change_plan *plan, char text[PL__MOVER_WHAT]) {
    size_t used = 0;
    text[0] = 0;
    for (unsigned i = 0; i < PL_CHANGE_KINDS && used < PL__MOVER_WHAT; i++)
        if (plan->counts[i])
            used += (size_t)snprintf(text + used, PL__MOVER_WHAT - used, "%s%u %s", used ? ", " : "", plan->counts[i],
                                     pl_change_kinds[i]);
}

unsigned pl__mover_losses(const struct pl_change_plan *plan) {
    unsigned losses = plan->counts[PL_CHANGE_REMOVED];
    for (unsigned i = 0; i < plan->count; i++)
        losses +=
            !plan->nodes[i].state && plan->nodes[i].kind != PL_CHANGE_ADDED && plan->nodes[i].kind != PL_CHANGE_REMOVED;
    return losses;
}

void pl__mover_say_gone(const struct pl_change_plan *plan, char *text, size_t room) {
    unsigned losses = pl__mover_losses(plan);
    text[0] = 0;
    if (losses)
        snprintf(text, room, "; what %u node%s is gone for good, also when the graph is taken back", losses,
                 losses == 1 ? " knows" : "s know");
}

/* What it would take besides: "; it takes --yes, for ..." */
static void say_conditions(struct pl_mover *mover, const struct pl_change_plan *plan, char *text, size_t room) {
    unsigned losses = pl__mover_losses(plan);
    size_t used = 0;
    pl_time left;
    pl_mover_now(mover, &left);
    text[0] = 0;
    if (losses)
        used = (size_t)snprintf(text, room, "; it takes --yes, for what %u node%s would be let go of", losses,
                                losses == 1 ? " knows" : "s know");
    if (left > 0 && used < room)
        snprintf(text + used, room - used, "; not before the probation that runs is over, in %" PRId64 " s",
                 pl__mover_seconds(left));
}

/* What holds the pause is mostly the writing of what nodes know, as at the last checkpoint. */
void pl__mover_put_expected(struct pl_mover *mover, struct pl_call *call, const struct pl_change_plan *plan) {
    struct pl_checkpoint_stats stats;
    char why[4 * PL_CHANGE_WHY], conditions[2 * PL_CHANGE_WHY], gone[PL_CHANGE_WHY];
    say_conditions(mover, plan, conditions, sizeof conditions);
    if (mover->group.cluster) {
        pl__mover_say_gone(plan, gone, sizeof gone);
        snprintf(why, sizeof why, "every engine of the group is made anew, from its last checkpoint%s%s", gone,
                 conditions);
        pl__mover_put_row(call, "", "", "plan", "", why);
        return;
    }
    pl_engine_checkpoint_stats(mover->engine, &stats);
    double each = 0.002 * (plan->counts[PL_CHANGE_RESTARTED] + plan->counts[PL_CHANGE_RENAMED] +
                           plan->counts[PL_CHANGE_ADDED] + plan->counts[PL_CHANGE_REMOVED]);
    snprintf(why, sizeof why, "expected pause about %.0f ms%s", (stats.seconds + each + 0.01) * 1000, conditions);
    pl__mover_put_row(call, "", "", "plan", "", why);
}

void pl__mover_put_result(struct pl_call *call, const struct pl_change_result *result, pl_time probation) {
    char why[2 * PL_CHANGE_WHY], lost[96] = "";
    if (result->lost)
        snprintf(lost, sizeof lost, "; %" PRIu64 " rows that waited for an input that is gone went with it",
                 result->lost);
    snprintf(why, sizeof why, "pause %.1f ms, at epoch %" PRIu64 "; probation %.0f s%s",
             (double)result->pause / (double)PL_MILLISECOND, result->epoch, (double)probation / (double)PL_SECOND,
             lost);
    pl__mover_put_row(call, "", "", "done", "", why);
}
