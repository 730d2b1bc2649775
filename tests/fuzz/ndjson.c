/* Lines of JSON: the input's first bytes choose a layout and how the rest is cut into pieces and batches. However it is
 * cut, the rows are the same; and rows that are written as lines are read back as they were.
 */
#include <math.h>
#include <string.h>

#include <potline/quality.h>
#include <potline/row.h>
#include <xxhash.h>

#include "batch/tags.h"
#include "expect.h"
#include "lines.h"

enum { CHOICES = 6, WRITTEN = 1 << 18 };

/* What came out: a hash over all rows and rejects, and the rows once more as lines. */
struct result {
    XXH64_state_t *hash;
    char *text; /* NULL: rows are not written */
    size_t size;
    bool all_written;
};

static void add(struct result *result, const void *bytes, size_t size) {
    XXH64_update(result->hash, bytes, size);
}

static void write_row(struct result *result, const struct pl_tags *tags, const struct pl_batch *batch, uint32_t row) {
    static const struct pl_row_form form = {.nanoseconds = true, .infinities = true};
    if (!result->text || !result->all_written) return;
    if (WRITTEN - result->size < pl_row_room(batch, row) + 3) {
        result->all_written = false;
        return;
    }
    char *at = result->text + result->size, *end;
    *at = '{';
    end = pl_row_put(at + 1, &form, tags, batch, row);
    EXPECT(end && (size_t)(end - at - 1) <= pl_row_room(batch, row));
    *end++ = '}';
    *end++ = '\n';
    result->size += (size_t)(end - at);
}

static void add_rows(struct result *result, const struct pl_tags *tags, struct pl_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++) {
        const struct pl_tag *tag = pl_tags_get(tags, batch->samples.tag[i]);
        EXPECT(isnan(batch->samples.value[i]) == ((batch->samples.quality[i] & PL_Q_MISSING) != 0));
        if (isnan(batch->samples.value[i])) batch->samples.value[i] = NAN; /* of whatever sign */
        add(result, &batch->samples.time[i], sizeof(pl_time));
        add(result, tag->name, tag->length);
        add(result, &batch->samples.value[i], sizeof(double));
        add(result, &batch->samples.quality[i], sizeof(uint16_t));
        write_row(result, tags, batch, i);
    }
    batch->rows = 0;
}

static struct pl_batch *room_for(struct pl_batch *batch, uint32_t rows) {
    if (batch && batch->capacity >= rows) return batch;
    pl_batch_unref(batch);
    batch = pl_batch_new(PL_SAMPLES, rows, 0);
    EXPECT(batch);
    return batch;
}

static size_t feed(struct pl_lines *lines, const char *bytes, size_t left, size_t piece) {
    size_t room, n = piece < left ? piece : left;
    char *space = pl_records_space(&lines->records, &room);
    EXPECT(space && room > 0);
    n = n < room ? n : room;
    memcpy(space, bytes, n);
    pl_records_filled(&lines->records, n);
    if (n == 0) pl_records_end(&lines->records);
    return n;
}

/* Reads all of it in pieces of 1 to `piece` bytes, into batches of at least `rows`. */
static uint64_t read_all(const struct pl_shape *shape, struct pl_tags *tags, const char *bytes, size_t size,
                         size_t piece, uint32_t rows, struct result *result) {
    struct pl_lines lines;
    EXPECT(pl_lines_init(&lines, shape, tags, 64));
    struct pl_batch *batch = NULL;
    struct pl_error *error = NULL;
    enum pl_reader_state state;
    size_t at = 0;
    XXH64_reset(result->hash, 0);
    do {
        uint32_t least = pl_lines_rows_least(&lines);
        batch = room_for(batch, least > rows ? least : rows);
        state = pl_lines_read(&lines, batch, &error);
        add_rows(result, tags, batch);
        if (state == PL_READER_MORE) at += feed(&lines, bytes + at, size - at, 1 + (at * 7 + 3) % piece);
        if (state == PL_READER_REJECTED) {
            EXPECT(lines.reject.cause > PL_LINES_ANY && lines.reject.cause <= PL_LINES_OTHER);
            add(result, &lines.reject.line, sizeof(lines.reject.line));
            add(result, lines.reject.text, lines.reject.length);
            add(result, lines.reject.reason, strlen(lines.reject.reason));
        }
    } while (state != PL_READER_END && state != PL_READER_FAILED);
    EXPECT((state == PL_READER_FAILED) == (error != NULL));
    add(result, &lines.records.line, sizeof(lines.records.line));
    add(result, &lines.values.counts, sizeof(lines.values.counts));
    pl_error_free(&error);
    pl_batch_unref(batch);
    pl_lines_fini(&lines);
    return XXH64_digest(result->hash);
}

static struct pl_shape choose(const uint8_t *c, const char **missing) {
    static const char *const formats[] = {"auto", "ns", "s", "iso"};
    missing[0] = "NA";
    missing[1] = "-200";
    return (struct pl_shape){
        .layout = c[0] % 3,
        .time = c[1] & 1   ? "m.t"
                : c[1] & 2 ? "t"
                           : "",
        .time_format = formats[c[1] >> 2 & 3],
        .time_zone = c[1] & 16 ? "+05:30" : "Z",
        .tag = c[2] & 1 ? "m.tag" : "tag",
        .value = c[2] & 2 ? "m.v" : "value",
        .quality = "quality",
        .asset = c[2] & 4 ? "asset" : "",
        .empty = c[2] >> 3 & 1,
        .missing = {missing, c[2] & 16 ? 2 : 0},
        .naming = {.prefix = c[2] & 32 ? "line1." : ""},
        .max_line = 64 + 16 * c[3],
    };
}

static const struct pl_shape plain = {.time = "",
                                      .time_format = "auto",
                                      .time_zone = "Z",
                                      .tag = "tag",
                                      .value = "value",
                                      .quality = "quality",
                                      .asset = "",
                                      .naming = {.prefix = ""},
                                      .max_line = 1 << 20};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static char text[WRITTEN], again[WRITTEN];
    if (size < CHOICES) return 0;
    const char *missing[2], *input = (const char *)bytes + CHOICES;
    struct pl_shape shape = choose(bytes, missing);
    size -= CHOICES;
    struct pl_tags *tags = pl_tags_new(NULL);
    XXH64_state_t *hash = XXH64_createState();
    EXPECT(tags && hash);
    struct result whole = {.hash = hash, .text = text, .all_written = true}, pieces = {.hash = hash};
    uint64_t first = read_all(&shape, tags, input, size, size + 1, 64, &whole);
    EXPECT(read_all(&shape, tags, input, size, 1 + bytes[4] % 40, 1 + bytes[5] % 8, &pieces) == first);
    if (whole.all_written) {
        struct result second = {.hash = hash, .text = again, .all_written = true};
        read_all(&plain, tags, text, whole.size, 4096, 64, &second);
        EXPECT(second.size == whole.size && memcmp(second.text, text, whole.size) == 0);
    }
    XXH64_freeState(hash);
    pl_tags_free(tags);
    return 0;
}
