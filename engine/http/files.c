/* files.c: the dashboard's files, read once and kept: what is not in the folder at the start is not there, so no path
 * leads out of it. Texts are kept compressed as well. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>

#include <potline/alloc.h>

#include "http/rest_impl.h"

enum { FILES = 2000, BYTES = 64 << 20, DEPTH = 8, ETAG = 24, GZIP = 16 + 15, WORTH = 256 };

struct file {
    char *path;           /* "/app.js" */
    char *bytes, *packed; /* packed: gzip, NULL where it is not worth it */
    size_t size, packed_size;
    const char *type;
    char etag[ETAG];
};

struct pl__files {
    struct file list[FILES];
    unsigned count;
    size_t bytes;
};

static const struct {
    const char *ending, *type;
    bool text;
} types[] = {{".html", "text/html; charset=utf-8", true},
             {".js", "text/javascript; charset=utf-8", true},
             {".mjs", "text/javascript; charset=utf-8", true},
             {".css", "text/css; charset=utf-8", true},
             {".json", "application/json", true},
             {".map", "application/json", true},
             {".webmanifest", "application/manifest+json", true},
             {".svg", "image/svg+xml", true},
             {".txt", "text/plain; charset=utf-8", true},
             {".png", "image/png", false},
             {".ico", "image/x-icon", false},
             {".woff2", "font/woff2", false}};

/* ---- Reading ---- */

/* Smaller by a tenth at least, or nothing. */
static void pack(struct file *file) {
    z_stream stream = {.next_in = (Bytef *)file->bytes, .avail_in = (uInt)file->size};
    if (file->size < WORTH ||
        deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    size_t room = file->size / 10 * 9;
    file->packed = pl_alloc(room);
    stream.next_out = (Bytef *)file->packed;
    stream.avail_out = file->packed ? (uInt)room : 0;
    bool good = file->packed && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    file->packed_size = room - stream.avail_out;
    deflateEnd(&stream);
    if (good) return;
    pl_free(file->packed);
    file->packed = NULL;
}

static bool read_bytes(int fd, struct file *file) {
    size_t got = 0;
    file->bytes = pl_alloc(file->size + 1);
    while (file->bytes && got < file->size) {
        ssize_t size = read(fd, file->bytes + got, file->size - got);
        if (size <= 0) return false;
        got += (size_t)size;
    }
    return file->bytes != NULL;
}

static enum pl_code add_file(struct pl__files *files, int fd, const char *path, size_t size, struct pl_error **error) {
    struct file *file = &files->list[files->count];
    const char *ending = strrchr(path, '.');
    if (files->count == FILES || files->bytes + size > BYTES)
        return pl_error_set(error, PL_LIMIT, "the dashboard has at most %d files and %d MiB", FILES, BYTES >> 20);
    *file = (struct file){.size = size, .type = "application/octet-stream", .path = pl_strdup(path)};
    files->count++;
    files->bytes += size;
    if (!file->path || !read_bytes(fd, file)) return pl_error_set(error, PL_IO, "%s cannot be read", path);
    bool text = false;
    for (unsigned i = 0; ending && i < PL_COUNT_OF(types); i++) {
        if (strcmp(types[i].ending, ending) != 0) continue;
        file->type = types[i].type;
        text = types[i].text;
    }
    if (text) pack(file);
    snprintf(file->etag, sizeof file->etag, "\"%016" PRIx64 "\"", (uint64_t)XXH3_64bits(file->bytes, size));
    return PL_OK;
}

static enum pl_code add_folder(struct pl__files *files, int folder, const char *path, unsigned depth,
                               struct pl_error **error);

static enum pl_code add_entry(struct pl__files *files, int folder, const char *path, const char *name, unsigned depth,
                              struct pl_error **error) {
    char inside[PL__PATH];
    struct stat what;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return PL_OK; /* a link, or not ours to read */
    enum pl_code code = PL_OK;
    bool fits = snprintf(inside, sizeof inside, "%s/%s", path, name) < (int)sizeof inside && fstat(fd, &what) == 0;
    if (fits && S_ISDIR(what.st_mode) && depth < DEPTH) return add_folder(files, fd, inside, depth + 1, error);
    if (fits && S_ISREG(what.st_mode)) code = add_file(files, fd, inside, (size_t)what.st_size, error);
    close(fd);
    return code;
}

/* Takes the descriptor. */
static enum pl_code add_folder(struct pl__files *files, int folder, const char *path, unsigned depth,
                               struct pl_error **error) {
    DIR *list = fdopendir(folder);
    enum pl_code code = PL_OK;
    if (!list) {
        close(folder);
        return pl_error_set(error, PL_IO, "%s cannot be read: %s", path, strerror(errno));
    }
    for (struct dirent *entry; !code && (entry = readdir(list));)
        if (entry->d_name[0] != '.') code = add_entry(files, dirfd(list), path, entry->d_name, depth, error);
    closedir(list);
    return code;
}

struct pl__files *pl__files_new(const char *folder, struct pl_error **error) {
    struct pl__files *files = PL_NEW(struct pl__files);
    if (!files) {
        pl_error_set(error, PL_NO_MEMORY, "no memory for the dashboard");
        return NULL;
    }
    if (!folder) return files;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pl_code code =
        fd < 0 ? pl_error_set(error, PL_IO, "%s: %s", folder, strerror(errno)) : add_folder(files, fd, "", 0, error);
    if (!code) return files;
    pl__files_free(files);
    return NULL;
}

void pl__files_free(struct pl__files *files) {
    for (unsigned i = 0; files && i < files->count; i++) {
        pl_free(files->list[i].path);
        pl_free(files->list[i].bytes);
        pl_free(files->list[i].packed);
    }
    pl_free(files);
}

/* ---- Answering ---- */

static const struct file *find(const struct pl__files *files, const char *path) {
    if (strcmp(path, "/") == 0) path = "/index.html";
    for (unsigned i = 0; i < files->count; i++)
        if (strcmp(files->list[i].path, path) == 0) return &files->list[i];
    return NULL;
}

/* "gzip" as a word of the list, not one with q=0. */
static bool takes_gzip(const char *accepted) {
    for (const char *at = strcasestr(accepted, "gzip"); at; at = strcasestr(at + 1, "gzip")) {
        const char *behind = at + strlen("gzip");
        bool begins = at == accepted || strchr(", ", at[-1]), ends = !*behind || strchr(", ;", *behind);
        if (begins && ends) return strncmp(behind, ";q=0", 4) != 0 || (behind[4] == '.' && behind[5] > '0');
    }
    return false;
}

bool pl__files_answer(const struct pl__files *files, struct pl_http_exchange *exchange) {
    const struct pl_http_request *request = pl_http_request(exchange);
    const struct file *file = find(files, request->path);
    struct pl_http_reply reply;
    if (!file) return false;
    bool same = strstr(request->header[PL_HTTP_IF_NONE_MATCH], file->etag) != NULL;
    bool packed = file->packed && takes_gzip(request->header[PL_HTTP_ACCEPT_ENCODING]);
    pl_http_reply_init(&reply, same ? PL__NOT_MODIFIED : PL__OK, same ? NULL : file->type);
    pl_http_reply_header(&reply, "etag", file->etag);
    pl_http_reply_header(&reply, "cache-control", "no-cache");
    if (file->packed) pl_http_reply_header(&reply, "vary", "accept-encoding");
    if (!same && packed) pl_http_reply_header(&reply, "content-encoding", "gzip");
    if (!same) reply.lasting = packed ? file->packed : file->bytes;
    if (!same) reply.lasting_size = packed ? file->packed_size : file->size;
    pl_http_answer(exchange, &reply);
    return true;
}
