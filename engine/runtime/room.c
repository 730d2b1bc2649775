#include "runtime/room.h"

bool pl_room_refused(struct pl_room *room, pl_time begun, pl_time now, pl_time quiet) {
    if (!room->full) {
        room->since = begun;
        room->times++;
    }
    room->full = true;
    if (room->told || now - room->since < quiet) return false;
    room->told = true;
    return true;
}

bool pl_room_found(struct pl_room *room) {
    bool told = room->told;
    room->full = room->told = false;
    return told;
}
