#include "control/users.h"

#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "base/buffer.h"

enum { CHECKSUM = 8, RECORD_MAX = 1024, SALT = 16, HASH = 32 };

/* What scrypt is told for new passwords, and the most that a record may ask for. */
enum { COST_LOG2 = 15, BLOCK = 8, LANES = 1, COST_LOG2_MAX = 24, MEMORY_MAX = 1 << 30 };

struct secret {
    unsigned cost_log2; /* scrypt's N is two to this */
    unsigned block;     /* its r */
    unsigned lanes;     /* its p */
    uint8_t salt[SALT];
    uint8_t hash[HASH];
};

struct record {
    struct pl_user user;
    struct secret secret;
};

/* One change at a time: what is looked at (is the name free, is there another admin) still holds when it is written. */
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

/* ---- Names ---- */

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool name_fits(const char *name) {
    size_t length = strnlen(name, PL_USER_NAME_MAX + 1);
    if (length > PL_USER_NAME_MAX || !is_letter_or_digit(name[0])) return false;
    for (size_t i = 0; i < length; i++)
        if (!is_letter_or_digit(name[i]) && !strchr(".-_@", name[i])) return false;
    return true;
}

static enum pl_code check_name(const char *name, struct pl_error **error) {
    if (name_fits(name)) return PL_OK;
    return pl_error_set(error, PL_RANGE,
                        "a user's name has 1 to %d letters, digits, '.', '-', '_' and '@', and begins with a letter or "
                        "a digit",
                        PL_USER_NAME_MAX);
}

static enum pl_code unknown(const char *name, struct pl_error **error) {
    if (!name_fits(name)) return pl_error_set(error, PL_NOT_FOUND, "there is no user of that name");
    return pl_error_set(error, PL_NOT_FOUND, "there is no user \"%s\"; users list shows them", name);
}

/* ---- Passwords ---- */

static enum pl_code check_password(const char *password, struct pl_error **error) {
    size_t size = strnlen(password, PL_PASSWORD_MAX + 1), characters = 0;
    for (size_t i = 0; i < size; i++)
        characters += ((unsigned char)password[i] & 0xC0) != 0x80;
    if (size > PL_PASSWORD_MAX)
        return pl_error_set(error, PL_RANGE, "a password has at most %d bytes", PL_PASSWORD_MAX);
    if (characters < PL_PASSWORD_MIN)
        return pl_error_set(error, PL_RANGE, "a password has at least %d characters", PL_PASSWORD_MIN);
    return PL_OK;
}

/* scrypt with the secret's parameters and salt. What is longer than a password may be is nobody's. */
static enum pl_code hash_password(const struct secret *secret, const char *password, uint8_t hash[HASH],
                                  struct pl_error **error) {
    size_t size = strnlen(password, PL_PASSWORD_MAX + 1);
    if (EVP_PBE_scrypt(password, size, secret->salt, SALT, UINT64_C(1) << secret->cost_log2, secret->block,
                       secret->lanes, MEMORY_MAX, hash, HASH))
        return PL_OK;
    return pl_error_set(error, PL_NO_MEMORY, "no memory to hash a password");
}

static enum pl_code make_secret(const char *password, struct secret *secret, struct pl_error **error) {
    *secret = (struct secret){.cost_log2 = COST_LOG2, .block = BLOCK, .lanes = LANES};
    if (RAND_bytes(secret->salt, SALT) != 1)
        return pl_error_set(error, PL_UNAVAILABLE, "the system gives no random bytes");
    return hash_password(secret, password, secret->hash, error);
}

/* ---- Records ---- */

static void encode(struct pl_pack *pack, const struct record *record) {
    pl_pack_map(pack, 8);
    pl_pack_pair_str(pack, "role", pl_role_names[record->user.role]);
    pl_pack_pair_int(pack, "created", record->user.created);
    pl_pack_pair_int(pack, "changed", record->user.changed);
    pl_pack_pair_int(pack, "cost_log2", record->secret.cost_log2);
    pl_pack_pair_int(pack, "block", record->secret.block);
    pl_pack_pair_int(pack, "lanes", record->secret.lanes);
    pl_pack_str(pack, "salt");
    pl_pack_bin(pack, record->secret.salt, SALT);
    pl_pack_str(pack, "hash");
    pl_pack_bin(pack, record->secret.hash, HASH);
}

static bool decode_role(struct pl_unpack *unpack, enum pl_role *role) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(unpack, &text, &length)) return false;
    for (unsigned i = 0; i < PL_ROLES; i++)
        if (strlen(pl_role_names[i]) == length && memcmp(pl_role_names[i], text, length) == 0) {
            *role = (enum pl_role)i;
            return true;
        }
    return false;
}

static bool decode_bytes(struct pl_unpack *unpack, uint8_t *bytes, size_t expected) {
    const void *found;
    size_t size;
    if (!pl_unpack_bin(unpack, &found, &size) || size != expected) return false;
    memcpy(bytes, found, size);
    return true;
}

static bool decode_parameter(struct pl_unpack *unpack, unsigned most, unsigned *value) {
    uint64_t found;
    if (!pl_unpack_uint(unpack, &found) || found < 1 || found > most) return false;
    *value = (unsigned)found;
    return true;
}

static bool decode_pair(struct pl_unpack *unpack, struct record *record) {
    const char *text;
    size_t length;
    char name[16] = "";
    if (!pl_unpack_str(unpack, &text, &length)) return false;
    if (length < sizeof name) memcpy(name, text, length);
    if (strcmp(name, "role") == 0) return decode_role(unpack, &record->user.role);
    if (strcmp(name, "created") == 0) return pl_unpack_int(unpack, &record->user.created);
    if (strcmp(name, "changed") == 0) return pl_unpack_int(unpack, &record->user.changed);
    if (strcmp(name, "cost_log2") == 0) return decode_parameter(unpack, COST_LOG2_MAX, &record->secret.cost_log2);
    if (strcmp(name, "block") == 0) return decode_parameter(unpack, 64, &record->secret.block);
    if (strcmp(name, "lanes") == 0) return decode_parameter(unpack, 64, &record->secret.lanes);
    if (strcmp(name, "salt") == 0) return decode_bytes(unpack, record->secret.salt, SALT);
    if (strcmp(name, "hash") == 0) return decode_bytes(unpack, record->secret.hash, HASH);
    return pl_unpack_skip(unpack); /* of a later version */
}

static bool decode(const char *name, size_t name_size, const uint8_t *bytes, size_t size, struct record *record) {
    uint64_t checksum;
    uint32_t pairs;
    struct pl_unpack unpack;
    *record = (struct record){.user.role = PL_ROLES};
    if (name_size > PL_USER_NAME_MAX || size < CHECKSUM) return false;
    memcpy(record->user.name, name, name_size);
    if (strlen(record->user.name) != name_size || !name_fits(record->user.name)) return false;
    memcpy(&checksum, bytes, sizeof checksum);
    if (checksum != pl_store_checksum(name, name_size, bytes + CHECKSUM, size - CHECKSUM)) return false;
    pl_unpack_init(&unpack, bytes + CHECKSUM, size - CHECKSUM);
    if (!pl_unpack_map(&unpack, &pairs)) return false;
    for (; pairs; pairs--)
        if (!decode_pair(&unpack, record)) return false;
    return record->user.role < PL_ROLES && record->secret.cost_log2 && record->secret.block && record->secret.lanes;
}

static enum pl_code damaged(const struct pl_store *store, const char *key, size_t size, struct pl_error **error) {
    char name[PL_USER_NAME_MAX + 1] = "";
    if (size <= PL_USER_NAME_MAX) memcpy(name, key, size);
    if (!name_fits(name))
        return pl_error_set(error, PL_CORRUPT, "%s: there is a user with a damaged name", store->path);
    return pl_error_set(error, PL_CORRUPT, "%s: the record of the user \"%s\" is damaged", store->path, name);
}

/* PL_NOT_FOUND without a message. */
static enum pl_code get(struct pl_store *store, const char *name, struct record *record, struct pl_error **error) {
    void *value;
    size_t size;
    if (!name_fits(name)) return PL_NOT_FOUND;
    enum pl_code code = pl_store_get(store, PL_STORE_USERS, name, strlen(name), &value, &size, error);
    if (code) return code;
    if (!decode(name, strlen(name), value, size, record)) code = damaged(store, name, strlen(name), error);
    OPENSSL_cleanse(value, size);
    pl_free(value);
    return code;
}

/* NULL removes it. */
static enum pl_code write_one(struct pl_store *store, const char *name, const struct pl_buffer *value,
                              struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_column_family_handle_t *family = store->family[PL_STORE_USERS];
    if (value)
        rocksdb_writebatch_put_cf(writes, family, name, strlen(name), value->data, value->size);
    else
        rocksdb_writebatch_delete_cf(writes, family, name, strlen(name));
    enum pl_code code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

static enum pl_code put(struct pl_store *store, const struct record *record, struct pl_error **error) {
    const char *name = record->user.name;
    struct pl_pack *pack = pl_pack_new();
    struct pl_buffer value;
    pl_buffer_init(&value, RECORD_MAX);
    if (pack) encode(pack, record);
    enum pl_code code = PL_NO_MEMORY;
    if (pack && !pl_pack_failed(pack)) {
        uint64_t checksum = pl_store_checksum(name, strlen(name), pl_pack_data(pack), pl_pack_size(pack));
        pl_buffer_put(&value, &checksum, sizeof checksum);
        if (pl_buffer_put(&value, pl_pack_data(pack), pl_pack_size(pack))) code = PL_OK;
    }
    code = code ? pl_error_set(error, code, "no memory for a user") : write_one(store, name, &value, error);
    pl_buffer_fini(&value);
    pl_pack_free(pack);
    return code;
}

/* ---- Looking ---- */

enum pl_code pl_users_find(struct pl_store *store, const char *name, struct pl_user *user, struct pl_error **error) {
    struct record record;
    enum pl_code code = get(store, name, &record, error);
    if (code == PL_NOT_FOUND) return unknown(name, error);
    if (code) return code;
    *user = record.user;
    OPENSSL_cleanse(&record, sizeof record);
    return PL_OK;
}

enum pl_code pl_users_each(struct pl_store *store, void (*each)(void *arg, const struct pl_user *user), void *arg,
                           struct pl_error **error) {
    struct pl_store_iter *iter;
    struct record record;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_USERS, NULL, 0, &iter, error);
    if (code) return code;
    for (pl_store_iter_seek(iter, "", 0); !code && pl_store_iter_valid(iter); pl_store_iter_next(iter)) {
        size_t name_size, size;
        const char *name = pl_store_iter_key(iter, &name_size);
        const uint8_t *value = pl_store_iter_value(iter, &size);
        if (decode(name, name_size, value, size, &record))
            each(arg, &record.user);
        else
            code = damaged(store, name, name_size, error);
    }
    OPENSSL_cleanse(&record, sizeof record);
    if (!code) code = pl_store_iter_check(iter, error);
    pl_store_iter_free(iter);
    return code;
}

enum pl_code pl_users_verify(struct pl_store *store, const char *name, const char *password, struct pl_user *user,
                             struct pl_error **error) {
    struct record record = {.secret = {.cost_log2 = COST_LOG2, .block = BLOCK, .lanes = LANES}}; /* of nobody */
    uint8_t hash[HASH] = {0};
    enum pl_code found = get(store, name, &record, error);
    if (found && found != PL_NOT_FOUND) return found;
    enum pl_code code = hash_password(&record.secret, password, hash, error);
    bool same = CRYPTO_memcmp(hash, record.secret.hash, HASH) == 0;
    if (!code && (found || !same))
        code = pl_error_set(error, PL_NOT_FOUND, "there is no such user, or it has another password");
    if (!code) *user = record.user;
    OPENSSL_cleanse(&record, sizeof record);
    OPENSSL_cleanse(hash, sizeof hash);
    return code;
}

/* ---- Changing; with the lock ---- */

struct count {
    unsigned users, admins;
};

static void count_user(void *arg, const struct pl_user *user) {
    struct count *count = arg;
    count->users++;
    count->admins += user->role == PL_ROLE_ADMIN;
}

static enum pl_code add(struct pl_store *store, const struct record *record, struct pl_error **error) {
    struct record there;
    struct count count = {0};
    enum pl_code code = get(store, record->user.name, &there, error);
    if (!code)
        return pl_error_set(error, PL_CONFLICT, "there is a user \"%s\" already; its password and role can be changed",
                            record->user.name);
    if (code != PL_NOT_FOUND) return code;
    code = pl_users_each(store, count_user, &count, error);
    if (!code && count.users >= PL_USERS_MAX)
        code = pl_error_set(error, PL_LIMIT, "there are %d users, which is the most", PL_USERS_MAX);
    return code ? code : put(store, record, error);
}

/* Somebody has to be able to change users. */
static enum pl_code check_not_last_admin(struct pl_store *store, const struct pl_user *user, struct pl_error **error) {
    struct count count = {0};
    if (user->role != PL_ROLE_ADMIN) return PL_OK;
    enum pl_code code = pl_users_each(store, count_user, &count, error);
    if (!code && count.admins < 2)
        code =
            pl_error_set(error, PL_CONFLICT, "\"%s\" is the last admin; give another user that role first", user->name);
    return code;
}

static enum pl_code set_role(struct pl_store *store, const char *name, enum pl_role role, struct pl_error **error) {
    struct record record;
    enum pl_code code = get(store, name, &record, error);
    if (code == PL_NOT_FOUND) return unknown(name, error);
    if (!code && role != PL_ROLE_ADMIN) code = check_not_last_admin(store, &record.user, error);
    if (code) return code;
    record.user.role = role;
    return put(store, &record, error);
}

static enum pl_code set_secret(struct pl_store *store, const char *name, const struct secret *secret, pl_time now,
                               struct pl_error **error) {
    struct record record;
    enum pl_code code = get(store, name, &record, error);
    if (code == PL_NOT_FOUND) return unknown(name, error);
    if (code) return code;
    record.secret = *secret;
    record.user.changed = now;
    return put(store, &record, error);
}

/* ---- Changing ---- */

static enum pl_code check_role(enum pl_role role, struct pl_error **error) {
    return (unsigned)role < PL_ROLES ? PL_OK : pl_error_set(error, PL_RANGE, "there is no such role");
}

enum pl_code pl_users_add(struct pl_store *store, const char *name, enum pl_role role, const char *password,
                          pl_time now, struct pl_error **error) {
    struct record record = {.user = {.role = role, .created = now, .changed = now}};
    enum pl_code code = check_name(name, error);
    if (!code) code = check_role(role, error);
    if (!code) code = check_password(password, error);
    if (!code) code = make_secret(password, &record.secret, error);
    if (code) return code;
    memcpy(record.user.name, name, strlen(name));
    pthread_mutex_lock(&changing);
    code = add(store, &record, error);
    pthread_mutex_unlock(&changing);
    OPENSSL_cleanse(&record, sizeof record);
    return code;
}

enum pl_code pl_users_remove(struct pl_store *store, const char *name, struct pl_error **error) {
    struct pl_user user = {.role = PL_ROLES};
    pthread_mutex_lock(&changing);
    enum pl_code code = pl_users_find(store, name, &user, error);
    if (!code) code = check_not_last_admin(store, &user, error);
    if (!code) code = write_one(store, name, NULL, error);
    pthread_mutex_unlock(&changing);
    return code;
}

enum pl_code pl_users_set_role(struct pl_store *store, const char *name, enum pl_role role, struct pl_error **error) {
    enum pl_code code = check_role(role, error);
    if (code) return code;
    pthread_mutex_lock(&changing);
    code = set_role(store, name, role, error);
    pthread_mutex_unlock(&changing);
    return code;
}

enum pl_code pl_users_set_password(struct pl_store *store, const char *name, const char *password, pl_time now,
                                   struct pl_error **error) {
    struct secret secret;
    struct pl_user user;
    enum pl_code code = pl_users_find(store, name, &user, error);
    if (!code) code = check_password(password, error);
    if (!code) code = make_secret(password, &secret, error);
    if (code) return code;
    pthread_mutex_lock(&changing);
    code = set_secret(store, name, &secret, now, error);
    pthread_mutex_unlock(&changing);
    OPENSSL_cleanse(&secret, sizeof secret);
    return code;
}
