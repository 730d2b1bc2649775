#include "service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <potline/abi.h>
#include <potline/text.h>

enum { PACE_MS = 500, SOON_MS = 50, BEATS_A_WATCHDOG = 4, US_A_MS = 1000 };

/* Lost ones are: whoever does not read what is sent has no interest in it. */
static void say(const struct pl_service *service, const char *text) {
    if (service->fd < 0) return;
    ssize_t sent = sendto(service->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)&service->peer, service->peer_size);
    (void)sent;
}

/* "/run/systemd/notify", or "@NAME" in the abstract name space. */
static bool read_peer(struct pl_service *service, const char *path) {
    size_t length = path ? strlen(path) : 0;
    if (length < 2 || length >= sizeof service->peer.sun_path || (path[0] != '/' && path[0] != '@')) return false;
    service->peer.sun_family = AF_UNIX;
    memcpy(service->peer.sun_path, path, length);
    if (path[0] == '@') service->peer.sun_path[0] = 0;
    service->peer_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (path[0] == '/'));
    return true;
}

static int64_t number(const char *name) {
    const char *text = getenv(name);
    int64_t value = 0;
    return text && pl_text_int(text, strlen(text), &value) && value > 0 ? value : 0;
}

void pl_service_init(struct pl_service *service) {
    *service = (struct pl_service){.fd = -1};
    if (read_peer(service, getenv("NOTIFY_SOCKET"))) service->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int64_t pid = number("WATCHDOG_PID");
    if (!pid || pid == getpid()) service->watchdog_us = (uint64_t)number("WATCHDOG_USEC");
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

void pl_service_fini(struct pl_service *service) {
    if (service->fd >= 0) close(service->fd);
    service->fd = -1;
}

bool pl_service_is_there(const struct pl_service *service) {
    return service->fd >= 0;
}

uint64_t pl_service_pace(const struct pl_service *service) {
    if (service->fd >= 0 && !service->ready) return SOON_MS;
    uint64_t due = service->watchdog_us / BEATS_A_WATCHDOG / US_A_MS;
    return service->fd >= 0 && due > 0 && due < PACE_MS ? due : PACE_MS;
}

static void say_status(struct pl_service *service, const char *text) {
    char line[sizeof service->status + 8];
    if (strcmp(service->status, text) == 0) return;
    snprintf(service->status, sizeof service->status, "%s", text);
    snprintf(line, sizeof line, "STATUS=%s", service->status);
    line[strcspn(line, "\n")] = 0; /* what follows would be another word to the service manager */
    say(service, line);
}

static void say_ready(struct pl_service *service) {
    if (service->ready || service->stopping) return;
    service->ready = true;
    say(service, "READY=1");
}

void pl_service_follows(struct pl_service *service) {
    say_ready(service);
    if (service->watchdog_us) say(service, "WATCHDOG_USEC=0");
    say_status(service, "a standby: following");
}

void pl_service_took_over(struct pl_service *service) {
    char line[48];
    if (!service->watchdog_us) return;
    snprintf(line, sizeof line, "WATCHDOG_USEC=%" PRIu64, service->watchdog_us);
    say(service, line);
}

static void show_reason(struct pl_service *service, const struct pl_health *health) {
    char text[sizeof service->status];
    const struct pl_health_reason *reason = &health->reasons[0];
    snprintf(text, sizeof text, "%s%s%s", reason->node, *reason->node ? ": " : "", reason->text);
    say_status(service, text);
}

void pl_service_beat(struct pl_service *service, const struct pl_health *health) {
    if (health && !health->count) say_ready(service);
    if (!health)
        say_status(service, "the engine is made anew");
    else if (health->count)
        show_reason(service, health);
    else
        say_status(service, "running");
    if (service->watchdog_us && (!health || health->alive)) say(service, "WATCHDOG=1");
}

void pl_service_ends(struct pl_service *service, bool good) {
    if (good) say_ready(service); /* a job may be over before anybody has looked */
    if (service->stopping) return;
    service->stopping = true;
    say(service, "STOPPING=1");
}
