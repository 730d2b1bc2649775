/* alloc.h: memory as the engine and its operators take it: counted, and able to fail on purpose in tests.
 *
 * pl_alloc returns zeroed memory or NULL; every caller handles NULL (the test suite fails each allocation in turn).
 */
#ifndef POTLINE_ALLOC_H
#define POTLINE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

PL_API void *pl_alloc(size_t size);
PL_API void *pl_alloc_aligned(size_t alignment, size_t size); /* not zeroed; alignment a power of two */
PL_API void *pl_realloc(void *memory, size_t size);           /* new bytes are not zeroed; NULL leaves the old block */
PL_API char *pl_strdup(const char *text);
PL_API char *pl_strndup(const char *text, size_t length);
PL_API void pl_free(void *memory); /* NULL is fine */

#define PL_NEW(type) ((type *)pl_alloc(sizeof(type)))

/* For tests: let the next `count` allocations of this thread succeed and the one after fail (once); -1 switches it off.
 */
PL_API void pl_alloc_fail_after(int64_t count);
PL_API bool pl_alloc_fail_pending(void); /* the failure has not happened yet */
PL_API int64_t pl_alloc_live(void);      /* blocks in use in the whole process */

#endif
