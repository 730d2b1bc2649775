#include "state.h"

/* In front of an entry's key; a value of `gone` bytes is none. */
struct head {
    uint32_t key_size;
    uint32_t value_size;
};

static const uint32_t gone = UINT32_MAX;

size_t pl_state_begin(struct pl_buffer *out, const void *key, uint32_t key_size) {
    struct head head = {.key_size = key_size};
    size_t begun = out->size;
    pl_buffer_put(out, &head, sizeof head);
    pl_buffer_put(out, key, key_size);
    return begun;
}

void pl_state_end(struct pl_buffer *out, size_t begun) {
    if (pl_buffer_failed(out)) return;
    struct head head;
    memcpy(&head, out->data + begun, sizeof head);
    head.value_size = (uint32_t)(out->size - begun - sizeof head - head.key_size);
    memcpy(out->data + begun, &head, sizeof head);
}

void pl_state_put(struct pl_buffer *out, const void *key, uint32_t key_size, const void *value, uint32_t value_size) {
    struct head head = {.key_size = key_size, .value_size = value_size};
    pl_buffer_put(out, &head, sizeof head);
    pl_buffer_put(out, key, key_size);
    pl_buffer_put(out, value, value_size);
}

void pl_state_drop(struct pl_buffer *out, const void *key, uint32_t key_size) {
    struct head head = {.key_size = key_size, .value_size = gone};
    pl_buffer_put(out, &head, sizeof head);
    pl_buffer_put(out, key, key_size);
}

void pl_state_put_pack(struct pl_buffer *out, enum pl_state_part part, const struct pl_pack *pack) {
    const char key = (char)part;
    if (pl_pack_failed(pack)) out->failed = true;
    pl_state_put(out, &key, 1, pl_pack_data(pack), (uint32_t)pl_pack_size(pack));
}

bool pl_state_next(const char **at, const char *end, struct pl_state_entry *entry) {
    struct head head;
    size_t left = (size_t)(end - *at);
    if (left < sizeof head) return false;
    memcpy(&head, *at, sizeof head);
    left -= sizeof head;
    uint32_t value_size = head.value_size == gone ? 0 : head.value_size;
    if (head.key_size == 0 || head.key_size > left || value_size > left - head.key_size) return false;
    const char *key = *at + sizeof head;
    *entry = (struct pl_state_entry){.key = key,
                                     .key_size = head.key_size,
                                     .value = head.value_size == gone ? NULL : key + head.key_size,
                                     .value_size = value_size};
    *at = key + head.key_size + value_size;
    return true;
}
