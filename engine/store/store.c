#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "base/fault.h"
#include "store/family.h"
#include "store/folder.h"
#include "store/rekey.h"
#include "store/seal.h"
#include "store/snapshot.h"
#include "store/store_impl.h"

enum { KEEP_LOGS_S = 30 * 24 * 3600 /* what is too much goes before: pl_store_archive_trim */ };

/* ---- Errors ---- */

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static enum pl_code code_of(const char *message) {
    if (starts_with(message, "Corruption")) return PL_CORRUPT;
    if (starts_with(message, "NotFound")) return PL_NOT_FOUND;
    if (strstr(message, "While lock file") || strstr(message, "lock hold by current process")) return PL_BUSY;
    return PL_IO;
}

static enum pl_code translate(const char *path, const char *what, char *message, struct pl_error **error) {
    if (!message) return PL_OK;
    enum pl_code code = code_of(message);
    pl_error_set(error, code, "%s", message);
    if (strstr(message, "No space left"))
        pl_error_set(error, code, "%s: the disk is full", path);
    else if (code == PL_CORRUPT)
        pl_error_set(error, code, "%s: damaged, %s is not possible", path, what);
    else
        pl_error_set(error, code, "%s: %s did not succeed", path, what);
    rocksdb_free(message);
    return code;
}

enum pl_code pl_store_error(const struct pl_store *store, const char *what, char *message, struct pl_error **error) {
    return translate(store->path, what, message, error);
}

static enum pl_code no_memory(const char *path, struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "%s: out of memory", path);
}

/* ---- Folders ---- */

/* Where a data folder has its database; the caller's. NULL without memory. */
static char *database_folder(const char *path) {
    size_t length = strlen(path);
    char *folder = pl_alloc(length + sizeof "/store");
    if (!folder) return NULL;
    memcpy(folder, path, length);
    memcpy(folder + length, "/store", sizeof "/store");
    return folder;
}

/* Where a reader's RocksDB may write its own messages. */
static enum pl_code make_scratch(struct pl_store *store, struct pl_error **error) {
    const char *tmp = getenv("TMPDIR");
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/potline-reader-XXXXXX", tmp && *tmp ? tmp : "/tmp") >= (int)sizeof path ||
        !mkdtemp(path))
        return pl_error_set(error, PL_IO, "no temporary folder could be made in %s: %s", tmp && *tmp ? tmp : "/tmp",
                            strerror(errno));
    store->impl->scratch = pl_strdup(path);
    rocksdb_options_set_db_log_dir(store->impl->options, path);
    if (store->impl->scratch) return PL_OK;
    rmdir(path);
    return no_memory(store->path, error);
}

static void remove_scratch(const char *scratch) {
    DIR *folder = opendir(scratch);
    if (!folder) return;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.') unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(scratch);
}

/* ---- Opening ---- */

enum pl_code pl__store_families(struct pl_store *store, unsigned *there, char **message, struct pl_error **error) {
    *there = 0;
    *message = NULL;
    char current[PATH_MAX];
    if (snprintf(current, sizeof current, "%s/CURRENT", store->impl->folder) >= (int)sizeof current)
        return pl_error_set(error, PL_IO, "%s: the path is too long", store->path);
    if (access(current, F_OK)) {
        if (errno == ENOENT || errno == ENOTDIR) return PL_OK;
        return pl_error_set(error, PL_IO, "%s: %s", store->path, strerror(errno));
    }
    size_t count = 0;
    char **names = rocksdb_list_column_families(store->impl->options, store->impl->folder, &count, message);
    if (*message) return PL_OK;
    enum pl_code code = PL_OK;
    for (size_t i = 0; i < count && !code; i++) {
        int family = pl__family_find(names[i]);
        if (family < 0)
            code = pl_error_set(error, PL_CONFLICT, "%s: written by a newer version: it holds \"%s\"", store->path,
                                names[i]);
        else
            *there |= 1u << family;
    }
    rocksdb_list_column_families_destroy(names, count);
    return code;
}

char *pl__store_open_families(struct pl_store *store, enum pl__store_way way, unsigned there) {
    const char *names[PL_STORE_FAMILIES];
    const rocksdb_options_t *options[PL_STORE_FAMILIES];
    rocksdb_column_family_handle_t *handles[PL_STORE_FAMILIES] = {NULL};
    int count = 0;
    for (int i = 0; i < PL_STORE_FAMILIES; i++) {
        if (way != PL__WRITER && !(there & 1u << i)) continue;
        names[count] = pl__family_name(i);
        options[count++] = store->impl->family_options[i];
    }
    char *message = NULL;
    struct pl_store_impl *impl = store->impl;
    if (way == PL__READER)
        store->db = rocksdb_open_for_read_only_column_families(impl->options, impl->folder, count, names, options,
                                                               handles, 0, &message);
    else if (way == PL__BESIDE_WRITER)
        store->db = rocksdb_open_as_secondary_column_families(impl->options, impl->folder, impl->scratch, count, names,
                                                              options, handles, &message);
    else
        store->db = rocksdb_open_column_families(impl->options, impl->folder, count, names, options, handles, &message);
    for (int i = 0, at = 0; store->db && i < PL_STORE_FAMILIES; i++)
        if (way == PL__WRITER || there & 1u << i) store->family[i] = handles[at++];
    return message;
}

void pl__store_close_families(struct pl_store *store) {
    for (int i = 0; i < PL_STORE_FAMILIES; i++) {
        if (store->family[i]) rocksdb_column_family_handle_destroy(store->family[i]);
        store->family[i] = NULL;
    }
    if (store->db) rocksdb_close(store->db);
    store->db = NULL;
}

/* Finds damage that RocksDB would not, or take for something else. What is encrypted cannot be looked into from here:
 * only what was closed in good order is known to be as it was. */
static enum pl_code check_files(const struct pl_store *store, struct pl_error **error) {
    enum pl_code code = pl__store_check_closed(store, error);
    return code || store->impl->key ? code : pl__store_check_tables(store, error);
}

static enum pl_code open_for_reading(struct pl_store *store, bool unchecked, struct pl_error **error) {
    enum pl_code code = make_scratch(store, error);
    if (!code && !unchecked) code = check_files(store, error);
    return code ? code : pl__store_open_reader(store, error);
}

/* The files as the last writer left them, before RocksDB touches them. */
static enum pl_code take_over(struct pl_store *store, struct pl_error **error) {
    enum pl_code code = check_files(store, error);
    if (!code && !store->impl->key) code = pl__store_mend_logs(store, error);
    return code ? code : pl__store_mark_open(store->path, error);
}

static enum pl_code open_for_writing(struct pl_store *store, struct pl_error **error) {
    unsigned there;
    char *message = NULL;
    enum pl_code code = pl_folders_make(store->impl->folder, error);
    if (!code) code = pl__hold_take(&store->impl->hold, store->path, store->impl->folder, error);
    if (!code) code = pl__store_room_to_open(store, error);
    if (!code) code = take_over(store, error);
    if (!code) code = pl__store_families(store, &there, &message, error);
    if (message) return translate(store->path, "opening", message, error);
    if (code) return code;
    code = translate(store->path, "opening", pl__store_open_families(store, PL__WRITER, there), error);
    if (code) return code;
    store->impl->opened_at = rocksdb_get_latest_sequence_number(store->db);
    if (!store->impl->ship) pl_store_archive_trim(store, 0);
    pl__rekey_tidy(store->path);
    (void)pl_store_snapshot_remove(store->path, NULL);
    return pl_store_copy_remove(store->path, error);
}

/* ---- What the folder says about itself ---- */

static const char format_key[] = "format";

static enum pl_code put_format(struct pl_store *store, struct pl_error **error) {
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    char text[16];
    int length = snprintf(text, sizeof text, "%d", PL_STORE_FORMAT);
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], format_key, strlen(format_key), text,
                              (size_t)length);
    enum pl_code code = pl__store_put_identity(store, writes, error);
    if (!code) code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

static enum pl_code check_format(struct pl_store *store, bool read_only, struct pl_error **error) {
    void *value = NULL;
    size_t size;
    enum pl_code code = pl_store_get(store, PL_STORE_META, format_key, strlen(format_key), &value, &size, error);
    if (code == PL_NOT_FOUND) {
        if (read_only) return pl_error_set(error, PL_NOT_FOUND, "%s: not a data folder yet", store->path);
        return put_format(store, error);
    }
    if (code) return code;
    code = pl__format_check(store, pl__format_number(value), error);
    pl_free(value);
    return code;
}

/* What waited in a process that is gone, and was no part of its state. */
static enum pl_code empty_spill(struct pl_store *store, struct pl_error **error) {
    static const char from[] = {0}, to[] = {1};
    struct pl_store_iter *iter;
    enum pl_code code = pl_store_iter_new(store, PL_STORE_SPILL, to, sizeof to, &iter, error);
    if (code) return code;
    pl_store_iter_seek(iter, from, sizeof from);
    bool empty = !pl_store_iter_valid(iter);
    pl_store_iter_free(iter);
    if (empty) return PL_OK;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    rocksdb_writebatch_delete_range_cf(writes, store->family[PL_STORE_SPILL], from, sizeof from, to, sizeof to);
    code = pl_store_write(store, writes, error);
    rocksdb_writebatch_destroy(writes);
    return code;
}

/* ---- Life ---- */

static enum pl_code prepare(struct pl_store *store, const char *path, const struct pl_store_options *options,
                            struct pl_error **error) {
    struct pl_store_impl *impl = store->impl;
    store->path = pl_strdup(path);
    impl->folder = database_folder(path);
    if (!store->path || !impl->folder) return no_memory(path, error);
    impl->key = pl_store_key_ref(options->key);
    if (impl->key && !(impl->seal_env = pl__seal_env_new(impl->key))) return no_memory(path, error);
    impl->options = pl__database_options(options->read_only);
    if (impl->key) pl__seal_env_use(impl->seal_env, impl->options);
    for (int i = 0; i < PL_STORE_FAMILIES; i++)
        impl->family_options[i] = pl__family_options(i);
    impl->reserve = options->reserve;
    impl->ship = options->ship;
    impl->sync_each = options->sync_each;
    if (impl->ship) rocksdb_options_set_WAL_ttl_seconds(impl->options, KEEP_LOGS_S);
    pl__store_assert_about(path);
    impl->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(impl->write, options->sync_each);
    impl->read = rocksdb_readoptions_create();
    pthread_mutex_init(&impl->lock, NULL);
    pthread_mutex_init(&impl->run_lock, NULL);
    return PL_OK;
}

enum pl_code pl_store_open(const char *path, const struct pl_store_options *options, struct pl_store **store,
                           struct pl_error **error) {
    *store = NULL;
    struct pl_store *s = PL_NEW(struct pl_store);
    if (s && (s->impl = PL_NEW(struct pl_store_impl))) s->impl->hold.fd = -1;
    if (!s || !s->impl) {
        pl_free(s);
        return no_memory(path, error);
    }
    enum pl_code code = prepare(s, path, options, error);
    if (!code) code = pl__format_check_file(s, error);
    if (!code) code = pl__store_check_whole(path, error);
    if (!code) code = pl__seal_check_folder(path, s->impl->folder, options->key, NULL, error);
    if (!code) code = options->read_only ? open_for_reading(s, options->unchecked, error) : open_for_writing(s, error);
    PL_FAULT("open.store");
    if (!code) code = check_format(s, options->read_only, error);
    if (!code && !options->read_only) code = pl__format_put_file(s, error);
    if (!code && !options->read_only && !options->follow) code = pl__lineage_open(s, options->ship, error);
    if (!code && !options->read_only && !options->follow) code = pl__store_identify(s, error);
    if (!code && !options->read_only) code = empty_spill(s, error);
    if (code)
        pl_store_close(s);
    else
        *store = s;
    return code;
}

static void free_options(struct pl_store_impl *impl) {
    if (!impl->options) return; /* prepare did not come that far */
    rocksdb_options_destroy(impl->options);
    for (int i = 0; i < PL_STORE_FAMILIES; i++)
        rocksdb_options_destroy(impl->family_options[i]);
    rocksdb_writeoptions_destroy(impl->write);
    rocksdb_readoptions_destroy(impl->read);
    pthread_mutex_destroy(&impl->lock);
    pthread_mutex_destroy(&impl->run_lock);
}

static _Atomic bool left_open;

bool pl_store_left_open(void) {
    return atomic_load(&left_open);
}

void pl_store_close(struct pl_store *store) {
    if (!store) return;
    struct pl_store_impl *impl = store->impl;
    const struct pl_store_watch *watch = atomic_load(&impl->watch);
    if (watch) watch->closing(watch->arg);
    atomic_store(&impl->watch, NULL);
    if (store->db && atomic_load(&impl->broken)) atomic_store(&left_open, true);
    if (store->db) pl__store_iters_end(store);
    if (store->db && !atomic_load(&impl->broken)) { /* else RocksDB's part stays until the process ends */
        bool seal = !impl->scratch && pl_store_sync(store, NULL) == PL_OK;
        pl__store_close_families(store);
        if (seal) pl__store_mark_closed(store);
    }
    free_options(impl);
    if (!atomic_load(&impl->broken)) {
        pl__seal_env_free(impl->seal_env);
        pl_store_key_unref(impl->key);
    }
    pl__hold_release(&impl->hold);
    if (impl->scratch) remove_scratch(impl->scratch);
    pl_free(impl->scratch);
    pl_free(impl->folder);
    pl_free(impl);
    pl_free(store->path);
    pl_free(store);
}

struct pl_store_key *pl_store_key(const struct pl_store *store) {
    return store->impl->key;
}

enum pl_code pl_store_key_check(const char *path, const struct pl_store_key *key, struct pl_error **error) {
    char *folder = database_folder(path);
    if (!folder) return no_memory(path, error);
    enum pl_code code = pl__seal_check_folder(path, folder, key, NULL, error);
    pl_free(folder);
    return code;
}

static void remove_beside(const char *path, const char *name) {
    char file[PATH_MAX];
    if (snprintf(file, sizeof file, "%s/%s", path, name) < (int)sizeof file) unlink(file);
}

enum pl_code pl_store_remove(const char *path, struct pl_error **error) {
    char *folder = database_folder(path), *message = NULL;
    struct pl__hold hold = {.fd = -1};
    if (!folder) return no_memory(path, error);
    enum pl_code code = PL_OK;
    if (access(folder, F_OK) == 0 && !(code = pl__hold_take(&hold, path, folder, error)) &&
        !(code = pl__store_mark_open(path, error))) {
        rocksdb_options_t *options = pl__database_options(false);
        rocksdb_destroy_db(options, folder, &message);
        rocksdb_options_destroy(options);
        code = message ? translate(path, "removing", message, error) : PL_OK;
        if (!code && rmdir(folder) && errno != ENOENT)
            code = pl_error_set(error, PL_IO, "%s: not removed: %s", folder, strerror(errno));
    }
    pl__hold_release(&hold);
    pl_free(folder);
    if (!code) code = pl_store_snapshot_remove(path, error);
    if (!code) pl__restore_clear(path);
    if (!code) remove_beside(path, PL__FORMAT);
    return code ? code : pl__rekey_clear(path, error);
}

/* ---- Writing and reading ---- */

/* After a write that failed, RocksDB's asserts end the process at the next touch of that file: it is let be. */
static enum pl_code failed(struct pl_store *store, const char *what, char *message, struct pl_error **error) {
    if (message) {
        atomic_store(&store->impl->broken, true);
        pl__store_assert_broken();
    }
    return pl_store_error(store, what, message, error);
}

static enum pl_code still_broken(const struct pl_store *store, struct pl_error **error) {
    return pl_error_set(error, PL_IO, "%s: an earlier write failed; nothing more is written", store->path);
}

static void tell_synced(struct pl_store *store) {
    const struct pl_store_watch *watch = atomic_load_explicit(&store->impl->watch, memory_order_acquire);
    if (watch) watch->synced(watch->arg);
}

enum pl_code pl_store_write(struct pl_store *store, rocksdb_writebatch_t *writes, struct pl_error **error) {
    size_t size;
    char *message = NULL;
    rocksdb_writebatch_data(writes, &size);
    enum pl_code code = pl__store_room_to_write(store, size, error);
    if (atomic_load_explicit(&store->impl->broken, memory_order_relaxed)) code = still_broken(store, error);
    if (PL_FAULT_FAILS("store.write")) message = strdup("IO error: as POTLINE_FAULT asks");
    if (PL_LIKELY(!code && !message)) rocksdb_write(store->db, store->impl->write, writes, &message);
    rocksdb_writebatch_clear(writes);
    if (PL_UNLIKELY(message)) return failed(store, "writing", message, error);
    if (code) return code;
    if (store->impl->sync_each) tell_synced(store);
    return PL_OK;
}

enum pl_code pl_store_room(struct pl_store *store, size_t size, struct pl_error **error) {
    if (atomic_load_explicit(&store->impl->broken, memory_order_relaxed)) return still_broken(store, error);
    return pl__store_room_to_write(store, size, error);
}

enum pl_code pl_store_sync(struct pl_store *store, struct pl_error **error) {
    char *message = NULL;
    if (atomic_load(&store->impl->broken)) return still_broken(store, error);
    if (PL_FAULT_FAILS("store.sync")) message = strdup("IO error: as POTLINE_FAULT asks");
    if (!message) rocksdb_flush_wal(store->db, 1, &message);
    if (message) return failed(store, "syncing", message, error);
    tell_synced(store);
    return PL_OK;
}

void pl_store_set_watch(struct pl_store *store, const struct pl_store_watch *watch) {
    atomic_store_explicit(&store->impl->watch, watch, memory_order_release);
}

bool pl_store_ships(const struct pl_store *store) {
    return store->impl->ship;
}

uint64_t pl_store_opened_at(const struct pl_store *store) {
    return store->impl->opened_at;
}

enum pl_code pl_store_get(struct pl_store *store, enum pl_store_family family, const void *key, size_t key_size,
                          void **value, size_t *size, struct pl_error **error) {
    *value = NULL;
    *size = 0;
    if (!store->family[family]) return PL_NOT_FOUND;
    char *message = NULL;
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned_cf(store->db, store->impl->read, store->family[family], key, key_size, &message);
    if (message) return pl_store_error(store, "reading", message, error);
    if (!slice) return PL_NOT_FOUND;
    const char *bytes = rocksdb_pinnableslice_value(slice, size);
    char *copy = pl_alloc(*size + 1);
    if (copy) memcpy(copy, bytes, *size);
    rocksdb_pinnableslice_destroy(slice);
    *value = copy;
    return copy ? PL_OK : no_memory(store->path, error);
}
