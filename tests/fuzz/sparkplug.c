/* Messages of edge nodes: each is a byte that chooses type and device, two of length, and a payload. Whatever they say,
 * rows have names and a quality that fits their value, no more metrics are kept than may be, and a number that is
 * missing is counted at most once for each message. */
#include <math.h>
#include <string.h>

#include <potline/quality.h>

#include "batch/tags.h"
#include "book.h"
#include "expect.h"

enum { METRICS = 50, ROWS_MAX = 1 << 20 };

struct seen {
    struct pl_tags *tags;
    uint64_t rows, missing;
    pl_time now;
};

static pl_time on_now(void *user) {
    return ((struct seen *)user)->now += PL_SECOND;
}

static bool on_row(void *user, const struct pl__book_row *row) {
    struct seen *seen = user;
    EXPECT(pl_tags_get(seen->tags, row->tag)->length > 0);
    if (isnan(row->value)) EXPECT(row->quality & PL_Q_MISSING && pl_quality_bad(row->quality));
    EXPECT(!isinf(row->value));
    return ++seen->rows < ROWS_MAX;
}

static void on_rebirth(void *user, const char *group, const char *edge) {
    (void)user;
    EXPECT(*group && *edge);
}

static void on_refused(void *user, const char *cause, const char *reason, uint32_t samples) {
    (void)user;
    (void)samples;
    EXPECT(*cause && *reason);
}

static void on_missing(void *user, const char *edge, uint32_t messages) {
    (void)edge;
    EXPECT(messages > 0 && messages < 256);
    ((struct seen *)user)->missing += messages;
}

static void on_unit(void *user, uint32_t tag, const struct pl_tag_text told[2]) {
    (void)user;
    EXPECT(tag && *told[1].unit && strlen(told[0].unit) <= PL_TAG_UNIT_MAX && strlen(told[1].unit) <= PL_TAG_UNIT_MAX);
}

static void on_told(void *user, const char *kind, uint16_t severity, const char *group, const char *edge,
                    const char *device) {
    (void)user;
    (void)severity;
    EXPECT(*kind && *group && *edge && device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct seen seen = {.tags = pl_tags_new(&(struct pl_tags_options){.limit = 1000}), .now = PL_DAY};
    struct pl__book_setup setup = {.tag = "{edge}.{device}.{metric}",
                                   .metrics = METRICS,
                                   .again = PL_MINUTE,
                                   .now = on_now,
                                   .row = on_row,
                                   .rebirth = on_rebirth,
                                   .refused = on_refused,
                                   .missing = on_missing,
                                   .unit = on_unit,
                                   .told = on_told,
                                   .user = &seen};
    struct pl__book book;
    EXPECT(seen.tags);
    pl__book_init(&book, &setup, seen.tags);
    uint64_t messages = 0;
    while (size >= 3) {
        enum pl__sp_message type = (enum pl__sp_message)(bytes[0] % PL__SP_MESSAGES);
        struct pl__sp_topic topic = {.type = type, .group = "g", .edge = {(char)('a' + (bytes[0] >> 4 & 1)), 0}};
        if (type >= PL__DBIRTH && type < PL__STATE) topic.device[0] = (char)('p' + (bytes[0] >> 5));
        size_t length = (size_t)(bytes[1] | bytes[2] << 8);
        if (length > size - 3) length = size - 3;
        if (!pl__book_take(&book, &topic, bytes + 3, length)) break;
        messages++;
        EXPECT(book.metrics <= METRICS && seen.missing <= 255 * messages);
        bytes += 3 + length;
        size -= 3 + length;
    }
    pl__book_forget(&book);
    pl__book_fini(&book);
    pl_tags_free(seen.tags);
    return 0;
}
