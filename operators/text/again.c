/* again.c: lines that were refused, read once more. */
#include <string.h>

#include "reader.h"

enum { BUFFER = 4096 };

static bool feed(struct pl_reader *r, const char **at, size_t *left) {
    size_t room;
    char *space = pl_reader_space(r, &room);
    if (!space) return false;
    size_t count = *left < room ? *left : room;
    memcpy(space, *at, count);
    pl_reader_filled(r, count);
    *at += count;
    *left -= count;
    if (!*left) pl_reader_end(r);
    return true;
}

static enum pl_code read_all(struct pl_reader *r, const char *at, size_t left, struct pl_batch *batch,
                             struct pl_error **error) {
    for (;;) {
        switch (pl_reader_read(r, batch, error)) {
        case PL_READER_MORE:
            if (!feed(r, &at, &left)) return pl_error_set(error, PL_NO_MEMORY, "no memory for a longer record");
            break;
        case PL_READER_FULL: return pl_error_set(error, PL_LIMIT, "more rows than a batch takes");
        case PL_READER_REJECTED: return pl_error_set(error, PL_SYNTAX, "%s", r->reject.reason);
        case PL_READER_FAILED: return PL_SYNTAX;
        case PL_READER_END: return batch->rows ? PL_OK : pl_error_set(error, PL_SYNTAX, "there is no row in it");
        }
    }
}

enum pl_code pl_reader_again(const struct pl_reader *model, const void *bytes, size_t size, struct pl_batch *batch,
                             struct pl_error **error) {
    struct pl_reader r;
    if (!model->ready && model->layout->header)
        return pl_error_set(error, PL_UNAVAILABLE, "no header has been read: which columns there are is not known");
    if (model->ready && !model->columns.times)
        return pl_error_set(error, PL_UNAVAILABLE, "times are counted by line here, and this line has lost its place");
    bool made = pl_reader_init(&r, model->layout, model->names, BUFFER);
    r.skipped = model->layout->skip;
    if (model->ready) {
        r.columns = model->columns; /* lent */
        r.stamp = model->stamp;
        r.ready = true;
    }
    enum pl_code code =
        made ? read_all(&r, bytes, size, batch, error) : pl_error_set(error, PL_NO_MEMORY, "no memory for a reader");
    if (model->ready) r.columns = (struct pl_columns){0};
    pl_reader_fini(&r);
    return code;
}
