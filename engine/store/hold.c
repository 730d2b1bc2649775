#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_impl.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pl__hold *holds; /* of this process */

static bool is_held_here(const struct pl__hold *wanted) {
    bool found = false;
    pthread_mutex_lock(&lock);
    for (const struct pl__hold *hold = holds; hold; hold = hold->next)
        found |= hold->device == wanted->device && hold->inode == wanted->inode;
    pthread_mutex_unlock(&lock);
    return found;
}

/* Who has RocksDB's lock, 0 when that cannot be told. Never asked in the process that has it: opening and closing the
 * file would end the lock. */
static pid_t holder_of(const char *database) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/LOCK", database) >= (int)sizeof path) return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    struct flock found = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool known = fcntl(fd, F_GETLK, &found) == 0 && found.l_type != F_UNLCK;
    close(fd);
    return known ? found.l_pid : 0;
}

static enum pl_code refuse(const struct pl__hold *hold, const char *path, const char *database,
                           struct pl_error **error) {
    if (is_held_here(hold)) return pl_error_set(error, PL_BUSY, "%s: this process has it open already", path);
    pid_t holder = holder_of(database);
    if (holder)
        return pl_error_set(error, PL_BUSY, "%s: in use by process %ld; potline shell --data %s talks to it", path,
                            (long)holder, path);
    return pl_error_set(error, PL_BUSY, "%s: in use by another process", path);
}

enum pl_code pl__hold_take(struct pl__hold *hold, const char *path, const char *database, struct pl_error **error) {
    struct stat info;
    hold->fd = open(database, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (hold->fd < 0 || fstat(hold->fd, &info)) return pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
    hold->device = info.st_dev;
    hold->inode = info.st_ino;
    if (flock(hold->fd, LOCK_EX | LOCK_NB)) {
        enum pl_code code = errno == EWOULDBLOCK ? refuse(hold, path, database, error)
                                                 : pl_error_set(error, PL_IO, "%s: %s", path, strerror(errno));
        close(hold->fd);
        hold->fd = -1;
        return code;
    }
    pthread_mutex_lock(&lock);
    hold->next = holds;
    holds = hold;
    pthread_mutex_unlock(&lock);
    return PL_OK;
}

bool pl__hold_exists(const char *database) {
    struct stat info;
    if (stat(database, &info)) return false;
    struct pl__hold wanted = {.device = info.st_dev, .inode = info.st_ino};
    return is_held_here(&wanted) || holder_of(database) != 0;
}

pid_t pl_store_holder(const char *path) {
    char database[PATH_MAX];
    if (snprintf(database, sizeof database, "%s/store", path) >= (int)sizeof database) return 0;
    return holder_of(database);
}

void pl__hold_release(struct pl__hold *hold) {
    if (hold->fd < 0) return;
    pthread_mutex_lock(&lock);
    struct pl__hold **at = &holds;
    while (*at && *at != hold)
        at = &(*at)->next;
    if (*at) *at = hold->next;
    pthread_mutex_unlock(&lock);
    close(hold->fd);
    hold->fd = -1;
}
