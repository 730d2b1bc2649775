/* server.h: the servers that the tests talk to, each a process of its own.
 *
 *   modbus_oracle_device   a correct device, made of libmodbus
 *   modbus_rogue_device    a device that misbehaves in one chosen way
 */
#ifndef MODBUS_TESTING_SERVER_H
#define MODBUS_TESTING_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct server {
    pid_t pid; /* 0: not running */
    uint16_t port;
};

/* Starts `program` with the port to listen on (0: any) and up to three more arguments (NULL: none), and waits until it
 * listens. Fails the test when it does not. The server dies with the test. */
void server_start(struct server *server, const char *program, uint16_t port, const char *a, const char *b,
                  const char *c);
void server_kill(struct server *server); /* at once, and waits for its end; nothing when it is not running */
void server_pause(struct server *server);
void server_continue(struct server *server);

/* What the oracle holds at the start. */
static inline uint16_t pattern_holding(unsigned address) {
    return (uint16_t)(address * 7919 + 13);
}
static inline uint16_t pattern_input(unsigned address) {
    return (uint16_t)(address * 30011 + 7);
}
static inline bool pattern_coil(unsigned address) {
    return (address * address / 3 & 1) != 0;
}
static inline bool pattern_discrete(unsigned address) {
    return (address / 5 % 3) == 1;
}

/* Coils of the oracle that are switches of its own: while coil SWITCH_SILENT + n is on, unit n is not answered. */
enum { SWITCH_SILENT = 65000 };

#endif
