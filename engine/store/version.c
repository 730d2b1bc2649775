#include "version.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/pack.h>

#include "base/buffer.h"

static const char version_key[] = "version";
static const char folder_name[] = "versions";

enum { ITEMS = 10, NODE_ITEMS = 6, SPAN_ITEMS = 3, CHECKSUM = 8, NODES_MAX = 1 << 16, SPANS_MAX = 1 << 24 };

void pl_version_fini(struct pl_version *version) {
    for (unsigned i = 0; i < version->node_count; i++) {
        pl_free(version->nodes[i].name);
        pl_free(version->nodes[i].was);
        pl_free(version->nodes[i].op);
        pl_free(version->nodes[i].plugin);
    }
    pl_free(version->nodes);
    pl_free(version->spans);
    pl_free(version->engine);
    pl_free(version->graph);
    *version = (struct pl_version){0};
}

/* ---- Names ---- */

bool pl_version_name_fits(const char *name) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    return length && length <= PL_VERSION_NAME_MAX && !name[length] && !strchr("._-", name[0]);
}

char *pl_version_path(const char *data, const char *name) {
    size_t room = strlen(data) + sizeof folder_name + strlen(name) + 2;
    char *path = pl_alloc(room);
    if (path) snprintf(path, room, "%s/%s/%s", data, folder_name, name);
    return path;
}

/* ---- As bytes ---- */

static void pack_version(struct pl_pack *pack, const struct pl_version *version) {
    pl_pack_array(pack, ITEMS);
    pl_pack_int(pack, version->made);
    pl_pack_int(pack, version->published);
    pl_pack_str(pack, version->engine);
    pl_pack_str(pack, version->graph);
    pl_pack_uint(pack, version->hash);
    pl_pack_uint(pack, version->rows);
    pl_pack_uint(pack, version->epoch);
    pl_pack_bool(pack, version->repair);
    pl_pack_array(pack, version->node_count);
    for (unsigned i = 0; i < version->node_count; i++) {
        pl_pack_array(pack, NODE_ITEMS);
        pl_pack_str(pack, version->nodes[i].name);
        pl_pack_str(pack, version->nodes[i].was);
        pl_pack_str(pack, version->nodes[i].op);
        pl_pack_str(pack, version->nodes[i].plugin);
        pl_pack_uint(pack, version->nodes[i].options);
        pl_pack_bool(pack, version->nodes[i].counts);
    }
    pl_pack_array(pack, version->span_count);
    for (unsigned i = 0; i < version->span_count; i++) {
        pl_pack_array(pack, SPAN_ITEMS);
        pl_pack_uint(pack, version->spans[i].zone);
        pl_pack_int(pack, version->spans[i].from);
        pl_pack_int(pack, version->spans[i].to);
    }
}

static bool unpack_text(struct pl_unpack *unpack, char **text) {
    const char *at;
    size_t length;
    if (!pl_unpack_str(unpack, &at, &length)) return false;
    return (*text = pl_strndup(at, length)) != NULL;
}

/* An item has a byte at least. */
static size_t left(const struct pl_unpack *unpack) {
    return (size_t)(unpack->end - unpack->at);
}

static bool is_array_of(struct pl_unpack *unpack, uint32_t wanted) {
    uint32_t count;
    return pl_unpack_array(unpack, &count) && count == wanted;
}

static bool unpack_nodes(struct pl_unpack *unpack, struct pl_version *version) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count > NODES_MAX || count > left(unpack)) return false;
    version->nodes = pl_alloc((count + 1) * sizeof *version->nodes);
    for (uint32_t i = 0; version->nodes && i < count; i++) {
        struct pl_version_node *node = &version->nodes[i];
        *node = (struct pl_version_node){0};
        version->node_count++;
        if (!is_array_of(unpack, NODE_ITEMS) || !unpack_text(unpack, &node->name) || !unpack_text(unpack, &node->was) ||
            !unpack_text(unpack, &node->op) || !unpack_text(unpack, &node->plugin) ||
            !pl_unpack_uint(unpack, &node->options) || !pl_unpack_bool(unpack, &node->counts))
            return false;
    }
    return version->nodes != NULL;
}

static bool unpack_spans(struct pl_unpack *unpack, struct pl_version *version) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count > SPANS_MAX || count > left(unpack)) return false;
    version->spans = pl_alloc((count + 1) * sizeof *version->spans);
    for (uint32_t i = 0; version->spans && i < count; i++) {
        struct pl_version_span *span = &version->spans[i];
        uint64_t zone;
        if (!is_array_of(unpack, SPAN_ITEMS) || !pl_unpack_uint(unpack, &zone) ||
            (zone != PL_SILVER && zone != PL_GOLD) || !pl_unpack_int(unpack, &span->from) ||
            !pl_unpack_int(unpack, &span->to) || span->from >= span->to)
            return false;
        span->zone = (enum pl_zone_id)zone;
        version->span_count++;
    }
    return version->spans != NULL;
}

static bool unpack_version(struct pl_unpack *unpack, struct pl_version *version) {
    return is_array_of(unpack, ITEMS) && pl_unpack_int(unpack, &version->made) &&
           pl_unpack_int(unpack, &version->published) && unpack_text(unpack, &version->engine) &&
           unpack_text(unpack, &version->graph) && pl_unpack_uint(unpack, &version->hash) &&
           pl_unpack_uint(unpack, &version->rows) && pl_unpack_uint(unpack, &version->epoch) &&
           pl_unpack_bool(unpack, &version->repair) && unpack_nodes(unpack, version) && unpack_spans(unpack, version);
}

enum pl_code pl_version_write(struct pl_store *store, const struct pl_version *version, struct pl_error **error) {
    struct pl_pack *pack = pl_pack_new();
    struct pl_buffer bytes;
    pl_buffer_init(&bytes, SIZE_MAX);
    if (pack) pack_version(pack, version);
    bool made = pack && !pl_pack_failed(pack);
    if (made) {
        uint64_t checksum = pl_store_checksum(version_key, sizeof version_key, pl_pack_data(pack), pl_pack_size(pack));
        pl_buffer_put(&bytes, &checksum, CHECKSUM);
        pl_buffer_put(&bytes, pl_pack_data(pack), pl_pack_size(pack));
    }
    pl_pack_free(pack);
    enum pl_code code = PL_NO_MEMORY;
    if (made && !pl_buffer_failed(&bytes)) {
        rocksdb_writebatch_t *writes = rocksdb_writebatch_create();
        rocksdb_writebatch_put_cf(writes, store->family[PL_STORE_META], version_key, sizeof version_key,
                                  (const char *)bytes.data, bytes.size);
        code = pl_store_write(store, writes, error);
        rocksdb_writebatch_destroy(writes);
        if (!code) code = pl_store_sync(store, error);
    } else {
        pl_error_set(error, code, "no memory for a version");
    }
    pl_buffer_fini(&bytes);
    return code;
}

enum pl_code pl_version_read(struct pl_store *store, struct pl_version *version, struct pl_error **error) {
    void *value;
    size_t size;
    *version = (struct pl_version){0};
    enum pl_code code = pl_store_get(store, PL_STORE_META, version_key, sizeof version_key, &value, &size, error);
    if (code) return code;
    const uint8_t *bytes = value;
    uint64_t checksum = 0;
    struct pl_unpack unpack;
    if (size > CHECKSUM) {
        memcpy(&checksum, bytes, CHECKSUM);
        pl_unpack_init(&unpack, bytes + CHECKSUM, size - CHECKSUM);
    }
    if (size <= CHECKSUM ||
        checksum != pl_store_checksum(version_key, sizeof version_key, bytes + CHECKSUM, size - CHECKSUM) ||
        !unpack_version(&unpack, version)) {
        pl_version_fini(version);
        code = pl_error_set(error, PL_CORRUPT, "%s: what it says of itself as a version is damaged", store->path);
    }
    pl_free(value);
    return code;
}

/* ---- All of a folder ---- */

enum pl_code pl_versions_each(const char *data, pl_versions_visitor *each, void *arg, struct pl_error **error) {
    char *all = pl_version_path(data, "");
    if (!all) return pl_error_set(error, PL_NO_MEMORY, "no memory for versions");
    enum pl_code code = PL_OK;
    DIR *folder = opendir(all);
    if (!folder && errno != ENOENT) code = pl_error_set(error, PL_UNAVAILABLE, "%s: %s", all, strerror(errno));
    for (struct dirent *entry; !code && folder && (entry = readdir(folder));) {
        if (!pl_version_name_fits(entry->d_name)) continue;
        char *path = pl_version_path(data, entry->d_name);
        code = path ? each(arg, entry->d_name, path, error) : pl_error_set(error, PL_NO_MEMORY, "no memory");
        pl_free(path);
    }
    if (folder) closedir(folder);
    pl_free(all);
    return code;
}

struct list {
    struct pl_store_key *key;
    struct pl_version_entry *entries;
    unsigned count;
};

static enum pl_code read_one(struct pl_store_key *key, const char *path, struct pl_version *version,
                             struct pl_error **error) {
    struct pl_store_options options = {.read_only = true, .key = key};
    struct pl_store *store = NULL;
    enum pl_code code = pl_store_open(path, &options, &store, error);
    if (!code) code = pl_version_read(store, version, error);
    pl_store_close(store);
    return code;
}

/* What is still being made, or was left half made, is none. */
static enum pl_code add_one(void *arg, const char *name, const char *path, struct pl_error **error) {
    struct list *list = arg;
    struct pl_version_entry *entry = &list->entries[list->count];
    struct pl_error *why = NULL;
    if (list->count == PL_VERSIONS_MAX) return PL_OK;
    *entry = (struct pl_version_entry){0};
    enum pl_code code = read_one(list->key, path, &entry->version, &why);
    if (code && code != PL_NOT_FOUND) {
        entry->damage = why ? pl_error_text(why) : pl_strdup(pl_code_text(code));
        if (!entry->damage) code = pl_error_set(error, PL_NO_MEMORY, "no memory for versions");
    }
    pl_error_free(&why);
    if (code == PL_NOT_FOUND) return PL_OK;
    snprintf(entry->version.name, sizeof entry->version.name, "%s", name);
    list->count += !code || entry->damage;
    return code && !entry->damage ? code : PL_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_version_entry *)a)->version.name,
                  ((const struct pl_version_entry *)b)->version.name);
}

enum pl_code pl_versions_list(const char *data, struct pl_store_key *key, struct pl_version_entry **entries,
                              unsigned *count, struct pl_error **error) {
    struct list list = {.key = key, .entries = pl_alloc(PL_VERSIONS_MAX * sizeof **entries)};
    enum pl_code code = list.entries ? pl_versions_each(data, add_one, &list, error)
                                     : pl_error_set(error, PL_NO_MEMORY, "no memory for versions");
    if (code) {
        pl_versions_free(list.entries, list.count);
        list = (struct list){0};
    }
    if (list.count) qsort(list.entries, list.count, sizeof *list.entries, by_name);
    *entries = list.entries;
    *count = list.count;
    return code;
}

void pl_versions_free(struct pl_version_entry *entries, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        pl_version_fini(&entries[i].version);
        pl_free(entries[i].damage);
    }
    pl_free(entries);
}
