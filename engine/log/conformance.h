/* conformance.h: what holds for every kind of log, as tests; a kind brings a factory and a main of one line.
 *
 *     int main(int argc, char **argv) {
 *         return pl_log_conformance(&embedded_factory, argc, argv);
 *     }
 *
 * The program starts itself again as a writer that is killed; POTLINE_LONG does that more often.
 */
#ifndef POTLINE_LOG_CONFORMANCE_H
#define POTLINE_LOG_CONFORMANCE_H

#include "log/log.h"

struct pl_log_factory {
    /* A place for a new log (a folder, a topic); the caller's until remove. */
    char *(*make)(void);
    void (*remove)(char *place);

    /* Opens the log of a place, which may hold one already; returns what close ends, NULL with *error. */
    void *(*open)(const char *place, struct pl_tags *tags, unsigned partitions, struct pl_log **log,
                  struct pl_error **error);
    void (*close)(void *opened);

    unsigned haste;  /* an append takes so long that so many times fewer will do; 1: it is fast */
    uint64_t stride; /* from one record to the next there are at most so many numbers; 1: none is left out */
};

int pl_log_conformance(const struct pl_log_factory *factory, int argc, char **argv);

#endif
