/* source.c: files, includes and groups. */
#include "source.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "file_log.h"
#include "records.h"

struct open_file { /* being read: a chain up to the graph file */
    const char *path;
    uint64_t device, inode;
    const struct open_file *outer;
    unsigned depth;
};

struct loader {
    const struct pl_expansion *expansion;
    struct pl_source *source;
    struct {
        uint64_t device, inode;
    } files[PL_INCLUDE_FILES_MAX];
    unsigned file_count;
    size_t bytes; /* of all files */
};

static void take_file(struct loader *loader, struct pl_yaml *root, const struct open_file *file);

static struct pl_problems *problems_of(const struct loader *loader) {
    return loader->expansion->yaml->problems;
}

/* ---- Include ---- */

static bool included_before(const struct loader *loader, const struct pl_file *file) {
    for (unsigned i = 0; i < loader->file_count; i++)
        if (loader->files[i].device == file->device && loader->files[i].inode == file->inode) return true;
    return false;
}

static bool is_open(const struct open_file *open, const struct pl_file *file) {
    for (; open; open = open->outer)
        if (open->device == file->device && open->inode == file->inode) return true;
    return false;
}

static void report_cycle(const struct loader *loader, const struct pl_yaml *at, const struct open_file *open) {
    const char *chain = at->text;
    for (; open && chain; open = open->outer)
        chain = pl__arena_print(loader->expansion->yaml->arena, "%s -> %s", open->path, chain);
    if (chain) pl__problem(problems_of(loader), at, "files include each other in a circle: %s", chain);
}

static bool parse_include(struct loader *loader, const char *path, const struct pl_file *file,
                          const struct open_file *outer) {
    struct pl_yaml_context *yaml = loader->expansion->yaml;
    loader->files[loader->file_count].device = file->device;
    loader->files[loader->file_count++].inode = file->inode;
    loader->bytes += file->length;
    pl__problems_file(yaml->problems, path);
    struct pl_yaml *root = pl__yaml_parse(yaml, file->text, file->length, path);
    if (!root) return false;
    struct open_file open = {path, file->device, file->inode, outer, outer->depth + 1};
    take_file(loader, root, &open);
    return true;
}

/* False when what the file would have brought is missing. */
static bool include_one(struct loader *loader, struct pl_yaml *at, const struct open_file *outer) {
    char quoted[PL_QUOTE_MAX];
    if (at->any) return false;
    if (at->type != PL_YAML_SCALAR || pl__yaml_null(at)) {
        pl__problem(problems_of(loader), at, "include is the path of a file, or a list of them");
        return false;
    }
    if (outer->depth == PL_INCLUDE_DEPTH_MAX) {
        pl__problem(problems_of(loader), at, "files include each other more than 8 deep");
        return false;
    }
    const char *path = pl__file_beside(loader->expansion->yaml->arena, outer->path, at->text);
    struct pl_file file;
    const char *reason;
    if (!path) return false;
    if (!pl__file_log_read(loader->expansion->yaml->files, path, false, &file, &reason)) {
        pl__problem(problems_of(loader), at, "include %s: %s", pl__quote(quoted, path), reason);
        return false;
    }
    bool good = true;
    if (is_open(outer, &file)) {
        report_cycle(loader, at, outer);
    } else if (loader->file_count == PL_INCLUDE_FILES_MAX || loader->bytes + file.length > PL_FILE_SIZE_MAX) {
        pl__problem(problems_of(loader), at, "more than 256 files, or 16 MiB, are included");
        good = false;
    } else if (!included_before(loader, &file)) {
        good = parse_include(loader, path, &file, outer);
    }
    pl_free(file.text);
    return good;
}

static void take_includes(struct loader *loader, struct pl_yaml *include, const struct open_file *file) {
    if (!include) return;
    bool list = include->type == PL_YAML_LIST;
    for (struct pl_yaml *item = list ? include->first : include; item; item = list ? item->next : NULL)
        if (!include_one(loader, item, file)) *loader->expansion->lost = true;
}

/* ---- Nodes, tags, groups ---- */

/* Moves the children of one value to the end of another. */
static void move_children(struct pl_yaml *to, struct pl_yaml *from) {
    for (struct pl_yaml *child = from->first, *next; child; child = next) {
        next = child->next;
        child->next = NULL;
        pl__yaml_add(to, child);
    }
    from->first = from->last = NULL;
    from->count = 0;
}

static void take_nodes(struct loader *loader, struct pl_yaml *nodes) {
    if (!nodes || pl__yaml_null(nodes)) return;
    if (nodes->type == PL_YAML_MAP && !nodes->any) {
        move_children(loader->source->nodes, nodes);
        return;
    }
    *loader->expansion->lost = true;
    if (!nodes->any)
        pl__problem(problems_of(loader), nodes, "nodes is a map of names and nodes, like in: { op: source.csv, ... }");
}

static void take_tags(struct loader *loader, struct pl_yaml *tags) {
    if (!tags || tags->any || pl__yaml_null(tags)) return;
    if (tags->type == PL_YAML_SCALAR) {
        char quoted[PL_QUOTE_MAX];
        const char *reason = pl__records_read(loader->expansion->yaml, tags);
        if (reason) pl__problem(problems_of(loader), tags, "tags: %s: %s", pl__quote(quoted, tags->text), reason);
    }
    if (tags->any) return;
    if (tags->type == PL_YAML_LIST)
        move_children(loader->source->tags, tags);
    else
        pl__problem(problems_of(loader), tags, "tags is a list of rules, or the path of a CSV file");
}

static void report_key(const struct loader *loader, const struct pl_yaml *value, const char *where,
                       const char *const *names, size_t count, const char *hint) {
    char quoted[PL_QUOTE_MAX];
    const char *nearest = pl_text_nearest(value->key, names, count);
    pl__problem_at(problems_of(loader), value->key_place, "%s has no %s%s%s%s%s", where, pl__quote(quoted, value->key),
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", nearest ? "" : hint);
}

static void take_group(struct loader *loader, struct pl_yaml *group) {
    static const char *const names[] = {"foreach", "nodes", "tags"};
    if (group->any) return;
    if (group->type != PL_YAML_MAP) {
        pl__problem(problems_of(loader), group, "a group is a map of foreach, nodes and tags");
        return;
    }
    for (const struct pl_yaml *value = group->first; value; value = value->next)
        if (strcmp(value->key, "nodes") != 0 && strcmp(value->key, "tags") != 0)
            report_key(loader, value, "a group", names, PL_COUNT_OF(names), "");
    take_nodes(loader, pl__yaml_find(group, "nodes"));
    take_tags(loader, pl__yaml_find(group, "tags"));
}

static void take_groups(struct loader *loader, struct pl_yaml *groups) {
    if (!groups || groups->any || pl__yaml_null(groups)) return;
    if (groups->type != PL_YAML_LIST) {
        pl__problem(problems_of(loader), groups,
                    "groups is a list, each of its entries a map of foreach, nodes and tags");
        return;
    }
    for (struct pl_yaml *group = groups->first; group; group = group->next)
        take_group(loader, group);
}

/* ---- Files ---- */

static void check_included(const struct loader *loader, const struct pl_yaml *root) {
    static const char *const names[] = {"potline", "description", "include", "nodes", "tags", "groups"};
    for (const struct pl_yaml *value = root->first; value; value = value->next) {
        bool known = false;
        for (size_t i = 0; i < PL_COUNT_OF(names) && !known; i++)
            known = strcmp(names[i], value->key) == 0;
        if (!known)
            report_key(loader, value, "an included file", names, PL_COUNT_OF(names),
                       "; settings stand in the graph file itself");
    }
}

static void take_file(struct loader *loader, struct pl_yaml *root, const struct open_file *file) {
    if (root->type != PL_YAML_MAP) {
        pl__problem(problems_of(loader), root, "a graph file is a map: potline: 1, name: ..., nodes: ...");
        return;
    }
    pl__expand(loader->expansion, root);
    if (file->outer)
        check_included(loader, root);
    else
        loader->source->root = root;
    struct pl_yaml *groups = pl__yaml_find(root, "groups");
    take_tags(loader, pl__yaml_find(root, "tags"));
    take_includes(loader, pl__yaml_find(root, "include"), file);
    take_nodes(loader, pl__yaml_find(root, "nodes"));
    take_groups(loader, groups);
}

static void load_text(struct loader *loader, const char *path, const char *text, struct pl_file *file) {
    struct pl_yaml_context *yaml = loader->expansion->yaml;
    struct open_file open = {.path = path, .device = file->device, .inode = file->inode};
    struct pl_yaml *root = pl__yaml_parse(yaml, text, file->length, path);
    if (root) take_file(loader, root, &open);
    if (loader->source->nodes) pl__yaml_check_keys(yaml, loader->source->nodes);
}

void pl__source_load(struct pl_yaml_context *yaml, bool checking, const char *path, const char *text, size_t length,
                     struct pl_source *source) {
    struct pl_expansion expansion = {.yaml = yaml, .checking = checking, .lost = &source->lost};
    struct loader loader = {.expansion = &expansion, .source = source};
    struct pl_place whole = {.file = path};
    struct pl_file file = {.length = length};
    const char *reason;
    pl__problems_file(yaml->problems, path);
    *source = (struct pl_source){
        .nodes = pl__yaml_new(yaml, PL_YAML_MAP, whole),
        .tags = pl__yaml_new(yaml, PL_YAML_LIST, whole),
    };
    if (!source->nodes || !source->tags) return;
    if (text) {
        pl__file_log_note(yaml->files, path, text, length);
    } else if (!pl__file_log_read(yaml->files, path, true, &file, &reason)) {
        char nearest[PATH_MAX];
        bool near = access(path, F_OK) != 0 && errno == ENOENT && pl__file_nearest(path, nearest, sizeof nearest);
        pl__problem_at(yaml->problems, whole, "%s%s%s%s", reason, near ? "; did you mean " : "", near ? nearest : "",
                       near ? "?" : "");
        return;
    }
    loader.bytes = file.length;
    load_text(&loader, path, text ? text : file.text, &file);
    pl_free(file.text);
}
