/* shadow_port.h: the rows of a port in the live graph, and those of the same port in a shadow (shadow.h), held against
 * each other while they come.
 *
 *     live    a b c | d ...        a row that the other side has too goes at once, what is left is a difference as soon
 *     shadow  a c x | ...          as nothing can come for it any more: b removed, x added
 *
 * That is when both sides have worked off the same rows since (they have passed the same barrier), and the watermarks
 * of both have passed its time: a window may well close a little later than the live one. In which order rows come, and
 * in which batches, makes no difference. Rows are told apart by a hash of 64 bits of all their columns.
 *
 * What is held is bounded by the pool that ports share. Threads: one; who reports waits for it elsewhere.
 */
#ifndef POTLINE_SHADOW_PORT_H
#define POTLINE_SHADOW_PORT_H

#include <potline/batch.h>
#include <stdio.h>

#include "batch/moment.h"
#include "batch/tags.h"

enum { PL_SHADOW_TEXT = 600 };

struct pl_shadow_pool {
    uint32_t rows, rows_max;
    size_t bytes, bytes_max;
};

struct pl_shadow_example {
    pl_time time;
    char live[PL_SHADOW_TEXT], fresh[PL_SHADOW_TEXT]; /* JSON, cut off; "": there is none */
};

struct pl_shadow_port_options {
    struct pl_tags *tags;
    struct pl_shadow_pool *pool;
    unsigned examples; /* that are kept */
    bool alone;        /* the live graph has no such port: rows are only counted, as added */
};

struct pl_shadow_port;

struct pl_shadow_port *pl_shadow_port_new(const struct pl_shadow_port_options *options); /* NULL without memory */
void pl_shadow_port_free(struct pl_shadow_port *port);                                   /* NULL is fine */

/* Borrows the batch. False: there is no room for more (or no memory), and nothing more can be said. */
bool pl_shadow_port_take(struct pl_shadow_port *port, bool live, uint64_t epoch, struct pl_batch *batch);

/* Both sides have given all of this epoch and of those before, and nothing of before the watermark is still to come. */
bool pl_shadow_port_settle(struct pl_shadow_port *port, uint64_t epoch, pl_time watermark);
uint32_t pl_shadow_port_waiting(const struct pl_shadow_port *port); /* rows of which it is not known yet */

const struct pl_moment_counts *pl_shadow_port_counts(const struct pl_shadow_port *port);
/* Those that are there do not change any more, nor where they stand. */
unsigned pl_shadow_port_examples(const struct pl_shadow_port *port);
const struct pl_shadow_example *pl_shadow_port_example(const struct pl_shadow_port *port, unsigned index);

#endif
