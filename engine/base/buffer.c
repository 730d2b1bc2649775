#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>

#include <potline/alloc.h>

enum { CAPACITY_MIN = 64 };

void pl_buffer_init(struct pl_buffer *buffer, size_t limit) {
    *buffer = (struct pl_buffer){.limit = limit};
}

void pl_buffer_fini(struct pl_buffer *buffer) {
    pl_free(buffer->data);
    pl_buffer_init(buffer, buffer->limit);
}

void pl_buffer_reset(struct pl_buffer *buffer) {
    buffer->size = 0;
    buffer->failed = false;
}

static bool buffer_grow(struct pl_buffer *buffer, size_t least) {
    size_t capacity = buffer->capacity > buffer->limit / 2 ? buffer->limit : buffer->capacity * 2;
    if (capacity < CAPACITY_MIN) capacity = CAPACITY_MIN;
    if (capacity < least) capacity = least;
    char *data = pl_realloc(buffer->data, capacity);
    if (!data) return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

char *pl_buffer_reserve_slow(struct pl_buffer *buffer, size_t size) {
    if (buffer->failed) return NULL;
    bool fits = size <= buffer->limit && buffer->size <= buffer->limit - size;
    if (!fits ||
        ((!buffer->data || size > buffer->capacity - buffer->size) && !buffer_grow(buffer, buffer->size + size))) {
        buffer->failed = true;
        return NULL;
    }
    return buffer->data + buffer->size;
}

bool pl_buffer_printf(struct pl_buffer *buffer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    size_t size = length > 0 ? (size_t)length : 0;
    char *at = pl_buffer_reserve(buffer, size + 1);
    if (at) {
        vsnprintf(at, size + 1, format, args);
        buffer->size += size;
    }
    va_end(args);
    return at != NULL;
}

void pl_buffer_drop(struct pl_buffer *buffer, size_t size) {
    if (size >= buffer->size) {
        buffer->size = 0;
        return;
    }
    memmove(buffer->data, buffer->data + size, buffer->size - size);
    buffer->size -= size;
}

char *pl_buffer_take(struct pl_buffer *buffer) {
    if (buffer->failed) return NULL;
    char *text = pl_realloc(buffer->data, buffer->size + 1);
    if (!text) {
        buffer->failed = true;
        return NULL;
    }
    text[buffer->size] = '\0';
    pl_buffer_init(buffer, buffer->limit);
    return text;
}
