/* family.h: the column families: their names and how RocksDB keeps each. */
#ifndef POTLINE_STORE_FAMILY_H
#define POTLINE_STORE_FAMILY_H

#include "store/store.h"

/* How RocksDB writes table files; sst.c reads their ends. */
enum { PL__TABLE_CHECKSUM = 4 /* XXH3: the C header has no name for it */, PL__TABLE_VERSION = 5 };

const char *pl__family_name(enum pl_store_family family);
int pl__family_find(const char *name); /* -1: not one of ours */

rocksdb_options_t *pl__database_options(bool read_only);            /* owned by the caller */
rocksdb_options_t *pl__family_options(enum pl_store_family family); /* owned by the caller */

#endif
