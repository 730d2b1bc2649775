/* Delimited text: the input's first bytes choose a layout and how the rest is cut into pieces. However it is cut, the
 * rows are the same; and rows that are written as text are read back as they were.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/quality.h>
#include <xxhash.h>

#include "batch/tags.h"
#include "expect.h"
#include "reader.h"
#include "writer.h"

enum { CHOICES = 8, ROWS = 64, WRITTEN = 1 << 18 };

/* What came out: a hash over all rows and rejects, and the rows once more as text. */
struct result {
    XXH64_state_t *hash;
    struct pl_writer *writer; /* NULL: rows are not written */
    char *text;
    size_t size;
};

static void add(struct result *result, const void *bytes, size_t size) {
    XXH64_update(result->hash, bytes, size);
}

static void add_rows(struct result *result, const struct pl_tags *tags, struct pl_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++) {
        const struct pl_tag *tag = pl_tags_get(tags, batch->samples.tag[i]);
        EXPECT(isnan(batch->samples.value[i]) == ((batch->samples.quality[i] & PL_Q_MISSING) != 0));
        if (isnan(batch->samples.value[i])) batch->samples.value[i] = NAN; /* of whatever sign */
        add(result, &batch->samples.time[i], sizeof(pl_time));
        add(result, tag->name, tag->length);
        add(result, &batch->samples.value[i], sizeof(double));
    }
    for (uint32_t row = 0; result->writer && row < batch->rows;) {
        size_t n = pl_writer_rows(result->writer, batch, &row, result->text + result->size, WRITTEN - result->size);
        result->size += n;
        if (n == 0) result->writer = NULL; /* enough */
    }
    batch->rows = 0;
}

/* Reads all of it in pieces of 1 to `piece` bytes. */
static uint64_t read_all(const struct pl_layout *layout, struct pl_tags *tags, const char *bytes, size_t size,
                         size_t piece, struct result *result) {
    struct pl_names names;
    struct pl_reader reader;
    EXPECT(pl_names_init(&names, tags, &layout->naming, pl_layout_quote(layout)));
    EXPECT(pl_reader_init(&reader, layout, &names, 64));
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, ROWS, 0);
    struct pl_error *error = NULL;
    enum pl_reader_state state;
    size_t at = 0;
    XXH64_reset(result->hash, 0);
    do {
        if (reader.ready && pl_reader_rows_least(&reader) > batch->capacity) {
            pl_batch_unref(batch);
            batch = pl_batch_new(PL_SAMPLES, pl_reader_rows_least(&reader), 0);
        }
        state = pl_reader_read(&reader, batch, &error);
        if (state == PL_READER_MORE) {
            size_t room, n = 1 + (at * 7 + 3) % piece;
            char *space = pl_reader_space(&reader, &room);
            EXPECT(space && room > 0);
            n = n < room ? n : room;
            n = n < size - at ? n : size - at;
            memcpy(space, bytes + at, n);
            pl_reader_filled(&reader, n);
            at += n;
            if (n == 0) pl_reader_end(&reader);
        } else {
            add_rows(result, tags, batch);
        }
        if (state == PL_READER_REJECTED) {
            add(result, &reader.reject.line, sizeof(reader.reject.line));
            add(result, reader.reject.text, reader.reject.length);
            add(result, reader.reject.reason, strlen(reader.reject.reason));
        }
    } while (state != PL_READER_END && state != PL_READER_FAILED);
    EXPECT((state == PL_READER_FAILED) == (error != NULL));
    if (error) add(result, error->text, strlen(error->text));
    add(result, &reader.records.line, sizeof(reader.records.line));
    pl_error_free(&error);
    pl_batch_unref(batch);
    pl_reader_fini(&reader);
    pl_names_fini(&names);
    return XXH64_digest(result->hash);
}

static void choose(const uint8_t *c, struct pl_layout *layout, const char **missing) {
    static const char *const delimiters[] = {",", ";", "tab", "blank"};
    static const char *const formats[] = {"auto",  "ns", "s", "iso", "%d.%m.%Y %H:%M:%S", "%Y %j %I %p %b %z",
                                          "%s.%f", "ms"};
    *layout = (struct pl_layout){
        .shape = c[0] & 1,
        .header = c[0] >> 1 & 1,
        .multiline = c[0] >> 2 & 1,
        .quote = c[0] >> 3 & 1 ? "\"" : "",
        .comment = c[0] >> 4 & 1 ? "#" : "",
        .empty = c[0] >> 5 & 1,
        .decimal = (c[0] >> 6 & 1) && c[1] % 4 ? "," : ".",
        .delimiter = delimiters[c[1] % 4],
        .time_format = formats[c[2] % 8],
        .time_zone = c[2] & 8 ? "+05:30" : "Z",
        .interval = c[3] % 4 == 0 ? PL_SECOND : 0,
        .skip = c[4] % 3,
        .max_line = 64 + c[5],
        .tag = "",
        .value = "",
        .quality = "",
        .naming = {.prefix = c[3] & 64 ? "line1." : ""},
    };
    missing[0] = "NA";
    missing[1] = "-200";
    layout->missing = (struct pl_strings){missing, c[3] & 32 ? 2 : 0};
}

/* The rows as they were written, by the layout that a reader has unless told else. */
static void read_back(struct pl_tags *tags, const struct result *first, XXH64_state_t *hash) {
    struct pl_layout layout = {.header = true,
                               .time_format = "auto",
                               .time_zone = "Z",
                               .tag = "",
                               .value = "",
                               .quality = "",
                               .delimiter = ",",
                               .quote = "\"",
                               .decimal = ".",
                               .comment = "",
                               .multiline = true,
                               .max_line = 1 << 20,
                               .naming = {.prefix = ""}};
    static char text[WRITTEN + 64];
    struct pl_writing writing = {.decimals = -1, .delimiter = ",", .missing = ""};
    struct pl_writer writer;
    struct result second = {.hash = hash, .text = text, .writer = &writer};
    EXPECT(pl_writer_init(&writer, PL_SAMPLES, &writing, tags, NULL) == PL_OK);
    second.size = (size_t)(pl_writer_header(&writer, text) - text);
    read_all(&layout, tags, first->text, first->size, 4096, &second);
    EXPECT(second.size == first->size && memcmp(second.text, first->text, first->size) == 0);
    pl_writer_fini(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static char text[WRITTEN + 64];
    if (size < CHOICES) return 0;
    struct pl_layout layout;
    const char *missing[2], *input = (const char *)bytes + CHOICES;
    choose(bytes, &layout, missing);
    size -= CHOICES;
    struct pl_tags *tags = pl_tags_new(NULL);
    XXH64_state_t *hash = XXH64_createState();
    struct pl_writing writing = {.decimals = -1, .delimiter = ",", .missing = ""};
    struct pl_writer writer;
    EXPECT(tags && hash && pl_writer_init(&writer, PL_SAMPLES, &writing, tags, NULL) == PL_OK);
    struct result whole = {.hash = hash, .text = text, .writer = &writer};
    whole.size = (size_t)(pl_writer_header(&writer, text) - text);
    uint64_t first = read_all(&layout, tags, input, size, size + 1, &whole);
    bool all_written = whole.writer != NULL;
    struct result pieces = {.hash = hash};
    EXPECT(read_all(&layout, tags, input, size, 1 + bytes[6] % 40, &pieces) == first);
    if (all_written) read_back(tags, &whole, hash);
    pl_writer_fini(&writer);
    XXH64_freeState(hash);
    pl_tags_free(tags);
    return 0;
}
