#include "outlet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <potline/alloc.h>

bool pl_outlet_init(struct pl_outlet *outlet, size_t capacity) {
    *outlet = (struct pl_outlet){.fd = -1, .capacity = capacity, .bytes = pl_alloc(capacity)};
    return outlet->bytes != NULL;
}

void pl_outlet_fini(struct pl_outlet *outlet) {
    pl_free(outlet->bytes);
    outlet->bytes = NULL;
}

static bool make_room(struct pl_outlet *outlet, size_t size) {
    memmove(outlet->bytes, outlet->bytes + outlet->line, outlet->to - outlet->line);
    outlet->from -= outlet->line;
    outlet->to -= outlet->line;
    outlet->line = 0;
    if (outlet->capacity - outlet->to >= size) return true;
    if (outlet->to > 0) return false;
    char *bytes = pl_realloc(outlet->bytes, size); /* a single row that is larger than all */
    if (!bytes) return false;
    outlet->bytes = bytes;
    outlet->capacity = size;
    return true;
}

char *pl_outlet_space(struct pl_outlet *outlet, size_t size) {
    if (outlet->capacity - outlet->to < size && !make_room(outlet, size)) return NULL;
    return outlet->bytes + outlet->to;
}

/* A peer that has gone is an error to return, not a signal; a pipe has no such flag, there the process has to ignore
 * SIGPIPE. */
static ssize_t put_out(struct pl_outlet *outlet, const char *bytes, size_t size) {
    if (!outlet->no_socket) {
        ssize_t n = send(outlet->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0 || errno != ENOTSOCK) return n;
        outlet->no_socket = true;
    }
    return write(outlet->fd, bytes, size);
}

static void find_line(struct pl_outlet *outlet) {
    if (outlet->from == outlet->to) {
        outlet->line = outlet->from = outlet->to = 0;
        return;
    }
    const char *end = memrchr(outlet->bytes + outlet->line, '\n', outlet->from - outlet->line);
    if (end) outlet->line = (size_t)(end + 1 - outlet->bytes);
}

enum pl_outlet_state pl_outlet_flush(struct pl_outlet *outlet) {
    if (outlet->from == outlet->to) return PL_OUTLET_EMPTY;
    if (outlet->fd < 0) return PL_OUTLET_WAIT;
    enum pl_outlet_state state = PL_OUTLET_EMPTY;
    while (outlet->from < outlet->to && state == PL_OUTLET_EMPTY) {
        ssize_t n = put_out(outlet, outlet->bytes + outlet->from, outlet->to - outlet->from);
        if (n >= 0) {
            outlet->from += (size_t)n;
            outlet->written += (uint64_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            state = PL_OUTLET_WAIT;
        } else if (errno != EINTR) {
            outlet->error = errno;
            state = PL_OUTLET_BROKEN;
        }
    }
    find_line(outlet);
    return state;
}

void pl_outlet_rewind(struct pl_outlet *outlet) {
    outlet->from = outlet->line;
}
