/* watch.c: reading files again when they have changed; other files in their folders may. Editors replace files, so
 * folders are watched, and a change is waited out for a moment. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "node.h"

enum { FOLDERS_MAX = 32, SETTLE_MS = 200 };

struct watch {
    struct rules *rules; /* NULL once freed */
    struct pl_node *node;
    uv_timer_t timer;
    uv_fs_event_t folder[FOLDERS_MAX];
    unsigned folders;
    struct pl_diag_site told;
    uint64_t tried; /* the files as they were at the last look */
    unsigned open;  /* handles that the loop has not let go of */
};

static void on_closed(uv_handle_t *handle) {
    struct watch *watch = handle->data;
    if (--watch->open == 0) pl_free(watch);
}

static void on_settled(uv_timer_t *timer) {
    struct watch *watch = timer->data;
    struct pl_error *error = NULL;
    char from[RULES_COUNT_TEXT], to[RULES_COUNT_TEXT];
    if (!watch->rules) return;
    uint64_t files = rules__files(watch->rules);
    if (files == watch->tried || files == watch->rules->set->files) return; /* something else in the folder */
    watch->tried = files;
    struct pl_note note = {.action = "rules reload", .from = from, .to = to, .reason = "a file has changed"};
    rules__count_text(watch->rules->set, from);
    enum pl_code code = rules__reload(watch->rules, watch->node, &error);
    rules__count_text(watch->rules->set, to);
    if (!code) {
        pl_diag_write(&watch->told, watch->node, PL_INFO, "files read again: %s", to);
        pl_note(watch->node, &note);
        return;
    }
    char *text = pl_error_text(error);
    pl_node_diag(watch->node, PL_ERROR, "the rules at hand stay: %s", text ? text : "no memory");
    note.outcome = text ? text : "no memory";
    pl_note(watch->node, &note);
    pl_free(text);
    pl_error_free(&error);
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status) {
    struct watch *watch = handle->data;
    (void)name;
    (void)events;
    (void)status;
    if (watch->rules) uv_timer_start(&watch->timer, on_settled, SETTLE_MS, 0);
}

static int watch_script(struct watch *watch, const char *script) {
    struct stat about;
    const char *slash = strrchr(script, '/');
    bool folder = stat(script, &about) == 0 && S_ISDIR(about.st_mode);
    char *path = folder ? pl_strdup(script) : slash ? pl_strndup(script, (size_t)(slash - script) + 1) : pl_strdup(".");
    if (!path || watch->folders == FOLDERS_MAX) {
        pl_free(path);
        return UV_ENOMEM;
    }
    uv_fs_event_t *event = &watch->folder[watch->folders++];
    uv_fs_event_init(pl_node_loop(watch->node), event);
    event->data = watch;
    watch->open++;
    int code = uv_fs_event_start(event, on_event, path, 0);
    pl_free(path);
    return code;
}

struct watch *rules__watch_new(struct rules *rules, struct pl_node *node, struct pl_error **error) {
    struct watch *watch = PL_NEW(struct watch);
    if (!watch) {
        pl_error_set(error, PL_NO_MEMORY, "no memory to watch files");
        return NULL;
    }
    *watch = (struct watch){.rules = rules, .node = node, .open = 1};
    uv_timer_init(pl_node_loop(node), &watch->timer);
    watch->timer.data = watch;
    int code = 0;
    for (uint32_t i = 0; code == 0 && i < rules->scripts.count; i++)
        code = watch_script(watch, rules->scripts.items[i]);
    if (code == 0) return watch;
    pl_error_set(error, PL_IO, "folders of rules cannot be watched: %s", uv_strerror(code));
    rules__watch_free(watch);
    return NULL;
}

void rules__watch_free(struct watch *watch) {
    if (!watch) return;
    watch->rules = NULL;
    for (unsigned i = 0; i < watch->folders; i++)
        uv_close((uv_handle_t *)&watch->folder[i], on_closed);
    uv_close((uv_handle_t *)&watch->timer, on_closed);
}
