/* overrides.c: nothing passes: engaged by people, by a switch or by a file, and latched until somebody releases it. */
#include <errno.h>
#include <fcntl.h>
#include <potline/alloc.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"

const struct override *override_of(const struct guard *s, const char *name) {
    for (unsigned i = 0; i < s->override_count; i++)
        if (scope_covers(s->overrides[i].scope, name)) return &s->overrides[i];
    return NULL;
}

static int find(const struct guard *s, const char *scope) {
    for (unsigned i = 0; i < s->override_count; i++)
        if (strcmp(s->overrides[i].scope, scope) == 0) return (int)i;
    return -1;
}

bool override_load(struct guard *s, const char *scope, const struct override *from) {
    char *own = s->override_count <= SCOPES_MAX ? pl_strdup(scope) : NULL; /* one more, for ALL */
    if (!own) return false;
    struct override *o = &s->overrides[s->override_count++];
    *o = *from;
    o->scope = own;
    return true;
}

enum pl_code override_engage(struct guard *s, const char *scope, const char *user, const char *reason,
                             struct pl_error **error) {
    struct override made = {.since = pl_now(s->node)};
    pl_text_copy(made.user, sizeof made.user, user, strlen(user));
    pl_text_copy(made.reason, sizeof made.reason, reason, strlen(reason));
    int there = find(s, scope);
    if (there < 0 && s->override_count >= SCOPES_MAX) { /* rather too much than too little */
        scope = "ALL";
        there = find(s, scope);
    }
    if (there >= 0) /* who was first is remembered */
        return s->overrides[there].kept ? PL_OK : keep_override(s, &s->overrides[there], error);
    if (!override_load(s, scope, &made)) {
        s->failed = true; /* what is to be stopped stops then, too */
        return pl_error_set(error, PL_NO_MEMORY, "no memory for an override");
    }
    leases_drop(s, scope);
    pl_count(s->node, COUNT_OVERRIDES, 1);
    tell_scope(s, "override.engaged", 900, scope, user, reason);
    return keep_override(s, &s->overrides[s->override_count - 1], error);
}

void override_engage_unasked(struct guard *s, const char *scope, const char *user, const char *reason) {
    struct pl_error *error = NULL;
    bool news = find(s, scope) < 0;
    enum pl_code code = override_engage(s, scope, user, reason, &error);
    if (code) pl_node_diag(s->node, PL_ERROR, "override of %s: %s", scope, error ? error->text : pl_code_text(code));
    pl_error_free(&error);
    if (news) tell_note(s, "override engage", scope, NULL, "engaged", reason);
}

static bool still_on(const struct guard *s, const char *scope) {
    return override_file_says(s, scope) || live_overrides(s, scope);
}

enum pl_code override_release(struct guard *s, const char *scope, struct pl_error **error) {
    int index = find(s, scope);
    if (index < 0)
        return pl_error_set(error, PL_NOT_FOUND, "no override of %s is engaged at %s; override list shows them", scope,
                            pl_node_name(s->node));
    if (still_on(s, scope))
        return pl_error_set(error, PL_CONFLICT, "%s: its switch or the file %s still says so", scope, s->override_file);
    enum pl_code code = keep_drop(s, 'o', scope, error);
    if (code) return code;
    pl_free(s->overrides[index].scope);
    s->overrides[index] = s->overrides[--s->override_count];
    leases_drop(s, scope); /* bumpless: it begins where the device stands now */
    return PL_OK;
}

/* ---- The file: a scope a line; empty: ALL ---- */

/* Its text, good until the next call; NULL: there is no file. One that cannot be read, or not to its end, is empty. */
static char *file_text(const struct guard *s) {
    struct stat found;
    if (!*s->override_file || (stat(s->override_file, &found) != 0 && (errno == ENOENT || errno == ENOTDIR)))
        return NULL;
    int fd = open(s->override_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, s->file, FILE_MAX) : -1;
    if (fd >= 0) close(fd);
    bool whole = n >= 0 && n < FILE_MAX && !memchr(s->file, 0, (size_t)n);
    s->file[whole ? n : 0] = 0;
    return s->file;
}

/* A line that is no scope says ALL: it says something. */
static const char *next_scope(char **rest) {
    for (char *line; (line = strsep(rest, "\r\n"));) {
        line += strspn(line, " \t");
        line[strcspn(line, " \t#")] = 0;
        const char *scope = *line ? scope_read(line, NULL) : NULL;
        if (*line) return scope ? scope : "ALL";
    }
    return NULL;
}

void override_look(struct guard *s) {
    char *text = file_text(s), *rest = text;
    unsigned scopes = 0;
    if (!text) return;
    for (const char *scope; (scope = next_scope(&rest)); scopes++)
        if (find(s, scope) < 0 && find(s, "ALL") < 0) override_engage_unasked(s, scope, "file", s->override_file);
    if (scopes == 0 && find(s, "ALL") < 0) override_engage_unasked(s, "ALL", "file", s->override_file);
}

bool override_file_says(const struct guard *s, const char *scope) {
    char *text = file_text(s), *rest = text;
    unsigned scopes = 0;
    bool says = false;
    if (!text) return false;
    for (const char *line; (line = next_scope(&rest)); scopes++)
        says |= scope_covers(line, scope) || scope_covers(scope, line);
    return says || scopes == 0;
}
