/* arena.c: blocks in a list, each filled from its start. */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <potline/alloc.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BLOCK_EACH 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ONE_BLOCK_EACH 1
#endif
#ifndef ONE_BLOCK_EACH
#define ONE_BLOCK_EACH 0
#endif

/* Under the address sanitizer each piece is a block of its own, so that a step beyond it is seen. */
enum { BLOCK = ONE_BLOCK_EACH ? 0 : 64 * 1024, ALIGNMENT = 64, TEXT_ALIGNMENT = 1 };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

struct pl_arena {
    struct block *blocks; /* the first is the one being filled */
    size_t taken, limit;
    enum pl_code code;
};

struct pl_arena *pl__arena_new(size_t limit) {
    struct pl_arena *arena = PL_NEW(struct pl_arena);
    if (arena) arena->limit = limit;
    return arena;
}

void pl__arena_free(struct pl_arena *arena) {
    if (!arena) return;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        pl_free(block);
    }
    pl_free(arena);
}

enum pl_code pl__arena_code(const struct pl_arena *arena) {
    return arena->code;
}

void pl__arena_fail(struct pl_arena *arena, enum pl_code code) {
    arena->code = code;
}

static struct block *add_block(struct pl_arena *arena, size_t size) {
    if (size > arena->limit - arena->taken) {
        arena->code = PL_LIMIT;
        return NULL;
    }
    size_t least = BLOCK;
    if (size < least) size = least;
    struct block *block = pl_alloc_aligned(ALIGNMENT, sizeof *block + size);
    if (!block) {
        arena->code = PL_NO_MEMORY;
        return NULL;
    }
    *block = (struct block){.next = arena->blocks, .size = size};
    arena->blocks = block;
    arena->taken += size < arena->limit - arena->taken ? size : arena->limit - arena->taken;
    return block;
}

static void *take(struct pl_arena *arena, size_t size, size_t alignment) {
    if (arena->code) return NULL;
    struct block *block = arena->blocks;
    size_t at = block ? (block->used + alignment - 1) / alignment * alignment : 0;
    if (!block || at > block->size || size > block->size - at) {
        block = add_block(arena, size);
        at = 0;
    }
    if (!block) return NULL;
    block->used = at + size;
    return block->bytes + at;
}

void *pl__arena_alloc(struct pl_arena *arena, size_t size) {
    size_t alignment = size < ALIGNMENT ? 16 : ALIGNMENT;
    void *memory = take(arena, size ? size : 1, alignment);
    return memory ? memset(memory, 0, size) : NULL;
}

char *pl__arena_text(struct pl_arena *arena, const char *text, size_t length) {
    char *copy = take(arena, length + 1, TEXT_ALIGNMENT);
    if (!copy) return NULL;
    if (length) memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

char *pl__arena_print(struct pl_arena *arena, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : take(arena, (size_t)length + 1, TEXT_ALIGNMENT);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}
