/* snapshot.h: what a store holds at one moment, as a data folder of its own in DIR/snapshot, beside the writer.
 *
 * Tables are hard links, so it takes next to no room, until what they hold is compacted away; the rest is copied, and
 * encrypted as it is in the store. It is of one moment: what a death of the process would leave right then. There is
 * one at a time; what a kill leaves of it is removed when the folder is opened again.
 *
 * Any thread, beside all that goes on in the store.
 */
#ifndef POTLINE_STORE_SNAPSHOT_H
#define POTLINE_STORE_SNAPSHOT_H

#include "store/store.h"

/* *path, for the caller to free (pl_free), is the folder. PL_UNAVAILABLE: there is not enough room. */
enum pl_code pl_store_snapshot(struct pl_store *store, char **path, struct pl_error **error);

/* Of this data folder; there need be none. */
enum pl_code pl_store_snapshot_remove(const char *data, struct pl_error **error);

#endif
