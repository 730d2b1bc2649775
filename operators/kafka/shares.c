#include "shares.h"

#include <string.h>

#include <potline/alloc.h>

enum { UNKNOWN = -1 };

struct pl__share *pl__shares_find(struct pl__shares *shares, uint32_t topic, int32_t partition) {
    for (unsigned i = 0; i < shares->count; i++)
        if (shares->share[i].topic == topic && shares->share[i].partition == partition) return &shares->share[i];
    return NULL;
}

static bool goes_behind(const struct pl__share *share, uint32_t topic, int32_t partition) {
    return share->topic < topic || (share->topic == topic && share->partition < partition);
}

struct pl__share *pl__shares_at(struct pl__shares *shares, uint32_t topic, int32_t partition) {
    struct pl__share *found = pl__shares_find(shares, topic, partition);
    if (found) return found;
    if (shares->count == PL__SHARES_MAX) return NULL;
    if (!shares->share) shares->share = pl_alloc(PL__SHARES_MAX * sizeof *shares->share);
    if (!shares->share) return NULL;
    unsigned at = 0;
    while (at < shares->count && goes_behind(&shares->share[at], topic, partition))
        at++;
    memmove(&shares->share[at + 1], &shares->share[at], (shares->count - at) * sizeof *shares->share);
    shares->count++;
    shares->share[at] = (struct pl__share){
        .topic = topic, .partition = partition, .next = UNKNOWN, .end = UNKNOWN, .newest = PL_TIME_MIN};
    return &shares->share[at];
}

void pl__shares_fini(struct pl__shares *shares) {
    pl_free(shares->share);
    *shares = (struct pl__shares){0};
}

bool pl__shares_done(const struct pl__shares *shares) {
    for (unsigned i = 0; i < shares->count; i++)
        if (!pl__share_is_done(&shares->share[i])) return false;
    return shares->count > 0;
}

/* ---- Which is the next ---- */

static bool may_bring_more(const struct pl__share *share) {
    return share->reading && !share->count && !share->at_end && !share->passed && !pl__share_is_done(share);
}

struct pl__share *pl__shares_choose(struct pl__shares *shares, struct pl__share **behind) {
    struct pl__share *oldest = NULL, *awaited = NULL;
    for (unsigned i = 0; i < shares->count; i++) {
        struct pl__share *share = &shares->share[i];
        if (share->count && (!oldest || share->newest < oldest->newest)) oldest = share;
        if (may_bring_more(share) && (!awaited || share->newest < awaited->newest)) awaited = share;
    }
    *behind = oldest && awaited && awaited->newest < oldest->newest ? awaited : NULL;
    return *behind ? NULL : oldest;
}

/* ---- Position ---- */

static int32_t partitions_of(const struct pl__shares *shares, uint32_t topic) {
    int32_t count = 0;
    for (unsigned i = 0; i < shares->count; i++)
        if (shares->share[i].topic == topic) count = shares->share[i].partition + 1;
    return count;
}

static void pack_topic(const struct pl__shares *shares, uint32_t topic, struct pl_pack *pack) {
    int32_t count = partitions_of(shares, topic), partition = 0;
    pl_pack_array(pack, (uint32_t)count);
    for (unsigned i = 0; i < shares->count; i++) {
        const struct pl__share *share = &shares->share[i];
        if (share->topic != topic) continue;
        for (; partition < share->partition; partition++)
            pl_pack_int(pack, UNKNOWN);
        pl_pack_int(pack, share->next);
        partition++;
    }
}

void pl__shares_pack(const struct pl__shares *shares, const char *const *topics, uint32_t topic_count,
                     struct pl_pack *pack) {
    pl_pack_map(pack, topic_count);
    for (uint32_t i = 0; i < topic_count; i++) {
        pl_pack_str(pack, topics[i]);
        pack_topic(shares, i, pack);
    }
}

static uint32_t index_of(const char *const *topics, uint32_t count, const char *name, size_t length) {
    uint32_t i = 0;
    while (i < count && (strlen(topics[i]) != length || memcmp(topics[i], name, length) != 0))
        i++;
    return i;
}

static bool unpack_topic(struct pl__shares *shares, uint32_t topic, bool ours, struct pl_unpack *unpack) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count > PL__SHARES_MAX) return false;
    for (uint32_t i = 0; i < count; i++) {
        int64_t next;
        if (!pl_unpack_int(unpack, &next) || next < UNKNOWN) return false;
        if (next == UNKNOWN) continue;
        struct pl__share *share = ours ? pl__shares_at(shares, topic, (int32_t)i) : NULL;
        if (ours && !share) return false;
        if (share) share->next = next;
    }
    return true;
}

bool pl__shares_unpack(struct pl__shares *shares, const char *const *topics, uint32_t topic_count,
                       struct pl_unpack *unpack) {
    uint32_t pairs;
    if (!pl_unpack_map(unpack, &pairs)) return false;
    for (uint32_t i = 0; i < pairs; i++) {
        const char *name;
        size_t length;
        if (!pl_unpack_str(unpack, &name, &length)) return false;
        uint32_t topic = index_of(topics, topic_count, name, length);
        if (!unpack_topic(shares, topic, topic < topic_count, unpack)) return false;
    }
    return true;
}
