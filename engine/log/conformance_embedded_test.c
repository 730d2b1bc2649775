/* conformance_embedded_test.c: the embedded log keeps what every log keeps. */
#include <potline/alloc.h>

#include "log/conformance.h"
#include "store/folder_testing.h"
#include "store/store.h"

struct opened {
    struct pl_store *store;
    struct pl_log *log;
};

static void close_embedded(void *opened) {
    struct opened *o = opened;
    if (o->log) o->log->ops->close(o->log);
    pl_store_close(o->store);
    pl_free(o);
}

static void *open_embedded(const char *place, struct pl_tags *tags, unsigned partitions, struct pl_log **log,
                           struct pl_error **error) {
    struct opened *opened = PL_NEW(struct opened);
    if (pl_store_open(place, &(struct pl_store_options){0}, &opened->store, error) ||
        pl_log_open_embedded(opened->store, tags, partitions, &opened->log, error)) {
        close_embedded(opened);
        return NULL;
    }
    *log = opened->log;
    return opened;
}

static const struct pl_log_factory embedded = {
    .make = make_folder,
    .remove = remove_folder,
    .open = open_embedded,
    .close = close_embedded,
    .haste = 1,
    .stride = 1,
};

int main(int argc, char **argv) {
    return pl_log_conformance(&embedded, argc, argv);
}
