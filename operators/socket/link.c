#include "link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "watch.h"

enum { BACKLOG = 64, HOST_MAX = 255 };

struct pl_link {
    struct uv_loop_s *loop;
    struct pl_link_options options;
    struct pl_link_events events;
    struct pl_watch *watch; /* of `fd` */
    int fd;                 /* the listener, or the connection that is being made; -1: none */
    uv_timer_t timer;
    uv_getaddrinfo_t lookup;
    bool looking;
    bool closed; /* freed by the owner; gone when timer and look-up are */
    bool timer_closed;
    pl_time wait;
    unsigned attempts;
    char host[HOST_MAX + 1];
    char service[8];
};

/* ---- Addresses ---- */

static bool split(const char *text, char *host, char *service) {
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !pl_text_int(colon + 1, strlen(colon + 1), &port) || port < 0 || port > 65535) return false;
    size_t length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    } else if (memchr(text, ':', length)) {
        return false; /* an IPv6 address wants brackets, or the port cannot be told from it */
    }
    if (length > HOST_MAX || memchr(text, ' ', length)) return false;
    memcpy(host, text, length);
    host[length] = 0;
    snprintf(service, 8, "%d", (int)port);
    return true;
}

bool pl_link_address(const char *text) {
    char host[HOST_MAX + 1], service[8];
    return split(text, host, service);
}

static void name_of(const struct sockaddr *address, char *text) {
    char host[INET6_ADDRSTRLEN] = "?";
    int port = 0;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        uv_ip4_name(in, host, sizeof host);
        port = ntohs(in->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;
        uv_ip6_name(in, host, sizeof host);
        port = ntohs(in->sin6_port);
    }
    snprintf(text, PL_PEER_MAX, "%s:%d", host, port);
}

static void set_up(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* ---- Listening ---- */

static void accept_again(uv_timer_t *timer);

static void accept_all(void *user) {
    struct pl_link *link = user;
    struct sockaddr_storage address;
    char peer[PL_PEER_MAX];
    for (;;) {
        socklen_t size = sizeof address;
        int fd = accept4(link->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) break;
        set_up(fd);
        name_of((struct sockaddr *)&address, peer);
        link->events.made(link->events.user, fd, peer);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        pl_watch_for(link->watch, PL_WATCH_READ);
        return;
    }
    link->events.failed(link->events.user, strerror(errno)); /* the peer waits: watching would go round and round */
    uv_timer_start(&link->timer, accept_again, (uint64_t)(link->options.backoff / PL_MILLISECOND) + 1, 0);
}

static void accept_again(uv_timer_t *timer) {
    accept_all(timer->data);
}

static int listen_at(const struct addrinfo *at) {
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static enum pl_code open_listener(struct pl_link *link, struct pl_error **error) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *host = strcmp(link->host, "localhost") == 0 ? "127.0.0.1" : link->host[0] ? link->host : NULL;
    int status = getaddrinfo(host, link->service, &hints, &found); /* numbers only: nobody is asked */
    if (status) return pl_error_set(error, PL_SYNTAX, "%s: %s", link->options.listen, gai_strerror(status));
    link->fd = listen_at(found);
    freeaddrinfo(found);
    if (link->fd < 0)
        return pl_error_set(error, PL_IO, "cannot listen on %s: %s", link->options.listen, strerror(errno));
    link->watch = pl_watch_new(link->loop, link->fd, accept_all, link);
    if (!link->watch) return pl_error_set(error, PL_NO_MEMORY, "no memory to listen");
    pl_watch_for(link->watch, PL_WATCH_READ);
    return PL_OK;
}

int pl_link_port(const struct pl_link *link) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char text[PL_PEER_MAX];
    if (link->fd < 0 || getsockname(link->fd, (struct sockaddr *)&address, &size)) return 0;
    name_of((struct sockaddr *)&address, text);
    return atoi(strrchr(text, ':') + 1);
}

/* ---- Connecting ---- */

static void attempt(struct pl_link *link);

static void next_attempt(uv_timer_t *timer) {
    attempt(timer->data);
}

/* Another attempt after a while: twice the one before, and a part at random so that many do not come at once. */
static void again(struct pl_link *link, const char *why) {
    pl_watch_free(link->watch);
    link->watch = NULL;
    if (link->fd >= 0) close(link->fd);
    link->fd = -1;
    if (why) link->events.failed(link->events.user, why);
    pl_time wait = link->wait / 2 + (pl_time)(uv_hrtime() % (uint64_t)(link->wait / 2 + 1));
    link->wait = link->wait * 2 < link->options.backoff_max ? link->wait * 2 : link->options.backoff_max;
    uv_timer_start(&link->timer, next_attempt, (uint64_t)(wait / PL_MILLISECOND) + 1, 0);
}

static void connected(void *user) {
    struct pl_link *link = user;
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int status = 0;
    socklen_t status_size = sizeof status;
    char peer[PL_PEER_MAX];
    getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &status, &status_size);
    if (status || getpeername(link->fd, (struct sockaddr *)&address, &size)) {
        again(link, strerror(status ? status : errno));
        return;
    }
    int fd = link->fd;
    link->fd = -1;
    pl_watch_free(link->watch);
    link->watch = NULL;
    link->wait = link->options.backoff;
    link->attempts--; /* the same address when it is lost */
    name_of((struct sockaddr *)&address, peer);
    link->events.made(link->events.user, fd, peer);
}

static void dial(struct pl_link *link, const struct addrinfo *at) {
    link->fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd >= 0) set_up(link->fd);
    if (link->fd < 0 || (connect(link->fd, at->ai_addr, at->ai_addrlen) && errno != EINPROGRESS)) {
        again(link, strerror(errno));
        return;
    }
    link->watch = pl_watch_new(link->loop, link->fd, connected, link);
    if (link->watch)
        pl_watch_for(link->watch, PL_WATCH_WRITE);
    else
        again(link, "no memory");
}

static void release(struct pl_link *link) {
    if (link->closed && link->timer_closed && !link->looking) pl_free(link);
}

/* A name may have several addresses ("localhost" has two): each attempt takes the next one. */
static const struct addrinfo *choose(const struct addrinfo *found, unsigned attempt) {
    unsigned count = 0;
    for (const struct addrinfo *at = found; at; at = at->ai_next)
        count++;
    for (attempt %= count; attempt; attempt--)
        found = found->ai_next;
    return found;
}

static void looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found) {
    struct pl_link *link = lookup->data;
    link->looking = false;
    if (!link->closed && status) again(link, uv_strerror(status));
    if (!link->closed && !status) dial(link, choose(found, link->attempts++));
    uv_freeaddrinfo(found);
    release(link);
}

static void attempt(struct pl_link *link) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const char *host = link->host[0] ? link->host : "127.0.0.1";
    link->looking = uv_getaddrinfo(link->loop, &link->lookup, looked_up, host, link->service, &hints) == 0;
    if (!link->looking) again(link, "its name cannot be looked up");
}

void pl_link_lost(struct pl_link *link) {
    again(link, NULL);
}

/* ---- Life ---- */

struct pl_link *pl_link_new(struct uv_loop_s *loop, const struct pl_link_options *options,
                            const struct pl_link_events *events) {
    struct pl_link *link = PL_NEW(struct pl_link);
    if (!link) return NULL;
    link->loop = loop;
    link->options = *options;
    link->events = *events;
    link->fd = -1;
    link->wait = options->backoff;
    link->lookup.data = link;
    uv_timer_init(loop, &link->timer);
    link->timer.data = link;
    return link;
}

enum pl_code pl_link_open(struct pl_link *link, struct pl_error **error) {
    bool listens = link->options.listen[0];
    const char *address = listens ? link->options.listen : link->options.connect;
    if (!split(address, link->host, link->service))
        return pl_error_set(error, PL_SYNTAX, "\"%s\" is not an address; write HOST:PORT", address);
    if (listens) return open_listener(link, error);
    attempt(link);
    return PL_OK;
}

static void timer_gone(uv_handle_t *handle) {
    struct pl_link *link = handle->data;
    link->timer_closed = true;
    release(link);
}

void pl_link_free(struct pl_link *link) {
    if (!link) return;
    pl_watch_free(link->watch);
    if (link->fd >= 0) close(link->fd);
    link->fd = -1;
    link->closed = true;
    if (link->looking) uv_cancel((uv_req_t *)&link->lookup);
    uv_close((uv_handle_t *)&link->timer, timer_gone);
}
