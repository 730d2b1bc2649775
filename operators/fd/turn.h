/* turn.h: calls back once, at the end of the loop's turn: before it waits for what comes next.
 *
 * So a sink gathers what one turn brings into one write, and nothing lies about when the stream is quiet. Life-time as
 * a watch's: on the heap, gone when the loop has closed the handle. Thread: the loop's.
 */
#ifndef POTLINE_TURN_H
#define POTLINE_TURN_H

struct uv_loop_s;
struct pl_turn;

struct pl_turn *pl_turn_new(struct uv_loop_s *loop, void (*over)(void *user), void *user); /* NULL without memory */
void pl_turn_ask(struct pl_turn *turn);
void pl_turn_free(struct pl_turn *turn); /* NULL is fine */

#endif
