/* epochs_graph.c: the state of the last epoch for another graph: under other names, or forgotten. What is there is only
 * let go of by the write that describes the epoch anew, so that a death on the way has changed nothing. */
#include <string.h>

#include "base/fault.h"
#include "store/epochs_impl.h"

/* Of all keys of a node: "s", name, 0; in the spill without the "s". */
struct front {
    char bytes[PL__NODE_KEY];
    size_t size;
};

static struct front front_of(enum pl_store_family family, const char *node) {
    struct front front;
    size_t mark = family == PL_STORE_STATE, length = strlen(node);
    front.bytes[0] = 's';
    memcpy(front.bytes + mark, node, length + 1);
    front.size = mark + length + 1;
    return front;
}

static void drop(struct pl_epochs *epochs, enum pl_store_family family, const char *node) {
    struct front from = front_of(family, node), to = from;
    to.bytes[to.size - 1] = 1;
    rocksdb_writebatch_delete_range_cf(epochs->writes, epochs->store->family[family], from.bytes, from.size, to.bytes,
                                       to.size);
}

void pl__epochs_drop_spill(struct pl_epochs *epochs, const char *node) {
    drop(epochs, PL_STORE_SPILL, node);
}

struct copy {
    struct pl_epochs *epochs;
    enum pl_store_family family;
    struct front from, to;
};

static enum pl_code copy_entry(void *arg, const char *key, size_t key_size, const char *value, size_t size,
                               struct pl_error **error) {
    const struct copy *copy = arg;
    struct pl_epochs *epochs = copy->epochs;
    pl_buffer_reset(&epochs->bytes);
    pl_buffer_put(&epochs->bytes, copy->to.bytes, copy->to.size);
    pl_buffer_put(&epochs->bytes, key + copy->from.size, key_size - copy->from.size);
    if (pl_buffer_failed(&epochs->bytes)) return pl_error_set(error, PL_NO_MEMORY, "no memory for a checkpoint");
    rocksdb_writebatch_put_cf(epochs->writes, epochs->store->family[copy->family], epochs->bytes.data,
                              epochs->bytes.size, value, size);
    PL_FAULT("recovery.copy");
    return pl__epochs_flush(epochs, PL__EPOCHS_WRITE, error);
}

/* A death may have left a part of it there. */
static enum pl_code copy_all(struct pl_epochs *epochs, enum pl_store_family family, const char *from, const char *to,
                             struct pl_error **error) {
    struct copy copy = {epochs, family, front_of(family, from), front_of(family, to)};
    drop(epochs, family, to);
    return pl__epochs_walk_in(epochs->store, family, copy.from.bytes, copy.from.size, copy_entry, &copy, error);
}

enum pl_code pl_epochs_copy(struct pl_epochs *epochs, const char *from, const char *to, struct pl_error **error) {
    enum pl_code code = copy_all(epochs, PL_STORE_STATE, from, to, error);
    if (!code) code = copy_all(epochs, PL_STORE_SPILL, from, to, error);
    return code ? code : pl__epochs_flush(epochs, 0, error);
}

enum pl_code pl_epochs_describe(struct pl_epochs *epochs, const struct pl_epoch *epoch, const char *const *gone,
                                struct pl_error **error) {
    enum pl_code code = pl__epochs_put_record(epochs->store, epochs->writes, PL__EPOCHS_LAST, epoch, error);
    if (code) return code;
    for (; *gone; gone++) {
        drop(epochs, PL_STORE_STATE, *gone);
        drop(epochs, PL_STORE_SPILL, *gone);
    }
    PL_FAULT("recovery.describe");
    return pl_store_write(epochs->store, epochs->writes, error);
}
