#include "client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <potline/alloc.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "backoff.h"

enum { SLOTS = 2 * PL_MODBUS_IN_FLIGHT_MAX, ADDRESSES = 8, RECEIVE = 4096, SILENT_MAX = 3 };

enum state {
    WAITING,    /* for the next attempt; the timer runs */
    RESOLVING,  /* the name; the timer runs as the deadline */
    CONNECTING, /* the timer runs as the deadline */
    CONNECTED,  /* the timer runs while requests are under way */
    CLOSING,    /* the socket, before the next attempt */
    FREED,
};

enum slot_state {
    SLOT_FREE,
    SLOT_SENT, /* under way */
    SLOT_LATE, /* given up; kept so that a late answer is known as one */
};

struct slot {
    uv_write_t write; /* only when the kernel did not take the request at once */
    bool writing;
    uint8_t state;
    uint16_t transaction;
    uint64_t deadline; /* uv_hrtime */
    pl_modbus_done *done;
    void *user;
    size_t size;
    uint8_t frame[PL_MODBUS_ADU_MAX];
};

struct pl_modbus_client {
    uv_loop_t *loop;
    struct pl_modbus_options options;
    struct pl_modbus_backoff backoff;
    enum state state;
    bool failed;      /* since the connection was last up: it is down, not coming */
    unsigned handles; /* libuv's, that hold this memory */

    uv_timer_t timer;
    uv_tcp_t tcp;
    int fd; /* of tcp, while connected */
    uv_connect_t connecting;
    uv_getaddrinfo_t resolving;
    struct sockaddr_storage address[ADDRESSES];
    unsigned address_count, address_next;
    bool literal; /* the host is an address: nothing to resolve */

    struct slot slot[SLOTS];
    unsigned in_flight;
    unsigned silent; /* deadlines that passed since the last answer; those of one moment count once */
    unsigned strays; /* since the last answer */
    uint16_t transaction;
    size_t received;
    uint8_t bytes[RECEIVE];

    uint64_t count[PL_MODBUS_COUNTS];
    char host[PL_MODBUS_HOST_MAX + 1];
};

/* ---- Requests ---- */

static void slot_end(struct pl_modbus_client *client, struct slot *slot, enum slot_state state,
                     const struct pl_modbus_answer *answer) {
    slot->state = (uint8_t)state;
    client->in_flight--;
    slot->done(slot->user, answer);
}

/* A free slot, else the one that was given up longest ago. NULL when the kernel still holds all of them. */
static struct slot *slot_take(struct pl_modbus_client *client) {
    struct slot *oldest = NULL;
    for (unsigned i = 0; i < SLOTS; i++) {
        struct slot *slot = &client->slot[i];
        if (slot->writing || slot->state == SLOT_SENT) continue;
        if (slot->state == SLOT_FREE) return slot;
        if (!oldest || slot->deadline < oldest->deadline) oldest = slot;
    }
    return oldest;
}

static struct slot *slot_find(struct pl_modbus_client *client, uint16_t transaction) {
    for (unsigned i = 0; i < SLOTS; i++)
        if (client->slot[i].state != SLOT_FREE && client->slot[i].transaction == transaction) return &client->slot[i];
    return NULL;
}

/* The next id that no request under way or given up still has. */
static uint16_t transaction_next(struct pl_modbus_client *client) {
    do
        client->transaction++;
    while (slot_find(client, client->transaction));
    return client->transaction;
}

static void on_timer(uv_timer_t *timer);

/* libuv counts milliseconds from the start of the loop's turn; on_timer looks at the exact time again. */
static void timer_arm(struct pl_modbus_client *client, uint64_t from, uint64_t until) {
    uint64_t wait = until > from ? until - from : 0;
    uv_timer_start(&client->timer, on_timer, (wait + 999999) / 1000000, 0);
}

static void on_written(uv_write_t *write, int status) {
    (void)status; /* a failure shows on the reading side, and at the deadline */
    struct slot *slot = write->data;
    slot->writing = false;
}

/* The kernel nearly always takes a request at once. Straight to the socket, because libuv's own write raises SIGPIPE
 * when the device has just hung up; failures are left to the reading side, as ever. */
static void slot_send(struct pl_modbus_client *client, struct slot *slot) {
    ssize_t sent = -1;
    errno = EAGAIN;
    if (uv_stream_get_write_queue_size((uv_stream_t *)&client->tcp) == 0) do
            sent = send(client->fd, slot->frame, slot->size, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)slot->size || (sent < 0 && errno != EAGAIN)) return;
    size_t begun = sent > 0 ? (size_t)sent : 0;
    uv_buf_t rest = uv_buf_init((char *)slot->frame + begun, (unsigned)(slot->size - begun));
    slot->write.data = slot;
    slot->writing = uv_write(&slot->write, (uv_stream_t *)&client->tcp, &rest, 1, on_written) == 0;
}

unsigned pl_modbus_client_room(const struct pl_modbus_client *client) {
    if (client->state != CONNECTED || client->in_flight >= client->options.in_flight) return 0;
    return client->options.in_flight - client->in_flight;
}

bool pl_modbus_client_submit(struct pl_modbus_client *client, const struct pl_modbus_call *call, pl_modbus_done *done,
                             void *user) {
    struct slot *slot = pl_modbus_client_room(client) > 0 ? slot_take(client) : NULL;
    if (!slot || !pl_modbus_call_check(call)) return false;
    if (client->options.may && !client->options.may(client->options.user)) return false;
    uint64_t now = uv_hrtime();
    slot->transaction = transaction_next(client);
    slot->size = pl_modbus_encode(call, slot->transaction, slot->frame);
    slot->deadline = now + (uint64_t)client->options.timeout;
    slot->done = done;
    slot->user = user;
    slot->state = SLOT_SENT;
    client->in_flight++;
    client->count[PL_MODBUS_COUNT_REQUESTS]++;
    slot_send(client, slot);
    if (!uv_is_active((uv_handle_t *)&client->timer)) timer_arm(client, now, slot->deadline);
    return true;
}

/* ---- Life of the connection ---- */

static void attempt(struct pl_modbus_client *client);
static void connect_next(struct pl_modbus_client *client);

/* One of libuv's handles has let go of the client. */
static void released(struct pl_modbus_client *client) {
    if (--client->handles == 0) pl_free(client);
}

static void report_down(struct pl_modbus_client *client, const char *why) {
    client->failed = true;
    client->count[PL_MODBUS_COUNT_LOSSES]++;
    if (client->options.link) client->options.link(client->options.user, false, why);
}

static void wait_for_next(struct pl_modbus_client *client) {
    client->state = WAITING;
    client->address_next = 0;
    int64_t delay = pl_modbus_backoff_next(&client->backoff);
    timer_arm(client, 0, (uint64_t)delay);
}

static void on_closed(uv_handle_t *tcp) {
    struct pl_modbus_client *client = tcp->data;
    bool freed = client->state == FREED;
    released(client);
    if (freed) return;
    if (client->address_next < client->address_count)
        connect_next(client);
    else
        wait_for_next(client);
}

/* Ends what is under way, tells why, and closes; the next attempt begins when the socket is closed. */
static void drop(struct pl_modbus_client *client, const char *why) {
    bool was_up = client->state == CONNECTED;
    client->state = CLOSING;
    uv_timer_stop(&client->timer);
    uv_close((uv_handle_t *)&client->tcp, on_closed);
    if (was_up) client->address_next = client->address_count;
    static const struct pl_modbus_answer answer = {.status = PL_MODBUS_DISCONNECTED};
    for (unsigned i = 0; i < SLOTS; i++) {
        if (client->slot[i].state == SLOT_SENT) slot_end(client, &client->slot[i], SLOT_FREE, &answer);
        client->slot[i].state = SLOT_FREE;
    }
    if (client->address_next == client->address_count) report_down(client, why);
}

/* Ends the requests whose deadline has passed. Returns how many; *stuck: one of them is not even sent. */
static unsigned expire(struct pl_modbus_client *client, uint64_t now, bool *stuck) {
    static const struct pl_modbus_answer answer = {.status = PL_MODBUS_TIMEOUT};
    unsigned expired = 0;
    for (unsigned i = 0; i < SLOTS && client->state == CONNECTED; i++) {
        struct slot *slot = &client->slot[i];
        if (slot->state != SLOT_SENT || slot->deadline > now) continue;
        expired++;
        *stuck |= slot->writing;
        client->count[PL_MODBUS_COUNT_TIMEOUTS]++;
        slot_end(client, slot, SLOT_LATE, &answer);
    }
    return expired;
}

static void on_deadline(struct pl_modbus_client *client) {
    uint64_t now = uv_hrtime(), first = UINT64_MAX;
    bool stuck = false;
    unsigned expired = expire(client, now, &stuck);
    if (client->state != CONNECTED) return;
    if (expired && stuck) {
        drop(client, "the device takes no requests");
    } else if (expired && client->received > 0) {
        drop(client, "half an answer");
    } else if (expired && ++client->silent >= SILENT_MAX) {
        drop(client, "no answer");
    } else {
        for (unsigned i = 0; i < SLOTS; i++)
            if (client->slot[i].state == SLOT_SENT && client->slot[i].deadline < first)
                first = client->slot[i].deadline;
        if (first < UINT64_MAX) timer_arm(client, now, first);
    }
}

static void on_timer(uv_timer_t *timer) {
    struct pl_modbus_client *client = timer->data;
    switch (client->state) {
    case WAITING: attempt(client); break;
    case RESOLVING: report_down(client, "the name is not resolved in time"); break;
    case CONNECTING: drop(client, "no connection in time"); break;
    case CONNECTED: on_deadline(client); break;
    case CLOSING:
    case FREED: break;
    }
}

/* ---- What arrives ---- */

static void on_alloc(uv_handle_t *tcp, size_t suggested, uv_buf_t *buffer) {
    (void)suggested;
    struct pl_modbus_client *client = tcp->data;
    *buffer = uv_buf_init((char *)client->bytes + client->received, (unsigned)(RECEIVE - client->received));
}

static void take_frame(struct pl_modbus_client *client, const struct pl_modbus_frame *frame) {
    struct pl_modbus_answer answer;
    struct slot *slot = slot_find(client, frame->transaction);
    if (!slot) {
        client->count[PL_MODBUS_COUNT_STRAYS]++;
        if (++client->strays > PL_MODBUS_STRAYS_MAX) drop(client, "answers that nobody asked for");
        return;
    }
    if (!pl_modbus_match(slot->frame, frame, &answer)) {
        drop(client, "an answer that does not fit its request");
        return;
    }
    client->silent = 0;
    client->strays = 0;
    pl_modbus_backoff_reset(&client->backoff);
    if (slot->state == SLOT_LATE) {
        slot->state = SLOT_FREE;
        client->count[PL_MODBUS_COUNT_LATE]++;
        return;
    }
    client->count[PL_MODBUS_COUNT_ANSWERS]++;
    if (answer.status == PL_MODBUS_EXCEPTION) client->count[PL_MODBUS_COUNT_EXCEPTIONS]++;
    slot_end(client, slot, SLOT_FREE, &answer);
}

/* Many devices send small answers with Nagle's algorithm on: the second waits until we acknowledge the first, which the
 * kernel puts off by 40 ms unless told, each time anew, not to. */
static void acknowledge_now(struct pl_modbus_client *client) {
    int on = 1;
    if (client->in_flight > 0) setsockopt(client->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
    (void)buffer;
    struct pl_modbus_client *client = stream->data;
    if (client->state != CONNECTED || size == 0) return;
    if (size < 0) {
        drop(client, size == UV_EOF ? "closed by the device" : uv_strerror((int)size));
        return;
    }
    client->received += (size_t)size;
    size_t at = 0;
    struct pl_modbus_frame frame;
    enum pl_modbus_found found;
    while ((found = pl_modbus_find(client->bytes + at, client->received - at, &frame)) == PL_MODBUS_FRAME) {
        at += frame.size;
        take_frame(client, &frame);
        if (client->state != CONNECTED) return;
    }
    if (found == PL_MODBUS_GARBAGE) {
        drop(client, "bytes that are no Modbus");
        return;
    }
    client->received -= at;
    memmove(client->bytes, client->bytes + at, client->received);
    acknowledge_now(client);
}

/* ---- Connecting ---- */

static void on_connect(uv_connect_t *connecting, int status) {
    struct pl_modbus_client *client = connecting->data;
    if (client->state != CONNECTING) return;
    if (!status) status = uv_fileno((uv_handle_t *)&client->tcp, &client->fd);
    if (!status) status = uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
    if (status) {
        drop(client, uv_strerror(status));
        return;
    }
    uv_tcp_nodelay(&client->tcp, 1);
    uv_timer_stop(&client->timer);
    client->state = CONNECTED;
    client->failed = false;
    client->received = 0;
    client->silent = client->strays = 0;
    client->count[PL_MODBUS_COUNT_CONNECTS]++;
    if (client->options.link) client->options.link(client->options.user, true, "connected");
}

static void connect_next(struct pl_modbus_client *client) {
    const struct sockaddr *address = (struct sockaddr *)&client->address[client->address_next++];
    int status = uv_tcp_init(client->loop, &client->tcp);
    if (status) {
        report_down(client, uv_strerror(status));
        wait_for_next(client);
        return;
    }
    client->handles++;
    client->tcp.data = client;
    client->connecting.data = client;
    client->state = CONNECTING;
    timer_arm(client, 0, (uint64_t)client->options.timeout);
    status = uv_tcp_connect(&client->connecting, &client->tcp, address, on_connect);
    if (status) drop(client, uv_strerror(status));
}

static void addresses_take(struct pl_modbus_client *client, const struct addrinfo *found) {
    client->address_count = client->address_next = 0;
    for (; found && client->address_count < ADDRESSES; found = found->ai_next)
        if (found->ai_addrlen <= sizeof client->address[0])
            memcpy(&client->address[client->address_count++], found->ai_addr, found->ai_addrlen);
}

static void on_resolved(uv_getaddrinfo_t *resolving, int status, struct addrinfo *found) {
    struct pl_modbus_client *client = resolving->data;
    bool freed = client->state == FREED;
    if (!freed && !status) addresses_take(client, found);
    uv_freeaddrinfo(found);
    released(client);
    if (freed) return;
    uv_timer_stop(&client->timer);
    if (!status && client->address_count > 0) {
        connect_next(client);
        return;
    }
    report_down(client, status ? uv_strerror(status) : "the name has no address");
    wait_for_next(client);
}

static void attempt(struct pl_modbus_client *client) {
    if (client->literal) {
        connect_next(client);
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];
    snprintf(port, sizeof port, "%u", client->options.port);
    client->resolving.data = client;
    int status = uv_getaddrinfo(client->loop, &client->resolving, on_resolved, client->host, port, &hints);
    if (status) {
        report_down(client, uv_strerror(status));
        wait_for_next(client);
        return;
    }
    client->handles++;
    client->state = RESOLVING;
    timer_arm(client, 0, (uint64_t)client->options.timeout);
}

/* ---- Life cycle ---- */

static bool literal_parse(struct pl_modbus_client *client) {
    int port = client->options.port;
    client->address_count = 1;
    return uv_ip4_addr(client->host, port, (struct sockaddr_in *)&client->address[0]) == 0 ||
           uv_ip6_addr(client->host, port, (struct sockaddr_in6 *)&client->address[0]) == 0;
}

struct pl_modbus_client *pl_modbus_client_new(struct uv_loop_s *loop, const struct pl_modbus_options *options,
                                              struct pl_error **error) {
    struct pl_modbus_client *client = PL_NEW(struct pl_modbus_client);
    if (!client) {
        pl_error_set(error, PL_NO_MEMORY, "no memory for a connection to %s", options->host);
        return NULL;
    }
    int status = uv_timer_init(loop, &client->timer);
    if (status) {
        pl_error_set(error, PL_UNAVAILABLE, "a timer for %s: %s", options->host, uv_strerror(status));
        pl_free(client);
        return NULL;
    }
    client->loop = loop;
    client->options = *options;
    client->backoff = (struct pl_modbus_backoff){options->backoff, options->backoff_max, 0, uv_hrtime() | 1};
    client->handles = 1;
    client->timer.data = client;
    snprintf(client->host, sizeof client->host, "%s", options->host);
    client->options.host = client->host;
    client->literal = literal_parse(client);
    client->state = WAITING;
    timer_arm(client, 0, 0); /* from the loop, so that no callback comes before the caller has the client */
    return client;
}

static void on_timer_closed(uv_handle_t *timer) {
    released(timer->data);
}

void pl_modbus_client_free(struct pl_modbus_client *client) {
    if (!client) return;
    bool open = client->state == CONNECTING || client->state == CONNECTED;
    bool resolving = client->state == RESOLVING;
    client->state = FREED;
    client->options.link = NULL;
    for (unsigned i = 0; i < SLOTS; i++)
        client->slot[i].state = SLOT_FREE;
    if (open) uv_close((uv_handle_t *)&client->tcp, on_closed);
    if (resolving) uv_cancel((uv_req_t *)&client->resolving);
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}

enum pl_modbus_link pl_modbus_client_link(const struct pl_modbus_client *client) {
    if (client->state == CONNECTED) return PL_MODBUS_UP;
    return client->failed ? PL_MODBUS_DOWN : PL_MODBUS_COMING;
}

void pl_modbus_client_set_timeout(struct pl_modbus_client *client, pl_time timeout) {
    client->options.timeout = timeout;
}

uint64_t pl_modbus_client_count(const struct pl_modbus_client *client, enum pl_modbus_count count) {
    return client->count[count];
}
