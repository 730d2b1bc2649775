/* report_read.c: what sections of a report share: walking what the gold zone has of the span, fields of an event's
 * body, numbers as text. */
#include <math.h>
#include <string.h>

#include "report.h"
#include "store/zone_walk.h"

enum { NAMES = 16000000 };

enum pl_code pl__span_walk(struct pl__span *report, struct pl_store *store, const struct pl__span_walk *walk,
                           struct pl_error **error) {
    *walk->names = pl_tags_new(&(struct pl_tags_options){.limit = NAMES});
    if (!*walk->names) return pl_error_set(error, PL_NO_MEMORY, "no memory for names");
    const struct pl_zone_walk through = {.store = store,
                                         .names = *walk->names,
                                         .zone = PL_GOLD,
                                         .kind = walk->kind,
                                         .from = report->from,
                                         .to = report->to + (walk->kind == PL_SAMPLES), /* at a period's end */
                                         .take = walk->take,
                                         .arg = walk->arg};
    return pl_zone_walk(&through, error);
}

bool pl__body_text(const void *body, size_t size, const char *name, char text[PL__BODY_TEXT]) {
    const char *found;
    size_t length;
    if (!pl_unpack_text(body, size, name, &found, &length)) return false;
    snprintf(text, PL__BODY_TEXT, "%.*s", length < PL__BODY_TEXT - 1 ? (int)length : PL__BODY_TEXT - 1, found);
    return true;
}

const char *pl__span_number(char text[PL__SPAN_NUMBER], double value, int decimals) {
    if (isfinite(value))
        snprintf(text, PL__SPAN_NUMBER, "%.*f", decimals, value);
    else
        snprintf(text, PL__SPAN_NUMBER, "-");
    return text;
}
