#include "waits.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/kafka_away.h"

static const char file_name[] = "waits";
static char told[PL_KAFKA_AWAY_TEXT]; /* "": the file is not there */

static bool path_of(const char *folder, char path[PATH_MAX]) {
    return snprintf(path, PATH_MAX, "%s/%s", folder, file_name) < PATH_MAX;
}

void pl_cli_waits_beat(const char *folder, bool waits) {
    char path[PATH_MAX], text[PL_KAFKA_AWAY_TEXT] = "";
    if (waits && !pl_kafka_away(text, sizeof text))
        snprintf(text, sizeof text, "the engine is being made, or the group hands its partitions out");
    if (strcmp(text, told) == 0 || !path_of(folder, path)) return;
    FILE *file = *text ? fopen(path, "we") : NULL;
    if (file) fprintf(file, "%d %s\n", (int)getpid(), text);
    if (file) fclose(file);
    if (!*text) unlink(path);
    if (file || !*text) snprintf(told, sizeof told, "%s", text);
}

/* "PID TEXT"; of one that was killed it is still there. */
bool pl_cli_waits_find(const char *folder, char *text, size_t size) {
    char path[PATH_MAX], line[PL_KAFKA_AWAY_TEXT + 24] = "", *end;
    FILE *file = path_of(folder, path) ? fopen(path, "re") : NULL;
    if (!file) return false;
    bool any = fgets(line, sizeof line, file);
    fclose(file);
    long pid = strtol(line, &end, 10);
    if (!any || pid <= 0 || *end != ' ' || (kill((pid_t)pid, 0) && errno == ESRCH)) return false;
    end[strcspn(end, "\n")] = 0;
    snprintf(text, size, "process %ld waits: %s", pid, end + 1);
    return true;
}
