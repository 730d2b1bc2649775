/* backup_restore.c: what there is in a place of backups, and one of them as a data folder again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "base/fault.h"
#include "store/backup_impl.h"
#include "store/folder.h"
#include "store/store_impl.h"

enum { MIB = 1 << 20 };

/* ---- Looking ---- */

typedef enum pl_code visit_list(void *arg, const struct pl__backup_place *place, const struct pl__backup_list *list,
                                struct pl_error **error);

/* Every list that can be read; the first that cannot is told behind the others. */
static enum pl_code each_list(const struct pl__backup_place *place, visit_list *visit, void *arg,
                              struct pl_error **error) {
    uint64_t *numbers;
    size_t count;
    struct pl_error *damage = NULL;
    enum pl_code code = pl__backup_numbers(place, &numbers, &count, error), damaged = PL_OK;
    for (size_t i = 0; i < count && !code; i++) {
        struct pl__backup_list list;
        enum pl_code read = pl__backup_list_read(place, numbers[i], &list, damage ? NULL : &damage);
        if (read)
            damaged = read;
        else
            code = visit(arg, place, &list, error);
        pl__backup_list_fini(&list);
    }
    pl_free(numbers);
    if (!code && !count) code = pl_error_set(error, PL_NOT_FOUND, "%s: there are no backups", place->path);
    if (!code && damaged) {
        code = damaged;
        if (error) {
            *error = damage;
            damage = NULL;
        }
    }
    pl_error_free(&damage);
    return code;
}

struct each {
    pl_backup_visitor *each;
    void *arg;
};

static enum pl_code give(void *arg, const struct pl__backup_place *place, const struct pl__backup_list *list,
                         struct pl_error **error) {
    const struct each *each = arg;
    (void)place, (void)error;
    each->each(each->arg, &list->info);
    return PL_OK;
}

enum pl_code pl_backup_each(const char *path, pl_backup_visitor *each, void *arg, struct pl_error **error) {
    struct pl__backup_place place;
    enum pl_code code = pl__backup_place_open(&place, path, PL__BACKUP_LOOK, error);
    if (!code) code = each_list(&place, give, &(struct each){each, arg}, error);
    pl__backup_place_close(&place);
    return code;
}

struct search {
    uint64_t id;
    pl_time at;
    struct pl_backup_info *found;
    struct pl_backup_info other; /* one of another folder, which might as well be meant; its id is 0: none */
};

static void consider(void *arg, const struct pl_backup_info *info) {
    struct search *search = arg;
    if (search->id ? info->id != search->id : info->time > search->at) return;
    if (search->found->id && !pl_backup_same_folder(search->found, info)) search->other = *search->found;
    *search->found = *info;
}

static enum pl_code ambiguous(const char *place, const struct search *search, struct pl_error **error) {
    return pl_error_set(error, PL_CONFLICT,
                        "%s: there are backups of several data folders, as %" PRIu64 " of %s and %" PRIu64
                        " of %s; say which one with --id (see potline backup --list)",
                        place, search->other.id, search->other.of, search->found->id, search->found->of);
}

enum pl_code pl_backup_find(const char *place, uint64_t id, pl_time at, struct pl_backup_info *info,
                            struct pl_error **error) {
    struct search search = {.id = id, .at = at, .found = info};
    struct pl_error *damage = NULL;
    *info = (struct pl_backup_info){0};
    enum pl_code code = pl_backup_each(place, consider, &search, &damage);
    bool stands = info->id && (!code || (code == PL_CORRUPT && id)); /* the last one may be the one that is damaged */
    if (stands || (code && code != PL_NOT_FOUND)) {
        if (!stands && error) {
            *error = damage;
            return code;
        }
        pl_error_free(&damage);
        if (stands && search.other.id) return ambiguous(place, &search, error);
        return stands ? PL_OK : code;
    }
    pl_error_free(&damage);
    if (code) return pl_error_set(error, PL_NOT_FOUND, "%s: there are no backups", place);
    return id ? pl_error_set(error, PL_NOT_FOUND, "%s: there is no backup %" PRIu64, place, id)
              : pl_error_set(error, PL_NOT_FOUND, "%s: every backup is younger than that", place);
}

/* ---- Verifying ---- */

struct verify {
    struct pl__backup_copy copy;
    uint64_t files;
};

static enum pl_code count_bytes(void *arg, const struct pl__backup_place *place, const struct pl__backup_list *list,
                                struct pl_error **error) {
    (void)place, (void)error;
    ((struct verify *)arg)->copy.all += list->info.bytes;
    return PL_OK;
}

static enum pl_code verify_list(void *arg, const struct pl__backup_place *place, const struct pl__backup_list *list,
                                struct pl_error **error) {
    struct verify *verify = arg;
    enum pl_code code = PL_OK;
    for (size_t i = 0; i < list->count && !code; i++) {
        const struct pl__backup_file *file = &list->files[i];
        char stored[PL__BACKUP_NAME];
        uint64_t hash, size;
        pl__backup_stored_name(file, stored);
        verify->copy.where = place->path;
        verify->copy.from = place->files;
        verify->copy.from_name = stored;
        code = pl__backup_hash(&verify->copy, &hash, &size, error);
        if (!code && (hash != file->hash || size != file->size))
            code = pl_error_set(error, PL_CORRUPT, "%s/files/%s: damaged", place->path, stored);
        if (code) pl_error_set(error, code, "%s: backup %" PRIu64 " is not whole", place->path, list->info.id);
        verify->files++;
    }
    return code;
}

enum pl_code pl_backup_verify(const char *path, pl_backup_progress *progress, void *arg, uint64_t *files,
                              struct pl_error **error) {
    struct pl__backup_place place;
    struct verify verify = {.copy = {.progress = progress, .arg = arg}};
    enum pl_code code = pl__backup_place_open(&place, path, PL__BACKUP_USE, error);
    if (!code) (void)each_list(&place, count_bytes, &verify, NULL);
    if (!code) code = each_list(&place, verify_list, &verify, error);
    pl__backup_place_close(&place);
    *files = verify.files;
    return code;
}

/* ---- Restoring ---- */

struct work {
    struct pl_restore *restore;
    struct pl__backup_place place;
    struct pl__backup_list list;
    int data, part; /* folders: the data folder, what will be its database; -1: not open */
};

/* Removes it with all that is in it, as far as that can be done. */
static void clear(int folder, const char *name) {
    if (unlinkat(folder, name, 0) == 0) return;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) {
        if (fd >= 0) close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(entries));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) clear(fd, entry->d_name);
    closedir(entries);
    unlinkat(folder, name, AT_REMOVEDIR);
}

void pl__restore_clear(const char *path) {
    int data = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (data < 0) return;
    clear(data, PL__RESTORING);
    close(data);
}

enum pl_code pl__store_check_whole(const char *path, struct pl_error **error) {
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s/%s", path, PL__RESTORING) >= (int)sizeof part || access(part, F_OK))
        return PL_OK;
    return pl_error_set(error, PL_CONFLICT,
                        "%s: a restore did not come to its end; run \"potline restore\" again, or empty the folder",
                        path);
}

/* Of the files that go beside the database. A restore that was killed right behind its last step has left them. */
static bool is_left_over(const char *name) {
    return strcmp(name, PL__RESTORING) == 0 || strcmp(name, PL__FORMAT) == 0 || strcmp(name, PL__CLOSED) == 0 ||
           strcmp(name, "versions") == 0 || strcmp(name, "file.part") == 0;
}

static enum pl_code check_empty(const struct pl_restore *restore, struct pl_error **error) {
    DIR *entries = opendir(restore->to);
    bool empty = true, begun = false;
    if (!entries && errno == ENOENT) return PL_OK;
    if (!entries) return pl_error_set(error, PL_IO, "%s: %s", restore->to, strerror(errno));
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        begun |= strcmp(entry->d_name, PL__RESTORING) == 0;
        empty &= is_left_over(entry->d_name);
    }
    rewinddir(entries);
    for (struct dirent *entry; empty && !begun && (entry = readdir(entries));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(entries);
    return empty ? PL_OK
                 : pl_error_set(error, PL_USAGE, "%s: not empty; name a folder that is, or is not there yet",
                                restore->to);
}

static enum pl_code make_folder(struct work *work, struct pl_error **error) {
    const char *to = work->restore->to;
    enum pl_code code = pl_folders_make(to, error);
    if (code) return code;
    work->data = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work->data < 0) return pl_error_set(error, PL_IO, "%s: %s", to, strerror(errno));
    clear(work->data, PL__RESTORING);
    clear(work->data, "versions");
    if (mkdirat(work->data, PL__RESTORING, 0700)) return pl__backup_failed(to, PL__RESTORING, error);
    work->part = openat(work->data, PL__RESTORING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (work->part < 0 || !pl__backup_sync_folder(work->data)) return pl__backup_failed(to, PL__RESTORING, error);
    return PL_OK;
}

static enum pl_code check_room(const struct work *work, struct pl_error **error) {
    struct statvfs disk;
    if (fstatvfs(work->data, &disk)) return pl__backup_failed(work->restore->to, "its disk", error);
    uint64_t free = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free >= work->list.info.bytes) return PL_OK;
    return pl_error_set(error, PL_UNAVAILABLE, "%s: not enough room: %" PRIu64 " MiB are free, it takes %" PRIu64,
                        work->restore->to, free / MIB, work->list.info.bytes / MIB + 1);
}

/* versions, NAME, store: in front of each slash of a file's name is a folder. */
static enum pl_code make_version_folders(const struct work *work, const struct pl__backup_file *file,
                                         struct pl_error **error) {
    char path[PL__BACKUP_NAME];
    for (const char *slash = strchr(file->name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(path, sizeof path, "%.*s", (int)(slash - file->name), file->name);
        if (mkdirat(work->data, path, 0700) && errno != EEXIST)
            return pl__backup_failed(work->restore->to, path, error);
    }
    return PL_OK;
}

/* So that a file's name is safe as its bytes are. */
static enum pl_code sync_version_folders(const struct work *work, struct pl_error **error) {
    char path[PL__BACKUP_NAME];
    for (size_t i = 0; i < work->list.count; i++) {
        const struct pl__backup_file *file = &work->list.files[i];
        if (!pl__backup_is_of_version(file) || !strstr(file->name, "/CURRENT")) continue;
        for (const char *slash = strchr(file->name, '/'); slash; slash = strchr(slash + 1, '/')) {
            snprintf(path, sizeof path, "%.*s", (int)(slash - file->name), file->name);
            int fd = openat(work->data, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            bool good = fd >= 0 && pl__backup_sync_folder(fd);
            if (fd >= 0) close(fd);
            if (!good) return pl__backup_failed(work->restore->to, path, error);
        }
    }
    return PL_OK;
}

static enum pl_code copy_back(struct work *work, struct pl_error **error) {
    struct pl__backup_copy copy = {.where = work->restore->to,
                                   .from = work->place.files,
                                   .all = work->list.info.bytes,
                                   .progress = work->restore->progress,
                                   .arg = work->restore->arg};
    enum pl_code code = PL_OK;
    for (size_t i = 0; i < work->list.count && !code; i++) {
        const struct pl__backup_file *file = &work->list.files[i];
        bool of_version = pl__backup_is_of_version(file);
        const char *slash = of_version ? NULL : strchr(file->name, '/');
        char stored[PL__BACKUP_NAME];
        uint64_t hash, size;
        pl__backup_stored_name(file, stored);
        copy.from_name = stored;
        copy.to = slash ? work->part : work->data;
        copy.to_name = slash ? slash + 1 : file->name;
        if (of_version) code = make_version_folders(work, file, error);
        if (!code) code = pl__backup_copy(&copy, &hash, &size, error);
        if (!code && (hash != file->hash || size != file->size))
            code = pl_error_set(error, PL_CORRUPT, "%s/files/%s: damaged; an earlier backup may be whole",
                                work->place.path, stored);
    }
    return code;
}

/* Until then the folder is none, and nobody opens it. */
static enum pl_code put_in_place(const struct work *work, struct pl_error **error) {
    PL_FAULT("restore.copied");
    if (!pl__backup_sync_folder(work->part) || !pl__backup_sync_folder(work->data) ||
        renameat(work->data, PL__RESTORING, work->data, "store") || !pl__backup_sync_folder(work->data))
        return pl__backup_failed(work->restore->to, "store", error);
    return PL_OK;
}

enum pl_code pl_backup_restore(struct pl_restore *restore, struct pl_error **error) {
    struct work work = {.restore = restore, .place = {.folder = -1, .files = -1}, .data = -1, .part = -1};
    struct pl_backup_info found = {0};
    enum pl_code code = check_empty(restore, error);
    if (!code) code = pl_backup_find(restore->from, restore->id, restore->at, &found, error);
    if (!code) code = pl__backup_place_open(&work.place, restore->from, PL__BACKUP_USE, error);
    if (!code) code = pl__backup_list_read(&work.place, found.id, &work.list, error);
    if (!code) code = make_folder(&work, error);
    if (!code) code = check_room(&work, error);
    if (!code) code = copy_back(&work, error);
    if (!code) code = sync_version_folders(&work, error);
    if (!code) code = put_in_place(&work, error);
    restore->restored = work.list.info;
    if (work.part >= 0) close(work.part);
    if (work.data >= 0) close(work.data);
    pl__backup_list_fini(&work.list);
    pl__backup_place_close(&work.place);
    return code;
}
