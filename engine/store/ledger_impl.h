/* ledger_impl.h: inside of the ledger (store/ledger.h). */
#ifndef POTLINE_STORE_LEDGER_IMPL_H
#define POTLINE_STORE_LEDGER_IMPL_H

#include "store/ledger.h"

/* Every open account, and as an account each every hour that is closed and begins in from <= time < to. */
enum pl_code pl__ledger_walk(struct pl_store *store, pl_time from, pl_time to, pl_ledger_account_visitor *each,
                             void *arg, struct pl_error **error);

#endif
