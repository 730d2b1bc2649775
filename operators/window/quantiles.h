/* quantiles.h: which quantiles a node was asked for, and how their tags are called: 0.5 is `<key>.p50`, 0.999 `.p999`,
 * 0.05 `.p05`: the digits behind the point, two at least.
 */
#ifndef POTLINE_WINDOW_QUANTILES_H
#define POTLINE_WINDOW_QUANTILES_H

#include <potline/error.h>
#include <potline/option.h>
#include <potline/tag.h>

enum { QUANTILES_MAX = 16, QUANTILE_SUFFIX = 12 };

struct quantiles {
    uint32_t count;
    struct quantile {
        double q;
        char suffix[QUANTILE_SUFFIX]; /* ".p95" */
    } at[QUANTILES_MAX];
};

/* Reads "0.5", "0.95", ...: between 0 and 1, ascending. */
enum pl_code quantiles_set(struct quantiles *quantiles, const struct pl_strings *texts, struct pl_error **error);

/* The tag of a quantile of a key; PL_NO_ID when the registry has no room for its name. */
uint32_t quantile_tag(const struct quantile *quantile, struct pl_tags *tags, uint32_t key);

#endif
