#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>
#include <potline/json.h>
#include <potline/text.h>

#include "base/clock.h"

enum { WAITING = 64 << 10, TEXT = 512, LINE = 8 << 10, MOMENT = 40 };

struct pl_access {
    char path[PATH_MAX];
    int fd;
    size_t most, size; /* of the file */
    size_t used;
    bool failing;
    char waiting[WAITING];
};

static bool open_file(struct pl_access *access) {
    struct stat found;
    access->fd = open(access->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    access->size = access->fd >= 0 && fstat(access->fd, &found) == 0 ? (size_t)found.st_size : 0;
    return access->fd >= 0;
}

/* By logrotate, say: what is behind the open file is not FILE any more, or there is none. */
static bool is_moved(const struct pl_access *access) {
    struct stat own, there;
    if (access->fd < 0 || fstat(access->fd, &own)) return false;
    return lstat(access->path, &there) || own.st_ino != there.st_ino || own.st_dev != there.st_dev;
}

static void turn_over(struct pl_access *access) {
    char from[PATH_MAX + 8], to[PATH_MAX + 8];
    close(access->fd);
    for (unsigned i = PL_ACCESS_FILES; i > 0; i--) {
        snprintf(from, sizeof from, i > 1 ? "%s.%u" : "%s", access->path, i - 1);
        snprintf(to, sizeof to, "%s.%u", access->path, i);
        rename(from, to); /* the first ones are not there yet */
    }
    open_file(access);
}

static void tell_failure(struct pl_access *access, bool failed) {
    if (failed && !access->failing)
        pl_diag(PL_WARN, "https: %s cannot be written, its lines are left out: %s", access->path, strerror(errno));
    access->failing = failed;
}

void pl_access_flush(struct pl_access *access) {
    if (!access || !access->used) return;
    if (is_moved(access)) {
        close(access->fd);
        open_file(access);
    }
    if (access->size && access->size + access->used > access->most) turn_over(access);
    if (access->fd < 0) open_file(access);
    bool full = access->size && access->size + access->used > access->most; /* it stays where it is */
    if (full) errno = EFBIG;
    ssize_t size = full || access->fd < 0 ? -1 : write(access->fd, access->waiting, access->used);
    tell_failure(access, size != (ssize_t)access->used);
    if (size > 0) access->size += (size_t)size;
    access->used = 0;
}

/* At most TEXT bytes of it, and no half of a sign. */
static char *put_text(char *at, const char *name, const char *text) {
    size_t length = strlen(text);
    if (length > TEXT)
        for (length = TEXT; length && ((unsigned char)text[length] & 0xc0) == 0x80;)
            length--;
    at += sprintf(at, "\"%s\":", name);
    at = pl_json_put_string(at, text, length);
    *at++ = ',';
    return at;
}

void pl_access_put(struct pl_access *access, const struct pl_http_served *served) {
    char line[LINE], moment[MOMENT], *at = line;
    struct pl_clock wall;
    if (!access) return;
    pl_clock_init(&wall, PL_CLOCK_WALL, 0);
    pl_time now = pl_clock_now(&wall);
    *pl_text_put_time(moment, now - now % PL_MILLISECOND) = 0;
    const struct pl_http_request *request = served->request;
    *at++ = '{';
    at = put_text(at, "time", moment);
    at = put_text(at, "peer", request->peer);
    at = put_text(at, "user", served->user);
    at = put_text(at, "method", pl_http_method_names[request->method]);
    at = put_text(at, "path", request->path);
    at += sprintf(at, "\"status\":%u,\"bytes\":%" PRIu64 ",\"ms\":%.3f,", served->status, served->bytes,
                  (double)served->duration * 1e-6);
    at = put_text(at, "correlation", served->correlation);
    at[-1] = '}';
    *at++ = '\n';
    size_t size = (size_t)(at - line);
    if (access->used + size > WAITING) pl_access_flush(access);
    memcpy(access->waiting + access->used, line, size);
    access->used += size;
}
/* Five texts of TEXT bytes, each of which may become six. */
_Static_assert(6 * TEXT * 2 + 1024 < LINE, "path and correlation fit; the others are short");

enum pl_code pl_access_new(const char *path, size_t bytes, struct pl_access **access, struct pl_error **error) {
    struct pl_access *a = *access = PL_NEW(struct pl_access);
    if (!a) return pl_error_set(error, PL_NO_MEMORY, "no memory for an access log");
    bool fits = snprintf(a->path, sizeof a->path, "%s", path) < (int)sizeof a->path;
    a->most = bytes;
    a->fd = -1;
    if (fits && open_file(a)) return PL_OK;
    pl_error_set(error, PL_IO, "%s cannot be written: %s", path, strerror(fits ? errno : ENAMETOOLONG));
    pl_access_free(a);
    *access = NULL;
    return PL_IO;
}

void pl_access_free(struct pl_access *access) {
    if (!access) return;
    pl_access_flush(access);
    if (access->fd >= 0) close(access->fd);
    pl_free(access);
}
