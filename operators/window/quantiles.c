#include "quantiles.h"

#include <potline/text.h>
#include <stdio.h>
#include <string.h>

static enum pl_code set_one(struct quantile *quantile, const char *text, struct pl_error **error) {
    if (!pl_text_f64(text, strlen(text), &quantile->q))
        return pl_error_set(error, PL_RANGE, "'%s' is no number; a quantile is written like 0.95", text);
    if (quantile->q > 1 && quantile->q < 100)
        return pl_error_set(error, PL_RANGE, "a quantile lies between 0 and 1; did you mean %.12g?", quantile->q / 100);
    if (!(quantile->q > 0 && quantile->q < 1))
        return pl_error_set(error, PL_RANGE, "a quantile lies between 0 and 1, but %s does not (there are min and max)",
                            text);
    char digits[PL_TEXT_F64_MAX];
    size_t length = (size_t)(pl_text_put_f64(digits, quantile->q) - digits);
    if (length < 3 || length > QUANTILE_SUFFIX || digits[1] != '.')
        return pl_error_set(error, PL_RANGE, "%s is too fine for a quantile", text);
    snprintf(quantile->suffix, sizeof quantile->suffix, ".p%.*s%s", (int)length - 2, digits + 2,
             length == 3 ? "0" : "");
    return PL_OK;
}

enum pl_code quantiles_set(struct quantiles *quantiles, const struct pl_strings *texts, struct pl_error **error) {
    if (texts->count > QUANTILES_MAX)
        return pl_error_set(error, PL_LIMIT, "%u quantiles, at most %d are possible", texts->count, QUANTILES_MAX);
    for (uint32_t i = 0; i < texts->count; i++) {
        enum pl_code code = set_one(&quantiles->at[i], texts->items[i], error);
        if (code) return code;
        if (i && quantiles->at[i].q <= quantiles->at[i - 1].q)
            return pl_error_set(error, PL_RANGE, "%s stands behind %s: give quantiles in ascending order, each once",
                                texts->items[i], texts->items[i - 1]);
    }
    quantiles->count = texts->count;
    return PL_OK;
}

uint32_t quantile_tag(const struct quantile *quantile, struct pl_tags *tags, uint32_t key) {
    const struct pl_tag *entry = pl_tags_get(tags, key);
    size_t length = strlen(quantile->suffix);
    char name[PL_NAME_MAX + QUANTILE_SUFFIX];
    memcpy(name, entry->name, entry->length);
    memcpy(name + entry->length, quantile->suffix, length);
    return pl_tags_intern(tags, name, entry->length + length);
}
