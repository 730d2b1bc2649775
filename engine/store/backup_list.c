/* backup_list.c: the list of a backup's files.
 *
 *     potline backup 2
 *     time 2026-11-26T06:00:00Z
 *     epoch 17
 *     key 0123456789abcdef              or: key none
 *     of /var/lib/potline/pots          the data folder
 *     folder 89abcdef01234567           what it is known by; or: folder none (version 1 has no such line)
 *     BYTES HASH PRINT NAME             each file: closed, store/000012.sst, versions/finer/store/000007.sst
 *     end HASH                          of all above
 *
 * Bytes from outside: a name that leads anywhere else than to a file of a data folder makes the list no list.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>
#include <xxhash.h>

#include "base/fault.h"
#include "store/backup_impl.h"
#include "store/version.h"

enum { HEAD_LINES = 6, HEAD_LINES_1 = 5, LIST_MAX = 256 << 20 };

static const char first_line[] = "potline backup 2", first_line_1[] = "potline backup 1", last_word[] = "end ";

bool pl__backup_list_add(struct pl__backup_list *list, const struct pl__backup_file *file) {
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        struct pl__backup_file *grown = pl_realloc(list->files, room * sizeof *grown);
        if (!grown) return false;
        list->files = grown;
        list->room = room;
    }
    list->files[list->count++] = *file;
    list->info.files++;
    list->info.bytes += file->size;
    return true;
}

void pl__backup_list_fini(struct pl__backup_list *list) {
    pl_free(list->files);
    *list = (struct pl__backup_list){0};
}

/* One of before there were identities is known by its name. */
bool pl_backup_same_folder(const struct pl_backup_info *a, const struct pl_backup_info *b) {
    return a->identity[0] && b->identity[0] ? strcmp(a->identity, b->identity) == 0 : strcmp(a->of, b->of) == 0;
}

bool pl__backup_is_of_version(const struct pl__backup_file *file) {
    return strncmp(file->name, "versions/", strlen("versions/")) == 0;
}

void pl__backup_stored_name(const struct pl__backup_file *file, char name[PL__BACKUP_NAME]) {
    const char *slash = strrchr(file->name, '/');
    snprintf(name, PL__BACKUP_NAME, "%.200s-%016" PRIx64, slash ? slash + 1 : file->name, file->print);
}

/* ---- Reading ---- */

static bool is_plain(const char *name) {
    for (const char *at = name; *at; at++) {
        bool plain = (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     *at == '.' || *at == '-' || *at == '_';
        if (!plain) return false;
    }
    return *name && *name != '.' && strlen(name) <= 200;
}

/* "versions/NAME/" in front of a version's files: what is behind it; else the whole. */
static const char *behind_version(const char *name) {
    static const char prefix[] = "versions/";
    char version[PL_VERSION_NAME_MAX + 1];
    if (strncmp(name, prefix, strlen(prefix)) != 0) return name;
    const char *begin = name + strlen(prefix), *slash = strchr(begin, '/');
    size_t length = slash ? (size_t)(slash - begin) : 0;
    if (!length || length >= sizeof version) return name;
    memcpy(version, begin, length);
    version[length] = 0;
    return pl_version_name_fits(version) ? slash + 1 : name;
}

/* "closed", "format", "store/000012.sst", those of a version: nothing that leads elsewhere. */
static bool is_name(const char *whole) {
    static const char prefix[] = "store/";
    const char *name = behind_version(whole);
    if (strncmp(name, prefix, strlen(prefix)) == 0) return is_plain(name + strlen(prefix));
    return strcmp(name, "closed") == 0 || strcmp(name, "format") == 0;
}

static bool read_file_line(const char *line, struct pl__backup_list *list) {
    struct pl__backup_file file = {0};
    int at = 0;
    if (sscanf(line, "%" SCNu64 " %16" SCNx64 " %16" SCNx64 " %n", &file.size, &file.hash, &file.print, &at) != 3 ||
        !at || strlen(line + at) >= sizeof file.name || !is_name(line + at))
        return false;
    snprintf(file.name, sizeof file.name, "%s", line + at);
    return pl__backup_list_add(list, &file);
}

/* "WORD ID", or "WORD none". */
static bool read_id(const char *line, const char *word, char id[17]) {
    size_t length = strlen(word);
    if (strncmp(line, word, length) != 0 || line[length] != ' ' || strlen(line + length + 1) > 16) return false;
    snprintf(id, 17, "%s", strcmp(line + length + 1, "none") == 0 ? "" : line + length + 1);
    return true;
}

static bool read_head_line(const char *line, unsigned number, struct pl_backup_info *info) {
    switch (number) {
    case 0: return true; /* looked at before */
    case 1: return strncmp(line, "time ", 5) == 0 && pl_text_time(line + 5, strlen(line + 5), &info->time);
    case 2: return sscanf(line, "epoch %" SCNu64, &info->epoch) == 1;
    case 4:
        if (strncmp(line, "of ", 3) != 0 || strlen(line + 3) >= sizeof info->of) return false;
        snprintf(info->of, sizeof info->of, "%s", line + 3);
        return true;
    case 5: return read_id(line, "folder", info->identity);
    default: return read_id(line, "key", info->key_id);
    }
}

_Static_assert(PL_STORE_KEY_ID == 17 && PL_STORE_IDENTITY == 17, "as read_id takes them");

/* How many lines are in front of the files'; 0: no version that is known. */
static unsigned head_lines(const char *text) {
    const char *end = strchr(text, '\n');
    size_t length = end ? (size_t)(end - text) : 0;
    if (length != strlen(first_line)) return 0;
    if (memcmp(text, first_line, length) == 0) return HEAD_LINES;
    return memcmp(text, first_line_1, length) == 0 ? HEAD_LINES_1 : 0;
}

static bool parse(char *text, size_t size, struct pl__backup_list *list) {
    const size_t last = strlen(last_word) + 16 + 1;
    char expected[32];
    if (size < last || memchr(text, 0, size)) return false;
    snprintf(expected, sizeof expected, "%s%016" PRIx64 "\n", last_word, (uint64_t)XXH3_64bits(text, size - last));
    if (memcmp(text + size - last, expected, last) != 0) return false;
    text[size - last] = 0;
    unsigned number = 0, head = head_lines(text);
    if (!head) return false;
    for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1, number++) {
        *end = 0;
        if (!(number < head ? read_head_line(at, number, &list->info) : read_file_line(at, list))) return false;
    }
    return number >= head;
}

static char *read_all(int folder, const char *name, size_t *size) {
    struct stat info;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char *text = NULL;
    if (fd >= 0 && fstat(fd, &info) == 0 && info.st_size <= LIST_MAX && (text = pl_alloc((size_t)info.st_size + 1))) {
        size_t got = 0;
        ssize_t part = 0;
        while (got < (size_t)info.st_size && (part = read(fd, text + got, (size_t)info.st_size - got)) > 0)
            got += (size_t)part;
        *size = got;
    }
    if (fd >= 0) close(fd);
    return text;
}

enum pl_code pl__backup_list_read(const struct pl__backup_place *place, uint64_t number, struct pl__backup_list *list,
                                  struct pl_error **error) {
    char name[PL__BACKUP_NAME];
    size_t size = 0;
    *list = (struct pl__backup_list){0};
    pl__backup_number_name(number, name);
    char *text = read_all(place->folder, name, &size);
    bool good = text && parse(text, size, list);
    pl_free(text);
    list->info.id = number;
    if (good) return PL_OK;
    pl__backup_list_fini(list);
    return pl_error_set(error, PL_CORRUPT, "%s/%s: damaged, or of a newer version", place->path, name);
}

/* ---- Writing ---- */

static void put(const struct pl__backup_list *list, struct pl_buffer *out) {
    char time[PL_TEXT_TIME_MAX];
    const struct pl_backup_info *info = &list->info;
    *pl_text_put_time(time, info->time) = 0;
    pl_buffer_printf(out, "%s\ntime %s\nepoch %" PRIu64 "\nkey %s\nof %s\nfolder %s\n", first_line, time, info->epoch,
                     info->key_id[0] ? info->key_id : "none", info->of, info->identity[0] ? info->identity : "none");
    for (size_t i = 0; i < list->count; i++) {
        const struct pl__backup_file *file = &list->files[i];
        pl_buffer_printf(out, "%" PRIu64 " %016" PRIx64 " %016" PRIx64 " %s\n", file->size, file->hash, file->print,
                         file->name);
    }
    if (!pl_buffer_failed(out))
        pl_buffer_printf(out, "%s%016" PRIx64 "\n", last_word, (uint64_t)XXH3_64bits(out->data, out->size));
}

static bool write_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

enum pl_code pl__backup_list_write(const struct pl__backup_place *place, const struct pl__backup_list *list,
                                   struct pl_error **error) {
    char name[PL__BACKUP_NAME];
    static const char part[] = "list.part";
    struct pl_buffer out;
    pl_buffer_init(&out, LIST_MAX);
    put(list, &out);
    pl__backup_number_name(list->info.id, name);
    bool memory = !pl_buffer_failed(&out);
    int fd = memory ? openat(place->folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    bool good = fd >= 0 && write_all(fd, out.data, out.size) && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0) close(fd);
    PL_FAULT("backup.list");
    if (good && (renameat(place->folder, part, place->folder, name) || !pl__backup_sync_folder(place->folder))) {
        why = errno;
        good = false;
    }
    PL_FAULT("backup.listed");
    pl_buffer_fini(&out);
    if (good) return PL_OK;
    if (!memory) return pl_error_set(error, PL_NO_MEMORY, "no memory for the list of a backup");
    unlinkat(place->folder, part, 0);
    errno = why;
    return pl__backup_failed(place->path, name, error);
}
