#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>

enum { RAW_SIZE = 64 << 10, MAGIC = 4, FINGERPRINT_MAX = 512 };

static enum pl_code say(const struct pl_input *input, struct pl_error **error, const char *what) {
    return pl_error_set(error, PL_IO, "%s: %s", input->path, what);
}

/* ---- Opening ---- */

/* Standard input gets a description of its own where the system can give one, so that others who hold it do not find it
 * non-blocking of a sudden; a socket has to be changed for all, and is changed back. */
static int open_standard_input(struct pl_input *input) {
    int fd = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (fd >= 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode)) return fd;
    if (fd >= 0) close(fd); /* a file would begin anew: it is read from where it stands */
    fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    if (fd < 0 || flags < 0 || fstat(fd, &status) || S_ISREG(status.st_mode) || flags & O_NONBLOCK) return fd;
    input->shared = fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
    return fd;
}

enum pl_code pl_input_open(struct pl_input *input, const char *path, enum pl_unzip_kind kind, bool held_open,
                           struct pl_error **error) {
    struct stat status;
    bool standard = strcmp(path, "-") == 0;
    *input = (struct pl_input){.path = standard ? "standard input" : path, .kind = kind, .fd = -1};
    input->fd = standard ? open_standard_input(input)
                         : open(path, (held_open ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (input->fd < 0 || fstat(input->fd, &status)) {
        enum pl_code code = errno == ENOENT ? PL_NOT_FOUND : PL_IO;
        return pl_error_set(error, code, "%s: %s", input->path, strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) return say(input, error, "is a folder; expected a file");
    input->regular = S_ISREG(status.st_mode);
    input->fifo = S_ISFIFO(status.st_mode) && !standard;
    if (kind == PL_UNZIP_NONE) return PL_OK;
    input->raw = pl_alloc(RAW_SIZE);
    return input->raw ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "%s: no memory to read it", input->path);
}

void pl_input_close(struct pl_input *input) {
    if (input->path && input->fd >= 0) {
        int flags = input->shared ? fcntl(input->fd, F_GETFL) : -1;
        if (flags >= 0) fcntl(input->fd, F_SETFL, flags & ~O_NONBLOCK);
        close(input->fd);
    }
    pl_unzip_free(input->unzip);
    pl_free(input->raw);
    *input = (struct pl_input){.fd = -1};
}

/* ---- Reading ---- */

/* Nothing to read: a named pipe that nobody has opened for writing yet will have something. */
static enum pl_input_got at_end(const struct pl_input *input) {
    struct pollfd pipe = {.fd = input->fd, .events = POLLIN};
    if (!input->fifo) return PL_INPUT_END;
    return poll(&pipe, 1, 0) >= 0 && !(pipe.revents & POLLHUP) ? PL_INPUT_WAIT : PL_INPUT_END;
}

static enum pl_input_got read_fd(struct pl_input *input, char *space, size_t room, size_t *count,
                                 struct pl_error **error) {
    for (;;) {
        ssize_t n = read(input->fd, space, room);
        *count = n > 0 ? (size_t)n : 0;
        if (n > 0) return PL_INPUT_BYTES;
        if (n == 0) return at_end(input);
        if (errno == EAGAIN || errno == EWOULDBLOCK) return PL_INPUT_WAIT;
        if (errno == EINTR) continue;
        say(input, error, strerror(errno));
        return PL_INPUT_FAILED;
    }
}

/* More raw bytes behind those there are. */
static enum pl_input_got read_raw(struct pl_input *input, struct pl_error **error) {
    size_t count;
    if (input->raw_end) return PL_INPUT_END;
    if (input->raw_from == input->raw_to) input->raw_from = input->raw_to = 0;
    enum pl_input_got got = read_fd(input, input->raw + input->raw_to, RAW_SIZE - input->raw_to, &count, error);
    input->raw_to += count;
    input->raw_end = got == PL_INPUT_END;
    return got;
}

/* Reads ahead until the first bytes tell what they are. */
static enum pl_input_got find_kind(struct pl_input *input, struct pl_error **error) {
    enum pl_input_got got = PL_INPUT_BYTES;
    while (got == PL_INPUT_BYTES && input->raw_to < MAGIC)
        got = read_raw(input, error);
    if (got == PL_INPUT_WAIT || got == PL_INPUT_FAILED) return got;
    input->kind = pl_unzip_detect(input->raw, input->raw_to);
    return PL_INPUT_BYTES;
}

static enum pl_input_got give_raw(struct pl_input *input, char *space, size_t room, size_t *count) {
    size_t n = input->raw_to - input->raw_from;
    *count = n < room ? n : room;
    memcpy(space, input->raw + input->raw_from, *count);
    input->raw_from += *count;
    return PL_INPUT_BYTES;
}

static enum pl_input_got unpack(struct pl_input *input, char *space, size_t room, size_t *count,
                                struct pl_error **error) {
    *count = 0;
    if (!input->unzip && !(input->unzip = pl_unzip_new(input->kind))) {
        pl_error_set(error, PL_NO_MEMORY, "%s: no memory to unpack it", input->path);
        return PL_INPUT_FAILED;
    }
    for (;;) {
        struct pl_unzip_step step = {input->raw + input->raw_from, input->raw_to - input->raw_from, space, room};
        bool sound = pl_unzip_go(input->unzip, &step);
        input->raw_from = input->raw_to - step.in_size;
        *count = room - step.out_size;
        if (!sound) {
            pl_error_set(error, PL_CORRUPT, "%s: damaged %s data", input->path,
                         input->kind == PL_UNZIP_GZIP ? "gzip" : "zstd");
            return PL_INPUT_FAILED;
        }
        if (*count) return PL_INPUT_BYTES;
        enum pl_input_got got = read_raw(input, error);
        if (got == PL_INPUT_END && !pl_unzip_complete(input->unzip)) {
            pl_error_set(error, PL_CORRUPT, "%s: ends in the middle of its packed data", input->path);
            return PL_INPUT_FAILED;
        }
        if (got != PL_INPUT_BYTES) return got;
    }
}

enum pl_input_got pl_input_read(struct pl_input *input, char *space, size_t room, size_t *count,
                                struct pl_error **error) {
    enum pl_input_got got = PL_INPUT_BYTES;
    *count = 0;
    if (input->kind == PL_UNZIP_AUTO) got = find_kind(input, error);
    if (got != PL_INPUT_BYTES) return got;
    if (input->kind != PL_UNZIP_NONE)
        got = unpack(input, space, room, count, error);
    else if (input->raw_from < input->raw_to)
        got = give_raw(input, space, room, count);
    else
        got = input->raw_end ? PL_INPUT_END : read_fd(input, space, room, count, error);
    input->taken += *count;
    return got;
}

/* ---- Where it stands ---- */

static enum pl_code skip(struct pl_input *input, uint64_t bytes, struct pl_error **error) {
    char *scratch = pl_alloc(RAW_SIZE);
    if (!scratch) return pl_error_set(error, PL_NO_MEMORY, "%s: no memory to read it", input->path);
    enum pl_input_got got = PL_INPUT_BYTES;
    while (bytes && got == PL_INPUT_BYTES) {
        size_t count;
        got = pl_input_read(input, scratch, bytes < RAW_SIZE ? (size_t)bytes : RAW_SIZE, &count, error);
        bytes -= count;
    }
    pl_free(scratch);
    if (got == PL_INPUT_BYTES) return PL_OK;
    return got == PL_INPUT_FAILED ? PL_CORRUPT : say(input, error, "is shorter than it was");
}

enum pl_code pl_input_seek(struct pl_input *input, uint64_t offset, struct pl_error **error) {
    bool back = offset < input->taken || input->kind == PL_UNZIP_NONE || input->kind == PL_UNZIP_AUTO;
    if (back && lseek(input->fd, 0, SEEK_SET) < 0) return say(input, error, strerror(errno));
    if (back) {
        pl_unzip_free(input->unzip);
        input->unzip = NULL;
        input->raw_from = input->raw_to = 0;
        input->raw_end = false;
        input->taken = 0;
    }
    if (input->kind != PL_UNZIP_NONE) return skip(input, offset - input->taken, error);
    if (lseek(input->fd, (off_t)offset, SEEK_SET) < 0) return say(input, error, strerror(errno));
    input->taken = offset;
    return PL_OK;
}

uint64_t pl_input_fingerprint(const struct pl_input *input, uint32_t size, uint32_t *used) {
    unsigned char bytes[FINGERPRINT_MAX];
    *used = 0;
    if (!input->regular) return 0;
    ssize_t n = pread(input->fd, bytes, size && size < FINGERPRINT_MAX ? size : FINGERPRINT_MAX, 0);
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (ssize_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    *used = n > 0 ? (uint32_t)n : 0;
    return hash;
}

bool pl_is_fifo(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}
