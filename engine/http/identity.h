/* identity.h: the certificate that the server shows: one of the plant's, or one that it makes itself, for this machine.
 */
#ifndef POTLINE_HTTP_IDENTITY_H
#define POTLINE_HTTP_IDENTITY_H

#include <stdbool.h>

#include <potline/error.h>

#include "store/key.h"

/* Both are the caller's: pl_identity_fini. */
struct pl_identity_files {
    char *certificate, *key; /* PEM */
    bool made;               /* just now */
};

/* From two files. PL_USAGE: the key is encrypted. */
enum pl_code pl_identity_read(const char *certificate, const char *key, struct pl_identity_files *identity,
                              struct pl_error **error);

/* FOLDER/tls/cert.pem and key.pem (0600), which are made when they are not there, or are of no use much longer: on
 * P-256, for localhost, its addresses and the name of the machine, for 825 days. `folder` NULL: it is not kept. With
 * the key of an encrypted folder (else NULL) the file of the private key is encrypted: one in the clear is written
 * anew. */
enum pl_code pl_identity_own(const char *folder, const struct pl_store_key *store_key,
                             struct pl_identity_files *identity, struct pl_error **error);

/* The folder goes from one key (NULL: in the clear) to another, and that file with it; one that is not under `from`
 * stays, and is made anew at the next start. */
enum pl_code pl_identity_rekey(const char *folder, const struct pl_store_key *from, const struct pl_store_key *to,
                               struct pl_error **error);
void pl_identity_fini(struct pl_identity_files *identity);

#endif
