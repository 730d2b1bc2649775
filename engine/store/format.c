/* format.c: the version of a data folder in a file of its own, so that a newer one is refused before anything of it is
 * touched, and without its key: twice, so that a bit that has flipped is not taken for a version. The database says it
 * too (store.c), and decides where there is no such file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_impl.h"

enum { TEXT = 32 };

enum pl_code pl__format_check(const struct pl_store *store, long format, struct pl_error **error) {
    if (format >= 1 && format <= PL_STORE_FORMAT) return PL_OK;
    if (format < 1) return pl_error_set(error, PL_CORRUPT, "%s: damaged: not a format version", store->path);
    return pl_error_set(error, PL_CONFLICT, "%s: written by a newer version: format %ld, this one reads up to %d",
                        store->path, format, PL_STORE_FORMAT);
}

long pl__format_number(const char *text) {
    char *end;
    long format = strtol(text, &end, 10);
    return *end || end == text || format < 1 ? 0 : format;
}

/* "" where there is no file. */
static enum pl_code read_text(const struct pl_store *store, char text[TEXT], struct pl_error **error) {
    char path[PATH_MAX];
    text[0] = 0;
    if (snprintf(path, sizeof path, "%s/%s", store->path, PL__FORMAT) >= (int)sizeof path) return PL_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return PL_OK;
    ssize_t length = fd < 0 ? -1 : read(fd, text, TEXT - 1);
    int why = errno;
    if (fd >= 0) close(fd);
    if (length < 0) return pl_error_set(error, PL_IO, "%s: %s", path, strerror(why));
    text[length] = 0;
    return PL_OK;
}

/* "1 1"; 0: it is none. */
static long number_of(char *text) {
    char *end = strchr(text, '\n'), *second = strchr(text, ' ');
    if (!end || end[1] || !second) return 0;
    *end = *second = 0;
    return strcmp(text, second + 1) == 0 ? pl__format_number(text) : 0;
}

enum pl_code pl__format_check_file(const struct pl_store *store, struct pl_error **error) {
    char text[TEXT];
    enum pl_code code = read_text(store, text, error);
    return code || !text[0] ? code : pl__format_check(store, number_of(text), error);
}

enum pl_code pl__format_put_file(const struct pl_store *store, struct pl_error **error) {
    char path[PATH_MAX], part[PATH_MAX + 8], text[TEXT], now[TEXT];
    enum pl_code code = read_text(store, text, error);
    int length = snprintf(now, sizeof now, "%d %d\n", PL_STORE_FORMAT, PL_STORE_FORMAT);
    if (code || strcmp(text, now) == 0) return code;
    if (snprintf(path, sizeof path, "%s/%s", store->path, PL__FORMAT) >= (int)sizeof path) return PL_OK;
    snprintf(part, sizeof part, "%s.part", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, now, (size_t)length) == length && fdatasync(fd) == 0;
    if (fd >= 0) good &= close(fd) == 0;
    if (good && rename(part, path) == 0) return PL_OK;
    return pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
}
