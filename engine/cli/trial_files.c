#include "trial_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <potline/alloc.h>

enum { DEPTH_MAX = 32, FILES_MAX = 100000 };

static bool fail(const char *path, const char *why) {
    fprintf(stderr, "%s: %s\n", path, why);
    return false;
}

static bool add(struct pl__trial_files *files, const char *path) {
    char **grown = files->count < FILES_MAX ? pl_realloc(files->list, (files->count + 1) * sizeof *grown) : NULL;
    if (grown) files->list = grown;
    char *own = grown ? pl_strdup(path) : NULL;
    if (!own) return fail(path, "more test files than there is memory for");
    files->list[files->count++] = own;
    return true;
}

static bool is_test(const char *name) {
    static const char end[] = ".test.yaml";
    size_t length = strlen(name);
    return length > sizeof end - 1 && strcmp(name + length - (sizeof end - 1), end) == 0;
}

static int visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static char *join(const char *folder, const char *name) {
    bool here = strcmp(folder, ".") == 0;
    size_t room = strlen(folder) + strlen(name) + 2, length = strlen(folder);
    char *path = pl_alloc(room);
    const char *between = length && folder[length - 1] == '/' ? "" : "/";
    if (path) snprintf(path, room, "%s%s%s", here ? "" : folder, here ? "" : between, name);
    return path;
}

static bool add_folder(struct pl__trial_files *files, const char *folder, unsigned depth);

static bool add_entry(struct pl__trial_files *files, const char *folder, const char *name, unsigned depth) {
    struct stat about;
    char *path = join(folder, name);
    bool good = path != NULL;
    if (good && lstat(path, &about) == 0 && S_ISDIR(about.st_mode))
        good = depth < DEPTH_MAX ? add_folder(files, path, depth + 1) : fail(path, "more than 32 folders deep");
    else if (good && is_test(name))
        good = add(files, path);
    pl_free(path);
    return good;
}

static bool add_folder(struct pl__trial_files *files, const char *folder, unsigned depth) {
    struct dirent **entries;
    int count = scandir(folder, &entries, visible, alphasort);
    if (count < 0) return fail(folder, strerror(errno));
    bool good = true;
    for (int i = 0; i < count; i++) {
        good = good && add_entry(files, folder, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
    return good;
}

/* A graph that is given for its tests: what it has are nodes. */
static bool is_graph(const char *path) {
    char line[256];
    bool found = false;
    FILE *file = is_test(path) ? NULL : fopen(path, "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, "nodes:", strlen("nodes:")) == 0;
    if (file) fclose(file);
    return found;
}

static bool fail_graph(const char *path) {
    size_t length = strlen(path), end = strlen(".yaml");
    if (length > end && strcmp(path + length - end, ".yaml") == 0) length -= end;
    fprintf(stderr, "%s: is a graph, not a test of one; its tests would be in %.*s.test.yaml\n", path, (int)length,
            path);
    return false;
}

bool pl__trial_files_add(struct pl__trial_files *files, const char *path) {
    struct stat about;
    if (stat(path, &about)) return fail(path, strerror(errno));
    if (!S_ISDIR(about.st_mode)) return is_graph(path) ? fail_graph(path) : add(files, path);
    unsigned before = files->count;
    if (!add_folder(files, path, 0)) return false;
    return files->count > before || fail(path, "no file *.test.yaml is in it");
}

void pl__trial_files_fini(struct pl__trial_files *files) {
    for (unsigned i = 0; i < files->count; i++)
        pl_free(files->list[i]);
    pl_free(files->list);
}
