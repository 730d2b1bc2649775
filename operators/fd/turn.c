#include "turn.h"

#include <uv.h>

#include <potline/alloc.h>

struct pl_turn {
    uv_prepare_t prepare;
    void (*over)(void *user);
    void *user;
};

static void on_closed(uv_handle_t *handle) {
    pl_free(handle->data);
}

static void on_prepare(uv_prepare_t *prepare) {
    struct pl_turn *turn = prepare->data;
    uv_prepare_stop(prepare);
    turn->over(turn->user);
}

struct pl_turn *pl_turn_new(struct uv_loop_s *loop, void (*over)(void *user), void *user) {
    struct pl_turn *turn = PL_NEW(struct pl_turn);
    if (!turn) return NULL;
    turn->over = over;
    turn->user = user;
    turn->prepare.data = turn;
    uv_prepare_init(loop, &turn->prepare);
    return turn;
}

void pl_turn_ask(struct pl_turn *turn) {
    uv_prepare_start(&turn->prepare, on_prepare);
}

void pl_turn_free(struct pl_turn *turn) {
    if (turn) uv_close((uv_handle_t *)&turn->prepare, on_closed);
}
