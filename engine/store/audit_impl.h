/* audit_impl.h: what the files of the audit share. */
#ifndef POTLINE_STORE_AUDIT_IMPL_H
#define POTLINE_STORE_AUDIT_IMPL_H

#include <pthread.h>

#include <openssl/evp.h>
#include <potline/pack.h>

#include "store/audit.h"

enum { PL__AUDIT_KEY = 8 };

/* ---- The texts of a record, in the order in which they are written ---- */

enum { PL__AUDIT_FIELDS = 11 };

struct pl__audit_field {
    const char *name;
    size_t offset;
};
extern const struct pl__audit_field pl__audit_fields[PL__AUDIT_FIELDS];

/* ---- The chain ---- */

struct pl__audit_chain {
    EVP_MD *sha;
    EVP_MD_CTX *context;
    struct pl_audit_place last; /* sequence 0: there is none yet */
};

enum pl_code pl__audit_no_memory(struct pl_error **error);
enum pl_code pl__audit_chain_init(struct pl__audit_chain *chain, struct pl_error **error);
void pl__audit_chain_fini(struct pl__audit_chain *chain);

/* The hash that a record has when it follows the last one. */
bool pl__audit_chain_hash(const struct pl__audit_chain *chain, const uint8_t key[PL__AUDIT_KEY], const void *record,
                          size_t size, uint8_t hash[PL_AUDIT_HASH]);

void pl__audit_key(uint64_t sequence, uint8_t key[PL__AUDIT_KEY]);
uint64_t pl__audit_key_sequence(const uint8_t key[PL__AUDIT_KEY]);

/* ---- What the entry under 0 says ---- */

struct pl__audit_ends {
    struct pl_audit_place pruned, last; /* sequence 0: there is none, or the entry is none */
};

/* Moves the iterator there. */
void pl__audit_read_ends(struct pl_store_iter *iter, struct pl__audit_ends *ends);

/* ---- What is owed an end ---- */

void pl__audit_put_owed(struct pl_store *store, rocksdb_writebatch_t *writes, const struct pl_audit_record *record,
                        const uint8_t key[PL__AUDIT_KEY]);

/* ---- Appending ---- */

struct pl_audit {
    struct pl_store *store;
    pthread_mutex_t lock; /* guards all below */
    struct pl__audit_chain chain;
    struct pl_audit_place pruned;
    struct pl_pack *pack;
    rocksdb_writebatch_t *writes;
};

/* With the lock held. In the same write the records up to `pruned` go, unless it is NULL. */
enum pl_code pl__audit_append(struct pl_audit *audit, struct pl_audit_record *record,
                              const struct pl_audit_place *pruned, struct pl_error **error);

#endif
