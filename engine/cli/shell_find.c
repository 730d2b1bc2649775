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

unsigned pl_shell_find(char **endpoints, unsigned most) {
    unsigned count = 0;
    char *parent = pl_cli_data_parent();
    DIR *folder = parent ? opendir(parent) : NULL;
    for (struct dirent *entry; folder && count < most && (entry = readdir(folder));) {
        struct pl_buffer path;
        if (entry->d_name[0] == '.') continue;
        pl_buffer_init(&path, 65536);
        pl_buffer_printf(&path, "%s/%s", parent, entry->d_name);
        char *data = pl_buffer_take(&path), *endpoint = data ? pl_shell_endpoint(data) : NULL;
        pl_buffer_fini(&path);
        pl_free(data);
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
