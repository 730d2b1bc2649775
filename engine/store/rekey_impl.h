/* rekey_impl.h: what rekey.c and rekey_copy.c share. */
#ifndef POTLINE_STORE_REKEY_IMPL_H
#define POTLINE_STORE_REKEY_IMPL_H

#include <stddef.h>
#include <time.h>

#include "store/rekey.h"

/* A file that is to be copied, as it was when it was listed. */
struct pl__rekey_file {
    char *name;
    uint64_t size;
};

struct pl__rekey_work {
    struct pl_rekey *rekey;
    int parent, source, staged; /* folders: the data folder, its store, the copy; -1: not open */
    int lock;
    struct pl__rekey_file *files;
    size_t count, room;
    uint64_t all; /* bytes of them */
};

enum pl_code pl__rekey_failed(const struct pl__rekey_work *work, const char *what, struct pl_error **error);

/* The files that have no good copy yet. */
enum pl_code pl__rekey_list(struct pl__rekey_work *work, struct pl_error **error);

/* Copies them; each has its name in the copy when all of it is on the disk. */
enum pl_code pl__rekey_copy_all(struct pl__rekey_work *work, struct pl_error **error);

#endif
