#include "follow.h"

#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include <potline/alloc.h>

struct pl_follow {
    uv_fs_event_t folder, file;
    unsigned open; /* handles that the loop has not let go of */
    const char *path;
    void (*changed)(void *user);
    void *user;
};

static void on_closed(uv_handle_t *handle) {
    struct pl_follow *follow = handle->data;
    if (--follow->open == 0) pl_free(follow);
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status) {
    struct pl_follow *follow = handle->data;
    (void)name; /* a writer may go on under the file's old name for a while: any change in the folder may matter */
    (void)events;
    (void)status;
    if (follow->changed) follow->changed(follow->user);
}

static int watch_folder(struct pl_follow *follow) {
    const char *slash = strrchr(follow->path, '/');
    char *folder =
        slash ? pl_strndup(follow->path, (size_t)(slash - follow->path + (slash == follow->path))) : pl_strdup(".");
    int code = folder ? uv_fs_event_start(&follow->folder, on_event, folder, 0) : UV_ENOMEM;
    pl_free(folder);
    return code;
}

struct pl_follow *pl_follow_new(struct uv_loop_s *loop, const char *path, void (*changed)(void *user), void *user,
                                struct pl_error **error) {
    struct pl_follow *follow = PL_NEW(struct pl_follow);
    if (!follow) {
        pl_error_set(error, PL_NO_MEMORY, "%s: no memory to follow it", path);
        return NULL;
    }
    *follow = (struct pl_follow){.path = path, .changed = changed, .user = user, .open = 2};
    uv_fs_event_init(loop, &follow->folder);
    uv_fs_event_init(loop, &follow->file);
    follow->folder.data = follow->file.data = follow;
    int code = watch_folder(follow);
    if (code == 0) return follow;
    pl_error_set(error, PL_IO, "%s: its folder cannot be watched: %s", path, uv_strerror(code));
    pl_follow_free(follow);
    return NULL;
}

void pl_follow_free(struct pl_follow *follow) {
    if (!follow) return;
    follow->changed = NULL;
    uv_close((uv_handle_t *)&follow->folder, on_closed);
    uv_close((uv_handle_t *)&follow->file, on_closed);
}

void pl_follow_opened(struct pl_follow *follow) {
    uv_fs_event_stop(&follow->file);
    uv_fs_event_start(&follow->file, on_event, follow->path, 0); /* through a link too; if it fails, the folder tells */
}

enum pl_follow_state pl_follow_state(const struct pl_follow *follow, int fd, uint64_t taken) {
    struct stat named, open;
    if (stat(follow->path, &named)) return PL_FOLLOW_GONE;
    if (fd < 0 || fstat(fd, &open)) return PL_FOLLOW_REPLACED;
    if (named.st_dev != open.st_dev || named.st_ino != open.st_ino) return PL_FOLLOW_REPLACED;
    return (uint64_t)open.st_size < taken ? PL_FOLLOW_CUT : PL_FOLLOW_SAME;
}
