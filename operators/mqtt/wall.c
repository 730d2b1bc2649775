#include "wall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <potline/alloc.h>

#include "watch.h"

enum { IN_MAX = PL_MQTT_HEAD_MAX, OUT_MAX = 64 << 10, TURNS = 16, WHY_MAX = 160 };
enum state { CONNECTING, SHAKING_HANDS, OPEN, OVER };

/* Bytes from `from` to `to` wait. */
struct queue {
    uint8_t *bytes;
    size_t from, to, size;
};

struct pl_wall {
    struct pl_mqtt_packets packets;
    enum state state;
    int far, near;
    struct pl_watch *far_watch, *near_watch;
    SSL *ssl;
    bool ssl_writes; /* it has to write before it can go on */
    struct queue in; /* from the broker; of it, `good` bytes may pass */
    size_t good;
    struct queue out;
    char why[WHY_MAX];
};

/* ---- Its end ---- */

static void end(struct pl_wall *wall, const char *format, const char *what) {
    if (wall->state == OVER) return;
    wall->state = OVER;
    snprintf(wall->why, sizeof wall->why, format, what);
    shutdown(wall->near, SHUT_WR); /* what libmosquitto still writes must not keep it from what has come */
}

static void end_of_tls(struct pl_wall *wall, const char *format) {
    long verified = SSL_get_verify_result(wall->ssl);
    unsigned long error = ERR_get_error();
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    if (verified != X509_V_OK) reason = X509_verify_cert_error_string(verified);
    end(wall, format, reason ? reason : "the connection was lost");
}

/* Of the socket; error 0: the other end has closed it. */
static void end_of_far(struct pl_wall *wall, int error) {
    end(wall, "%s", error ? strerror(error) : "the connection was lost");
}

/* ---- The two ways through ---- */

enum moved { MOVED, LATER, BROKEN };

static enum moved moved_by_tls(struct pl_wall *wall, int result, const char *format) {
    switch (SSL_get_error(wall->ssl, result)) {
    case SSL_ERROR_WANT_READ: return LATER;
    case SSL_ERROR_WANT_WRITE: wall->ssl_writes = true; return LATER;
    case SSL_ERROR_ZERO_RETURN: end_of_far(wall, 0); return BROKEN;
    case SSL_ERROR_SYSCALL: end_of_far(wall, errno); return BROKEN;
    default: end_of_tls(wall, format); return BROKEN;
    }
}

static enum moved moved_by_socket(struct pl_wall *wall, ssize_t result) {
    if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return LATER;
    end_of_far(wall, result < 0 ? errno : 0);
    return BROKEN;
}

static enum moved read_far(struct pl_wall *wall) {
    struct queue *in = &wall->in;
    ssize_t count;
    if (wall->ssl) {
        ERR_clear_error();
        count = SSL_read(wall->ssl, in->bytes + in->to, (int)(in->size - in->to));
        if (count <= 0) return moved_by_tls(wall, (int)count, "TLS: %s");
    } else {
        count = recv(wall->far, in->bytes + in->to, in->size - in->to, 0);
        if (count <= 0) return moved_by_socket(wall, count);
    }
    in->to += (size_t)count;
    return MOVED;
}

static enum moved write_far(struct pl_wall *wall) {
    struct queue *out = &wall->out;
    ssize_t count;
    if (wall->ssl) {
        ERR_clear_error();
        count = SSL_write(wall->ssl, out->bytes + out->from, (int)(out->to - out->from));
        if (count <= 0) return moved_by_tls(wall, (int)count, "TLS: %s");
    } else {
        count = send(wall->far, out->bytes + out->from, out->to - out->from, MSG_NOSIGNAL);
        if (count < 0) return moved_by_socket(wall, count);
    }
    out->from += (size_t)count;
    return MOVED;
}

/* True: something has moved. */
static bool pump_out(struct pl_wall *wall) {
    struct queue *out = &wall->out;
    bool moved = false;
    if (out->from == out->to) {
        ssize_t count = recv(wall->near, out->bytes, out->size, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) end(wall, "%s", "libmosquitto has left");
        if (count <= 0) return false;
        out->from = 0;
        out->to = (size_t)count;
        moved = true;
    }
    return write_far(wall) == MOVED || moved;
}

static void look(struct pl_wall *wall) {
    struct queue *in = &wall->in;
    size_t unseen = in->from + wall->good;
    wall->good += pl_mqtt_packets_look(&wall->packets, in->bytes + unseen, in->to - unseen);
    if (wall->packets.problem) end(wall, "the broker sends %s", wall->packets.problem);
}

static bool pass_good(struct pl_wall *wall) {
    struct queue *in = &wall->in;
    if (!wall->good) return false;
    ssize_t count = send(wall->near, in->bytes + in->from, wall->good, MSG_NOSIGNAL);
    if (count <= 0) return false; /* an end shows in pump_out */
    in->from += (size_t)count;
    wall->good -= (size_t)count;
    return true;
}

static bool pump_in(struct pl_wall *wall) {
    struct queue *in = &wall->in;
    bool moved = false;
    if (in->from && (in->from == in->to || in->to == in->size)) {
        memmove(in->bytes, in->bytes + in->from, in->to - in->from);
        in->to -= in->from;
        in->from = 0;
    }
    if (!wall->good && in->to < in->size && read_far(wall) == MOVED) { /* an end waits behind what is good */
        look(wall);
        moved = true;
    }
    return wall->packets.problem ? false : pass_good(wall) || moved;
}

/* ---- Its beginning ---- */

static bool is_connected(struct pl_wall *wall) {
    int error = 0;
    socklen_t size = sizeof error;
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    if (getsockopt(wall->far, SOL_SOCKET, SO_ERROR, &error, &size)) error = errno;
    if (error) {
        end_of_far(wall, error);
        return false;
    }
    if (getpeername(wall->far, (struct sockaddr *)&peer, &peer_size)) return false;
    wall->state = wall->ssl ? SHAKING_HANDS : OPEN;
    return true;
}

static bool has_shaken_hands(struct pl_wall *wall) {
    ERR_clear_error();
    int result = SSL_connect(wall->ssl);
    if (result != 1) {
        moved_by_tls(wall, result, "the TLS handshake failed: %s");
        return false;
    }
    wall->state = OPEN;
    return true;
}

/* ---- Turns ---- */

static void arm(struct pl_wall *wall) {
    int far = 0, near = 0;
    if (wall->state == OVER) return;
    if (wall->state == CONNECTING || wall->ssl_writes || wall->out.from < wall->out.to) far |= PL_WATCH_WRITE;
    if (wall->state != CONNECTING && !wall->good) far |= PL_WATCH_READ;
    if (wall->state == OPEN && wall->out.from == wall->out.to) near |= PL_WATCH_READ;
    if (wall->good) near |= PL_WATCH_WRITE;
    if (far) pl_watch_for(wall->far_watch, (enum pl_watch_event)far);
    if (near) pl_watch_for(wall->near_watch, (enum pl_watch_event)near);
}

/* What is in a record that has been read, no socket tells. */
static bool has_more(const struct pl_wall *wall) {
    return wall->ssl && SSL_pending(wall->ssl) > 0;
}

static void pump(void *user) {
    struct pl_wall *wall = user;
    wall->ssl_writes = false;
    if (wall->state == CONNECTING) is_connected(wall);
    if (wall->state == SHAKING_HANDS) has_shaken_hands(wall);
    bool moved = true;
    for (int i = 0; (i < TURNS || has_more(wall)) && moved && wall->state == OPEN; i++) {
        moved = pump_out(wall);
        if (wall->state == OPEN) moved |= pump_in(wall);
    }
    arm(wall);
}

void pl_wall_flush(struct pl_wall *wall) {
    if (wall->state == OPEN) pump(wall);
}

uint32_t pl_wall_unanswered(const struct pl_wall *wall) {
    return wall->packets.unanswered;
}

void pl_wall_answered(struct pl_wall *wall) {
    wall->packets.unanswered = 0;
}

void pl_wall_give_up(struct pl_wall *wall) {
    static const char *const waited_for[] = {
        [CONNECTING] = "connection", [SHAKING_HANDS] = "end of the TLS handshake", [OPEN] = "CONNACK", [OVER] = ""};
    end(wall, "there was no %s in time", waited_for[wall->state]);
}

const char *pl_wall_why(const struct pl_wall *wall) {
    return wall->why;
}

/* ---- Life ---- */

static bool take_over(struct pl_wall *wall, int fd) {
    int pair[2];
    wall->far = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (wall->far < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair)) return false;
    wall->near = pair[1];
    bool good = dup3(pair[0], fd, O_CLOEXEC) == fd;
    close(pair[0]);
    return good;
}

static bool is_address(const char *host) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool begin_tls(struct pl_wall *wall, const struct pl_wall_setup *setup) {
    wall->ssl = SSL_new(setup->tls);
    if (!wall->ssl || !SSL_set_fd(wall->ssl, wall->far)) return false;
    if (!setup->host) return true;
    SSL_set_hostflags(wall->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS); /* RFC 6125, 6.4.3 */
    if (is_address(setup->host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(wall->ssl), setup->host) == 1;
    return SSL_set1_host(wall->ssl, setup->host) == 1 && SSL_set_tlsext_host_name(wall->ssl, setup->host) == 1;
}

struct pl_wall *pl_wall_new(const struct pl_wall_setup *setup) {
    struct pl_wall *wall = PL_NEW(struct pl_wall);
    if (!wall) return NULL;
    wall->packets = setup->packets;
    wall->far = wall->near = -1;
    wall->in = (struct queue){.bytes = pl_alloc(IN_MAX), .size = IN_MAX};
    wall->out = (struct queue){.bytes = pl_alloc(OUT_MAX), .size = OUT_MAX};
    bool good =
        wall->in.bytes && wall->out.bytes && take_over(wall, setup->fd) && (!setup->tls || begin_tls(wall, setup));
    if (good) {
        wall->far_watch = pl_watch_new(setup->loop, wall->far, pump, wall);
        wall->near_watch = pl_watch_new(setup->loop, wall->near, pump, wall);
    }
    if (good && wall->far_watch && wall->near_watch) {
        arm(wall);
        return wall;
    }
    pl_wall_free(wall);
    return NULL;
}

void pl_wall_free(struct pl_wall *wall) {
    if (!wall) return;
    if (wall->ssl && wall->state == OPEN) SSL_shutdown(wall->ssl);
    SSL_free(wall->ssl);
    pl_watch_free(wall->far_watch);
    pl_watch_free(wall->near_watch);
    if (wall->far >= 0) close(wall->far);
    if (wall->near >= 0) close(wall->near);
    pl_free(wall->in.bytes);
    pl_free(wall->out.bytes);
    pl_free(wall);
}
