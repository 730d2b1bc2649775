/* server.h: Modbus TCP for many clients, on one thread, by poll().
 *
 * Requests of a client are answered in their order, as many as have come. A client that does not take its answers is
 * not read any further; one that talks nonsense is closed. When all places are taken, new clients wait in the backlog.
 */
#ifndef PLANT_SERVER_H
#define PLANT_SERVER_H

#include <signal.h>

#include "modbus.h"
#include "trouble.h"

enum { PLANT_CLIENTS_MAX = 64 };

struct plant_server;

/* `address` is "127.0.0.1:1502" (port 0: any free one). NULL with what is wrong in `why`. Borrows `plc`. */
struct plant_server *plant_server_open(const char *address, struct plant_plc *plc, char *why, size_t size);
void plant_server_close(struct plant_server *server); /* NULL is fine */

uint16_t plant_server_port(const struct plant_server *server);
unsigned plant_server_clients(const struct plant_server *server);

/* What goes wrong with it from now on, carried out by plant_server_serve; borrowed. */
void plant_server_trouble(struct plant_server *server, struct plant_trouble *trouble);

/* Serves whoever is ready, waiting up to `wait` ns for somebody (negative: for ever). Returns after one round, or when
 * a signal has come; `mask` (may be NULL) is the signal mask while it waits. */
void plant_server_serve(struct plant_server *server, int64_t wait, const sigset_t *mask);

#endif
