#include "lines.h"

#include <potline/kind.h>

/* What `potline export` and sink.ndjson call the kind of a row. */
static bool is_other_kind(const struct pl__found *found) {
    const struct pl__token *type = &found->token[PL__TYPE];
    if (!(found->there >> PL__TYPE & 1) || type->type != PL__STRING) return false;
    for (unsigned kind = 0; kind < PL_KINDS; kind++) {
        const char *name = pl_kind_info[kind].name;
        if (kind != PL_SAMPLES && strlen(name) == type->length && memcmp(name, type->text, type->length) == 0)
            return true;
    }
    return false;
}

static enum pl__line_state find_tag(struct pl_lines *l, const struct pl__found *found, uint32_t *tag) {
    const struct pl__token *token = &found->token[PL__TAG];
    if (PL_UNLIKELY(token->type != PL__STRING && token->type != PL__NUMBER))
        return pl__line_refuse(l, PL_LINES_NO_TAG, "no tag");
    if (PL_LIKELY(!l->shape->asset[0])) {
        *tag = pl_names_find(&l->names, token->text, token->length);
    } else {
        uint32_t length;
        if (!pl__line_asset(l, found, &length)) return pl__line_refuse(l, PL_LINES_NO_TAG, "no asset");
        if (token->length == 0 || length + token->length > PL__NAME_ROOM) {
            *tag = PL_NO_ID;
        } else {
            memcpy(l->name + length, token->text, token->length);
            *tag = pl_names_find(&l->names, l->name, length + token->length);
        }
    }
    if (PL_LIKELY(*tag < PL_NAMES_LEFT_OUT)) return PL__LINE_GOOD;
    if (*tag == PL_NAMES_LEFT_OUT) {
        l->values.counts.left_out++;
        return PL__LINE_LEFT_OUT;
    }
    return pl__line_refuse_text(l, PL_LINES_NO_TAG, "cannot be a tag, or is beyond max_tags:", token->text,
                                token->length);
}

static uint16_t said_quality(const struct pl__token *token) {
    if (token->type == PL__STRING && token->length == 4 && memcmp(token->text, "good", 4) == 0) return PL_Q_GOOD;
    if (token->type == PL__STRING || token->type == PL__NUMBER) return pl_values_quality(token->text, token->length);
    return token->type == PL__ABSENT || token->type == PL__NULL ? PL_Q_GOOD : PL_Q_UNCERTAIN;
}

enum pl__line_state pl__line_long(struct pl_lines *l, struct pl__line *line) {
    struct pl__found found = {.there = 0};
    struct pl__branch all = {.fields = l->fields.looked_for};
    enum pl__search search = pl__fields_search(&l->fields, &line->json, all, &found);
    if (search == PL__SEARCH_TWICE) return pl__line_refuse(l, PL_LINES_TWICE, "a field stands there twice");
    if (search == PL__SEARCH_FAILED || !pl_json_end(&line->json)) return pl__line_refuse_json(l, line);
    if (is_other_kind(&found)) {
        const struct pl__token *type = &found.token[PL__TYPE];
        return pl__line_refuse_text(l, PL_LINES_OTHER, "expected samples; found a row of", type->text, type->length);
    }
    uint32_t tag = PL_NO_ID;
    enum pl__line_state state = find_tag(l, &found, &tag);
    if (PL_UNLIKELY(state != PL__LINE_GOOD)) return state;
    uint32_t row = line->row;
    state = pl__line_time(l, &found, &line->to->time[row]);
    if (PL_UNLIKELY(state != PL__LINE_GOOD)) return state;
    const struct pl__token *value = &found.token[PL__VALUE];
    uint16_t quality;
    if (PL_UNLIKELY(!pl__line_value(l, tag, value, &line->to->value[row], &quality)))
        return pl__line_refuse_text(l, PL_LINES_TOO_LARGE, "too large a number:", value->text, value->length);
    uint16_t said = said_quality(&found.token[PL__QUALITY]);
    if (PL_UNLIKELY(said)) quality = pl_values_said(&l->values, quality, said, &line->to->value[row]);
    line->to->tag[row] = tag;
    line->to->quality[row] = quality;
    line->row++;
    return PL__LINE_GOOD;
}
