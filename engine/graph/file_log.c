#include "file_log.h"

#include <string.h>

#include <potline/alloc.h>

enum { FEW = 8 };

static bool grow(struct pl_file_log *log) {
    if (log->count < log->room) return true;
    unsigned room = log->room ? 2 * log->room : FEW;
    struct pl_file_text *grown = pl__arena_alloc(log->arena, room * sizeof *grown);
    if (!grown) return false;
    if (log->count) memcpy(grown, log->files, log->count * sizeof *grown);
    log->files = grown;
    log->room = room;
    return true;
}

void pl__file_log_note(struct pl_file_log *log, const char *path, const char *text, size_t length) {
    if (!log || !grow(log)) return; /* the arena says so */
    struct pl_file_text noted = {.path = pl__arena_text(log->arena, path, strlen(path)),
                                 .text = pl__arena_text(log->arena, text, length),
                                 .length = length};
    if (noted.path && noted.text) log->files[log->count++] = noted;
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The first of that path, which is what it is known by. */
static unsigned first_of(const struct pl_file_log *log, const char *path) {
    unsigned i = 0;
    while (strcmp(log->given[i].path, path) != 0)
        i++;
    return i;
}

static bool give(const struct pl_file_log *log, const char *path, struct pl_file *file, const char **reason) {
    *reason = "it was not among the files of the graph";
    if (log->count >= log->given_count) return false;
    const struct pl_file_text *next = &log->given[log->count];
    if (strcmp(name_of(next->path), name_of(path)) != 0) return false;
    *reason = "out of memory";
    *file = (struct pl_file){.text = pl_alloc(next->length + 1), .length = next->length, .device = UINT64_MAX};
    if (!file->text) return false;
    memcpy(file->text, next->text, next->length);
    file->inode = first_of(log, next->path);
    return true;
}

bool pl__file_log_read(struct pl_file_log *log, const char *path, bool pipe, struct pl_file *file,
                       const char **reason) {
    bool good = log && log->given ? give(log, path, file, reason) : pl__file_read(path, pipe, file, reason);
    if (good && log && log->given)
        pl__file_log_note(log, log->given[log->count].path, file->text, file->length);
    else if (good)
        pl__file_log_note(log, path, file->text, file->length);
    return good;
}
