/* service.h: what systemd wants to hear of a service (Type=notify), without its library: datagrams to the socket that
 * NOTIFY_SOCKET names.
 *
 *     READY=1      every node is open and the log takes rows; of a standby: it follows
 *     WATCHDOG=1   as long as the engine's threads answer (runtime/health.h); a standby's watchdog rests
 *     STOPPING=1   the end has begun
 *     STATUS=      what `systemctl status` shows: running, or what it waits for
 *
 * Where nobody has asked for it, nothing happens. For one thread.
 */
#ifndef POTLINE_CLI_SERVICE_H
#define POTLINE_CLI_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "runtime/health.h"

struct pl_service {
    int fd; /* -1: nobody listens */
    struct sockaddr_un peer;
    socklen_t peer_size;
    uint64_t watchdog_us; /* 0: none */
    bool ready, stopping;
    char status[PL_HEALTH_TEXT + 64]; /* told last */
};

/* Takes the variables out of the environment: they are not meant for processes of nodes. */
void pl_service_init(struct pl_service *service);
void pl_service_fini(struct pl_service *service);

bool pl_service_is_there(const struct pl_service *service);
uint64_t pl_service_pace(const struct pl_service *service); /* ms between beats */

/* A standby follows: it is ready as such, and beats only when it has taken over. */
void pl_service_follows(struct pl_service *service);
void pl_service_took_over(struct pl_service *service);

/* `health` NULL: there is no engine for the moment. */
void pl_service_beat(struct pl_service *service, const struct pl_health *health);
void pl_service_ends(struct pl_service *service, bool good); /* the end begins, or has come to a good end */

#endif
