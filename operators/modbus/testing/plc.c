#include "plc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_first.h"

enum { TURNS = 300 };
#define TURN (100 * PL_MILLISECOND)

void plc_open(struct plc *plc, const char *options, ...) {
    static char text[1 << 20];
    struct pl_error *error = NULL;
    va_list arguments;
    va_start(arguments, options);
    int length = vsnprintf(text, sizeof text, options, arguments);
    va_end(arguments);
    assert_true(length > 0 && (size_t)length < sizeof text);
    memset(plc, 0, sizeof *plc);
    plc->harness = pl_harness_new("source.modbus", text, PL_SAMPLES, &error);
    if (!plc->harness) pl_error_print(stderr, error);
    assert_non_null(plc->harness);
}

void plc_close(struct plc *plc) {
    pl_batch_unref(plc->samples);
    pl_harness_free(plc->harness);
}

static void event_note(struct plc *plc, const struct pl_batch *batch, uint32_t row) {
    struct pl_tags *tags = pl_harness_tags(plc->harness);
    uint32_t size;
    const void *body = pl_batch_heap_row(batch, 0, row, &size);
    char *json = pl_pack_json(body, size);
    size_t length = strlen(plc->events);
    snprintf(plc->events + length, sizeof plc->events - length, "%s %s %s\n",
             pl_tags_get(tags, batch->events.kind[row])->name, pl_tags_get(tags, batch->events.tag[row])->name, json);
    pl_free(json);
}

static void events_take(struct plc *plc) {
    for (struct pl_batch *batch; (batch = pl_harness_pull(plc->harness, 1)); pl_batch_unref(batch))
        for (uint32_t row = 0; row < batch->rows; row++)
            event_note(plc, batch, row);
}

const struct pl_batch *plc_next(struct plc *plc) {
    pl_batch_unref(plc->samples);
    plc->samples = NULL;
    for (int turn = 0; turn < TURNS && !plc->samples; turn++) {
        enum pl_flow flow = pl_harness_produce(plc->harness, TURN);
        if (flow == PL_FLOW_FAIL) fail_msg("the source failed: %s", pl_harness_failure(plc->harness));
        events_take(plc);
        plc->samples = pl_harness_pull(plc->harness, 0);
    }
    assert_non_null(plc->samples);
    return plc->samples;
}

double plc_until(struct plc *plc, const char *tag, uint16_t quality) {
    for (int turn = 0; turn < 10000; turn++) {
        plc_next(plc);
        if (plc_quality(plc, tag) == quality) return plc_value(plc, tag);
    }
    fail_msg("%s never had quality %04x", tag, quality);
    return 0;
}

void plc_until_event(struct plc *plc, const char *part) {
    for (int turn = 0; turn < TURNS && plc_events(plc, part) == 0; turn++) {
        assert_int_not_equal(pl_harness_produce(plc->harness, TURN), PL_FLOW_FAIL);
        events_take(plc);
    }
    assert_true(plc_events(plc, part) > 0);
}

uint32_t plc_row(const struct plc *plc, const char *tag) {
    uint32_t found = UINT32_MAX;
    uint32_t id = pl_tags_find(pl_harness_tags(plc->harness), tag, strlen(tag));
    for (uint32_t row = 0; row < plc->samples->rows; row++) {
        if (plc->samples->samples.tag[row] != id) continue;
        assert_int_equal(found, UINT32_MAX);
        found = row;
    }
    if (found == UINT32_MAX) fail_msg("no row of %s", tag);
    return found;
}

double plc_value(const struct plc *plc, const char *tag) {
    return plc->samples->samples.value[plc_row(plc, tag)];
}

uint16_t plc_quality(const struct plc *plc, const char *tag) {
    return plc->samples->samples.quality[plc_row(plc, tag)];
}

uint64_t plc_count(const struct plc *plc, const char *counter) {
    return pl_harness_counter(plc->harness, counter);
}

unsigned plc_events(const struct plc *plc, const char *part) {
    unsigned found = 0;
    for (const char *line = plc->events; *line; line = strchr(line, '\n') + 1) {
        const char *at = strstr(line, part);
        found += at && at < strchr(line, '\n');
    }
    return found;
}

char *plc_refusal(const char *options) {
    struct pl_error *error = NULL;
    struct pl_harness *harness = pl_harness_new("source.modbus", options, PL_SAMPLES, &error);
    assert_null(harness);
    char *text = pl_error_text(error);
    pl_error_free(&error);
    return text;
}
