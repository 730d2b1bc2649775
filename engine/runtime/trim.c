#include "runtime/trim.h"

#include <inttypes.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "store/epochs.h"

/* Cuts fall on round times, so that not every pass makes one. */
static const pl_time grain_most = PL_HOUR, grain_least = PL_MINUTE;
enum {
    GRAINS = 100 /* in a retention */,
    SLACK_PART = 16 /* more than has to be goes, so that it lasts for a while */
};
enum { SHARE = 1 << 20 };

/* What is kept together: a partition of the log, or a node's partition in another zone. */
struct part {
    enum pl_zone_id zone;
    struct pl_zone_part key;
    uint64_t first, limit; /* bronze: the oldest sequence, and the one that has to stay */
};

struct pass {
    const struct pl_trim_options *options;
    pl_time now;
    struct part *parts;
    unsigned count, room;
    pl_time cut[PL_ZONES]; /* what is older goes; PL_TIME_MIN: nothing */
    uint64_t share;        /* of what bronze may lose, in SHARE-ths: what goes whatever its time */
};

/* ---- What there is ---- */

static enum pl_code add_part(struct pass *pass, const struct part *part, struct pl_error **error) {
    if (pass->count == pass->room) {
        unsigned room = pass->room ? 2 * pass->room : 64;
        struct part *more = pl_realloc(pass->parts, room * sizeof *more);
        if (!more) return pl_error_set(error, PL_NO_MEMORY, "no memory to look through the zones");
        pass->parts = more;
        pass->room = room;
    }
    pass->parts[pass->count++] = *part;
    return PL_OK;
}

struct collect {
    struct pass *pass;
    enum pl_zone_id zone;
};

static enum pl_code add_zone_part(void *arg, const struct pl_zone_part *key, struct pl_error **error) {
    const struct collect *collect = arg;
    return add_part(collect->pass, &(struct part){.zone = collect->zone, .key = *key}, error);
}

/* The first sequence that recovery needs. A partition that the graph has no more was worked off before it was given up
 * (regroup.h). */
static uint64_t limit_of(const struct pl_log *log, const struct pl_epoch *last, unsigned partition) {
    uint64_t first = log->ops->first(log, partition), next = log->ops->next(log, partition);
    if (!last->number || next == first) return first;
    if (partition >= last->partitions) return next - 1;
    uint64_t stands = last->sequence[partition];
    return stands == UINT64_MAX ? first : stands; /* one that is another engine's is that one's to forget */
}

static enum pl_code collect_bronze(struct pass *pass, struct pl_error **error) {
    struct pl_log *log = pass->options->log;
    struct pl_epoch last;
    if (!log) return PL_OK;
    enum pl_code code = pl_epochs_last(pass->options->store, &last, error);
    if (code && code != PL_NOT_FOUND) return code;
    code = PL_OK;
    for (unsigned p = 0; p < log->partitions && !code; p++) {
        struct part part = {.zone = PL_BRONZE, .key.partition = (uint16_t)p, .key.oldest = log->ops->oldest(log, p)};
        part.first = log->ops->first(log, p);
        part.limit = limit_of(log, &last, p);
        if (part.limit < part.first) part.limit = part.first;
        code = add_part(pass, &part, error);
    }
    pl_epoch_fini(&last);
    return code;
}

static enum pl_code collect(struct pass *pass, struct pl_error **error) {
    pass->count = 0;
    enum pl_code code = collect_bronze(pass, error);
    for (enum pl_zone_id zone = PL_SILVER; zone < PL_ZONES && !code; zone++)
        code = pl_zone_parts(pass->options->store, zone, add_zone_part, &(struct collect){pass, zone}, error);
    return code;
}

/* ---- Sizes ---- */

/* Where bronze begins when what is older than `time` goes, and this share of what may go. */
static uint64_t begin_of(const struct pass *pass, const struct part *part, pl_time time, uint64_t share) {
    struct pl_log *log = pass->options->log;
    uint64_t begin = part->first + (uint64_t)((double)(part->limit - part->first) * (double)share / SHARE);
    uint64_t sought = time == PL_TIME_MIN ? part->first : log->ops->seek(log, part->key.partition, time);
    if (sought > begin) begin = sought;
    return begin < part->limit ? begin : part->limit;
}

static uint64_t part_bytes(const struct pass *pass, const struct part *part, pl_time time, uint64_t share) {
    struct pl_log *log = pass->options->log;
    if (part->zone == PL_BRONZE) return log->ops->bytes(log, part->key.partition, begin_of(pass, part, time, share));
    pl_time from = time < PL_TIME_MIN + PL_ZONE_SPAN ? PL_TIME_MIN : time - PL_ZONE_SPAN;
    return pl_zone_part_bytes(pass->options->store, part->zone, &part->key, from);
}

/* Of the zones in `set` (bits), if in each what is older than its cut or than `time` goes. */
static uint64_t bytes_of(const struct pass *pass, unsigned set, pl_time time) {
    uint64_t bytes = 0;
    for (unsigned i = 0; i < pass->count; i++) {
        const struct part *part = &pass->parts[i];
        if (!(set & 1u << part->zone)) continue;
        pl_time cut = pass->cut[part->zone];
        bytes += part_bytes(pass, part, time > cut ? time : cut, pass->share);
    }
    return bytes;
}

/* ---- Cuts ---- */

static pl_time rounded_down(pl_time time, pl_time grain) {
    pl_time rest = time % grain;
    return time - (rest < 0 ? rest + grain : rest);
}

static void cut_by_age(struct pass *pass) {
    for (unsigned zone = 0; zone < PL_ZONES; zone++) {
        pl_time retention = pass->options->settings->retention[zone], grain = retention / GRAINS;
        if (grain > grain_most) grain = grain_most;
        if (grain < grain_least) grain = grain_least;
        pass->cut[zone] = retention ? rounded_down(pass->now - retention, grain) : PL_TIME_MIN;
    }
}

static pl_time oldest_of(const struct pass *pass, unsigned set) {
    pl_time oldest = pass->now;
    for (unsigned i = 0; i < pass->count; i++)
        if (set & 1u << pass->parts[i].zone && pass->parts[i].key.oldest < oldest) oldest = pass->parts[i].key.oldest;
    return oldest;
}

/* The earliest time from which on the zones hold no more than `bytes`; now, when even that is too much. */
static pl_time time_for(const struct pass *pass, unsigned set, uint64_t bytes) {
    pl_time low = oldest_of(pass, set), high = pass->now;
    while ((uint64_t)high - (uint64_t)low > (uint64_t)grain_least) {
        pl_time middle = low + (pl_time)(((uint64_t)high - (uint64_t)low) / 2);
        if (bytes_of(pass, set, middle) <= bytes)
            high = middle;
        else
            low = middle;
    }
    return high;
}

/* By place, so that no row of a strange time can keep it from going. */
static void cut_bronze(struct pass *pass, uint64_t bytes) {
    uint64_t low = pass->share, high = SHARE;
    while (low < high) {
        pass->share = (low + high) / 2;
        if (bytes_of(pass, 1u << PL_BRONZE, PL_TIME_MIN) <= bytes)
            high = pass->share;
        else
            low = pass->share + 1;
    }
    pass->share = high;
}

static void raise_cuts(struct pass *pass, unsigned set, pl_time time) {
    for (unsigned zone = 0; zone < PL_ZONES; zone++)
        if (set & 1u << zone && pass->cut[zone] < time) pass->cut[zone] = time;
}

static void cut_by_size(struct pass *pass, unsigned set, int64_t limit, const char *name) {
    uint64_t most = (uint64_t)limit;
    if (!limit || bytes_of(pass, set, PL_TIME_MIN) <= most) return;
    uint64_t wanted = most - most / SLACK_PART;
    pl_time time = set == 1u << PL_BRONZE ? PL_TIME_MIN : time_for(pass, set, wanted);
    if (bytes_of(pass, set, time) <= wanted || !(set & 1u << PL_BRONZE)) {
        raise_cuts(pass, set, time);
    } else { /* not by time: what does not move is in bronze, and the others are not to pay for it */
        uint64_t others = bytes_of(pass, set & ~(1u << PL_BRONZE), PL_TIME_MIN);
        cut_bronze(pass, others < wanted ? wanted - others : 0);
    }
    uint64_t left = bytes_of(pass, set, PL_TIME_MIN);
    if (left > most)
        pl_diag(PL_WARN,
                "max_size.%s: %" PRIu64 " MiB stay, more than the %" PRIu64 " allowed: recovery needs them, or "
                "they are of the last hour",
                name, left >> 20, most >> 20);
}

/* ---- A pass ---- */

static enum pl_code trim_part(const struct pass *pass, const struct part *part, struct pl_trim_zone *zone,
                              struct pl_error **error) {
    struct pl_log *log = pass->options->log;
    pl_time cut = pass->cut[part->zone];
    uint64_t begin = part->zone == PL_BRONZE ? begin_of(pass, part, cut, pass->share) : 0;
    if (part->zone == PL_BRONZE ? begin == part->first : cut <= part->key.oldest) return PL_OK;
    uint64_t before = part_bytes(pass, part, PL_TIME_MIN, 0), after = part_bytes(pass, part, cut, pass->share);
    enum pl_code code = part->zone == PL_BRONZE
                            ? log->ops->trim(log, part->key.partition, begin, error)
                            : pl_zone_part_trim(pass->options->store, part->zone, &part->key, cut, error);
    if (!code && before > after) zone->removed += before - after;
    return code;
}

static void tell(const struct pass *pass, struct pl_trim_zone zones[PL_ZONES]) {
    for (unsigned zone = 0; zone < PL_ZONES; zone++)
        zones[zone] = (struct pl_trim_zone){.oldest = PL_TIME_MAX, .removed = zones[zone].removed};
    for (unsigned i = 0; i < pass->count; i++) {
        const struct part *part = &pass->parts[i];
        zones[part->zone].bytes += part_bytes(pass, part, PL_TIME_MIN, 0);
        if (part->key.oldest < zones[part->zone].oldest) zones[part->zone].oldest = part->key.oldest;
    }
}

enum pl_code pl_trim(const struct pl_trim_options *options, pl_time now, struct pl_trim_zone zones[PL_ZONES],
                     struct pl_error **error) {
    const struct pl_graph_settings *settings = options->settings;
    struct pass pass = {.options = options, .now = now};
    enum pl_code code = collect(&pass, error);
    if (!code) {
        cut_by_age(&pass);
        for (unsigned zone = 0; zone < PL_ZONES; zone++)
            cut_by_size(&pass, 1u << zone, settings->max_size[zone], pl_zone_names[zone]);
        cut_by_size(&pass, (1u << PL_ZONES) - 1, settings->max_size_all, "all");
    }
    for (unsigned i = 0; i < pass.count && !code; i++)
        code = trim_part(&pass, &pass.parts[i], &zones[pass.parts[i].zone], error);
    if (!code) code = collect(&pass, error);
    if (!code) tell(&pass, zones);
    pl_free(pass.parts);
    return code;
}
