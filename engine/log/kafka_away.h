/* kafka_away.h: do the brokers of the log answer?
 *
 * Every handle of the log notes what it asks and what it is answered (pl__kafka_away_watch), and what its connections
 * fail with. When something has been asked, or a connection has failed, and nobody has answered for some seconds, the
 * brokers are away: it is said once, seldom again, and once when they are back. One of several that is gone is none of
 * that, as the others answer.
 *
 * One for each process, as an engine has one log. Threads: any.
 */
#ifndef POTLINE_LOG_KAFKA_AWAY_H
#define POTLINE_LOG_KAFKA_AWAY_H

#include <stdbool.h>
#include <stddef.h>

#include <potline/time.h>

enum { PL_KAFKA_AWAY_TEXT = 400 };

/* From here on it is said, by a thread of its own, until the end. `brokers`, as the graph has them, are copied. */
void pl_kafka_away_begin(const char *brokers);
void pl_kafka_away_end(void);

/* text: "the brokers (a:9092) do not answer since 12:03:04 UTC"; NULL is fine. */
bool pl_kafka_away(char *text, size_t size);

/* The brokers, or what stands in front of them, refuse us: who we are, or how we speak. Waiting does not help there.
 * text: what they say. */
bool pl_kafka_refused(char *text, size_t size);

#endif
