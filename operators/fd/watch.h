/* watch.h: tells when a descriptor can be read or written, on a libuv loop.
 *
 * It tells once for each pl_watch_for: level-triggered polling would go round and round while a node is held back.
 * Life-time: on the heap; after pl_watch_free nothing is told any more, the descriptor may be closed, and the memory
 * goes when the loop has closed the handle. Thread: the loop's. Regular files cannot be watched, they are always ready.
 */
#ifndef POTLINE_WATCH_H
#define POTLINE_WATCH_H

#include <stdbool.h>

struct uv_loop_s;
struct pl_watch;

enum pl_watch_event { PL_WATCH_READ = 1, PL_WATCH_WRITE = 2, PL_WATCH_BOTH = 3 };

/* NULL without memory, or when the descriptor cannot be watched. */
struct pl_watch *pl_watch_new(struct uv_loop_s *loop, int fd, void (*ready)(void *user), void *user);
void pl_watch_for(struct pl_watch *watch, enum pl_watch_event event);
void pl_watch_free(struct pl_watch *watch); /* NULL is fine */

#endif
