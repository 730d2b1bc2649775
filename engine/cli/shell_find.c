/* Which engines run: those that listen in a default data folder. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "control/control.h"
#include "data.h"
#include "shell.h"

char *pl_shell_endpoint(const char *data) {
    char *folder = realpath(data, NULL), *endpoint;
    struct pl_buffer text;
    pl_buffer_init(&text, 65536);
    pl_buffer_printf(&text, "ipc://%s/" PL_CONTROL_SOCKET, folder ? folder : data);
    endpoint = pl_buffer_take(&text);
    pl_buffer_fini(&text);
    free(folder); // NOLINT(clang-analyzer-unix.Malloc): of realpath
    return endpoint;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *of_default_folder(const char *parent, const char *name) {
    struct pl_buffer path;
    pl_buffer_init(&path, 65536);
    pl_buffer_printf(&path, "%s/%s", parent, name);
    char *data = pl_buffer_take(&path), *endpoint = data ? pl_shell_endpoint(data) : NULL;
    pl_buffer_fini(&path);
    pl_free(data);
    return endpoint;
}

unsigned pl_shell_find(char **endpoints, unsigned most) {
    unsigned count = 0;
    char *parent = pl_cli_data_parent();
    DIR *folder = parent ? opendir(parent) : NULL;
    for (struct dirent *entry; folder && count < most && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        char *endpoint = of_default_folder(parent, entry->d_name);
        if (endpoint && pl_client_listens(endpoint))
            endpoints[count++] = endpoint;
        else
            pl_free(endpoint);
    }
    if (folder) closedir(folder);
    pl_free(parent);
    qsort(endpoints, count, sizeof *endpoints, by_name);
    return count;
}

/* The path at the end of a line of /proc/net/unix; NULL where it is not that of an engine. */
static const char *socket_of(char *line) {
    static const char name[] = "/" PL_CONTROL_SOCKET;
    char *path = strchr(line, '/');
    if (!path) return NULL;
    path[strcspn(path, "\n")] = 0;
    size_t length = strlen(path);
    return length > strlen(name) && strcmp(path + length - strlen(name), name) == 0 ? path : NULL;
}

static bool has(char *const *endpoints, unsigned count, const char *endpoint) {
    for (unsigned i = 0; i < count; i++)
        if (strcmp(endpoints[i], endpoint) == 0) return true;
    return false;
}

unsigned pl_shell_find_others(char **endpoints, unsigned most) {
    FILE *sockets = fopen("/proc/net/unix", "re");
    char *line = NULL;
    size_t room = 0;
    unsigned count = 0;
    while (sockets && count < most && getline(&line, &room, sockets) >= 0) {
        const char *path = socket_of(line);
        struct pl_buffer text;
        if (!path) continue;
        pl_buffer_init(&text, 65536);
        pl_buffer_printf(&text, "ipc://%s", path);
        char *endpoint = pl_buffer_take(&text);
        pl_buffer_fini(&text);
        if (endpoint && !has(endpoints, count, endpoint) && pl_client_listens(endpoint))
            endpoints[count++] = endpoint;
        else
            pl_free(endpoint);
    }
    free(line); // NOLINT: of getline
    if (sockets) fclose(sockets);
    qsort(endpoints, count, sizeof *endpoints, by_name);
    return count;
}
