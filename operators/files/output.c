#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>

static enum pl_code say(const struct pl_output *output, struct pl_error **error, const char *what) {
    return pl_error_set(error, errno == ENOENT ? PL_NOT_FOUND : PL_IO, "%s: %s%s", output->path, what, strerror(errno));
}

/* ---- Opening ---- */

/* A pipe or terminal gets a description of its own, so that others who hold it do not find it non-blocking of a sudden.
 * A file is written on where standard output stands. */
static int open_standard_output(struct pl_output *output) {
    struct stat status;
    if (fstat(STDOUT_FILENO, &status)) return -1;
    if (!S_ISREG(status.st_mode)) {
        int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (fd >= 0) return fd;
    }
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (fd < 0 || flags < 0 || S_ISREG(status.st_mode) || flags & O_NONBLOCK) return fd;
    output->shared = fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
    return fd;
}

/* A reader that has gone is an error of the write, not the end of the process. */
static void ignore_pipe_signal(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static bool set_names(struct pl_output *output, const char *path) {
    bool atomic = output->mode == PL_OUTPUT_ATOMIC;
    size_t room = strlen(path) + sizeof(".part");
    output->path = pl_alloc(room);
    output->final = atomic ? pl_strdup(path) : NULL;
    if (output->path) snprintf(output->path, room, "%s%s", path, atomic ? ".part" : "");
    return output->path && (output->final || !atomic);
}

enum pl_code pl_output_open(struct pl_output *output, const char *path, enum pl_output_mode mode,
                            struct pl_error **error) {
    struct stat status;
    bool standard = strcmp(path, "-") == 0;
    *output = (struct pl_output){.mode = standard ? PL_OUTPUT_APPEND : mode, .fd = -1};
    if (!set_names(output, standard ? "standard output" : path))
        return pl_error_set(error, PL_NO_MEMORY, "no memory for a path");
    if (!standard && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return pl_error_set(error, PL_IO, "%s: is a folder; expected a file", path);
    }
    output->fd = standard ? open_standard_output(output)
                          : open(output->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    if (output->fd < 0 && errno == ENXIO)
        return pl_error_set(error, PL_UNAVAILABLE, "%s: nobody reads this pipe", output->path);
    if (output->fd < 0 || fstat(output->fd, &status)) return say(output, error, "");
    output->regular = S_ISREG(status.st_mode);
    if (!output->regular) ignore_pipe_signal();
    return PL_OK;
}

void pl_output_close(struct pl_output *output) {
    if (output->path && output->fd >= 0) {
        int flags = output->shared ? fcntl(output->fd, F_GETFL) : -1;
        if (flags >= 0) fcntl(output->fd, F_SETFL, flags & ~O_NONBLOCK);
        close(output->fd);
    }
    pl_free(output->path);
    pl_free(output->final);
    *output = (struct pl_output){.fd = -1};
}

/* ---- Where to write ---- */

/* The name is in the folder, so the folder has to be synced too. */
static int sync_folder(const char *path) {
    char *copy = pl_strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int failed = fd < 0 || fsync(fd);
    if (fd >= 0) close(fd);
    pl_free(copy);
    return failed;
}

static bool is_standard(const struct pl_output *output) {
    return !output->final && strcmp(output->path, "standard output") == 0;
}

enum pl_code pl_output_begin(struct pl_output *output, uint64_t *offset, struct pl_error **error) {
    *offset = 0;
    output->begun = true;
    if (!output->regular) return PL_OK;
    if (!is_standard(output) && sync_folder(output->path)) return say(output, error, "");
    if (output->mode != PL_OUTPUT_APPEND) return ftruncate(output->fd, 0) ? say(output, error, "") : PL_OK;
    /* Standard output is written on where it stands, which `>` put at 0 and `>>` at the end. */
    off_t at = lseek(output->fd, 0, is_standard(output) ? SEEK_CUR : SEEK_END);
    if (at < 0) return say(output, error, "");
    *offset = (uint64_t)at;
    return PL_OK;
}

uint64_t pl_output_size(const struct pl_output *output) {
    struct stat status;
    return output->regular && fstat(output->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

enum pl_code pl_output_resume(struct pl_output *output, uint64_t offset, struct pl_error **error) {
    struct stat status;
    output->begun = true;
    if (!output->regular) return PL_OK;
    if (fstat(output->fd, &status)) return say(output, error, "");
    if ((uint64_t)status.st_size < offset) {
        return pl_error_set(error, PL_CONFLICT, "%s: has %lld bytes; expected the %llu that were written", output->path,
                            (long long)status.st_size, (unsigned long long)offset);
    }
    if (ftruncate(output->fd, (off_t)offset) || lseek(output->fd, (off_t)offset, SEEK_SET) < 0)
        return say(output, error, "");
    return PL_OK;
}

enum pl_code pl_output_finish(struct pl_output *output, struct pl_error **error) {
    if (!output->final || !output->regular) return PL_OK;
    if (fsync(output->fd)) return say(output, error, "");
    if (rename(output->path, output->final)) return say(output, error, "cannot take its name: ");
    if (sync_folder(output->final)) return say(output, error, "");
    pl_free(output->path);
    output->path = output->final;
    output->final = NULL;
    return PL_OK;
}
