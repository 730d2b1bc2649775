/* room.h: a log that takes nothing for a while, and from when on that is worth a word.
 *
 * A disk that is full is said at once. In a group a log takes nothing for a moment whenever engines join or leave: its
 * members are counted anew, and what was offered is offered again. That is no trouble before it has lasted a while.
 */
#ifndef POTLINE_RUNTIME_ROOM_H
#define POTLINE_RUNTIME_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include <potline/time.h>

#define PL_ROOM_QUIET (2 * PL_SECOND) /* of a group's log */

struct pl_room {
    bool full;      /* it has taken nothing since `since` */
    bool told;      /* and that has been said */
    pl_time since;  /* monotonic */
    uint64_t times; /* how often that has begun, for a moment or longer */
};

/* It was offered something at `begun` and has taken nothing, again or for the first time: an offer may wait long for
 * brokers. True: that is to be said now, as it has lasted for `quiet`. */
bool pl_room_refused(struct pl_room *room, pl_time begun, pl_time now, pl_time quiet);

/* It takes rows again. True: it had been said that it did not. */
bool pl_room_found(struct pl_room *room);

#endif
