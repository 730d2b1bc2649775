#include "pool.h"

#include <potline/alloc.h>
#include <pthread.h>

#if defined(__SANITIZE_ADDRESS__)
#define KEEP_AT_START 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_AT_START 0
#endif
#endif
#ifndef KEEP_AT_START
#define KEEP_AT_START PL_POOL_LIMIT
#endif

/* Class 0 holds up to 1 KiB; then 1.25, 1.5, 1.75, 2 KiB, 2.5 ... to PL_POOL_BLOCK_MAX. */
enum { SMALLEST_LOG2 = 10, CLASSES = 4 * 10 + 1 };

struct kept {
    struct kept *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept *lists[CLASSES];
static size_t kept_bytes;
static size_t limit = KEEP_AT_START;

static unsigned class_of(size_t size) {
    if (size <= (size_t)1 << SMALLEST_LOG2) return 0;
    unsigned shift = 61 - (unsigned)__builtin_clzll(size - 1);
    return (shift + 2 - SMALLEST_LOG2) * 4 + (unsigned)((size - 1) >> shift) - 3;
}

static size_t class_size(unsigned index) {
    if (index == 0) return (size_t)1 << SMALLEST_LOG2;
    return (size_t)(5 + (index - 1) % 4) << (SMALLEST_LOG2 - 2 + (index - 1) / 4);
}

void *pl_pool_take(size_t size, uint8_t *size_class) {
    if (size > PL_POOL_BLOCK_MAX) {
        *size_class = PL_POOL_UNKEPT;
        return pl_alloc_aligned(PL_POOL_ALIGN, (size + PL_POOL_ALIGN - 1) & ~(size_t)(PL_POOL_ALIGN - 1));
    }
    unsigned index = class_of(size);
    *size_class = (uint8_t)index;
    pthread_mutex_lock(&lock);
    struct kept *block = lists[index];
    if (block) {
        lists[index] = block->next;
        kept_bytes -= class_size(index);
    }
    pthread_mutex_unlock(&lock);
    return block ? (void *)block : pl_alloc_aligned(PL_POOL_ALIGN, class_size(index));
}

void pl_pool_give(void *memory, uint8_t size_class) {
    if (size_class != PL_POOL_UNKEPT) {
        struct kept *block = memory;
        pthread_mutex_lock(&lock);
        if (kept_bytes + class_size(size_class) <= limit) {
            block->next = lists[size_class];
            lists[size_class] = block;
            kept_bytes += class_size(size_class);
            memory = NULL;
        }
        pthread_mutex_unlock(&lock);
    }
    pl_free(memory);
}

void pl_pool_limit(size_t bytes) {
    pthread_mutex_lock(&lock);
    limit = bytes;
    for (unsigned i = CLASSES; i-- > 0;) {
        while (lists[i] && kept_bytes > limit) {
            struct kept *block = lists[i];
            lists[i] = block->next;
            kept_bytes -= class_size(i);
            pl_free(block);
        }
    }
    pthread_mutex_unlock(&lock);
}

size_t pl_pool_kept(void) {
    pthread_mutex_lock(&lock);
    size_t bytes = kept_bytes;
    pthread_mutex_unlock(&lock);
    return bytes;
}
