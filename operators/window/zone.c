#include "zone.h"

#include <errno.h>
#include <potline/alloc.h>
#include <potline/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 44,
    FILE_MAX = 1 << 20,
    NAME_MAX_LENGTH = 64,
    NAMES_MAX = 1024,
    OFFSET_MAX = 26 * 3600, /* RFC 8536 has -25h and 26h for the ends of what makes sense */
};

static const char database[] = "/usr/share/zoneinfo";

struct change {
    int64_t time;
    int32_t offset; /* from then on */
};

struct zone {
    int32_t first; /* offset before the first change */
    bool ruled;    /* `rule` holds behind the last change */
    struct zone_rule rule;
    uint32_t count;
    struct change change[];
};

/* ---- A file's bytes ---- */

struct counts {
    uint64_t of_utc, of_standard, leaps, times, types, letters;
};

/* One of the two blocks: times of four bytes, or of eight. */
struct block {
    const uint8_t *times;
    const uint8_t *which;
    const uint8_t *types;
    struct counts counts;
    unsigned width;
};

struct bytes {
    const uint8_t *at;
    size_t left;
};

static int64_t big_endian(const uint8_t *at, unsigned width) {
    uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;
    for (unsigned i = 0; i < width; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

static uint64_t count_at(const uint8_t *header, unsigned index) {
    return (uint64_t)big_endian(header + 20 + 4 * index, 4) & UINT32_MAX;
}

/* Takes a header and its block; NULL, or what is wrong. */
static const char *take_block(struct bytes *in, unsigned width, struct block *block) {
    if (in->left < HEADER || memcmp(in->at, "TZif", 4) != 0) return "it is no TZif file";
    const uint8_t *h = in->at;
    struct counts c = {count_at(h, 0), count_at(h, 1), count_at(h, 2), count_at(h, 3), count_at(h, 4), count_at(h, 5)};
    uint64_t size = c.times * (width + 1) + c.types * 6 + c.letters + c.leaps * (width + 4) + c.of_standard + c.of_utc;
    if (in->left - HEADER < size) return "it ends too early";
    *block = (struct block){.times = h + HEADER, .counts = c, .width = width};
    block->which = block->times + c.times * width;
    block->types = block->which + c.times;
    in->at += HEADER + size;
    in->left -= HEADER + size;
    return NULL;
}

static bool offset_of(const struct block *block, uint64_t type, int32_t *offset) {
    if (type >= block->counts.types) return false;
    *offset = (int32_t)big_endian(block->types + type * 6, 4);
    return *offset >= -OFFSET_MAX && *offset <= OFFSET_MAX;
}

static const char *fill(struct zone *zone, const struct block *block) {
    if (!offset_of(block, 0, &zone->first)) return "it has no offset, or one of more than 26 hours";
    for (uint32_t i = 0; i < zone->count; i++) {
        struct change *change = &zone->change[i];
        change->time = big_endian(block->times + (size_t)i * block->width, block->width);
        if (!offset_of(block, block->which[i], &change->offset)) return "a change to an offset that is none";
        if (i && change->time <= zone->change[i - 1].time) return "changes that are not in order";
    }
    return NULL;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; nothing between the two where no rule is known. */
static const char *read_footer(struct zone *zone, struct bytes in) {
    const uint8_t *end = in.left > 1 && in.at[0] == '\n' ? memchr(in.at + 1, '\n', in.left - 1) : NULL;
    if (!end) return "it has no footer";
    size_t length = (size_t)(end - in.at - 1);
    zone->ruled = length > 0;
    if (zone->ruled && !zone_rule_read(&zone->rule, (const char *)in.at + 1, length)) return "its footer is no TZ rule";
    return NULL;
}

enum pl_code zone_read(const void *bytes, size_t size, struct zone **zone, struct pl_error **error) {
    struct bytes in = {bytes, size};
    struct block block;
    const char *wrong = take_block(&in, 4, &block);
    bool second = !wrong && ((const uint8_t *)bytes)[4] >= '2';
    if (second) wrong = take_block(&in, 8, &block);
    if (!wrong && block.counts.leaps) wrong = "it counts leap seconds, which no time of ours does";
    if (wrong) return pl_error_set(error, PL_CORRUPT, "%s", wrong);
    struct zone *made = pl_alloc(sizeof *made + block.counts.times * sizeof made->change[0]);
    if (!made) return pl_error_set(error, PL_NO_MEMORY, "no memory for a time zone");
    made->count = (uint32_t)block.counts.times;
    wrong = fill(made, &block);
    if (!wrong && second) wrong = read_footer(made, in);
    if (wrong) {
        zone_free(made);
        return pl_error_set(error, PL_CORRUPT, "%s", wrong);
    }
    *zone = made;
    return PL_OK;
}

void zone_free(struct zone *zone) {
    pl_free(zone);
}

/* ---- The database ---- */

/* Parts of letters, digits, '_', '+' and '-': no way leads out of the database. */
static bool is_name(const char *name) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-";
    size_t length = strlen(name);
    if (length == 0 || length > NAME_MAX_LENGTH || name[0] == '/' || name[length - 1] == '/') return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] == '/' ? name[i + 1] == '/' : !strchr(letters, name[i])) return false;
    return true;
}

/* The whole of a file of the database; NULL when it cannot be read or is too long. */
static char *read_file(const char *name, size_t *size) {
    char path[4096];
    const char *folder = secure_getenv("TZDIR");
    int length = snprintf(path, sizeof path, "%s/%s", folder && *folder ? folder : database, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "rbe") : NULL;
    if (!file) return NULL;
    char *bytes = pl_alloc(FILE_MAX + 1);
    if (bytes) *size = fread(bytes, 1, FILE_MAX + 1, file);
    bool good = bytes && !ferror(file) && *size <= FILE_MAX;
    fclose(file);
    if (good) return bytes;
    pl_free(bytes);
    return NULL;
}

/* `berlin` for Europe/Berlin. */
static bool is_place(const char *text, const char *name) {
    const char *slash = strrchr(name, '/');
    return slash && strcasecmp(slash + 1, text) == 0;
}

/* The name in the list of zones by country ("DE\t+5230+01322\tEurope/Berlin\tcomment") that is most like this one. The
 * list is changed; what is given points into it. */
static const char *nearest(const char *name, char *list) {
    const char *names[NAMES_MAX] = {"UTC"};
    size_t count = 1;
    char *rest = NULL;
    for (char *line; count < NAMES_MAX && (line = strtok_r(list, "\n", &rest)); list = NULL) {
        char *parts = NULL;
        if (*line == '#' || !strtok_r(line, "\t", &parts) || !strtok_r(NULL, "\t", &parts)) continue;
        const char *zone = strtok_r(NULL, "\t", &parts);
        if (!zone) continue;
        if (is_place(name, zone)) return zone;
        names[count++] = zone;
    }
    return pl_text_nearest(name, names, count);
}

static enum pl_code unknown(const char *name, struct pl_error **error) {
    size_t size = 0;
    char *list = read_file("zone.tab", &size);
    const char *near = list ? nearest(name, list) : NULL;
    if (near)
        pl_error_set(error, PL_NOT_FOUND, "no time zone is called '%s'; did you mean '%s'?", name, near);
    else if (list)
        pl_error_set(error, PL_NOT_FOUND, "no time zone is called '%s'", name);
    else
        pl_error_set(error, PL_NOT_FOUND, "'%s' is not found: is the package tzdata installed?", name);
    pl_free(list);
    return PL_NOT_FOUND;
}

enum pl_code zone_open(const char *name, struct zone **zone, struct pl_error **error) {
    if (strcmp(name, "UTC") == 0) {
        *zone = PL_NEW(struct zone);
        return *zone ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for a time zone");
    }
    size_t size = 0;
    char *bytes = is_name(name) ? read_file(name, &size) : NULL;
    if (!bytes) return unknown(name, error);
    enum pl_code code = zone_read(bytes, size, zone, error);
    pl_free(bytes);
    return code ? pl_error_set(error, code, "the time zone '%s' cannot be read", name) : PL_OK;
}

/* ---- Times ---- */

struct zone_span zone_at(const struct zone *zone, int64_t time) {
    uint32_t low = 0, high = zone->count; /* the first change behind `time` */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->change[middle].time <= time)
            low = middle + 1;
        else
            high = middle;
    }
    struct zone_span span = {.from = INT64_MIN, .until = INT64_MAX, .offset = zone->first};
    if (low == zone->count && zone->ruled) span = zone_rule_at(&zone->rule, time);
    if (low < zone->count) span.until = zone->change[low].time;
    if (low == 0) return span;
    const struct change *last = &zone->change[low - 1];
    if (last->time > span.from) span.from = last->time;
    if (low < zone->count || !zone->ruled) span.offset = last->offset;
    return span;
}

int64_t zone_first(const struct zone *zone, int64_t local) {
    for (int64_t time = local - OFFSET_MAX;;) {
        struct zone_span span = zone_at(zone, time);
        int64_t shown = local - span.offset;
        if (shown < time) shown = time;
        if (shown < span.until) return shown;
        time = span.until;
    }
}
