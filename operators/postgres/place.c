#include "place.h"

#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

/* One more than may be read, which is what a transaction adds. */
bool pl__pg_place_init(struct pl__pg_place *place) {
    place->ahead = pl_alloc((PL__PG_AHEAD_MAX + 1) * sizeof(*place->ahead));
    place->undo = pl_alloc((PL__PG_AHEAD_MAX + 1) * sizeof(*place->undo));
    return place->ahead && place->undo;
}

void pl__pg_place_fini(struct pl__pg_place *place) {
    pl_free(place->ahead);
    pl_free(place->undo);
    *place = (struct pl__pg_place){0};
}

static bool number(const char *text, size_t length, uint64_t *value) {
    int64_t read;
    if (!pl_text_int(text, length, &read) || read < 0) return false;
    *value = (uint64_t)read;
    return true;
}

bool pl__pg_place_read(struct pl__pg_place *place, const char *position, const char *ahead) {
    place->ahead_count = place->undo_count = 0;
    if (!number(position, strlen(position), &place->position) || place->position > INT64_MAX / 2) return false;
    place->written = place->position;
    while (*ahead) {
        struct pl__pg_ahead one;
        size_t xid = strcspn(ahead, ": "), rows = ahead[xid] ? strcspn(ahead + xid + 1, ": ") : 0;
        if (ahead[xid] != ':' || place->ahead_count > PL__PG_AHEAD_MAX || !number(ahead, xid, &one.xid) ||
            !number(ahead + xid + 1, rows, &one.rows) || one.rows > INT64_MAX / 2 - place->written)
            return false;
        place->ahead[place->ahead_count++] = one;
        place->written += one.rows;
        ahead += xid + 1 + rows;
        if (*ahead == ' ') ahead++;
    }
    return true;
}

/* How many of those ahead end in front of `known`, and where. */
static unsigned count_known(const struct pl__pg_place *place, uint64_t known, uint64_t *end) {
    unsigned i = 0;
    *end = place->position;
    while (i < place->ahead_count && *end + place->ahead[i].rows <= known)
        *end += place->ahead[i++].rows;
    return i;
}

void pl__pg_place_sort(struct pl__pg_place *place, uint64_t known) {
    unsigned stay = count_known(place, known, &place->written);
    place->undo_count = place->ahead_count - stay;
    memcpy(place->undo, place->ahead + stay, place->undo_count * sizeof(*place->undo));
    place->ahead_count = stay;
}

uint64_t pl__pg_place_undo_rows(const struct pl__pg_place *place) {
    uint64_t rows = 0;
    for (unsigned i = 0; i < place->undo_count; i++)
        rows += place->undo[i].rows;
    return rows;
}

bool pl__pg_place_full(const struct pl__pg_place *place, uint64_t sealed) {
    uint64_t end;
    return place->ahead_count - count_known(place, sealed, &end) >= PL__PG_AHEAD_MAX;
}

static uint64_t last_xid(const struct pl__pg_place *place) {
    return place->ahead_count ? place->ahead[place->ahead_count - 1].xid : 0;
}

void pl__pg_place_advance(struct pl__pg_place *place, uint64_t sealed, uint64_t next, bool is_ahead, uint64_t xid) {
    unsigned gone = count_known(place, sealed, &place->position);
    place->ahead_count -= gone;
    memmove(place->ahead, place->ahead + gone, place->ahead_count * sizeof(*place->ahead));
    if (!is_ahead)
        place->position = next;
    else if (next > place->written)
        place->ahead[place->ahead_count++] = (struct pl__pg_ahead){xid, next - place->written};
    place->promise.made = true;
    place->promise.position = place->position;
    place->promise.ahead_count = place->ahead_count;
    place->promise.xid = last_xid(place);
}

/* Every transaction changes the position, adds to what is ahead, or takes all back that is. */
bool pl__pg_place_kept(const struct pl__pg_place *place) {
    return place->promise.made && place->position == place->promise.position &&
           place->ahead_count == place->promise.ahead_count && last_xid(place) == place->promise.xid;
}

void pl__pg_place_arrive(struct pl__pg_place *place, uint64_t next) {
    place->written = next;
    place->undo_count = 0;
}
