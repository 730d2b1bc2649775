#include <potline/alloc.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Nobody means a block of a terabyte; a length that went wrong does. */
#define SIZE_LIMIT ((size_t)1 << 40)

/* Blocks in use are counted in cells a cache line apart, one for a few threads each, so that threads which allocate at
 * the same time do not wait for each other. A block may be freed by another thread: only the sum means something. */
enum { CELLS = 32, CACHE_LINE = 64 };

static struct { _Alignas(CACHE_LINE) atomic_int_least64_t live; } cells[CELLS];

static atomic_uint threads;
static _Thread_local unsigned cell; /* 0: none chosen yet */
static _Thread_local int64_t fail_after = -1;

static void count_blocks(int64_t change) {
    if (PL_UNLIKELY(!cell)) cell = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % CELLS;
    atomic_fetch_add_explicit(&cells[cell - 1].live, change, memory_order_relaxed);
}

int64_t pl_alloc_live(void) {
    int64_t live = 0;
    for (unsigned i = 0; i < CELLS; i++)
        live += atomic_load_explicit(&cells[i].live, memory_order_relaxed);
    return live;
}

void pl_alloc_fail_after(int64_t count) {
    fail_after = count < 0 ? -1 : count;
}

bool pl_alloc_fail_pending(void) {
    return fail_after >= 0;
}

static bool refused(size_t size) {
    if (PL_UNLIKELY(fail_after >= 0) && fail_after-- == 0) return true;
    return size > SIZE_LIMIT;
}

static void *counted(void *memory) {
    if (memory) count_blocks(1);
    return memory;
}

void *pl_alloc(size_t size) {
    if (refused(size)) return NULL;
    return counted(calloc(1, size ? size : 1));
}

void *pl_alloc_aligned(size_t alignment, size_t size) {
    if (refused(size)) return NULL;
    void *memory;
    if (alignment < sizeof memory) alignment = sizeof memory;
    if (posix_memalign(&memory, alignment, size ? size : 1)) return NULL;
    return counted(memory);
}

void *pl_realloc(void *memory, size_t size) {
    if (refused(size)) return NULL;
    void *moved = realloc(memory, size ? size : 1);
    return memory ? moved : counted(moved);
}

char *pl_strndup(const char *text, size_t length) {
    size_t size = strnlen(text, length);
    char *copy = pl_alloc(size + 1);
    if (copy) memcpy(copy, text, size);
    return copy;
}

char *pl_strdup(const char *text) {
    return pl_strndup(text, strlen(text));
}

void pl_free(void *memory) {
    if (!memory) return;
    count_blocks(-1);
    free(memory);
}
