/* workers.h: threads for work that takes a while, so that the server's thread has none of it: queries, passwords, runs
 * of models. They are nicer than those of the data path.
 *
 * Whoever asks for much waits for himself: owners take turns, and who has work under way gets a further thread only
 * while more threads than that are idle, so that one of them always stays for somebody else.
 *
 * Threads: any puts work in; `begin` is called on one of the workers, and comes back by pl_http_post.
 */
#ifndef POTLINE_HTTP_WORKERS_H
#define POTLINE_HTTP_WORKERS_H

#include <stdbool.h>

struct pl_workers;

/* `most` pieces of work wait at a time, `share` of one owner; NULL without memory or threads. */
struct pl_workers *pl_workers_new(const char *name, unsigned threads, unsigned most, unsigned share);
/* `owner`: whose it is, copied; a name. False: too many wait. */
bool pl_workers_do(struct pl_workers *workers, const char *owner, void (*begin)(void *arg), void *arg);
void pl_workers_end(struct pl_workers *workers);  /* behind all of it; takes nothing any more. NULL is fine */
void pl_workers_free(struct pl_workers *workers); /* and ends before; NULL is fine */

#endif
