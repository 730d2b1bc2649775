/* copy.h: a copy of a running store, as files: what a standby starts from. It stands in DIR/standby.copy, most of it as
 * hard links, so it takes room only as far as the store goes on from it.
 */
#ifndef POTLINE_STANDBY_COPY_H
#define POTLINE_STANDBY_COPY_H

#include "store/store.h"

struct pl__copy;

enum pl_code pl__copy_new(struct pl_store *store, struct pl__copy **copy, struct pl_error **error);
void pl__copy_free(struct pl__copy *copy); /* and what is on the disk; NULL is fine */

unsigned pl__copy_count(const struct pl__copy *copy);
const char *pl__copy_name(const struct pl__copy *copy, unsigned file);
uint64_t pl__copy_size(const struct pl__copy *copy, unsigned file);

/* Up to `room` bytes from `offset` on. */
enum pl_code pl__copy_read(struct pl__copy *copy, unsigned file, uint64_t offset, void *bytes, size_t room,
                           size_t *size, struct pl_error **error);

#endif
