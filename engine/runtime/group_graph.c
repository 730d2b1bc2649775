#include "runtime/group_graph.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "log/kafka_board.h"

enum { VERSION = 1, ITEMS = 12 };

/* ---- Keys ---- */

static const char prefix[] = "graph/";

uint64_t pl_group_graph_key(const char *key) {
    const size_t length = sizeof prefix - 1;
    if (strncmp(key, prefix, length) != 0 || key[length] < '0' || key[length] > '9') return 0;
    char *end;
    uint64_t number = strtoull(key + length, &end, 10);
    return *end == '/' && number < INT64_MAX ? number : 0;
}

void pl_group_graph_put_key(char *key, size_t room, uint64_t number, const char *identity) {
    snprintf(key, room, "%s%020" PRIu64 "/%s", prefix, number, identity);
}

/* ---- As bytes ---- */

static size_t size_of(const struct pl_group_graph *said) {
    size_t size = 0;
    for (unsigned i = 0; i < said->file_count; i++)
        size += said->files[i].length + strlen(said->files[i].path);
    return size;
}

static void pack_cut(struct pl_pack *pack, const char *text) {
    pl_pack_strn(pack, text, strnlen(text, PL_GROUP_GRAPH_TEXT));
}

static void pack_set(const struct pl_group_graph *said, struct pl_pack *pack) {
    uint32_t count = 0;
    while (said->set && said->set[count])
        count++;
    pl_pack_array(pack, count);
    for (uint32_t i = 0; i < count; i++)
        pl_pack_str(pack, said->set[i]);
}

static void pack_all(const struct pl_group_graph *said, struct pl_pack *pack) {
    pl_pack_array(pack, ITEMS);
    pl_pack_uint(pack, VERSION);
    pl_pack_uint(pack, said->number);
    pl_pack_uint(pack, said->hash);
    pl_pack_int(pack, said->time);
    pl_pack_int(pack, said->probation);
    pl_pack_bool(pack, said->lenient);
    pl_pack_str(pack, said->path);
    pack_cut(pack, said->user);
    pack_cut(pack, said->how);
    pack_cut(pack, said->why);
    pl_pack_array(pack, 2 * said->file_count);
    for (unsigned i = 0; i < said->file_count; i++) {
        pl_pack_str(pack, said->files[i].path);
        pl_pack_strn(pack, said->files[i].text, said->files[i].length);
    }
    pack_set(said, pack);
}

enum pl_code pl_group_graph_pack(const struct pl_group_graph *said, struct pl_pack *pack, struct pl_error **error) {
    pack_all(said, pack);
    if (pl_pack_failed(pack)) return pl_error_set(error, PL_NO_MEMORY, "no memory for a graph");
    if (pl_pack_size(pack) <= PL_BOARD_ENTRY && said->file_count <= PL_GROUP_GRAPH_FILES) return PL_OK;
    return pl_error_set(error, PL_LIMIT, "the files of the graph are %zu KiB; a group can be told of at most %d KiB",
                        size_of(said) >> 10, PL_BOARD_ENTRY >> 10);
}

/* A copy, owned by the caller; NULL: it is none, is longer than that, or holds a 0. */
static char *take(struct pl_unpack *unpack, size_t most, size_t *length) {
    const char *at;
    if (!pl_unpack_str(unpack, &at, length) || *length > most || memchr(at, 0, *length)) return NULL;
    char *text = pl_alloc(*length + 1);
    if (text) memcpy(text, at, *length);
    return text;
}

static bool take_text(struct pl_unpack *unpack, size_t most, const char **text) {
    size_t length;
    return (*text = take(unpack, most, &length)) != NULL;
}

static bool take_files(struct pl_unpack *unpack, struct pl_group_graph *said) {
    uint32_t items;
    if (!pl_unpack_array(unpack, &items) || !items || items % 2 || items > 2 * PL_GROUP_GRAPH_FILES) return false;
    said->files = pl_alloc(items / 2 * sizeof *said->files);
    bool good = said->files != NULL;
    while (good && said->file_count < items / 2) {
        struct pl_file_text *file = &said->files[said->file_count++];
        good = take_text(unpack, PATH_MAX, &file->path) && (file->text = take(unpack, PL_BOARD_ENTRY, &file->length));
    }
    return good;
}

static bool take_set(struct pl_unpack *unpack, struct pl_group_graph *said) {
    uint32_t count;
    if (!pl_unpack_array(unpack, &count) || count > PL_GROUP_GRAPH_SET) return false;
    said->set = pl_alloc((count + 1) * sizeof *said->set);
    bool good = said->set != NULL;
    for (uint32_t i = 0; good && i < count; i++)
        good = take_text(unpack, PL_BOARD_ENTRY, &said->set[i]);
    return good;
}

bool pl_group_graph_unpack(const void *bytes, size_t size, struct pl_group_graph *said) {
    struct pl_unpack unpack;
    uint32_t items;
    uint64_t version;
    *said = (struct pl_group_graph){0};
    pl_unpack_init(&unpack, bytes, size);
    return pl_unpack_array(&unpack, &items) && items == ITEMS && pl_unpack_uint(&unpack, &version) &&
           version == VERSION && pl_unpack_uint(&unpack, &said->number) && pl_unpack_uint(&unpack, &said->hash) &&
           pl_unpack_int(&unpack, &said->time) && pl_unpack_int(&unpack, &said->probation) &&
           pl_unpack_bool(&unpack, &said->lenient) && take_text(&unpack, PATH_MAX, &said->path) &&
           take_text(&unpack, PL_GROUP_GRAPH_TEXT, &said->user) &&
           take_text(&unpack, PL_GROUP_GRAPH_TEXT, &said->how) && take_text(&unpack, PL_GROUP_GRAPH_TEXT, &said->why) &&
           take_files(&unpack, said) && take_set(&unpack, said) && unpack.at == unpack.end && said->probation >= 0 &&
           said->probation <= PL_TIME_MAX / 2;
}

static void let_go(const char *text) {
    pl_free((char *)(uintptr_t)text);
}

void pl_group_graph_fini(struct pl_group_graph *said) {
    for (unsigned i = 0; i < said->file_count; i++) {
        let_go(said->files[i].path);
        let_go(said->files[i].text);
    }
    for (const char **set = said->set; set && *set; set++)
        let_go(*set);
    pl_free(said->files);
    pl_free(said->set);
    let_go(said->path);
    let_go(said->user);
    let_go(said->how);
    let_go(said->why);
    *said = (struct pl_group_graph){0};
}

/* ---- Of a graph, and back ---- */

/* As seen from the folder of `own`; what lies elsewhere keeps its path. */
static const char *seen_from(const char *own, const char *path) {
    const char *slash = strrchr(own, '/');
    size_t length = slash ? (size_t)(slash - own) + 1 : 0;
    return strncmp(path, own, length) == 0 ? path + length : path;
}

enum pl_code pl_group_graph_can_be_said(const struct pl_graph *graph, struct pl_error **error) {
    const char *set;
    size_t named;
    if (!pl_graph_set_secret(graph, &set, &named)) return PL_OK;
    return pl_error_set(error, PL_USAGE,
                        "--set %.*s is a secret, and the group would be told it as it is: write ${NAME} in the graph "
                        "file, and start the engine with that variable",
                        (int)named, set);
}

enum pl_code pl_group_graph_lend(const struct pl_graph *graph, struct pl_group_graph *said, struct pl_error **error) {
    enum pl_code code = pl_group_graph_can_be_said(graph, error);
    if (code) return code;
    said->hash = graph->hash;
    said->set = (const char **)(uintptr_t)graph->set;
    said->files = pl_alloc((graph->file_count + 1) * sizeof *said->files);
    if (!said->files) return pl_error_set(error, PL_NO_MEMORY, "no memory for a graph");
    for (said->file_count = 0; said->file_count < graph->file_count; said->file_count++) {
        struct pl_file_text *file = &said->files[said->file_count];
        *file = graph->files[said->file_count];
        file->path = seen_from(graph->files[0].path, file->path);
    }
    return PL_OK;
}

void pl_group_graph_loan_end(struct pl_group_graph *said) {
    pl_free(said->files);
    said->files = NULL;
}

static char *path_in(const char *folder, const char *path) {
    size_t size = strlen(folder) + strlen(path) + 2;
    char *whole = *path == '/' ? pl_strdup(path) : pl_alloc(size);
    if (whole && *path != '/') snprintf(whole, size, "%s/%s", folder, path);
    return whole;
}

enum pl_code pl_group_graph_load(const struct pl_group_graph *said, const char *folder, struct pl_graph **graph,
                                 struct pl_problem **problems, unsigned *count) {
    struct pl_file_text *files = pl_alloc((said->file_count + 1) * sizeof *files);
    struct pl_graph_options options = {
        .set = (const char *const *)said->set, .files = files, .file_count = said->file_count};
    unsigned named = 0;
    enum pl_code code = files ? PL_OK : PL_NO_MEMORY;
    for (; named < said->file_count && !code; named++) {
        files[named] = said->files[named];
        files[named].path = path_in(folder, said->files[named].path);
        if (!files[named].path) code = PL_NO_MEMORY;
    }
    if (!code) code = pl_graph_load(files[0].path, &options, graph, problems, count);
    for (unsigned i = 0; i < named; i++)
        let_go(files[i].path);
    pl_free(files);
    return code;
}
