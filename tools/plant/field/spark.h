/* spark.h: the same tags over MQTT as Sparkplug B: an edge node for each line, a device for each pot.
 *
 *     line1.pot07.voltage      node line1, device pot07, metric voltage; what is of the line itself: a metric of the
 * node
 *
 * Births have all metrics with aliases, units and ranges; each step is a message of data for each pot and line, with
 * the plant's time. A command (DCMD, NCMD) to a set point is a write to its register, at the next step, and answered
 * with its value; Node Control/Rebirth is followed. Of what goes wrong on request (trouble.h) `slow` has no meaning
 * here.
 *
 * libmosquitto keeps each connection on a thread of its own; all else is done by plant_spark_step, on the caller's.
 */
#ifndef PLANT_SPARK_H
#define PLANT_SPARK_H

#include "plc.h"
#include "trouble.h"

struct plant_spark;

/* `server` is HOST:PORT of a broker, that need not be there yet. NULL with what is wrong in `why`. Borrows `plc`, and
 * `trouble` (may be NULL). */
struct plant_spark *plant_spark_open(const char *server, struct plant_plc *plc, const struct plant_trouble *trouble,
                                     char *why, size_t size);
void plant_spark_close(struct plant_spark *spark); /* NULL is fine */

/* Commands that have come are carried out. */
void plant_spark_take(struct plant_spark *spark);
/* What the registers show is published. */
void plant_spark_publish(struct plant_spark *spark);

#endif
