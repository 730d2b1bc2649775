/* identity.h: the certificate that the server shows: one of the plant's, or one that it makes itself, for this machine.
 */
#ifndef POTLINE_HTTP_IDENTITY_H
#define POTLINE_HTTP_IDENTITY_H

#include <stdbool.h>

#include <potline/error.h>

/* Both are the caller's: pl_identity_fini. */
struct pl_identity_files {
    char *certificate, *key; /* PEM */
    bool made;               /* just now */
};

/* From two files. */
enum pl_code pl_identity_read(const char *certificate, const char *key, struct pl_identity_files *identity,
                              struct pl_error **error);

/* FOLDER/tls/cert.pem and key.pem (0600), which are made when they are not there, or are of no use much longer: on
 * P-256, for localhost, its addresses and the name of the machine, for 825 days. `folder` NULL: it is not kept. */
enum pl_code pl_identity_own(const char *folder, struct pl_identity_files *identity, struct pl_error **error);
void pl_identity_fini(struct pl_identity_files *identity);

#endif
