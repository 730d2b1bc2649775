/* client.h: the far end of a control socket: sends commands to an engine, takes its replies.
 *
 *     pl_client_open(&(struct pl_client_options){.endpoint = "ipc:///var/lib/potline/control.sock"}, &client, &error);
 *     pl_client_send(client, &(struct pl_client_request){.words = words, .count = 2}, &id, &error);
 *     while (!pl_client_receive(client, &answer))
 *         ... poll pl_client_fds ...
 *
 * A command line's words are a request; its replies carry the request's id. A stream answers with any number of replies
 * of PL_ANSWER_MORE and ends with another one; whoever wants more of it says so every PL_CLIENT_RENEW.
 *
 * Life-time: a client connects again by itself when the engine comes back; what was asked before is lost then, and
 * nothing is sent twice. Threads: one. The descriptors are edge-triggered: poll them only after pl_client_receive has
 * returned false. Replies come from outside: one that is no reply is dropped and counted.
 */
#ifndef POTLINE_CONTROL_CLIENT_H
#define POTLINE_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <potline/error.h>
#include <potline/time.h>

struct pl_client;

#define PL_CLIENT_RENEW (2 * PL_SECOND)

struct pl_client_options {
    const char *endpoint;   /* ipc:// or tcp:// */
    const char *server_key; /* the engine's public CURVE key in Z85; NULL: without CURVE */
    const char *secret_key; /* our own; NULL: one made for this connection */
};

enum pl_client_state {
    PL_CLIENT_CONNECTING, /* nobody has answered yet */
    PL_CLIENT_CONNECTED,
    PL_CLIENT_LOST,    /* it was connected; what is under way will not be answered */
    PL_CLIENT_REFUSED, /* the engine does not take our keys */
};

enum pl_answer_status { PL_ANSWER_OK, PL_ANSWER_ERROR, PL_ANSWER_MORE };

struct pl_answer {
    uint64_t id;
    enum pl_answer_status status;
    char code[32];    /* of an error: "NOT_FOUND" */
    char *error;      /* owned; NULL without one */
    void *rows;       /* owned: a msgpack array of maps with text keys, checked to be that */
    size_t size;      /* bytes of it; 0: no rows */
    uint32_t count;   /* of rows */
    bool cut;         /* there would have been more */
    uint64_t dropped; /* rows of the stream that were not sent */
};

struct pl_client_request {
    const char *const *words;
    unsigned count;
    const char *session;  /* NULL: none */
    const char *password; /* of login; NULL: none */
};

enum pl_code pl_client_open(const struct pl_client_options *options, struct pl_client **client,
                            struct pl_error **error);
void pl_client_close(struct pl_client *client); /* NULL is fine */

/* PL_UNAVAILABLE: not connected, nothing was sent. */
enum pl_code pl_client_send(struct pl_client *client, const struct pl_client_request *request, uint64_t *id,
                            struct pl_error **error);
void pl_client_renew(struct pl_client *client, uint64_t id);
void pl_client_cancel(struct pl_client *client, uint64_t id);

/* Takes the next reply, if there is one; sees to the connection's state too. End it with pl_answer_fini. */
bool pl_client_receive(struct pl_client *client, struct pl_answer *answer);
void pl_answer_fini(struct pl_answer *answer);

enum pl_client_state pl_client_state(const struct pl_client *client);
unsigned pl_client_connections(const struct pl_client *client); /* how many times it was connected */
void pl_client_fds(const struct pl_client *client, int fds[2]);

/* Is somebody listening there? For ipc: a look, without waiting; true for everything else. */
bool pl_client_listens(const char *endpoint);

#endif
