/* history.c: in meta, "history.NN" -> checksum | the entry as a msgpack array; "history.text.NN" -> checksum | number,
 * path and text of each file, and an array of what was set, the same way; "history" -> the last number. */
#include "store/history.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "store/checked.h"

enum { ITEMS = 9, ITEMS_BEFORE = 8 /* without an epoch */, KEY = 32, TEXT_MAX = 4096, SET_MAX = 1024 };
static const char last_key[] = "history";

static void put_key(char key[KEY], uint64_t number) {
    snprintf(key, KEY, "history.%02u", (unsigned)(number % PL_HISTORY_MAX));
}

static void put_text_key(char key[KEY], uint64_t number) {
    snprintf(key, KEY, "history.text.%02u", (unsigned)(number % PL_HISTORY_TEXTS));
}

static enum pl_code damaged(struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "the history of graphs is damaged");
}

static enum pl_code read_last(struct pl_store *store, uint64_t *last, struct pl_error **error) {
    void *value;
    size_t size;
    uint64_t number = 0;
    *last = 0;
    enum pl_code code = pl_store_get(store, PL_STORE_META, last_key, strlen(last_key), &value, &size, error);
    if (code == PL_NOT_FOUND) return PL_OK;
    if (code) return code;
    if (size == sizeof number) memcpy(&number, value, size);
    pl_free(value);
    *last = be64toh(number);
    return size == sizeof number ? PL_OK : damaged(error);
}

static void pack_text(struct pl_pack *pack, const char *text) {
    size_t length = text ? strnlen(text, TEXT_MAX) : 0;
    char cut[TEXT_MAX + 1];
    memcpy(cut, text ? text : "", length);
    cut[length] = 0;
    pl_pack_str(pack, cut);
}

static void pack_entry(const struct pl_history_entry *entry, struct pl_pack *pack) {
    pl_pack_array(pack, ITEMS);
    pl_pack_uint(pack, entry->number);
    pl_pack_int(pack, entry->time);
    pl_pack_uint(pack, entry->hash);
    pack_text(pack, entry->name);
    pack_text(pack, entry->path);
    pack_text(pack, entry->user);
    pack_text(pack, entry->how);
    pack_text(pack, entry->what);
    pl_pack_uint(pack, entry->epoch);
}

static bool are_kept(const struct pl_file_text *files, unsigned count) {
    size_t bytes = 0;
    for (unsigned i = 0; i < count && bytes <= PL_HISTORY_BYTES; i++)
        bytes += files[i].length + strlen(files[i].path);
    return count > 0 && count <= PL_HISTORY_FILES && bytes <= PL_HISTORY_BYTES;
}

static void pack_set(struct pl_pack *pack, const char *const *set) {
    uint32_t count = 0;
    while (set && set[count] && count < SET_MAX)
        count++;
    pl_pack_array(pack, count);
    for (uint32_t i = 0; i < count; i++)
        pl_pack_str(pack, set[i]);
}

/* Without any where there is too much of them: what is there is of an older graph. */
static void pack_files(const struct pl_history_entry *entry, const struct pl_file_text *files, unsigned count,
                       struct pl_pack *pack) {
    if (!are_kept(files, count)) count = 0;
    pl_pack_array(pack, 1 + 2 * count + (count > 0));
    pl_pack_uint(pack, entry->number);
    for (unsigned i = 0; i < count; i++) {
        pl_pack_str(pack, files[i].path);
        pl_pack_strn(pack, files[i].text, files[i].length);
    }
    if (count) pack_set(pack, entry->set);
}

/* False without memory. */
static bool put_all(rocksdb_writebatch_t *writes, const struct pl_store *store, const struct pl_history_entry *entry,
                    const struct pl_file_text *files, unsigned file_count) {
    char key[KEY];
    uint64_t last = htobe64(entry->number);
    struct pl_pack *pack = pl_pack_new();
    if (!pack) return false;
    put_key(key, entry->number);
    pack_entry(entry, pack);
    bool good = pl_checked_put(writes, store, key, pack);
    pl_pack_reset(pack);
    put_text_key(key, entry->number);
    pack_files(entry, files, file_count, pack);
    good = good && pl_checked_put(writes, store, key, pack);
    pl_pack_free(pack);
    rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], last_key, strlen(last_key), (const char *)&last,
                              sizeof last);
    return good;
}

enum pl_code pl_history_add(struct pl_store *store, struct pl_history_entry *entry, const struct pl_file_text *files,
                            unsigned file_count, struct pl_error **error) {
    uint64_t last;
    enum pl_code code = read_last(store, &last, error);
    if (code) return code;
    entry->number = last + 1;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
    code = put_all(writes, store, entry, files, file_count)
               ? pl_store_write(store, writes, error)
               : pl_error_set(error, PL_NO_MEMORY, "no memory for the history of graphs");
    rocksdb_writebatch_destroy(writes);
    return code;
}

/* ---- Reading ---- */

/* Owned by the caller, a 0 behind it; NULL: it is none. */
static char *unpack_text(struct pl_unpack *unpack) {
    const char *at;
    size_t length;
    if (!pl_unpack_str(unpack, &at, &length) || length > TEXT_MAX) return NULL;
    char *text = pl_alloc(length + 1);
    if (text) memcpy(text, at, length);
    return text;
}

static enum pl_code show(struct pl_unpack *unpack, pl_history_visitor *each, void *arg, struct pl_error **error) {
    struct pl_history_entry entry = {0};
    uint32_t items;
    char *texts[5] = {NULL};
    bool good = pl_unpack_array(unpack, &items) && (items == ITEMS || items == ITEMS_BEFORE) &&
                pl_unpack_uint(unpack, &entry.number) && pl_unpack_int(unpack, &entry.time) &&
                pl_unpack_uint(unpack, &entry.hash);
    for (unsigned i = 0; good && i < 5; i++)
        good = (texts[i] = unpack_text(unpack)) != NULL;
    if (good && items == ITEMS) good = pl_unpack_uint(unpack, &entry.epoch);
    entry.name = texts[0];
    entry.path = texts[1];
    entry.user = texts[2];
    entry.how = texts[3];
    entry.what = texts[4];
    enum pl_code code = good ? each(arg, &entry, error) : damaged(error);
    for (unsigned i = 0; i < 5; i++)
        pl_free(texts[i]);
    return code;
}

/* *value is the caller's; *unpack borrows it. */
static enum pl_code get(struct pl_store *store, const char *key, void **value, struct pl_unpack *unpack,
                        struct pl_error **error) {
    size_t size;
    enum pl_code code = pl_store_get(store, PL_STORE_META, key, strlen(key), value, &size, error);
    if (code) return code;
    if (pl_checked_begin(key, strlen(key), *value, size, unpack)) return PL_OK;
    pl_free(*value);
    return damaged(error);
}

static enum pl_code show_one(struct pl_store *store, uint64_t number, pl_history_visitor *each, void *arg,
                             struct pl_error **error) {
    char key[KEY];
    void *value;
    struct pl_unpack unpack;
    put_key(key, number);
    enum pl_code code = get(store, key, &value, &unpack, error);
    if (code) return code == PL_NOT_FOUND ? PL_OK : code;
    code = show(&unpack, each, arg, error);
    pl_free(value);
    return code;
}

enum pl_code pl_history_each(struct pl_store *store, pl_history_visitor *each, void *arg, struct pl_error **error) {
    uint64_t last;
    enum pl_code code = read_last(store, &last, error);
    for (uint64_t i = 0; i < PL_HISTORY_MAX && i < last && !code; i++)
        code = show_one(store, last - i, each, arg, error);
    return code;
}

/* ---- Files ---- */

static char *unpack_any(struct pl_unpack *unpack, size_t *length) {
    const char *at;
    if (!pl_unpack_str(unpack, &at, length)) return NULL;
    char *text = pl_alloc(*length + 1);
    if (text) memcpy(text, at, *length);
    return text;
}

static bool unpack_set(struct pl_unpack *unpack, struct pl_history_files *files) {
    uint32_t count;
    size_t length;
    if (!pl_unpack_array(unpack, &count) || count > SET_MAX) return false;
    files->set = pl_alloc((count + 1) * sizeof *files->set);
    for (uint32_t i = 0; files->set && i < count; i++)
        if (!(files->set[i] = unpack_any(unpack, &length))) return false;
    return files->set != NULL;
}

static enum pl_code unpack_files(struct pl_unpack *unpack, uint64_t number, struct pl_history_files *files,
                                 struct pl_error **error) {
    uint32_t items;
    uint64_t of;
    if (!pl_unpack_array(unpack, &items) || items == 0 || items > 2 * PL_HISTORY_FILES + 2 ||
        !pl_unpack_uint(unpack, &of))
        return damaged(error);
    if (of != number || items == 1) return PL_NOT_FOUND;
    uint32_t count = (items - 1) / 2;
    files->files = pl_alloc(count * sizeof *files->files);
    bool good = files->files != NULL;
    while (good && files->count < count) {
        struct pl_file_text *file = &files->files[files->count++];
        size_t length;
        file->path = unpack_any(unpack, &length);
        file->text = unpack_any(unpack, &file->length);
        good = file->path && file->text;
    }
    if (good && items % 2 == 0) good = unpack_set(unpack, files);
    return good ? PL_OK : damaged(error);
}

enum pl_code pl_history_files(struct pl_store *store, uint64_t number, struct pl_history_files *files,
                              struct pl_error **error) {
    char key[KEY];
    void *value;
    struct pl_unpack unpack;
    *files = (struct pl_history_files){0};
    put_text_key(key, number);
    enum pl_code code = get(store, key, &value, &unpack, error);
    if (code) return code;
    code = unpack_files(&unpack, number, files, error);
    pl_free(value);
    if (code) pl_history_files_fini(files);
    return code;
}

void pl_history_files_fini(struct pl_history_files *files) {
    for (unsigned i = 0; i < files->count; i++) {
        pl_free((char *)(uintptr_t)files->files[i].path);
        pl_free((char *)(uintptr_t)files->files[i].text);
    }
    for (char **set = files->set; set && *set; set++)
        pl_free(*set);
    pl_free(files->set);
    pl_free(files->files);
    *files = (struct pl_history_files){0};
}
