#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 7, FRAME_MAX = HEADER + PLANT_PDU_MAX, IN_MAX = 4 * FRAME_MAX, OUT_MAX = 16 * FRAME_MAX };

struct client {
    int fd;
    size_t in_used, out_used;
    uint8_t in[IN_MAX], out[OUT_MAX];
};

struct plant_server {
    struct plant_plc *plc;
    int listener;
    unsigned count;
    struct client *clients[PLANT_CLIENTS_MAX];
};

/* ---- life ---- */

static bool parse_address(const char *text, struct sockaddr_in *out) {
    char host[64];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host) return false;
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end || port > 65535) return false;
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host[0] ? host : "0.0.0.0", &out->sin_addr) == 1;
}

static int listen_on(const struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 && listen(fd, 128) == 0) return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

struct plant_server *plant_server_open(const char *address, struct plant_plc *plc, char *why, size_t size) {
    struct sockaddr_in at;
    if (!parse_address(address, &at)) {
        snprintf(why, size, "'%s' is no address such as 127.0.0.1:1502", address);
        return NULL;
    }
    struct plant_server *server = calloc(1, sizeof *server);
    if (!server) {
        snprintf(why, size, "no memory");
        return NULL;
    }
    server->plc = plc;
    server->listener = listen_on(&at);
    if (server->listener >= 0) return server;
    snprintf(why, size, "%s cannot be listened on: %s", address, strerror(errno));
    free(server);
    return NULL;
}

static void drop(struct plant_server *server, unsigned index) {
    close(server->clients[index]->fd);
    free(server->clients[index]);
    server->clients[index] = server->clients[--server->count];
}

void plant_server_close(struct plant_server *server) {
    if (!server) return;
    while (server->count)
        drop(server, server->count - 1);
    close(server->listener);
    free(server);
}

uint16_t plant_server_port(const struct plant_server *server) {
    struct sockaddr_in at = {0};
    socklen_t size = sizeof at;
    return getsockname(server->listener, (struct sockaddr *)&at, &size) == 0 ? ntohs(at.sin_port) : 0;
}

unsigned plant_server_clients(const struct plant_server *server) {
    return server->count;
}

/* ---- a client ---- */

static void admit(struct plant_server *server) {
    int one = 1, fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct client *client = malloc(sizeof *client);
    if (!client) {
        close(fd);
        return;
    }
    client->fd = fd;
    client->in_used = client->out_used = 0;
    server->clients[server->count++] = client;
}

/* Header: transaction (2), protocol 0 (2), length of what follows (2), unit (1). */
static bool answer_frames(struct plant_server *server, struct client *client) {
    size_t done = 0;
    while (client->in_used - done >= HEADER && sizeof client->out - client->out_used >= FRAME_MAX) {
        const uint8_t *frame = client->in + done;
        size_t length = (size_t)frame[4] << 8 | frame[5];
        if (frame[2] || frame[3] || length < 2 || length > PLANT_PDU_MAX + 1) return false;
        if (client->in_used - done < HEADER - 1 + length) break;
        uint8_t *out = client->out + client->out_used;
        size_t size = plant_modbus_answer(server->plc, frame[6], frame + HEADER, length - 1, out + HEADER) + 1;
        memcpy(out, frame, 4);
        out[4] = (uint8_t)(size >> 8);
        out[5] = (uint8_t)size;
        out[6] = frame[6];
        client->out_used += HEADER - 1 + size;
        done += HEADER - 1 + length;
    }
    memmove(client->in, client->in + done, client->in_used - done);
    client->in_used -= done;
    return true;
}

static bool receive(struct client *client) {
    size_t room = sizeof client->in - client->in_used;
    if (room == 0) return true;
    ssize_t n = recv(client->fd, client->in + client->in_used, room, 0);
    if (n > 0) client->in_used += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool transmit(struct client *client) {
    if (client->out_used == 0) return true;
    ssize_t n = send(client->fd, client->out, client->out_used, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    client->out_used -= (size_t)n;
    memmove(client->out, client->out + n, client->out_used);
    return true;
}

static bool attend(struct plant_server *server, struct client *client, short events) {
    if (events & (POLLERR | POLLNVAL)) return false;
    if (events & (POLLIN | POLLHUP) && !receive(client)) return false;
    if (!transmit(client)) return false;
    size_t before;
    do { /* answers make room for answers */
        before = client->in_used;
        if (!answer_frames(server, client) || !transmit(client)) return false;
    } while (client->in_used < before);
    return true;
}

void plant_server_serve(struct plant_server *server, int64_t wait, const sigset_t *mask) {
    struct pollfd fds[PLANT_CLIENTS_MAX + 1];
    unsigned count = server->count;
    for (unsigned i = 0; i < count; i++) {
        const struct client *c = server->clients[i];
        fds[i] = (struct pollfd){.fd = c->fd};
        if (c->in_used < sizeof c->in) fds[i].events |= POLLIN;
        if (c->out_used) fds[i].events |= POLLOUT;
    }
    fds[count] = (struct pollfd){.fd = server->listener, .events = count < PLANT_CLIENTS_MAX ? POLLIN : 0};

    struct timespec span = {.tv_sec = wait / PLANT_SECOND, .tv_nsec = wait % PLANT_SECOND};
    if (ppoll(fds, count + 1, wait < 0 ? NULL : &span, mask) <= 0) return;
    for (unsigned i = count; i-- > 0;) /* downwards: a dropped client's place is taken by one already attended to */
        if (fds[i].revents && !attend(server, server->clients[i], fds[i].revents)) drop(server, i);
    if (fds[count].revents & POLLIN) admit(server);
}
