/* buffer.h: bytes that grow at the end, up to a limit.
 *
 *     struct pl_buffer b;
 *     pl_buffer_init(&b, 1 << 20);
 *     pl_buffer_put(&b, "hello", 5);
 *     if (pl_buffer_failed(&b)) ...          // once, at the end
 *     pl_buffer_fini(&b);
 *
 * Writing never fails in between: past the limit or without memory the buffer is marked, and takes nothing any more
 * until it is reset. For one thread. The usual mistake: keeping a pointer into it across a write.
 */
#ifndef POTLINE_BUFFER_H
#define POTLINE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <potline/abi.h>

struct pl_buffer {
    char *data;
    size_t size;
    size_t capacity;
    size_t limit;
    bool failed;
};

void pl_buffer_init(struct pl_buffer *buffer, size_t limit); /* takes no memory yet */
void pl_buffer_fini(struct pl_buffer *buffer);
void pl_buffer_reset(struct pl_buffer *buffer); /* empty, not failed; keeps the memory */

/* Room for `size` bytes at the end, which count only after pl_buffer_commit; NULL: no memory or over the limit. */
char *pl_buffer_reserve_slow(struct pl_buffer *buffer, size_t size);
static inline char *pl_buffer_reserve(struct pl_buffer *buffer, size_t size) {
    if (PL_LIKELY(size <= buffer->capacity - buffer->size && !buffer->failed && buffer->data))
        return buffer->data + buffer->size;
    return pl_buffer_reserve_slow(buffer, size);
}

static inline void pl_buffer_commit(struct pl_buffer *buffer, size_t size) {
    buffer->size += size;
}

static inline bool pl_buffer_put(struct pl_buffer *buffer, const void *bytes, size_t size) {
    char *at = pl_buffer_reserve(buffer, size);
    if (PL_UNLIKELY(!at)) return false;
    if (size) memcpy(at, bytes, size);
    buffer->size += size;
    return true;
}

static inline bool pl_buffer_puts(struct pl_buffer *buffer, const char *text) {
    return pl_buffer_put(buffer, text, strlen(text));
}

static inline bool pl_buffer_putc(struct pl_buffer *buffer, char byte) {
    return pl_buffer_put(buffer, &byte, 1);
}

bool pl_buffer_printf(struct pl_buffer *buffer, const char *format, ...) PL_PRINTF(2, 3);

/* Takes `size` bytes off the front. */
void pl_buffer_drop(struct pl_buffer *buffer, size_t size);

static inline bool pl_buffer_failed(const struct pl_buffer *buffer) {
    return buffer->failed;
}

/* The bytes with a 0 behind them, owned by the caller (pl_free), and the buffer empty; NULL when it has failed. */
char *pl_buffer_take(struct pl_buffer *buffer);

#endif
