/* place.h: how far a stream of rows has come in the target, as its line in potline_offsets says.
 *
 *     [ position: of safe epochs | ahead: XID:ROWS ... ] written     ...rows that are still here
 *
 * Rows that belong to no safe epoch may be written ahead of it. Then the transaction is listed, and with its epoch it
 * becomes part of the position. A run whose state does not know the rows takes them back (`undo`): it finds them by the
 * number of the transaction. Pure; one thread.
 */
#ifndef POSTGRES_PLACE_H
#define POSTGRES_PLACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PL__PG_AHEAD_MAX = 1024 };

struct pl__pg_ahead {
    uint64_t xid, rows;
};

struct pl__pg_place {
    uint64_t position;
    uint64_t written; /* rows that are there: the position, and what is ahead */
    struct pl__pg_ahead *ahead, *undo;
    unsigned ahead_count, undo_count;
    struct {
        uint64_t position, xid; /* the last one ahead */
        unsigned ahead_count;
        bool made;
    } promise; /* as the line will be when the transaction that was sent last is done */
};

bool pl__pg_place_init(struct pl__pg_place *place); /* false without memory; pl__pg_place_fini all the same */
void pl__pg_place_fini(struct pl__pg_place *place);

/* From the two columns as text; false: they are none of ours. Whatever is ahead counts as written then. */
bool pl__pg_place_read(struct pl__pg_place *place, const char *position, const char *ahead);

/* The state knows the rows in front of this one: what was written ahead of it is to be taken back. */
void pl__pg_place_sort(struct pl__pg_place *place, uint64_t known);
uint64_t pl__pg_place_undo_rows(const struct pl__pg_place *place);

/* No more can be written ahead, when rows in front of `sealed` are of a safe epoch. */
bool pl__pg_place_full(const struct pl__pg_place *place, uint64_t sealed);

/* As the line will be when the transaction that brings the rows up to `next` is done. */
void pl__pg_place_advance(struct pl__pg_place *place, uint64_t sealed, uint64_t next, bool is_ahead, uint64_t xid);

/* The line that was read is what the last advance made of it: that transaction is done, though nobody has said so. */
bool pl__pg_place_kept(const struct pl__pg_place *place);

/* And it is done. */
void pl__pg_place_arrive(struct pl__pg_place *place, uint64_t next);

#endif
