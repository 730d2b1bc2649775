#include "lines.h"

#include <potline/codec.h>
#include <potline/quality.h>

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

/* Rows behind those that are there. A batch says null without saying that the value is missing. */
static void copy_rows(struct pl_lines *l, const struct pl_samples *from, uint32_t rows, const struct pl_samples *to,
                      uint32_t at) {
    memcpy(to->time + at, from->time, rows * sizeof(*to->time));
    memcpy(to->tag + at, from->tag, rows * sizeof(*to->tag));
    for (uint32_t i = 0; i < rows; i++) {
        double value = from->value[i];
        uint16_t seen = value != value ? pl_values_none(&l->values, &value) : PL_Q_GOOD;
        to->quality[at + i] = pl_values_said(&l->values, seen, from->quality[i], &value);
        to->value[at + i] = value;
    }
}

enum pl__line_state pl__line_whole(struct pl_lines *l, struct pl__line *line) {
    struct pl_error *error = NULL;
    struct pl_batch *batch = NULL;
    enum pl_code code = pl_codec_decode(l->codec, PL_JSON, line->text, line->length, &batch, &error);
    if (code) return refuse(l, code, &error);
    enum pl__line_state state = PL__LINE_GOOD;
    if (batch->kind != PL_SAMPLES) {
        const char *name = pl_kind_info[batch->kind].name;
        uint32_t length = (uint32_t)strlen(name);
        state = pl__line_refuse_text(l, PL_LINES_OTHER, "expected samples; found a batch of", name, length);
    } else {
        if (line->row + batch->rows <= line->capacity) copy_rows(l, &batch->samples, batch->rows, line->to, line->row);
        line->row += batch->rows;
    }
    pl_batch_unref(batch);
    return state;
}
