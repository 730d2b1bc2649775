#include <stdio.h>

#include "bands.h"

const struct pl_option band_options[] = {
    PL_OPT_STRING(struct band, name, "name", NULL, PL_STATE, "What TAG.NAME is called."),
    PL_OPT_NUMBER(struct band, low, "low", NULL, "0", NULL, PL_STATE, "Hz; this frequency belongs to it."),
    PL_OPT_NUMBER(struct band, high, "high", NULL, "0", NULL, PL_STATE, "Hz; this one does not."),
    PL_OPT_END,
};

void bands_check(struct pl_check *check, const struct pl_list *list, pl_time interval, int64_t size) {
    const struct band *bands = list->items;
    const double most = 0.5e9 / (double)interval;
    if (!list->count || list->count > BANDS_MAX)
        pl_check_error(check, "bands", "%u bands; 1 to %d", list->count, BANDS_MAX);
    for (uint32_t i = 0; i < list->count; i++) {
        char option[32];
        snprintf(option, sizeof option, "bands[%u]", i);
        if (!bands[i].name[0]) pl_check_error(check, option, "has no name");
        if (bands[i].low >= bands[i].high) pl_check_error(check, option, "low is not below high");
        if (bands[i].low > most)
            pl_check_error(check, option, "samples an interval of %g s apart show nothing beyond %g Hz",
                           (double)interval / 1e9, most);
        if (bands[i].high - bands[i].low < 2 * most / (double)size)
            pl_check_warning(check, option, "is narrower than a line, %g Hz: it may hold none",
                             2 * most / (double)size);
    }
}
