#include "numbers.h"

uint64_t pl__numbers_take(struct pl__numbers *numbers, unsigned partition, uint64_t first, uint32_t rows) {
    if (partition >= PL__NUMBERS_PARTITIONS || first >= UINT64_MAX - rows) return 0;
    uint64_t *next = &numbers->next[partition], begin = first + 1, gap = 0;
    bool anew = begin < *next && first <= 1;
    if (*next && begin > *next) {
        gap = begin - *next;
        uint64_t known = gap < numbers->refused ? gap : numbers->refused;
        gap -= known;
        numbers->refused -= known;
    }
    if (!*next || anew || begin + rows > *next) *next = begin + rows;
    return gap;
}

void pl__numbers_refused(struct pl__numbers *numbers, uint32_t samples) {
    numbers->refused += samples;
}

/* Up to the last partition that is known. */
void pl__numbers_pack(const struct pl__numbers *numbers, struct pl_pack *pack) {
    uint32_t count = PL__NUMBERS_PARTITIONS;
    while (count && !numbers->next[count - 1])
        count--;
    pl_pack_array(pack, count + 1);
    pl_pack_uint(pack, numbers->refused);
    for (uint32_t i = 0; i < count; i++)
        pl_pack_uint(pack, numbers->next[i]);
}

bool pl__numbers_unpack(struct pl__numbers *numbers, struct pl_unpack *unpack) {
    uint32_t count;
    struct pl__numbers found = {.refused = 0};
    bool good = pl_unpack_array(unpack, &count) && count >= 1 && count <= PL__NUMBERS_PARTITIONS + 1 &&
                pl_unpack_uint(unpack, &found.refused);
    for (uint32_t i = 0; good && i + 1 < count; i++)
        good = pl_unpack_uint(unpack, &found.next[i]);
    if (good) *numbers = found;
    return good;
}
