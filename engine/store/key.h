/* key.h: the master key of an encrypted data folder.
 *
 * A key file is one line, base64 of 32 random bytes, readable by its owner alone. What is kept in memory is derived
 * from it (HKDF-SHA-256): one key for the cipher, one for the headers of files, and an id that may be shown and says
 * nothing about the key. The memory is locked and left out of core dumps where the system allows it, and cleansed at
 * the end.
 *
 *     struct pl_store_key *key;
 *     if (!pl_store_key_read("/etc/potline/key", PL_STORE_KEY_FILE, &key, &error)) ...
 *     pl_store_open(path, &(struct pl_store_options){.key = key}, &store, &error);
 *     pl_store_key_unref(key);
 *
 * A key is for any number of threads.
 */
#ifndef POTLINE_STORE_KEY_H
#define POTLINE_STORE_KEY_H

#include <potline/error.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    PL_STORE_KEY_MASTER = 32,
    PL_STORE_KEY_TEXT = 45, /* base64 of that, and a 0 */
    PL_STORE_KEY_ID = 17,   /* 16 hexadecimal digits, and a 0 */
};

struct pl_store_key;

enum pl_store_key_source {
    PL_STORE_KEY_FILE,
    PL_STORE_KEY_CREDENTIAL, /* of systemd, which lets the service in by a list that shows as rights of the group */
};

/* PL_NOT_FOUND: there is no such file. PL_USAGE: others may read it, or it holds no key. */
enum pl_code pl_store_key_read(const char *path, enum pl_store_key_source source, struct pl_store_key **key,
                               struct pl_error **error);

/* The caller cleanses `master`. */
enum pl_code pl_store_key_new(const uint8_t master[PL_STORE_KEY_MASTER], struct pl_store_key **key,
                              struct pl_error **error);
struct pl_store_key *pl_store_key_ref(struct pl_store_key *key); /* NULL is fine, also below */
void pl_store_key_unref(struct pl_store_key *key);

const char *pl_store_key_id(const struct pl_store_key *key);

enum { PL_STORE_KEY_DERIVED = 32 };

/* A key for another use than a folder, the same for the same text; the caller cleanses it. False: OpenSSL cannot. */
bool pl_store_key_derive(const struct pl_store_key *key, const char *use, uint8_t derived[PL_STORE_KEY_DERIVED]);

/* A new one, as it stands in a key file (without the line's end); the caller cleanses it. */
enum pl_code pl_store_key_generate(char text[PL_STORE_KEY_TEXT], struct pl_error **error);

#endif
