/* harness.h: drives one operator in a test as a black box, on the calling thread, with a clock of the test's own.
 *
 *           push, watermark, end          pull
 *     test ----------------------> [node] ------> test
 *
 *     struct pl_harness *h = pl_harness_new("window.tumbling", "size: 10s", PL_SAMPLES, &error);
 *     pl_harness_push(h, 0, batch);
 *     pl_harness_watermark(h, t);
 *     struct pl_batch *out = pl_harness_pull(h, 0);
 *     pl_harness_free(h);
 */
#ifndef POTLINE_HARNESS_H
#define POTLINE_HARNESS_H

#include "alloc.h" /* pl_free: what a snapshot or a reply is in */
#include "operator.h"
#include "quality.h"

struct pl_harness;

/* `op` is looked up among the plugins found (pl_registry); `options` is YAML in block or flow form; opens the node.
 * `kind` is what input 0 gets (ignored for a source). */
PL_API struct pl_harness *pl_harness_new(const char *op, const char *options, enum pl_kind kind,
                                         struct pl_error **error);
PL_API struct pl_harness *pl_harness_of(const struct pl_operator *op, const char *options, enum pl_kind kind,
                                        struct pl_error **error);
PL_API void pl_harness_free(struct pl_harness *h); /* closes the node; NULL is fine */

PL_API struct pl_tags *pl_harness_tags(struct pl_harness *h);
PL_API uint32_t pl_harness_tag(struct pl_harness *h, const char *name);                           /* interned */
PL_API void pl_harness_declare(struct pl_harness *h, const char *match, double low, double high); /* before first use */
PL_API void *pl_harness_self(struct pl_harness *h);

/* The most names its registry takes (default: 1,000,000); before first use. */
PL_API void pl_harness_names(struct pl_harness *h, uint32_t most);

/* The data folder at `path` (made where it is not there) for zones and kept values; before first use. One harness at a
 * time holds a folder. */
PL_API void pl_harness_data(struct pl_harness *h, const char *path);

/* Runs a command of the operator as an admin; `args` is YAML in flow form, "" for none. *reply (caller frees with
 * pl_free) is a JSON array of its rows. */
PL_API enum pl_code pl_harness_command(struct pl_harness *h, const char *command, const char *args, char **reply,
                                       struct pl_error **error);

/* Takes the batch; waits while the node is busy. */
PL_API enum pl_flow pl_harness_push(struct pl_harness *h, unsigned input, struct pl_batch *batch);
PL_API void pl_harness_turn(struct pl_harness *h); /* the node's loop, once, without waiting: what a sink owes leaves */
PL_API pl_time pl_harness_watermark(struct pl_harness *h, pl_time now); /* the output's */
PL_API void pl_harness_end(struct pl_harness *h);                       /* watermark PL_TIME_MAX, then stop */

/* A source: runs its loop until it has produced (OK), ended, failed, or `wait` has passed with nothing (WAIT). */
PL_API enum pl_flow pl_harness_produce(struct pl_harness *h, pl_time wait);
PL_API void pl_harness_clock(struct pl_harness *h, pl_time now); /* instead of the wall clock */

/* Whether it may act outside (pl_may_act): false when another engine may have taken over. */
PL_API void pl_harness_owns(struct pl_harness *h, bool owns);

/* Gives bytes that a source has refused to it again; what it emits is pulled as ever. */
PL_API enum pl_code pl_harness_inject(struct pl_harness *h, const void *bytes, size_t size, struct pl_error **error);

/* What a source says of what did not become rows (letter.h) comes out of port PL_HARNESS_LETTERS, as events. */
enum { PL_HARNESS_LETTERS = 31 };
PL_API struct pl_batch *pl_harness_pull(struct pl_harness *h, unsigned port); /* the oldest, owned; NULL: none */
PL_API uint64_t pl_harness_counter(const struct pl_harness *h, const char *name);
PL_API double pl_harness_gauge(const struct pl_harness *h, const char *name); /* NAN: it has none now, or no such one */
PL_API const char *pl_harness_failure(const struct pl_harness *h);            /* what pl_fail said, or NULL */

/* All state as bytes (caller frees with pl_free), and into a freshly opened harness of the same operator and options.
 * A snapshot ends an epoch; pl_harness_commit says that it is durable. */
PL_API void *pl_harness_snapshot(struct pl_harness *h, size_t *size);
PL_API enum pl_code pl_harness_restore(struct pl_harness *h, const void *bytes, size_t size, struct pl_error **error);
PL_API void pl_harness_commit(struct pl_harness *h);
PL_API void pl_harness_durable(struct pl_harness *h); /* what a source has given so far is in the log */
PL_API void pl_harness_forgets(struct pl_harness *h); /* as in a run without a log: no epochs; before first use */

#endif
