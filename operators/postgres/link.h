/* link.h: a connection to a server on a libuv loop: made, watched, given up when it does not answer, and made again.
 *
 *     pl__pg_link_open --> look up --> connect --> up --> ready, ready, ... --> down --> (a while later) look up ...
 *
 * While it is up its owner talks through `conn`, asks by pl__pg_link_watch for what it waits for, and says by
 * pl__pg_link_expect how long that may take. `down` has been called when pl__pg_link_drop returns: whoever is in the
 * middle of something with the connection leaves it at that. Nothing here waits. Thread: the loop's.
 */
#ifndef POSTGRES_LINK_H
#define POSTGRES_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include <potline/error.h>
#include <potline/time.h>

#include "address.h"

struct uv_loop_s;
struct pl__pg_link;

struct pl__pg_events {
    void (*up)(void *user);
    void (*ready)(void *user); /* the connection can be read or written */
    void (*down)(void *user, const char *why);
    void *user;
};

struct pl__pg_link_options {
    pl_time connect_timeout; /* for an attempt */
    pl_time retry;           /* most that is waited between two */
};

/* `address` stays the caller's, and longer than the link. */
enum pl_code pl__pg_link_new(struct uv_loop_s *loop, struct pl__pg_address *address,
                             const struct pl__pg_link_options *options, const struct pl__pg_events *events,
                             struct pl__pg_link **link, struct pl_error **error);
void pl__pg_link_free(struct pl__pg_link *link); /* nothing is told any more; NULL is fine */

void pl__pg_link_open(struct pl__pg_link *link);
PGconn *pl__pg_link_conn(const struct pl__pg_link *link); /* NULL: it is not up, or there is none */

void pl__pg_link_watch(struct pl__pg_link *link, bool writes);       /* `ready`, once: for writing too */
void pl__pg_link_expect(struct pl__pg_link *link, pl_time patience); /* from now on; 0: nothing is waited for */
void pl__pg_link_drop(struct pl__pg_link *link, const char *why);    /* and try again */
void pl__pg_link_well(struct pl__pg_link *link); /* it does what it should: forget earlier attempts */

/* A message of several lines, as libpq gives them, becomes one. */
void pl__pg_one_line(char *text);

#endif
