/* client.h: a librdkafka handle on a libuv loop.
 *
 *     pl__client_new --> ready, ready, ...        its queues have something: poll them until they have nothing
 *                    --> pl__client_job           what blocks, on another thread; `done` comes back on the loop
 *                    --> pl__client_free          at once; the handle goes on another thread, behind the job at hand
 *
 * librdkafka rings an eventfd when a queue stops being empty, and only then: so whoever is rung for polls until nothing
 * is left. What blocks in it (the transactions, questions to brokers, the end of a handle) runs on a thread of libuv's
 * pool, one job at a time and for about PL__JOB_PATIENCE, after which it is asked for again. Thread: the loop's.
 */
#ifndef KAFKA_CLIENT_H
#define KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include <potline/operator.h>

enum { PL__JOB_PATIENCE = 2000 /* ms */, PL__WHY_MAX = 400 };

struct pl__setting { /* a record of `settings` */
    const char *name;
    const char *value;
};

struct pl__client_options {
    const char *brokers;
    struct pl_list settings;
};

struct pl__client;

/* What a job does, on another thread: `gone` turns true when nobody waits for it any more. */
struct pl__job {
    void (*work)(rd_kafka_t *handle, void *task, const bool *gone);
    void (*done)(void *user, void *task); /* on the loop; not called when the client has been freed meanwhile */
    void (*free)(void *task);             /* afterwards, always; NULL: pl_free */
};

/* clang-format off */
#define PL__CLIENT_OPTIONS(S, at)                                                                                       \
    PL_OPT_STRING(S, at.brokers, "brokers", NULL, PL_FIXED,                                                        \
        "Brokers to begin with, HOST:PORT between commas; they name the others."),                                     \
    PL_OPT_LIST(S, at.settings, "settings", "[]", struct pl__setting, pl__setting_options, PL_FIXED,               \
        "Further properties of librdkafka, as security.protocol, sasl.username, ssl.ca.location; what the node sets itself is refused.")
/* clang-format on */
extern const struct pl_option pl__setting_options[];

/* ---- Settings ---- */

/* NULL: this property may be set by people; else why not. */
const char *pl__setting_refusal(const char *name);
void pl__client_check(const struct pl__client_options *options, struct pl_check *check);

/* Brokers and settings, and behind them `own`: pairs of name and value, the last name NULL. No message holds a value.
 */
enum pl_code pl__client_conf(const struct pl__client_options *options, const char *const own[][2],
                             rd_kafka_conf_t **conf, struct pl_error **error);

/* ---- Life ---- */

/* Takes *conf in success and failure. `ready` is called on the loop. */
struct pl__client *pl__client_new(rd_kafka_type_t type, rd_kafka_conf_t **conf, struct pl_node *node,
                                  void (*ready)(void *user), void *user, struct pl_error **error);

/* `last`, when not NULL, is called with the handle just before it ends, on another thread; it takes `task`. NULL as a
 * client calls nothing. */
void pl__client_free(struct pl__client *client, void (*last)(rd_kafka_t *handle, void *task), void *task);

rd_kafka_t *pl__client_handle(const struct pl__client *client);
void pl__client_ring_for(struct pl__client *client, rd_kafka_queue_t *queue);

/* Takes `task`. One at a time. */
void pl__client_job(struct pl__client *client, const struct pl__job *job, void *task);
bool pl__client_works(const struct pl__client *client);

/* Whether an error is only that no broker can be reached now. */
bool pl__is_away(rd_kafka_resp_err_t code);

#endif
