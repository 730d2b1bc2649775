/* explain_said.c: what an anomaly or a ticket says of itself in its event's body (operators/detect/verdict.h). */
#include "explain.h"

#include <math.h>
#include <string.h>

#include <potline/text.h>

/* Detectors tell times in nanoseconds, tickets as text. */
static bool read_time(const json_t *value, pl_time *time) {
    *time = json_integer_value(value);
    const char *text = json_string_value(value);
    return json_is_integer(value) || (text && pl_text_time(text, strlen(text), time));
}

static const char *text_of(const json_t *body, const char *key) {
    const char *text = json_string_value(json_object_get(body, key));
    return text ? text : "";
}

bool pl__explain_said(const json_t *row, struct pl__said *said) {
    const json_t *body = json_object_get(row, "body");
    const json_t *score = json_object_get(body, "score"), *threshold = json_object_get(body, "threshold");
    *said = (struct pl__said){.score = json_number_value(score),
                              .threshold = json_is_number(threshold) ? json_number_value(threshold) : (double)NAN,
                              .explanation = text_of(body, "explanation"),
                              .cause = text_of(body, "cause"),
                              .action = text_of(body, "action"),
                              .how = text_of(body, "how"),
                              .tags = json_object_get(body, "tags")};
    said->starts = read_time(json_object_get(body, "start"), &said->start);
    said->ends = read_time(json_object_get(body, "end"), &said->end);
    return json_is_number(score);
}
