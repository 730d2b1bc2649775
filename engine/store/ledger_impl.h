/* ledger_impl.h: inside of the ledger (store/ledger.h). */
#ifndef POTLINE_STORE_LEDGER_IMPL_H
#define POTLINE_STORE_LEDGER_IMPL_H

#include <potline/tag.h>

#include "store/ledger.h"

enum { PL__LEDGER_ACCOUNT = 'a', PL__LEDGER_HOUR = 'h' }; /* sorts of entries */
enum {
    PL__LEDGER_FRONT = 1 + sizeof PL_LEDGER_NODE + sizeof(uint16_t), /* of a key, in front of the entry's own */
    PL__LEDGER_KEY = 2 + sizeof(uint64_t) + 3 * (PL_NAME_MAX + 1) + sizeof(uint64_t)
};

size_t pl__ledger_front(char front[PL__LEDGER_FRONT], uint16_t partition);
size_t pl__ledger_hour_key(char key[PL__LEDGER_KEY], const struct pl_ledger_account *account, pl_time begin);
void pl__ledger_pack(struct pl_pack *pack, const struct pl_ledger_account *account, char sort);

/* The entry under the iterator, which stands on one of the ledger. */
struct pl_state_entry pl__ledger_entry(const struct pl_store_iter *iter);

/* Either sort of entry, as an account; an hour is its newest one. The names are borrowed from *names. */
struct pl__ledger_names {
    char name[3][PL_NAME_MAX + 1];
};
enum pl_code pl__ledger_read(struct pl__ledger_names *names, const struct pl_state_entry *entry,
                             struct pl_ledger_account *account, struct pl_error **error);

/* Every open account, and as an account each every hour that is closed and begins in from <= time < to. */
enum pl_code pl__ledger_walk(struct pl_store *store, pl_time from, pl_time to, pl_ledger_account_visitor *each,
                             void *arg, struct pl_error **error);

#endif
