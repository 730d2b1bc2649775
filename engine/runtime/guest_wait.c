/* guest_wait.c: waiting for the engine's word in the middle of an item. What else comes meanwhile is done later, in its
 * order; but a ping is answered, since a process that waits has not hung.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <potline/alloc.h>

#include "runtime/guest_impl.h"

struct pl__guest_later {
    struct pl__guest_later *next;
    struct pl_frame frame;
    char body[];
};

/* Of items few are under way (PL__GUEST_ITEMS); the rest is what people ask in the meantime. */
enum { LATER_MAX = 4096 };

static bool keep_for_later(struct pl_guest *guest, const struct pl_frame *frame) {
    if (guest->later_count == LATER_MAX) return false;
    struct pl__guest_later *kept = pl_alloc(sizeof *kept + frame->size);
    if (!kept) return false;
    *kept = (struct pl__guest_later){.frame = *frame};
    if (frame->size) memcpy(kept->body, frame->body, frame->size);
    kept->frame.body = kept->body;
    struct pl__guest_later **end = &guest->later;
    while (*end)
        end = &(*end)->next;
    *end = kept;
    guest->later_count++;
    return true;
}

enum pl_received pl__guest_receive(struct pl_guest *guest, struct pl_frame *frame) {
    pl_free(guest->taken);
    guest->taken = guest->later;
    if (!guest->taken) return pl_link_receive(guest->link, frame);
    guest->later = guest->taken->next;
    guest->later_count--;
    *frame = guest->taken->frame;
    return PL_RECEIVED_FRAME;
}

static void sleep_until_readable(struct pl_guest *guest) {
    struct pollfd fd = {.fd = pl_link_fd(guest->link), .events = POLLIN};
    while (poll(&fd, 1, -1) < 0 && errno == EINTR)
        ;
}

/* Also for an operator that has failed: what it has begun may still write. Who waits for an engine that is gone is
 * ended by the kernel (guest.h). */
void pl__guest_wait_noted(struct pl_guest *guest, uint64_t number) {
    for (;;) {
        struct pl_frame frame;
        enum pl_received received = pl_link_receive(guest->link, &frame);
        if (received == PL_RECEIVED_NOTHING)
            sleep_until_readable(guest);
        else if (received != PL_RECEIVED_FRAME)
            continue;
        else if (frame.type == PL_FRAME_NOTED && frame.number == number)
            return;
        else if (frame.type == PL_FRAME_PING)
            pl__guest_pong(guest, PL_FRAME_PONG, frame.number);
        else if (!keep_for_later(guest, &frame))
            pl__guest_give_up("what it is asked while it waits for the engine does not fit");
    }
}

void pl__guest_drop_later(struct pl_guest *guest) {
    struct pl_frame frame;
    while (guest->later)
        pl__guest_receive(guest, &frame);
    pl_free(guest->taken);
    guest->taken = NULL;
}
