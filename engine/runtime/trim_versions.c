#include "runtime/trim_versions.h"

#include <string.h>

#include "store/version.h"

struct pass {
    const struct pl_trim_options *options;
    struct pl_graph_settings ages;
    pl_time now;
};

static enum pl_code trim_one(void *arg, const char *name, const char *path, struct pl_error **error) {
    const struct pass *pass = arg;
    (void)name;
    struct pl_store_options options = {.key = pl_store_key(pass->options->store)};
    struct pl_trim_zone zones[PL_ZONES] = {0};
    struct pl_store *store;
    struct pl_error *why = NULL;
    enum pl_code code = pl_store_open(path, &options, &store, &why);
    bool elsewhere = code == PL_BUSY || code == PL_NOT_FOUND; /* it is made, copied or dropped just now */
    if (elsewhere) pl_error_free(&why);
    if (elsewhere) return PL_OK;
    if (!code) {
        code = pl_trim(&(struct pl_trim_options){.store = store, .settings = &pass->ages}, pass->now, zones, &why);
        pl_store_close(store);
    }
    if (error)
        *error = why;
    else
        pl_error_free(&why);
    return code;
}

enum pl_code pl_trim_versions(const struct pl_trim_options *options, pl_time now, struct pl_error **error) {
    struct pass pass = {.options = options, .ages = *options->settings, .now = now};
    memset(pass.ages.max_size, 0, sizeof pass.ages.max_size);
    pass.ages.max_size_all = 0;
    if (!pass.ages.retention[PL_SILVER] && !pass.ages.retention[PL_GOLD]) return PL_OK;
    return pl_versions_each(options->store->path, trim_one, &pass, error);
}
