/* A message of MQTT: the first byte chooses how it is read, the bytes up to a 0 are its topic, the rest is the payload.
 * A message gives all of its rows or none, each with a name and a quality that says what its value is; what is read of
 * a topic is in it. */
#include <math.h>
#include <string.h>

#include <potline/quality.h>

#include "batch/tags.h"
#include "expect.h"
#include "payload.h"
#include "template.h"

enum { ROWS = 64 };

static void match(const char *topic) {
    static const char *const patterns[] = {"plant/{line}/pot{pot}/{signal}", "a/#", "{x}/{y}"};
    static const char *const tags[] = {"{line}.{pot}.{signal}", "{#}", "{y}.{x}"};
    struct pl_variables variables;
    struct pl_pattern pattern;
    char name[64];
    for (size_t i = 0; i < PL_COUNT_OF(patterns); i++) {
        EXPECT(!pl_pattern_parse(&pattern, patterns[i]));
        if (!pl_pattern_match(&pattern, topic, &variables)) continue;
        for (unsigned v = 0; v < variables.count; v++)
            EXPECT(variables.item[v].value.length > 0 && variables.item[v].value.text >= topic &&
                   variables.item[v].value.text + variables.item[v].value.length <= topic + strlen(topic));
        EXPECT(pl_template_expand(tags[i], &variables, name, sizeof name) <= sizeof name);
    }
    if (!pl_pattern_parse(&pattern, topic)) pl_pattern_filter(&pattern, name, sizeof name);
    pl_template_expand(topic, &variables, name, sizeof name);
}

static void check_rows(const struct pl_tags *tags, const struct pl_batch *batch) {
    for (uint32_t i = 0; i < batch->rows; i++) {
        const struct pl_tag *tag = pl_tags_get(tags, batch->samples.tag[i]);
        EXPECT(tag->length > 0 && !isinf(batch->samples.value[i]));
        if (isnan(batch->samples.value[i]))
            EXPECT((batch->samples.quality[i] & (PL_Q_MISSING | PL_Q_BAD)) == (PL_Q_MISSING | PL_Q_BAD));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char topic[128];
    if (size < 1) return 0;
    struct pl__payload payload = {.form = bytes[0] & 1,
                                  .members = (bytes[0] & 2) != 0,
                                  .value = bytes[0] & 4 ? "d.value" : "value",
                                  .time = "time",
                                  .quality = "quality",
                                  .unit = (bytes[0] >> 3) % 5};
    const uint8_t *end = memchr(bytes + 1, 0, size - 1);
    size_t length = end ? (size_t)(end - bytes - 1) : 0;
    if (length >= sizeof topic) return 0;
    memcpy(topic, bytes + 1, length);
    topic[length] = 0;
    match(topic);
    size_t from = end ? length + 2 : 1;
    struct pl_tags *tags = pl_tags_new(&(struct pl_tags_options){.limit = 1000});
    struct pl_batch *batch = pl_batch_new(PL_SAMPLES, ROWS, 0);
    struct pl__payload_reader reader = {.tags = tags, .now = 7};
    EXPECT(tags && batch);
    enum pl__payload_verdict verdict = pl__payload_read(&reader, &payload, "a.b", 3, bytes + from, size - from, batch);
    EXPECT(verdict == PL__PAYLOAD_TAKEN || (verdict == PL__PAYLOAD_REFUSED && batch->rows == 0 && reader.cause));
    check_rows(tags, batch);
    pl__payload_fini(&reader);
    pl_batch_unref(batch);
    pl_tags_free(tags);
    return 0;
}
