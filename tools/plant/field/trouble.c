#include "trouble.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../model/random.h"
#include "units.h"

static const char *const names[PLANT_TROUBLE_KINDS] = {"refuse", "hang",   "slow",   "garble",
                                                       "flood",  "freeze", "restart"};

static int64_t monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool plant_trouble_open(struct plant_trouble *trouble, const char *path, char *why, size_t size) {
    *trouble = (struct plant_trouble){.fd = -1, .share = 1};
    int length = snprintf(trouble->path, sizeof trouble->path, "%s", path);
    bool fits = length >= 0 && (size_t)length < sizeof trouble->path;
    struct stat found;
    if (fits && (mkfifo(path, 0600) == 0 || errno == EEXIST))
        trouble->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC); /* a writer of our own: it never ends */
    bool fifo = trouble->fd >= 0 && fstat(trouble->fd, &found) == 0 && S_ISFIFO(found.st_mode);
    if (fifo) return true;
    const char *reason = !fits              ? "its name is too long"
                         : trouble->fd >= 0 ? "something else is there"
                                            : strerror(errno);
    snprintf(why, size, "%s cannot be a FIFO: %s", path, reason);
    if (trouble->fd >= 0) close(trouble->fd);
    trouble->fd = -1;
    return false;
}

void plant_trouble_close(struct plant_trouble *trouble) {
    if (trouble->fd < 0) return;
    close(trouble->fd);
    unlink(trouble->path);
    trouble->fd = -1;
}

bool plant_trouble_take(struct plant_trouble *trouble, const char *line) {
    char word[16], lasts[32] = "", argument[32] = "";
    int64_t span = 0, delay = 0;
    unsigned kind = 0;
    if (sscanf(line, "%15s %31s %31s", word, lasts, argument) < 1) return false;
    while (kind < PLANT_TROUBLE_KINDS && strcmp(word, names[kind]) != 0)
        kind++;
    if (kind == PLANT_TROUBLE_KINDS) return false;
    if (kind == PLANT_TROUBLE_RESTART) {
        trouble->restarts++;
        return trouble->restart = true;
    }
    if (!plant_duration_parse(lasts, &span)) return false;
    if (kind == PLANT_TROUBLE_SLOW && !plant_duration_parse(argument, &delay)) return false;
    if (kind == PLANT_TROUBLE_SLOW) trouble->delay = delay;
    if (kind == PLANT_TROUBLE_GARBLE) trouble->share = *argument ? strtod(argument, NULL) : 1;
    trouble->until[kind] = monotonic() + span;
    return true;
}

void plant_trouble_read(struct plant_trouble *trouble) {
    char bytes[256];
    ssize_t n = read(trouble->fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != '\n') {
            if (trouble->used < sizeof trouble->line - 1) trouble->line[trouble->used++] = bytes[i];
            continue;
        }
        trouble->line[trouble->used] = 0;
        trouble->used = 0;
        if (!plant_trouble_take(trouble, trouble->line))
            fprintf(stderr, "potline-plant: trouble '%s' is not understood\n", trouble->line);
    }
}

bool plant_trouble_now(const struct plant_trouble *trouble, enum plant_trouble_kind kind) {
    return trouble && trouble->until[kind] && monotonic() < trouble->until[kind];
}

int64_t plant_trouble_left(const struct plant_trouble *trouble) {
    int64_t now = monotonic(), left = -1;
    for (unsigned kind = 0; trouble && kind < PLANT_TROUBLE_KINDS; kind++) {
        int64_t rest = trouble->until[kind] - now;
        if (rest > 0 && (left < 0 || rest < left)) left = rest;
    }
    return left;
}

void plant_trouble_garble(struct plant_trouble *trouble, uint8_t *bytes, size_t size) {
    uint64_t key = plant_random_key(1, 0, 0, 'g');
    if (plant_random_uniform(key, trouble->draws++) >= trouble->share) return;
    uint64_t bit = plant_random_bits(key, trouble->draws++) % (8 * size);
    bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}
