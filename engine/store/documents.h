/* documents.h: small things that are kept by kind and id in a data folder: "pde-model" "pde-001" -> bytes.
 *
 * In the family meta, each with a checksum. Threads: any; one at a time changes a document.
 */
#ifndef POTLINE_STORE_DOCUMENTS_H
#define POTLINE_STORE_DOCUMENTS_H

#include "store/store.h"

enum { PL_DOCUMENT_ID = 127, PL_DOCUMENT_BYTES = 1 << 20 };

/* PL_LIMIT: it is too large, or its id too long. */
enum pl_code pl_document_put(struct pl_store *store, const char *kind, const char *id, const void *bytes, size_t size,
                             struct pl_error **error);
/* The caller's (pl_free), a 0 behind it. PL_NOT_FOUND without a message: there is none. PL_CORRUPT: it is damaged. */
enum pl_code pl_document_get(struct pl_store *store, const char *kind, const char *id, char **bytes, size_t *size,
                             struct pl_error **error);
enum pl_code pl_document_remove(struct pl_store *store, const char *kind, const char *id, struct pl_error **error);

/* In order of id, until `each` returns false; borrowed for the call. Damaged ones are left out, and end as PL_CORRUPT.
 */
typedef bool pl_document_visitor(void *arg, const char *id, const char *bytes, size_t size);
enum pl_code pl_documents_each(struct pl_store *store, const char *kind, pl_document_visitor *each, void *arg,
                               struct pl_error **error);

#endif
