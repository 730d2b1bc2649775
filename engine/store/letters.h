/* letters.h: dead letters as they stand in the zone dead, and those that are to be given to their source again.
 *
 *     zone dead, node = source:  dead.letter, dead.reinjected     (runtime/losses.h says what is in them)
 *     kept, $letters, 0, 'q', number -> checksum | the letter's bytes, and what it was counted as     an order
 *     kept, $letters, 0, 'n'         -> checksum | the last number that was given
 *
 * An order is written at once. Its source takes orders by their numbers, and the number it has come to is part of its
 * position, which is in the log together with the rows; so each is carried out once, whatever dies. What came of it is
 * a record of the zone, by which the order goes when the epoch of that record is the last one.
 *
 * Threads: one at a time for a pl_letters; pl_letters_next from any. Orders are given by one thread of a process, and
 * settled by any beside it.
 */
#ifndef POTLINE_STORE_LETTERS_H
#define POTLINE_STORE_LETTERS_H

#include <potline/letter.h>

#include "store/store.h"

enum pl_letter_state {
    PL_LETTER_KEPT,
    PL_LETTER_QUEUED,     /* to be given in again */
    PL_LETTER_REINJECTED, /* its rows are in the log */
    PL_LETTER_REFUSED,    /* given in again, and refused again */
    PL_LETTER_STATES
};
extern const char *const pl_letter_states[PL_LETTER_STATES + 1];

enum { PL_LETTER_ORDERS_MAX = 10000, PL_LETTER_ORDERS_BYTES = 64 << 20 };

struct pl_dead_letter {
    uint64_t id;
    pl_time time; /* when it was refused */
    const char *source, *tag, *place, *cause, *reason;
    const void *bytes;
    size_t size;
    bool cut; /* these are not all of its bytes */
    pl_time near;
    int64_t samples;
    enum pl_letter_state state;
};

struct pl_letters_query {
    const char *source, *tag, *cause, *reason; /* globs; NULL: all */
    pl_time from, to;                          /* of `time`; from <= time < to */
    uint64_t id;                               /* 0: all */
    unsigned states;                           /* bits; 0: all */
};

struct pl_letters;

/* What is known of orders and of what came of them, as of now. */
enum pl_code pl_letters_open(struct pl_store *store, struct pl_tags *tags, struct pl_letters **letters,
                             struct pl_error **error);
void pl_letters_close(struct pl_letters *letters); /* NULL is fine */

/* Calls `each` for the letters that fit, by source and time, until one does not return PL_OK. Everything is borrowed
 * for the call. */
typedef enum pl_code pl_letters_visitor(void *arg, const struct pl_dead_letter *letter, struct pl_error **error);
enum pl_code pl_letters_each(struct pl_letters *letters, const struct pl_letters_query *query, pl_letters_visitor *each,
                             void *arg, struct pl_error **error);

/* Orders that the letter be given in again, with these bytes; for a writing store. From within `each`, too.
 * PL_CONFLICT: it is under way, or has been. PL_LIMIT: too many wait; or it is cut, and the bytes are its own. */
enum pl_code pl_letters_order(struct pl_letters *letters, const struct pl_dead_letter *letter, const void *bytes,
                              size_t size, struct pl_error **error);

/* Has it been, by way of this one? */
bool pl_letters_was_ordered(const struct pl_letters *letters, uint64_t letter);

/* Removes the orders that are carried out for good. */
enum pl_code pl_letters_settle(struct pl_letters *letters, struct pl_error **error);
/* The same for a store; where no order waits it costs nothing. Before what came of them ages out of the zone. */
enum pl_code pl_letters_tidy(struct pl_store *store, struct pl_tags *tags, struct pl_error **error);

struct pl_letter_order {
    uint64_t number, letter;
    pl_time time, near;
    int64_t samples;
    const char *source, *cause, *tag;
    const void *bytes;
    size_t size;
    void *block; /* the caller's (pl_free); all of the above is in it */
};

/* The first order for a source behind number `after`. PL_NOT_FOUND without a message: there is none. */
enum pl_code pl_letters_next(struct pl_store *store, const char *source, uint64_t after, struct pl_letter_order *order,
                             struct pl_error **error);

#endif
