/* kafka_away_impl.h: what handles tell kafka_away.c; also for its test. */
#ifndef POTLINE_LOG_KAFKA_AWAY_IMPL_H
#define POTLINE_LOG_KAFKA_AWAY_IMPL_H

#include <librdkafka/rdkafka.h>

void pl__kafka_away_watch(rd_kafka_conf_t *conf); /* the handle that is made of it notes what it hears */

/* Times: pl_clock_monotonic. */
void pl__kafka_away_sent(int16_t request, int64_t now);
void pl__kafka_away_answered(int64_t now);
void pl__kafka_away_failed(const char *text, int64_t now); /* a connection */

/* A connection was ended by the other end before an answer. */
void pl__kafka_away_cut(void);
/* What people may have forgotten; "": nothing that could be seen here. */
const char *pl__kafka_away_hint(void);

int64_t pl__kafka_away_since(int64_t now); /* 0: they answer */

/* kafka_client.c: what a connection failed with last; false: none did, of late. */
bool pl__kafka_complaint(char *text, size_t size);

#endif
