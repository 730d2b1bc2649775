#include "lines.h"

#include <potline/codec.h>

/* How the decoder refuses a message, as a reason. */
static enum pl__line_state refuse(struct pl_lines *l, enum pl_code code, struct pl_error **error) {
    enum pl__line_state state = PL__LINE_REJECTED;
    if (code == PL_NO_MEMORY) {
        state = PL__LINE_FAILED;
    } else if (*error) {
        pl__line_refuse(l, PL_LINES_NOT_JSON, (*error)->text);
    } else {
        pl__line_refuse(l, PL_LINES_NOT_JSON, "not a batch");
    }
    pl_error_free(error);
    return state;
}

enum pl__line_state pl__line_whole(struct pl_lines *l, struct pl__line *line) {
    struct pl_error *error = NULL;
    struct pl_batch *batch = NULL;
    enum pl_code code = pl_codec_decode(l->codec, PL_JSON, line->text, line->length, &batch, &error);
    if (code) return refuse(l, code, &error);
    enum pl__line_state state = PL__LINE_GOOD;
    if (batch->kind != PL_SAMPLES) {
        const char *name = pl_kind_info[batch->kind].name;
        state =
            pl__line_refuse_text(l, PL_LINES_OTHER, "expected samples; found a batch of", name, (uint32_t)strlen(name));
    } else if (line->row + batch->rows <= line->capacity) {
        memcpy(line->to->time + line->row, batch->samples.time, batch->rows * sizeof(*line->to->time));
        memcpy(line->to->tag + line->row, batch->samples.tag, batch->rows * sizeof(*line->to->tag));
        memcpy(line->to->value + line->row, batch->samples.value, batch->rows * sizeof(*line->to->value));
        memcpy(line->to->quality + line->row, batch->samples.quality, batch->rows * sizeof(*line->to->quality));
    }
    if (state == PL__LINE_GOOD) line->row += batch->rows;
    pl_batch_unref(batch);
    return state;
}
