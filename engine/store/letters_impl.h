/* letters_impl.h: across the files of letters.h. */
#ifndef POTLINE_STORE_LETTERS_IMPL_H
#define POTLINE_STORE_LETTERS_IMPL_H

#include "store/letters.h"

/* An order, and a record of what came of one. */
struct pl__letter_event {
    uint64_t letter, number;
    bool done;    /* its rows came in */
    bool settled; /* and that belongs to the last epoch or an earlier one */
};

struct pl__letter_events {
    struct pl__letter_event *list; /* by letter and number, once they are sorted */
    uint32_t count, room;
};

struct pl_letters {
    struct pl_store *store;
    struct pl_tags *tags;
    uint32_t letter, reinjected; /* kinds of events */
    struct pl__letter_events orders, outcomes;
    struct pl__letter_events ordered; /* since, by way of this one */
    uint64_t order_bytes;             /* about, of all orders */
};

bool pl__letter_event_add(struct pl__letter_events *events, const struct pl__letter_event *event);
void pl__letter_events_sort(struct pl__letter_events *events);
const struct pl__letter_event *pl__letter_event_last(const struct pl__letter_events *events, uint64_t letter);

enum pl_code pl__letter_orders_read(struct pl_letters *letters, struct pl_error **error);

#endif
