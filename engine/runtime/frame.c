#include "frame.h"

#include <string.h>

/* As it stands on the wire; both ends are the same binary on the same machine. */
struct head {
    uint8_t type, flags;
    uint16_t port;
    uint32_t code;
    uint64_t number;
    int64_t value;
    uint64_t nanoseconds;
};
_Static_assert(sizeof(struct head) == PL_FRAME_HEAD, "a head has no gaps");

enum direction { FROM_ENGINE = 1, FROM_PROCESS = 2 };

static const struct shape {
    uint8_t direction;
    uint8_t flags;
    bool body;
    bool port;
} shapes[PL_FRAME_TYPES] = {
    [PL_FRAME_CONFIG] = {FROM_ENGINE, 0, true, false},
    [PL_FRAME_OPEN] = {FROM_ENGINE, 0, false, false},
    [PL_FRAME_BATCH] = {FROM_ENGINE, 0, true, true},
    [PL_FRAME_WATERMARK] = {FROM_ENGINE, PL_FRAME_IDLE, false, false},
    [PL_FRAME_BARRIER] = {FROM_ENGINE, 0, false, false},
    [PL_FRAME_END] = {FROM_ENGINE, PL_FRAME_IDLE, false, false},
    [PL_FRAME_COMMIT] = {FROM_ENGINE, 0, false, false},
    [PL_FRAME_CREDIT] = {FROM_ENGINE, 0, false, false},
    [PL_FRAME_CALL] = {FROM_ENGINE, 0, true, false},
    [PL_FRAME_NOTED] = {FROM_ENGINE, 0, false, false},
    [PL_FRAME_PING] = {FROM_ENGINE, 0, false, false},
    [PL_FRAME_QUIT] = {FROM_ENGINE, 0, false, false},
    [PL_FRAME_STATE] = {FROM_ENGINE | FROM_PROCESS, 0, true, false},
    [PL_FRAME_HELLO] = {FROM_PROCESS, 0, false, false},
    [PL_FRAME_READY] = {FROM_PROCESS, PL_FRAME_IS_BUSY, false, false},
    [PL_FRAME_EMIT] = {FROM_PROCESS, 0, true, true},
    [PL_FRAME_ZONE] = {FROM_PROCESS, 0, true, true},
    [PL_FRAME_DONE] = {FROM_PROCESS, PL_FRAME_IS_BUSY | PL_FRAME_RETURNED, true, false},
    [PL_FRAME_BUSY] = {FROM_PROCESS, PL_FRAME_IS_BUSY, false, false},
    [PL_FRAME_FAILED] = {FROM_PROCESS, 0, true, false},
    [PL_FRAME_KEEP] = {FROM_PROCESS, 0, true, false},
    [PL_FRAME_DROP] = {FROM_PROCESS, 0, true, false},
    [PL_FRAME_NOTE] = {FROM_PROCESS, 0, true, false},
    [PL_FRAME_CALLED] = {FROM_PROCESS, 0, true, false},
    [PL_FRAME_PONG] = {FROM_PROCESS, PL_FRAME_IS_BUSY, true, false},
    [PL_FRAME_CLOSED] = {FROM_PROCESS, 0, true, false},
    [PL_FRAME_PROGRESS] = {FROM_PROCESS, 0, false, false},
    [PL_FRAME_OVER] = {FROM_PROCESS, 0, false, false},
};

void pl_frame_write_head(const struct pl_frame *frame, uint8_t bytes[PL_FRAME_HEAD]) {
    struct head head = {frame->type,   frame->flags, frame->port,       frame->code,
                        frame->number, frame->value, frame->nanoseconds};
    memcpy(bytes, &head, sizeof head);
}

bool pl_frame_read(const void *bytes, size_t size, bool from_engine, struct pl_frame *frame) {
    struct head head;
    if (size < sizeof head || size - sizeof head > PL_FRAME_BODY_MAX) return false;
    memcpy(&head, bytes, sizeof head);
    if (head.type >= PL_FRAME_TYPES) return false;
    const struct shape *shape = &shapes[head.type];
    if (!(shape->direction & (from_engine ? FROM_ENGINE : FROM_PROCESS))) return false;
    if (head.flags & ~shape->flags || (head.port && !shape->port)) return false;
    if (size > sizeof head && !shape->body) return false;
    *frame = (struct pl_frame){.type = head.type,
                               .flags = head.flags,
                               .port = head.port,
                               .code = head.code,
                               .number = head.number,
                               .value = head.value,
                               .nanoseconds = head.nanoseconds,
                               .body = (const char *)bytes + sizeof head,
                               .size = size - sizeof head};
    return true;
}
