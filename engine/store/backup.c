#include "store/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/fault.h"
#include "store/backup_impl.h"
#include "store/epochs.h"
#include "store/seal.h"
#include "store/store_impl.h"
#include "store/version.h"

enum { MIB = 1 << 20, MARGIN = 1 * MIB, TRIES = 50, TRY_AGAIN_NS = 100000000 };

/* A file that stands in the place, by its name there. */
struct known {
    char stored[PL__BACKUP_NAME];
    uint64_t hash;
};

struct work {
    struct pl_backup *backup;
    struct pl__backup_place place;
    int data, versions;     /* folders: of the data, of the one that has the versions; -1: not open */
    struct pl__hold *holds; /* of versions */
    unsigned hold_count;
    struct pl__backup_list *lists; /* those that there are */
    size_t list_count;
    uint64_t last; /* the highest number */
    bool unread;   /* there is one that cannot be read: what it needs is not known */
    struct known *known;
    size_t known_count;
    struct pl__backup_list list; /* what is being made */
    bool *reuse;                 /* [file of it] */
    struct pl__backup_copy copy;
};

static enum pl_code no_memory(struct pl_error **error) {
    return pl_error_set(error, PL_NO_MEMORY, "no memory for a backup");
}

/* ---- What is there ---- */

/* That it opens shows that it is whole; it says how far it goes. */
static enum pl_code look_at(struct work *work, struct pl_error **error) {
    const struct pl_backup *backup = work->backup;
    struct pl_store *store;
    struct pl_epoch last;
    struct pl_store_options options = {.read_only = true, .key = backup->key};
    enum pl_code code = pl_store_open(backup->from, &options, &store, error);
    if (code) return code;
    code = pl_epochs_last(store, &last, error);
    if (!code) work->list.info.epoch = last.number;
    pl_epoch_fini(&last);
    if (!code || code == PL_NOT_FOUND) code = pl_store_identity(store, work->list.info.identity, error);
    pl_store_close(store);
    work->list.info.time = backup->time;
    snprintf(work->list.info.of, sizeof work->list.info.of, "%s", backup->of ? backup->of : backup->from);
    for (char *at = work->list.info.of; *at; at++)
        if (*at < ' ' && *at >= 0) *at = '?';
    if (backup->key)
        snprintf(work->list.info.key_id, sizeof work->list.info.key_id, "%s", pl_store_key_id(backup->key));
    return code;
}

static int by_stored(const void *a, const void *b) {
    return strcmp(((const struct known *)a)->stored, ((const struct known *)b)->stored);
}

static enum pl_code know_files(struct work *work, struct pl_error **error) {
    size_t all = 0;
    for (size_t i = 0; i < work->list_count; i++)
        all += work->lists[i].count;
    work->known = pl_alloc((all + 1) * sizeof *work->known);
    if (!work->known) return no_memory(error);
    for (size_t i = 0; i < work->list_count; i++)
        for (size_t k = 0; k < work->lists[i].count; k++) {
            struct known *known = &work->known[work->known_count++];
            pl__backup_stored_name(&work->lists[i].files[k], known->stored);
            known->hash = work->lists[i].files[k].hash;
        }
    qsort(work->known, work->known_count, sizeof *work->known, by_stored);
    return PL_OK;
}

static enum pl_code read_lists(struct work *work, struct pl_error **error) {
    uint64_t *numbers;
    size_t count;
    enum pl_code code = pl__backup_numbers(&work->place, &numbers, &count, error);
    if (code) return code;
    work->lists = pl_alloc((count + 1) * sizeof *work->lists);
    if (!work->lists) {
        pl_free(numbers);
        return no_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        struct pl_error *damage = NULL;
        work->last = numbers[i];
        if (!pl__backup_list_read(&work->place, numbers[i], &work->lists[work->list_count], &damage)) {
            work->list_count++;
            continue;
        }
        pl_diag(PL_WARN, "%s; no file is removed while it is there", damage ? damage->text : "no memory for a list");
        pl_error_free(&damage);
        work->unread = true;
    }
    pl_free(numbers);
    return know_files(work, error);
}

/* ---- What is to be in it ---- */

static bool is_table(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot, ".sst") == 0;
}

/* `name` as it is called in the list, in `folder`. */
static enum pl_code add_file(struct work *work, int folder, const char *name, struct pl_error **error) {
    struct pl__backup_file file;
    struct stat info;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT || errno == ELOOP ? PL_OK : pl__backup_failed(work->backup->from, name, error);
    enum pl_code code = PL_OK;
    bool good = fstat(fd, &info) == 0, ordinary = good && S_ISREG(info.st_mode);
    if (ordinary) {
        file = (struct pl__backup_file){.size = (uint64_t)info.st_size};
        snprintf(file.name, sizeof file.name, "%s", name);
        good = pl__backup_print(fd, file.size, is_table(name), &file.print);
    }
    if (!good) code = pl__backup_failed(work->backup->from, name, error);
    close(fd);
    if (code || !ordinary) return code;
    return pl__backup_list_add(&work->list, &file) ? PL_OK : no_memory(error);
}

static enum pl_code add_in(struct work *work, int folder, const char *prefix, const char *name,
                           struct pl_error **error) {
    char whole[PL__BACKUP_NAME];
    if (snprintf(whole, sizeof whole, "%s%s", prefix, name) >= (int)sizeof whole)
        return pl_error_set(error, PL_LIMIT, "%s/%s: its name is too long", work->backup->from, name);
    return add_file(work, folder, whole, error);
}

/* A data folder: `prefix` in `folder`, "" or "versions/NAME/". */
static enum pl_code add_folder(struct work *work, int folder, const char *prefix, struct pl_error **error) {
    char store[PL__BACKUP_NAME];
    snprintf(store, sizeof store, "%sstore/", prefix);
    int fd = openat(folder, store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) {
        if (fd >= 0) close(fd);
        return pl__backup_failed(work->backup->from, store, error);
    }
    enum pl_code code = add_in(work, folder, prefix, PL__CLOSED, error);
    if (!code) code = add_in(work, folder, prefix, PL__FORMAT, error);
    for (struct dirent *entry; !code && (entry = readdir(entries));)
        if (pl__seal_is_kept(entry->d_name)) code = add_in(work, folder, store, entry->d_name, error);
    closedir(entries);
    return code;
}

/* Nobody changes it any more until the backup is made. Who publishes it has it for a moment. */
static enum pl_code hold_version(struct work *work, const char *path, struct pl_error **error) {
    const struct timespec pause = {.tv_nsec = TRY_AGAIN_NS};
    struct pl__hold *hold = &work->holds[work->hold_count];
    char database[PATH_MAX];
    enum pl_code code = PL_BUSY;
    if (snprintf(database, sizeof database, "%s/store", path) >= (int)sizeof database)
        return pl_error_set(error, PL_USAGE, "%s: the path is too long", path);
    for (unsigned i = 0; i < TRIES && code == PL_BUSY; i++) {
        if (i) nanosleep(&pause, NULL);
        code = pl__hold_take(hold, path, database, i + 1 < TRIES ? NULL : error);
    }
    work->hold_count += !code;
    return code;
}

static enum pl_code add_versions(struct work *work, struct pl_error **error) {
    const char *data = work->backup->of ? work->backup->of : work->backup->from;
    struct pl_version_entry *entries;
    unsigned count;
    enum pl_code code = pl_versions_list(data, work->backup->key, &entries, &count, error);
    if (code) return code;
    work->holds = count ? pl_alloc(count * sizeof *work->holds) : NULL;
    if (count && !work->holds) code = no_memory(error);
    if (count && !code && (work->versions = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        code = pl__backup_failed(data, "versions", error);
    for (unsigned i = 0; i < count && !code; i++) {
        const char *name = entries[i].version.name;
        char *path = pl_version_path(data, name), prefix[PL__BACKUP_NAME];
        snprintf(prefix, sizeof prefix, "versions/%s/", name);
        if (entries[i].damage)
            code = pl_error_set(error, PL_CORRUPT,
                                "%s: version '%s' cannot be read (%s); potline versions drop removes it", data, name,
                                entries[i].damage);
        else
            code = path ? hold_version(work, path, error) : no_memory(error);
        if (!code) code = add_folder(work, work->versions, prefix, error);
        pl_free(path);
    }
    pl_versions_free(entries, count);
    return code;
}

static enum pl_code list_files(struct work *work, struct pl_error **error) {
    work->data = open(work->backup->from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work->data < 0) return pl__backup_failed(work->backup->from, "store", error);
    enum pl_code code = add_folder(work, work->data, "", error);
    return code ? code : add_versions(work, error);
}

/* Which of them the place has, and is there room for the others? */
static enum pl_code plan(struct work *work, struct pl_error **error) {
    struct statvfs disk;
    uint64_t copied = 0;
    work->reuse = pl_alloc((work->list.count + 1) * sizeof *work->reuse);
    if (!work->reuse) return no_memory(error);
    for (size_t i = 0; i < work->list.count; i++) {
        const struct pl__backup_file *file = &work->list.files[i];
        char stored[PL__BACKUP_NAME];
        struct stat info;
        pl__backup_stored_name(file, stored);
        work->reuse[i] = fstatat(work->place.files, stored, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
                         (uint64_t)info.st_size == file->size;
        if (!work->reuse[i]) copied += file->size;
        if (!work->reuse[i] || work->backup->verify) work->copy.all += file->size;
    }
    if (fstatvfs(work->place.files, &disk)) return pl__backup_failed(work->place.path, "its disk", error);
    uint64_t free = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free >= copied + MARGIN) return PL_OK;
    return pl_error_set(error, PL_UNAVAILABLE,
                        "%s: the disk is full: %" PRIu64 " MiB are free, this backup needs %" PRIu64, work->place.path,
                        free / MIB, (copied + MARGIN) / MIB + 1);
}

/* ---- Copying ---- */

static enum pl_code copy_file(struct work *work, struct pl__backup_file *file, const char *stored,
                              struct pl_error **error) {
    uint64_t size;
    work->copy.from = pl__backup_is_of_version(file) ? work->versions : work->data;
    work->copy.from_name = file->name;
    work->copy.to = work->place.files;
    work->copy.to_name = stored;
    enum pl_code code = pl__backup_copy(&work->copy, &file->hash, &size, error);
    if (code) return code;
    work->backup->copied_files++;
    work->backup->copied_bytes += size;
    if (size == file->size) return PL_OK;
    return pl_error_set(error, PL_CONFLICT, "%s/%s: it was changed while it was copied", work->backup->from,
                        file->name);
}

/* What stands there under its name; *good: it is what it was. Of one that no list speaks of, all of it was there before
 * it got its name. */
static enum pl_code reuse_file(struct work *work, struct pl__backup_file *file, const char *stored, bool *good,
                               struct pl_error **error) {
    struct known wanted = {.hash = 0};
    uint64_t hash, size;
    memcpy(wanted.stored, stored, sizeof wanted.stored);
    const struct known *known =
        work->known_count ? bsearch(&wanted, work->known, work->known_count, sizeof *work->known, by_stored) : NULL;
    *good = true;
    if (known) file->hash = known->hash;
    if (known && !work->backup->verify) return PL_OK;
    work->copy.from = work->place.files;
    work->copy.from_name = stored;
    enum pl_code code = pl__backup_hash(&work->copy, &hash, &size, error);
    *good = !code && (!known || hash == known->hash);
    if (!code && !known) file->hash = hash;
    return code;
}

static enum pl_code bring(struct work *work, size_t i, struct pl_error **error) {
    struct pl__backup_file *file = &work->list.files[i];
    char stored[PL__BACKUP_NAME];
    bool good = false;
    pl__backup_stored_name(file, stored);
    enum pl_code code = work->reuse[i] ? reuse_file(work, file, stored, &good, error) : PL_OK;
    if (code || good) return code;
    if (work->reuse[i])
        pl_diag(PL_WARN, "%s/files/%s: damaged; it is copied again, for the earlier backups too", work->place.path,
                stored);
    return copy_file(work, file, stored, error);
}

static enum pl_code bring_all(struct work *work, struct pl_error **error) {
    enum pl_code code = PL_OK;
    work->copy.where = work->place.path;
    work->copy.progress = work->backup->progress;
    work->copy.arg = work->backup->arg;
    for (size_t i = 0; i < work->list.count && !code; i++)
        code = bring(work, i, error);
    if (!code && !pl__backup_sync_folder(work->place.files)) code = pl__backup_failed(work->place.path, "files", error);
    work->list.info.id = work->last + 1;
    return code ? code : pl__backup_list_write(&work->place, &work->list, error);
}

/* ---- The ones that are not kept ---- */

static bool remove_list(struct work *work, struct pl__backup_list *list) {
    char name[PL__BACKUP_NAME];
    pl__backup_number_name(list->info.id, name);
    if (unlinkat(work->place.folder, name, 0)) {
        pl_diag(PL_WARN, "%s/%s: not removed: %s", work->place.path, name, strerror(errno));
        return false;
    }
    pl__backup_list_fini(list);
    work->backup->pruned++;
    PL_FAULT("backup.pruned");
    return true;
}

/* Of this folder's; those of others that are kept in the same place stay. */
static void prune(struct work *work) {
    uint64_t keep = work->backup->keep, ours = 1;
    size_t left = 0;
    for (size_t i = 0; i < work->list_count; i++)
        ours += pl_backup_same_folder(&work->lists[i].info, &work->list.info);
    for (size_t i = 0; i < work->list_count; i++) {
        bool old = keep && ours > keep && pl_backup_same_folder(&work->lists[i].info, &work->list.info);
        if (old && remove_list(work, &work->lists[i]))
            ours--;
        else
            work->lists[left++] = work->lists[i];
    }
    work->list_count = left;
    if (work->unread || !pl__backup_sync_folder(work->place.folder)) return;
    work->lists[left] = work->list; /* there is room for one more */
    pl__backup_sweep(&work->place, work->lists, left + 1);
    work->lists[left] = (struct pl__backup_list){0};
}

/* ---- The whole ---- */

static void finish(struct work *work) {
    for (size_t i = 0; i < work->list_count; i++)
        pl__backup_list_fini(&work->lists[i]);
    pl_free(work->lists);
    pl_free(work->known);
    pl_free(work->reuse);
    pl__backup_list_fini(&work->list);
    if (work->data >= 0) close(work->data);
    if (work->versions >= 0) close(work->versions);
    for (unsigned i = 0; i < work->hold_count; i++)
        pl__hold_release(&work->holds[i]);
    pl_free(work->holds);
    pl__backup_place_close(&work->place);
}

enum pl_code pl_backup_make(struct pl_backup *backup, struct pl_error **error) {
    struct work work = {.backup = backup, .place = {.folder = -1, .files = -1}, .data = -1, .versions = -1};
    backup->copied_files = backup->copied_bytes = backup->pruned = 0;
    enum pl_code code = look_at(&work, error);
    if (!code) code = pl__backup_place_open(&work.place, backup->to, PL__BACKUP_WRITE, error);
    if (!code) code = read_lists(&work, error);
    if (!code) code = list_files(&work, error);
    if (!code) code = plan(&work, error);
    if (!code) code = bring_all(&work, error);
    if (!code) prune(&work);
    backup->made = work.list.info;
    finish(&work);
    return code;
}

/* ---- A folder that nobody has open ---- */

struct pl_backup_hold {
    struct pl__hold hold;
};

enum pl_code pl_backup_hold(const char *data, struct pl_backup_hold **hold, struct pl_error **error) {
    char database[PATH_MAX];
    *hold = NULL;
    if (snprintf(database, sizeof database, "%s/store", data) >= (int)sizeof database)
        return pl_error_set(error, PL_USAGE, "%s: the path is too long", data);
    if (access(database, F_OK)) return pl_error_set(error, PL_NOT_FOUND, "%s: not a data folder", data);
    struct pl_backup_hold *made = PL_NEW(struct pl_backup_hold);
    if (!made) return no_memory(error);
    made->hold.fd = -1;
    enum pl_code code = pl__hold_take(&made->hold, data, database, error);
    if (code)
        pl_free(made);
    else
        *hold = made;
    return code;
}

void pl_backup_release(struct pl_backup_hold *hold) {
    if (!hold) return;
    pl__hold_release(&hold->hold);
    pl_free(hold);
}
