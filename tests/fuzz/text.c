/* Every reader of text.h gets the input as a whole; what it makes of it is written and read again. */
#include <math.h>
#include <potline/quality.h>
#include <potline/text.h>
#include <string.h>

#include "base/utf8.h"
#include "expect.h"

static void read_int(const char *text, size_t length) {
    int64_t value, back;
    if (!pl_text_int(text, length, &value)) return;
    char copy[32];
    char *end = pl_text_put_int(copy, value);
    EXPECT(pl_text_int(copy, (size_t)(end - copy), &back) && back == value);
}

/* The C library reads the same from a copy with a 0 behind it. */
static void read_f64(const char *text, size_t length) {
    double value, back;
    if (!pl_text_f64(text, length, &value)) return;
    char *copy = strndup(text, length);
    char *stop;
    EXPECT(copy && strlen(copy) == length);
    back = strtod(copy, &stop);
    EXPECT(*stop == '\0');
    EXPECT(isnan(value) ? isnan(back) : memcmp(&value, &back, sizeof value) == 0);
    free(copy);
    char shortest[PL_TEXT_F64_MAX];
    char *end = pl_text_put_f64(shortest, value);
    EXPECT(pl_text_f64(shortest, (size_t)(end - shortest), &back));
    EXPECT(isnan(value) ? isnan(back) : memcmp(&value, &back, sizeof value) == 0);
}

static void read_times(const char *text, size_t length) {
    pl_time value, back;
    char copy[48];
    char *end;
    if (pl_text_time(text, length, &value)) {
        end = pl_text_put_time(copy, value);
        EXPECT(pl_text_time(copy, (size_t)(end - copy), &back) && back == value);
    }
    if (pl_text_duration(text, length, &value)) {
        end = pl_text_put_duration(copy, value);
        EXPECT(pl_text_duration(copy, (size_t)(end - copy), &back) && back == value);
    }
}

static void read_units(const char *text, size_t length) {
    int64_t size;
    double rate;
    if (pl_text_size(text, length, &size)) EXPECT(size >= 0);
    if (pl_text_rate(text, length, &rate)) EXPECT(rate >= 0 && isfinite(rate));
}

static void read_quality(const char *text, size_t length) {
    uint16_t quality, back;
    if (!pl_quality_parse(text, length, &quality)) return;
    char copy[160];
    size_t written = pl_quality_format(quality, copy, sizeof copy);
    EXPECT(pl_quality_parse(copy, written, &back) && back == quality);
}

static void escape(const char *text, size_t length) {
    char *json = malloc(PL_JSON_GROWTH * length + 1);
    EXPECT(json);
    char *end = pl_json_escape(json, text, length);
    EXPECT((size_t)(end - json) <= PL_JSON_GROWTH * length);
    EXPECT(pl_utf8_check(json, (size_t)(end - json)));
    free(json);
    size_t cut = pl_text_cut(text, length);
    EXPECT(cut <= length && length - cut < 4);
    if (pl_utf8_check(text, length)) EXPECT(cut == length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *text = (const char *)bytes;
    read_int(text, size);
    read_f64(text, size);
    read_times(text, size);
    read_units(text, size);
    read_quality(text, size);
    escape(text, size);
    return 0;
}
