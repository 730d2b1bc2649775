/* serve_impl.h: what serve.c and serve_session.c share. */
#ifndef POTLINE_STANDBY_SERVE_IMPL_H
#define POTLINE_STANDBY_SERVE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buffer.h"
#include "standby/copy.h"
#include "standby/doorman.h"
#include "standby/serve.h"
#include "standby/tail.h"
#include "standby/wire.h"
#include "store/lineage.h"

enum { PL__PEER_MAX = 255, PL__FAMILIES_TEXT = 1024 };

struct pl__session { /* the standby that is served */
    char peer[PL__PEER_MAX];
    size_t peer_size; /* 0: there is none */
    char address[64];
    uint64_t number, nonce;
    bool copying;
    bool joined;          /* it had caught up once, and that is in the audit */
    uint64_t position;    /* it has everything up to here */
    bool pulls;           /* and waits for what comes then */
    int64_t heard, given; /* when the last words came and went */
    uint64_t target;      /* what there was when it asked last, and when that was: having it now is keeping up */
    int64_t target_at;
};

struct pl_standby_server {
    struct pl_standby_server_options options;
    struct pl_lineage lineage;
    struct pl_store_watch watch;
    char families[PL__FAMILIES_TEXT];
    void *zmq, *socket;
    int wake; /* eventfd */
    struct pl__doorman doorman;
    pthread_t thread;
    bool has_thread;

    struct pl__session session; /* the thread's, as what follows */
    struct pl__tail tail;
    struct pl__copy *copy;
    struct pl_pack *pack;
    struct pl_buffer out;
    uint64_t sessions;
    uint64_t given_bytes, given_writes; /* in this session */
    int64_t trimmed;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct pl_audit *audit;
    _Atomic bool in_sync; /* changed with the lock held */
    bool closing, orderly;
    uint64_t acked;     /* session.position */
    uint64_t owed;      /* a sync up to here was answered without the standby */
    double write_bytes; /* of a write, on the average of this session */
    int64_t had_all;    /* when it is known to have had everything there was */
    uint64_t alone;
    struct pl_standby_view shown; /* peer */
    _Atomic uint64_t strange;     /* messages that are none */
};

/* "ID NAME" of each family, a line each: what numbers in a batch mean. */
void pl__families_text(const struct pl_store *store, char *text, size_t room);

/* Both with the lock held. */
void pl__serve_set_sync(struct pl_standby_server *server, bool in_sync, const char *why);
void pl__serve_note(struct pl_standby_server *server, const char *action, const char *detail);

/* serve_session.c */
void pl__session_receive(struct pl_standby_server *server, const char *peer, size_t peer_size, const char *address,
                         const void *bytes, size_t size);
void pl__session_work(struct pl_standby_server *server); /* answers who waits, and ends who is gone */
void pl__session_end(struct pl_standby_server *server, const char *why);
bool pl__session_has_all(const struct pl_standby_server *server);
void pl__session_bye(struct pl_standby_server *server);

#endif
