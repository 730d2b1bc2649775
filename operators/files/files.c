#include "files.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>

static enum pl_code add(struct pl_files *files, const char *path, struct pl_error **error) {
    if (files->count == PL_FILES_MAX) return pl_error_set(error, PL_LIMIT, "path: more than %d files", PL_FILES_MAX);
    char **grown = pl_realloc(files->paths, (files->count + 1) * sizeof(*grown));
    if (grown) files->paths = grown;
    char *copy = grown ? pl_strdup(path) : NULL;
    if (!copy) return pl_error_set(error, PL_NO_MEMORY, "path: no memory for the list of files");
    files->paths[files->count++] = copy;
    return PL_OK;
}

static enum pl_code check(const char *path, bool may_be_absent, struct pl_error **error) {
    struct stat status;
    if (strcmp(path, "-") == 0) return PL_OK;
    if (stat(path, &status)) {
        if (errno == ENOENT && may_be_absent) return PL_OK;
        enum pl_code code = errno == ENOENT ? PL_NOT_FOUND : PL_IO;
        return pl_error_set(error, code, "%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(status.st_mode))
        return pl_error_set(error, PL_IO, "%s: is a folder; expected a file or a pattern like %s/*.csv", path, path);
    if (access(path, R_OK)) return pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    return PL_OK;
}

static enum pl_code add_pattern(struct pl_files *files, const char *pattern, struct pl_error **error) {
    glob_t found = {0};
    int failed = glob(pattern, GLOB_ERR, NULL, &found);
    enum pl_code code = PL_OK;
    if (failed == GLOB_NOSPACE)
        code = pl_error_set(error, PL_NO_MEMORY, "%s: no memory for the list of files", pattern);
    else if (failed)
        code = pl_error_set(error, PL_NOT_FOUND, "%s: no file fits the pattern", pattern);
    for (size_t i = 0; !code && i < found.gl_pathc; i++) {
        code = check(found.gl_pathv[i], false, error);
        if (!code) code = add(files, found.gl_pathv[i], error);
    }
    globfree(&found);
    return code;
}

enum pl_code pl_files_init(struct pl_files *files, const struct pl_strings *patterns, bool may_be_absent,
                           struct pl_error **error) {
    enum pl_code code = PL_OK;
    *files = (struct pl_files){.count = 0};
    for (uint32_t i = 0; !code && i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        struct stat status;
        /* A file may have a name that looks like a pattern. */
        if (strpbrk(pattern, "*?[") && stat(pattern, &status)) {
            code = add_pattern(files, pattern, error);
        } else {
            code = check(pattern, may_be_absent, error);
            if (!code) code = add(files, pattern, error);
        }
    }
    return code;
}

void pl_files_fini(struct pl_files *files) {
    for (uint32_t i = 0; i < files->count; i++)
        pl_free(files->paths[i]);
    pl_free(files->paths);
    *files = (struct pl_files){.count = 0};
}
