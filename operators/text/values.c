#include "values.h"

#include <math.h>

#include <potline/alloc.h>
#include <potline/text.h>

enum { QUALITY_MAX = 256 };

bool pl_values_init(struct pl_values *v, struct pl_tags *tags, const struct pl_strings *missing, char point) {
    *v = (struct pl_values){.tags = tags, .missing = missing, .points = PL_SWAR_ONES * (unsigned char)point};
    v->missing_number = pl_alloc(missing->count * sizeof(double) + 1);
    if (!v->missing_number) return false;
    for (uint32_t i = 0; i < missing->count; i++) {
        double number;
        bool read = pl_number_any(missing->items[i], (uint32_t)strlen(missing->items[i]), point, &number);
        if (read && number == number) v->missing_number[v->missing_numbers++] = number;
    }
    return true;
}

void pl_values_fini(struct pl_values *v) {
    pl_free(v->missing_number);
    v->missing_number = NULL;
}

static bool is_missing_word(const struct pl_values *v, const char *text, uint32_t length) {
    for (uint32_t i = 0; i < v->missing->count; i++) {
        const char *word = v->missing->items[i];
        if (strlen(word) == length && memcmp(word, text, length) == 0) return true;
    }
    return false;
}

uint16_t pl_values_none(struct pl_values *v, double *value) {
    *value = NAN;
    v->counts.missing++;
    return PL_Q_BAD | PL_Q_MISSING;
}

uint16_t pl_values_number(struct pl_values *v, double *value) {
    bool missing = *value != *value;
    for (uint32_t i = 0; i < v->missing_numbers; i++)
        missing |= *value == v->missing_number[i];
    return missing ? pl_values_none(v, value) : PL_Q_GOOD;
}

uint16_t pl_values_text(struct pl_values *v, uint32_t tag, const char *text, uint32_t length, double *value) {
    if (length == 0 || is_missing_word(v, text, length)) return pl_values_none(v, value);
    if (pl_number(text, length, v->points, value)) return pl_values_number(v, value);
    int state = pl_tag_state(pl_tags_get(v->tags, tag), text, length);
    if (state < 0) {
        v->counts.texts++;
        return pl_values_none(v, value);
    }
    *value = state;
    return PL_Q_GOOD;
}

uint16_t pl_values_quality(const char *text, uint32_t length) {
    char words[QUALITY_MAX];
    int64_t number;
    uint16_t quality;
    if (length == 0) return PL_Q_GOOD;
    if (pl_text_int(text, length, &number) && number >= 0 && number <= UINT16_MAX) return (uint16_t)number;
    if (length > QUALITY_MAX) return PL_Q_UNCERTAIN;
    for (uint32_t i = 0; i < length; i++) {
        char c = text[i];
        words[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return pl_quality_parse(words, length, &quality) ? quality : PL_Q_UNCERTAIN;
}

uint16_t pl_values_said(struct pl_values *v, uint16_t seen, uint16_t said, double *value) {
    uint16_t quality = pl_quality_join(seen, said);
    if (seen & PL_Q_MISSING || !(quality & PL_Q_MISSING)) return quality;
    return pl_quality_join(quality, pl_values_none(v, value));
}
