/* pool.h: blocks of memory for batches, kept for the next one.
 *
 * A batch of 4096 samples takes 90 KB, which malloc fetches from the system and gives back again when one thread makes
 * batches and another one ends them: a page fault every 4 KiB. The pool keeps ended blocks in lists by size class (four
 * to each doubling), newest first, up to a number of bytes in all. Thread-safe.
 *
 * Under AddressSanitizer nothing is kept, so that it sees a use after the end.
 */
#ifndef POTLINE_POOL_H
#define POTLINE_POOL_H

#include <stddef.h>
#include <stdint.h>

enum { PL_POOL_ALIGN = 64, PL_POOL_BLOCK_MAX = 1 << 20, PL_POOL_UNKEPT = 255 };
#define PL_POOL_LIMIT ((size_t)64 << 20)

/* A block of at least `size` bytes, aligned to PL_POOL_ALIGN, not zeroed; NULL without memory. */
void *pl_pool_take(size_t size, uint8_t *size_class);
void pl_pool_give(void *block, uint8_t size_class);

/* Keeps at most `bytes` from now on and frees what is over. Tests that count or fail allocations set 0. */
void pl_pool_limit(size_t bytes);
size_t pl_pool_kept(void); /* bytes in the lists */

#endif
