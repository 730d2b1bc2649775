#include "numbers.h"

/* FNV-1a */
static const uint64_t prime = 1099511628211U;

uint64_t pl__numbers_stream(const void *topic, size_t size) {
    const unsigned char *at = topic;
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; at && i < size; i++)
        hash = (hash ^ at[i]) * prime;
    return hash;
}

uint64_t pl__numbers_of_partition(uint64_t topic, unsigned partition) {
    return (topic ^ partition) * prime;
}

/* NULL: it is new, and there is no room for another. A new one has the number of no row. */
static struct pl__stream *stream_of(struct pl__numbers *numbers, uint64_t id, uint64_t first) {
    for (uint32_t i = 0; i < numbers->count; i++)
        if (numbers->stream[i].id == id) return &numbers->stream[i];
    if (numbers->count == PL__STREAMS_MAX) return NULL;
    struct pl__stream *made = &numbers->stream[numbers->count++];
    *made = (struct pl__stream){.id = id, .next = first};
    return made;
}

uint64_t pl__numbers_take(struct pl__numbers *numbers, uint64_t stream, uint64_t first, uint32_t rows) {
    if (first >= UINT64_MAX - rows) return 0;
    struct pl__stream *s = stream_of(numbers, stream, first);
    if (!s) return 0;
    uint64_t gap = first > s->next ? first - s->next : 0;
    uint64_t known = gap < numbers->refused ? gap : numbers->refused;
    bool anew = first < s->next && first <= 1;
    numbers->refused -= known;
    if (anew || first + rows > s->next) s->next = first + rows;
    return gap - known;
}

void pl__numbers_refused(struct pl__numbers *numbers, uint32_t samples) {
    numbers->refused += samples;
}

void pl__numbers_pack(const struct pl__numbers *numbers, struct pl_pack *pack) {
    pl_pack_array(pack, 1 + 2 * numbers->count);
    pl_pack_uint(pack, numbers->refused);
    for (uint32_t i = 0; i < numbers->count; i++) {
        pl_pack_uint(pack, numbers->stream[i].id);
        pl_pack_uint(pack, numbers->stream[i].next);
    }
}

bool pl__numbers_unpack(struct pl__numbers *numbers, struct pl_unpack *unpack) {
    uint32_t items;
    struct pl__numbers found = {.count = 0};
    bool good = pl_unpack_array(unpack, &items) && items % 2 && items <= 1 + 2 * PL__STREAMS_MAX &&
                pl_unpack_uint(unpack, &found.refused);
    for (; good && 1 + 2 * found.count < items; found.count++)
        good = pl_unpack_uint(unpack, &found.stream[found.count].id) &&
               pl_unpack_uint(unpack, &found.stream[found.count].next);
    if (good) *numbers = found;
    return good;
}
