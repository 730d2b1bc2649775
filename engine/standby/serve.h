/* serve.h: an engine gives its standby what it writes: a thread beside it that reads the store's write-ahead log.
 *
 * While the standby keeps up, every sync of the store (of the log, of a checkpoint) waits until the standby has written
 * everything, too. When that takes longer than `patience`, the engine goes on alone, which is said and counted, until
 * the standby has caught up again.
 *
 *     pl_engine_new (with `ship`), pl_standby_server_new, ... pl_standby_server_ending, pl_engine_free (its store's
 *     close hands over the rest), pl_standby_server_free
 *
 * Threads: any may look; the rest is for the one that has the engine.
 */
#ifndef POTLINE_STANDBY_SERVE_H
#define POTLINE_STANDBY_SERVE_H

#include <potline/time.h>

#include "standby/secret.h"
#include "store/audit.h"

struct pl_standby_server;

struct pl_standby_server_options {
    struct pl_store *store;                 /* opened with `ship` */
    struct pl_audit *audit;                 /* not used any more behind pl_standby_server_ending */
    const char *key_id;                     /* of the store's key; "": it is in the clear */
    const char *endpoint;                   /* tcp://HOST:PORT */
    const struct pl_standby_secret *secret; /* borrowed until _new returns */
    pl_time patience;
    void (*passed)(void *arg, uint64_t generation); /* the place has been taken: the engine is to stop. Any thread */
    void *arg;
};

enum pl_code pl_standby_server_new(const struct pl_standby_server_options *options, struct pl_standby_server **server,
                                   struct pl_error **error);
/* The engine is about to be freed; `orderly`: people want it to end, so nobody is to take its place by himself. */
void pl_standby_server_ending(struct pl_standby_server *server, bool orderly); /* NULL is fine, also below */
void pl_standby_server_free(struct pl_standby_server *server);                 /* behind the store's close */

struct pl_standby_view {
    uint64_t generation;
    char peer[64]; /* where it is; "": there is none */
    bool in_sync;
    uint64_t lag_writes, lag_bytes; /* what it has not written yet; about so many bytes */
    double lag_s;                   /* how long ago it had everything */
    uint64_t alone;                 /* how often the engine has gone on without it */
    uint64_t turned_away;           /* connections without the key; messages that are none */
};
void pl_standby_server_look(struct pl_standby_server *server, struct pl_standby_view *view);

#endif
