/* outlet.h: bytes on their way out through a descriptor: in order, in a buffer of bounded size.
 *
 *     char *at = pl_outlet_space(outlet, ROW_MAX);         // NULL: full; flush, and wait when that does not help
 *     pl_outlet_put(outlet, write_row(at) - at);
 *     ...
 *     switch (pl_outlet_flush(outlet)) { ... }
 *
 * The descriptor should not block unless it is a file's. What goes out are lines: when a connection breaks,
 * pl_outlet_rewind takes the buffer back to the begin of the line that it broke in. Nothing here waits; the owner
 * watches the descriptor. One thread.
 */
#ifndef POTLINE_OUTLET_H
#define POTLINE_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pl_outlet_state {
    PL_OUTLET_EMPTY,  /* all is out */
    PL_OUTLET_WAIT,   /* the descriptor takes no more now */
    PL_OUTLET_BROKEN, /* outlet->error says why (errno) */
};

struct pl_outlet {
    int fd; /* the owner's; -1: none, bytes wait */
    int error;
    bool no_socket;
    char *bytes;
    size_t capacity;
    size_t line; /* begin of the line that `from` is in */
    size_t from; /* the first byte that has not gone out */
    size_t to;
    uint64_t written;
};

/* False without memory; pl_outlet_fini takes it all the same. */
bool pl_outlet_init(struct pl_outlet *outlet, size_t capacity);
void pl_outlet_fini(struct pl_outlet *outlet);

/* Room for `size` bytes, good until the next call; NULL when there is none before a flush. An empty outlet makes room
 * for any row; NULL is want of memory then. */
char *pl_outlet_space(struct pl_outlet *outlet, size_t size);

/* All the room behind what waits. */
static inline char *pl_outlet_rest(const struct pl_outlet *outlet, size_t *size) {
    *size = outlet->capacity - outlet->to;
    return outlet->bytes + outlet->to;
}

static inline void pl_outlet_put(struct pl_outlet *outlet, size_t size) {
    outlet->to += size;
}

static inline size_t pl_outlet_waiting(const struct pl_outlet *outlet) {
    return outlet->to - outlet->from;
}

enum pl_outlet_state pl_outlet_flush(struct pl_outlet *outlet);

/* Half a line may have gone out: it will go again, whole. */
void pl_outlet_rewind(struct pl_outlet *outlet);

#endif
