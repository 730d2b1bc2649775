/* diag.h: messages for people, on standard error, as text or as JSON lines.
 *
 * The data path writes none: it counts (counter.h). A message that repeats is limited to one a second for its place in
 * the code, with the number left out; pl_diag_each is for what cannot repeat by itself, like what people have asked
 * for. Thread-safe.
 */
#ifndef POTLINE_DIAG_H
#define POTLINE_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"

struct pl_node;

enum pl_level { PL_ERROR, PL_WARN, PL_INFO, PL_DEBUG };

struct pl_diag_site { /* one per call; the macros make it */
    int64_t next;
    uint32_t left_out;
};

#define pl_diag(level, ...)                                                                                            \
    do {                                                                                                               \
        static struct pl_diag_site pl_diag_site_;                                                                      \
        pl_diag_write(&pl_diag_site_, NULL, (level), __VA_ARGS__);                                                     \
    } while (0)

/* In full, each time. */
#define pl_diag_each(level, ...)                                                                                       \
    do {                                                                                                               \
        struct pl_diag_site pl_diag_site_ = {0, 0};                                                                    \
        pl_diag_write(&pl_diag_site_, NULL, (level), __VA_ARGS__);                                                     \
    } while (0)

/* The same from an operator: the message names graph node and partition. */
#define pl_node_diag(node, level, ...)                                                                                 \
    do {                                                                                                               \
        static struct pl_diag_site pl_diag_site_;                                                                      \
        pl_diag_write(&pl_diag_site_, (node), (level), __VA_ARGS__);                                                   \
    } while (0)

PL_API void pl_diag_write(struct pl_diag_site *site, const struct pl_node *node, enum pl_level level,
                          const char *format, ...) PL_PRINTF(4, 5);

PL_API void pl_diag_setup(enum pl_level least, bool json);

#endif
