#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 7, FRAME_MAX = HEADER + PLANT_PDU_MAX, IN_MAX = 4 * FRAME_MAX, OUT_MAX = 16 * FRAME_MAX };

struct client {
    int fd;
    size_t in_used, out_used;
    int64_t held; /* monotonic ns: what is in `out` does not leave before; 0: at once */
    uint8_t in[IN_MAX], out[OUT_MAX];
};

struct plant_server {
    struct plant_plc *plc;
    struct sockaddr_in address;
    int listener;                  /* -1: nobody is let in */
    struct plant_trouble *trouble; /* NULL: none */
    uint16_t strays;
    unsigned count;
    struct client *clients[PLANT_CLIENTS_MAX];
};

static int64_t monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * PLANT_SECOND + now.tv_nsec;
}

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
    server->address = at;
    server->listener = listen_on(&at);
    if (server->listener >= 0) {
        server->address.sin_port = htons(plant_server_port(server));
        return server;
    }
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
    if (server->listener >= 0) close(server->listener);
    free(server);
}

void plant_server_trouble(struct plant_server *server, struct plant_trouble *trouble) {
    server->trouble = trouble;
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
    client->held = 0;
    server->clients[server->count++] = client;
}

/* Header: transaction (2), protocol 0 (2), length of what follows (2), unit (1). */
static bool answer_frames(struct plant_server *server, struct client *client) {
    size_t done = 0;
    if (plant_trouble_now(server->trouble, PLANT_TROUBLE_HANG)) return true;
    bool slow = plant_trouble_now(server->trouble, PLANT_TROUBLE_SLOW);
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
        if (plant_trouble_now(server->trouble, PLANT_TROUBLE_GARBLE))
            plant_trouble_garble(server->trouble, out, HEADER - 1 + size);
        if (slow && !client->held) client->held = monotonic() + server->trouble->delay;
        client->out_used += HEADER - 1 + size;
        done += HEADER - 1 + length;
    }
    memmove(client->in, client->in + done, client->in_used - done);
    client->in_used -= done;
    return true;
}

static bool is_held(const struct client *client) {
    return client->held && monotonic() < client->held;
}

static bool receive(struct client *client) {
    size_t room = sizeof client->in - client->in_used;
    if (room == 0) return true;
    ssize_t n = recv(client->fd, client->in + client->in_used, room, 0);
    if (n > 0) client->in_used += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool transmit(struct client *client) {
    if (client->out_used == 0 || is_held(client)) return true;
    client->held = 0;
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

/* ---- trouble ---- */

static void throw_out(struct plant_server *server) {
    while (server->count)
        drop(server, server->count - 1);
    if (server->listener >= 0) close(server->listener);
    server->listener = -1;
}

/* An answer to no request, for everybody who has room for it. */
static void flood(struct plant_server *server) {
    for (unsigned i = 0; i < server->count; i++) {
        struct client *client = server->clients[i];
        uint16_t id = (uint16_t)(0x8000 | server->strays++);
        const uint8_t stray[] = {(uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 5, 1, 3, 2, 0xAA, 0x55};
        if (sizeof client->out - client->out_used < FRAME_MAX) continue;
        memcpy(client->out + client->out_used, stray, sizeof stray);
        client->out_used += sizeof stray;
    }
}

static void suffer(struct plant_server *server) {
    struct plant_trouble *trouble = server->trouble;
    if (!trouble) return;
    server->plc->frozen = plant_trouble_now(trouble, PLANT_TROUBLE_FREEZE);
    if (trouble->restart) {
        throw_out(server);
        plant_plc_restart(server->plc);
        trouble->restart = false;
    }
    if (plant_trouble_now(trouble, PLANT_TROUBLE_REFUSE))
        throw_out(server);
    else if (server->listener < 0)
        server->listener = listen_on(&server->address);
    if (plant_trouble_now(trouble, PLANT_TROUBLE_FLOOD)) flood(server);
}

/* Trouble begins and ends between requests too: it is looked at every few milliseconds while there is some. */
static int64_t wait_at_most(const struct plant_server *server, int64_t wait) {
    int64_t most = PLANT_SECOND / 200;
    bool held = server->listener < 0;
    for (unsigned i = 0; i < server->count; i++)
        held |= server->clients[i]->held != 0 || server->clients[i]->in_used != 0;
    if (plant_trouble_left(server->trouble) < 0 && !held) return wait;
    return wait < 0 || wait > most ? most : wait;
}

/* ---- everybody ---- */

static short wishes(const struct plant_server *server, const struct client *c) {
    unsigned events = c->out_used && !is_held(c) ? POLLOUT : 0;
    if (c->in_used < sizeof c->in && !plant_trouble_now(server->trouble, PLANT_TROUBLE_HANG)) events |= POLLIN;
    return (short)events;
}

void plant_server_serve(struct plant_server *server, int64_t wait, const sigset_t *mask) {
    struct pollfd fds[PLANT_CLIENTS_MAX + 2];
    suffer(server);
    unsigned count = server->count;
    for (unsigned i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = server->clients[i]->fd, .events = wishes(server, server->clients[i])};
    fds[count] = (struct pollfd){.fd = server->listener, .events = count < PLANT_CLIENTS_MAX ? POLLIN : 0};
    fds[count + 1] = (struct pollfd){.fd = server->trouble ? server->trouble->fd : -1, .events = POLLIN};

    wait = wait_at_most(server, wait);
    struct timespec span = {.tv_sec = wait / PLANT_SECOND, .tv_nsec = wait % PLANT_SECOND};
    if (ppoll(fds, count + 2, wait < 0 ? NULL : &span, mask) <= 0) return;
    for (unsigned i = count; i-- > 0;) /* downwards: a dropped client's place is taken by one already attended to */
        if (fds[i].revents && !attend(server, server->clients[i], fds[i].revents)) drop(server, i);
    if (fds[count].revents & POLLIN) admit(server);
    if (fds[count + 1].revents & POLLIN) plant_trouble_read(server->trouble);
}
