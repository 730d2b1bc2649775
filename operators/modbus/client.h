/* client.h: an asynchronous Modbus TCP client: one connection to one device, kept up by itself.
 *
 *     struct pl_modbus_options options = {.host = "10.1.1.10", .port = 502, .in_flight = 4, ...};
 *     client = pl_modbus_client_new(loop, &options, &error);
 *     ...
 *     while (next && pl_modbus_client_room(client) > 0)
 *         pl_modbus_client_submit(client, next++, answered, user);
 *
 * It connects at once and for ever: after a loss it waits (exponentially, with jitter, up to a most) and tries again;
 * only an answer, not a mere connection, makes the waiting short again. Up to `in_flight` requests are under way; the
 * answers may come in any order and are told apart by transaction id. What can go wrong with a request:
 *
 *     the device refuses            EXCEPTION
 *     no answer by its deadline     TIMEOUT; should the answer come later, it is known by its id, counted and dropped
 *     the connection breaks         DISCONNECTED
 *
 * And with the connection, which is then closed and made anew: bytes that are no Modbus; an answer that does not fit
 * its request; half a frame for as long as a deadline; more than PL_MODBUS_STRAYS_MAX answers that nobody asked for
 * between two that somebody did; three deadlines in a row without a single answer.
 *
 * Life-time: on the heap; after pl_modbus_client_free the memory lives on until the loop has closed its handles, so the
 * loop must run once more. Thread: the loop's. Nothing blocks, and between connect and loss nothing is allocated.
 *
 * The usual mistake: submitting more than there is room for; there is no queue behind the room, that is the caller's.
 */
#ifndef MODBUS_CLIENT_H
#define MODBUS_CLIENT_H

#include <potline/error.h>
#include <potline/time.h>
#include <stdbool.h>
#include <stdint.h>

#include "pdu.h"

struct uv_loop_s;
struct pl_modbus_client;

enum { PL_MODBUS_IN_FLIGHT_MAX = 16, PL_MODBUS_STRAYS_MAX = 16, PL_MODBUS_HOST_MAX = 255 };

struct pl_modbus_options {
    const char *host; /* address or name; copied */
    uint16_t port;
    unsigned in_flight;  /* 1..PL_MODBUS_IN_FLIGHT_MAX */
    pl_time timeout;     /* deadline of a request, and of an attempt to connect */
    pl_time backoff;     /* before the second attempt to connect */
    pl_time backoff_max; /* the most of it */

    /* The connection has come up, or an attempt has failed, or it has been lost; why it is down is a sentence's end
     * ("connection refused"), a constant. Requests under way have been answered before. */
    void (*link)(void *user, bool up, const char *why);
    bool (*may)(void *user); /* asked right before each request is sent; NULL: always */
    void *user;
};

enum pl_modbus_link {
    PL_MODBUS_COMING, /* the first attempt is under way */
    PL_MODBUS_UP,
    PL_MODBUS_DOWN, /* the last attempt failed or the connection was lost; trying again */
};

/* What a client has counted; totals that only grow. */
#define PL_MODBUS_COUNT_MAP(XX)                                                                                        \
    XX(REQUESTS, "requests", "requests", "Requests sent.")                                                             \
    XX(ANSWERS, "answers", "requests", "Requests answered, exceptions included.")                                      \
    XX(EXCEPTIONS, "exceptions", "requests", "Requests that the device refused.")                                      \
    XX(TIMEOUTS, "timeouts", "requests", "Requests without an answer by their deadline.")                              \
    XX(LATE, "late_answers", "answers", "Answers after the deadline of their request; dropped.")                       \
    XX(STRAYS, "stray_answers", "answers", "Answers that nobody had asked for; dropped.")                              \
    XX(CONNECTS, "connects", "connections", "Connections made.")                                                       \
    XX(LOSSES, "losses", "connections", "Connections lost, and attempts to connect that failed.")

enum pl_modbus_count {
#define PL_MODBUS_COUNT_ENUM(id, name, unit, doc) PL_MODBUS_COUNT_##id,
    PL_MODBUS_COUNT_MAP(PL_MODBUS_COUNT_ENUM)
#undef PL_MODBUS_COUNT_ENUM
        PL_MODBUS_COUNTS
};

/* Called once for each request. `answer` and its data are good during the call only. It may submit, and may free the
 * client. */
typedef void pl_modbus_done(void *user, const struct pl_modbus_answer *answer);

/* A client that begins to connect on `loop`; owned by the caller. NULL without memory or when libuv refuses. */
struct pl_modbus_client *pl_modbus_client_new(struct uv_loop_s *loop, const struct pl_modbus_options *options,
                                              struct pl_error **error);

/* Closes. None of the client's callbacks is called any more, requests under way included. NULL is fine. */
void pl_modbus_client_free(struct pl_modbus_client *client);

/* How many requests may be submitted now; 0 while the connection is not up. */
unsigned pl_modbus_client_room(const struct pl_modbus_client *client);

/* Sends a request. False when there is no room, or it may not be sent now, or pl_modbus_call_check refuses the call;
 * `done` is then never called, nor is it ever called from here. */
bool pl_modbus_client_submit(struct pl_modbus_client *client, const struct pl_modbus_call *call, pl_modbus_done *done,
                             void *user);

enum pl_modbus_link pl_modbus_client_link(const struct pl_modbus_client *client);
void pl_modbus_client_set_timeout(struct pl_modbus_client *client, pl_time timeout); /* of later requests */
uint64_t pl_modbus_client_count(const struct pl_modbus_client *client, enum pl_modbus_count count);

/* Reads "host:port", "[v6]:port" or a host alone (port 502) into host (PL_MODBUS_HOST_MAX + 1 bytes) and *port. */
bool pl_modbus_endpoint_parse(const char *text, char *host, uint16_t *port);

#endif
