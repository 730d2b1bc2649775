/* backup_place.c: the folder in which backups are kept. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "store/backup_impl.h"
#include "store/folder.h"

static const char marker[] = "potline-backups", marker_text[] = "potline backups 1\n";
static const char files_folder[] = "files", list_end[] = ".backup";

/* ---- Opening ---- */

static bool is_empty(int folder) {
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    bool empty = entries != NULL;
    for (struct dirent *entry; empty && (entry = readdir(entries));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                strcmp(entry->d_name, "lost+found") == 0;
    if (entries)
        closedir(entries);
    else if (fd >= 0)
        close(fd);
    return empty;
}

static bool write_marker(int folder) {
    int fd = openat(folder, marker, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    ssize_t length = (ssize_t)strlen(marker_text);
    bool good = write(fd, marker_text, strlen(marker_text)) == length && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

/* Is it a place of backups, of a version that is known? An empty folder becomes one. */
static enum pl_code check_marker(const struct pl__backup_place *place, enum pl__backup_way way,
                                 struct pl_error **error) {
    char text[64] = "";
    int fd = openat(place->folder, marker, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        bool empty = is_empty(place->folder);
        if (way != PL__BACKUP_WRITE && empty)
            return pl_error_set(error, PL_NOT_FOUND, "%s: there are no backups", place->path);
        if (!empty)
            return pl_error_set(error, PL_USAGE, "%s: neither empty nor a place of backups; name another folder",
                                place->path);
        return write_marker(place->folder) ? PL_OK : pl__backup_failed(place->path, marker, error);
    }
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (length < 0) {
        enum pl_code code = pl__backup_failed(place->path, marker, error);
        if (fd >= 0) close(fd);
        return code;
    }
    close(fd);
    if (strcmp(text, marker_text) == 0) return PL_OK;
    if (way == PL__BACKUP_WRITE && length < (ssize_t)strlen(marker_text)) /* cut short when it was made */
        return write_marker(place->folder) ? PL_OK : pl__backup_failed(place->path, marker, error);
    return pl_error_set(error, PL_CONFLICT, "%s: backups of a newer version, or %s is damaged", place->path, marker);
}

static enum pl_code lock(const struct pl__backup_place *place, enum pl__backup_way way, struct pl_error **error) {
    if (way == PL__BACKUP_LOOK) return PL_OK;
    if (flock(place->folder, (way == PL__BACKUP_WRITE ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return PL_OK;
    if (errno != EWOULDBLOCK) return pl__backup_failed(place->path, "its lock", error);
    return pl_error_set(error, PL_BUSY, "%s: another process makes or reads a backup there", place->path);
}

enum pl_code pl__backup_place_open(struct pl__backup_place *place, const char *path, enum pl__backup_way way,
                                   struct pl_error **error) {
    *place = (struct pl__backup_place){.path = path, .folder = -1, .files = -1};
    enum pl_code code = way == PL__BACKUP_WRITE ? pl_folders_make(path, error) : PL_OK;
    if (code) return code;
    place->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->folder < 0)
        return pl_error_set(error, errno == ENOENT ? PL_NOT_FOUND : PL_IO, "%s: %s", path, strerror(errno));
    code = lock(place, way, error);
    if (!code) code = check_marker(place, way, error);
    if (code) return code;
    if (way == PL__BACKUP_WRITE && mkdirat(place->folder, files_folder, 0700) && errno != EEXIST)
        return pl__backup_failed(path, files_folder, error);
    place->files = openat(place->folder, files_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return place->files >= 0 ? PL_OK : pl__backup_failed(path, files_folder, error);
}

void pl__backup_place_close(struct pl__backup_place *place) {
    if (place->files >= 0) close(place->files);
    if (place->folder >= 0) close(place->folder);
    place->files = place->folder = -1;
}

/* ---- What is in it ---- */

void pl__backup_number_name(uint64_t number, char name[PL__BACKUP_NAME]) {
    snprintf(name, PL__BACKUP_NAME, "%06" PRIu64 "%s", number, list_end);
}

/* 0: it is no backup's. */
static uint64_t number_of(const char *name) {
    char *end, same[PL__BACKUP_NAME];
    if (*name < '0' || *name > '9') return 0;
    unsigned long long number = strtoull(name, &end, 10);
    if (number == UINT64_MAX) return 0; /* no other would come behind it */
    pl__backup_number_name(number, same);
    return strcmp(name, same) == 0 ? number : 0;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum pl_code pl__backup_numbers(const struct pl__backup_place *place, uint64_t **numbers, size_t *count,
                                struct pl_error **error) {
    size_t room = 0;
    *numbers = NULL;
    *count = 0;
    int fd = openat(place->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) return pl__backup_failed(place->path, "its list", error);
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(entries));) {
        uint64_t number = number_of(entry->d_name);
        if (!number) continue;
        if (*count == room) {
            room = room ? 2 * room : 64;
            uint64_t *grown = pl_realloc(*numbers, room * sizeof *grown);
            if (!(good = grown != NULL)) break;
            *numbers = grown;
        }
        (*numbers)[(*count)++] = number;
    }
    closedir(entries);
    if (*count) qsort(*numbers, *count, sizeof **numbers, by_number);
    if (good) return PL_OK;
    pl_free(*numbers);
    *numbers = NULL;
    return pl_error_set(error, PL_NO_MEMORY, "no memory for the list of backups");
}

/* ---- What nobody needs ---- */

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

void pl__backup_sweep(const struct pl__backup_place *place, const struct pl__backup_list *lists, size_t count) {
    size_t all = 0, used = 0;
    for (size_t i = 0; i < count; i++)
        all += lists[i].count;
    char(*names)[PL__BACKUP_NAME] = pl_alloc((all + 1) * sizeof *names);
    if (!names) return;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < lists[i].count; k++)
            pl__backup_stored_name(&lists[i].files[k], names[used++]);
    qsort(names, used, sizeof *names, by_text);
    int fd = openat(place->files, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.' || bsearch(entry->d_name, names, used, sizeof *names, by_text)) continue;
        if (unlinkat(place->files, entry->d_name, 0))
            pl_diag(PL_WARN, "%s/%s/%s: not removed: %s", place->path, files_folder, entry->d_name, strerror(errno));
    }
    if (entries) closedir(entries);
    pl_free(names);
}
