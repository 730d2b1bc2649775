/* later.h: calls back once, after a while: to try again what had no room.
 *
 * Life-time as a watch's: on the heap, gone when the loop has closed the handle. Thread: the loop's.
 */
#ifndef POTLINE_LATER_H
#define POTLINE_LATER_H

#include <stdint.h>

struct uv_loop_s;
struct pl_later;

struct pl_later *pl_later_new(struct uv_loop_s *loop, void (*now)(void *user), void *user); /* NULL without memory */
void pl_later_in(struct pl_later *later, uint64_t milliseconds); /* one that is waited for already stays */
void pl_later_free(struct pl_later *later);                      /* NULL is fine */

#endif
