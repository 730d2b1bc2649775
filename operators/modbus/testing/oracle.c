/* oracle.c: modbus_oracle_device PORT [lockstep STEP_NS [READS]]: a correct device, made of libmodbus, with 65536 of
 * everything but input registers, of which there are 1000 (so reading beyond is refused).
 *
 * SIGUSR1 makes it hang up on everybody. With `lockstep` it owns time: input registers 0..3 hold its time, 4..5 the
 * step, and it makes the next step when that number is written to the holding registers 0..1. Holding registers
 * 100..101 then hold the step too. */
#include <errno.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "server.h"

enum { EVERYTHING = 65536, INPUTS = 1000 };

static struct {
    int64_t step_ns; /* 0: not in lockstep */
    int64_t time;
    uint32_t step;
    int reads; /* of the clock that a step takes, after it was acknowledged */
    int left;
} clock_of;

static volatile sig_atomic_t hang_up;

static void on_signal(int signal) {
    hang_up = signal;
}

static modbus_mapping_t *mapping_make(void) {
    modbus_mapping_t *map = modbus_mapping_new(EVERYTHING, EVERYTHING, EVERYTHING, INPUTS);
    if (!map) exit(1);
    for (unsigned i = 0; i < EVERYTHING; i++) {
        map->tab_registers[i] = pattern_holding(i);
        map->tab_bits[i] = i < SWITCH_SILENT && pattern_coil(i);
        map->tab_input_bits[i] = pattern_discrete(i);
    }
    for (unsigned i = 0; i < INPUTS; i++)
        map->tab_input_registers[i] = pattern_input(i);
    return map;
}

static void clock_show(modbus_mapping_t *map) {
    MODBUS_SET_INT64_TO_INT16(map->tab_input_registers, 0, clock_of.time);
    MODBUS_SET_INT32_TO_INT16(map->tab_input_registers, 4, clock_of.step);
    MODBUS_SET_INT32_TO_INT16(map->tab_registers, 100, clock_of.step);
}

/* A step begins when the one before is acknowledged, and is made after some more requests. */
static void clock_step(modbus_mapping_t *map) {
    bool acknowledged = ((uint32_t)map->tab_registers[0] << 16 | map->tab_registers[1]) == clock_of.step;
    if (clock_of.step_ns == 0 || !acknowledged || clock_of.left-- > 0) return;
    clock_of.step++;
    clock_of.time += clock_of.step_ns;
    clock_of.left = clock_of.reads;
    map->tab_registers[0] = map->tab_registers[1] = 0xFFFF;
    clock_show(map);
}

/* False when the client is gone. */
static bool serve(modbus_t *modbus, int client, modbus_mapping_t *map) {
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_set_socket(modbus, client);
    int size = modbus_receive(modbus, query);
    if (size < 0) return false;
    if (size == 0 || map->tab_bits[SWITCH_SILENT + query[6]]) return true;
    if (modbus_reply(modbus, query, size, map) < 0 && errno == EPIPE) return false;
    clock_step(map);
    return true;
}

static void hang_up_on_all(fd_set *clients, int listener, int most) {
    hang_up = 0;
    for (int fd = 0; fd <= most; fd++) {
        if (fd == listener || !FD_ISSET(fd, clients)) continue;
        FD_CLR(fd, clients);
        close(fd);
    }
}

static void run(modbus_t *modbus, int listener, modbus_mapping_t *map) {
    fd_set clients;
    int most = listener;
    FD_ZERO(&clients);
    FD_SET(listener, &clients);
    for (;;) {
        fd_set ready = clients;
        int found = select(most + 1, &ready, NULL, NULL, NULL);
        if (found < 0 && errno != EINTR) exit(1);
        if (hang_up) hang_up_on_all(&clients, listener, most);
        if (found < 0) continue;
        for (int fd = 0; fd <= most; fd++) {
            if (!FD_ISSET(fd, &ready) || !FD_ISSET(fd, &clients)) continue;
            if (fd == listener) {
                int client = modbus_tcp_accept(modbus, &listener);
                if (client < 0 || client >= FD_SETSIZE) exit(1);
                FD_SET(client, &clients);
                most = client > most ? client : most;
            } else if (!serve(modbus, fd, map)) {
                FD_CLR(fd, &clients);
                close(fd);
            }
        }
    }
}

static int listening_port(int listener) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(listener, (struct sockaddr *)&address, &size)) exit(1);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

int main(int count, char **arguments) {
    if (count < 2) return 2;
    signal(SIGUSR1, on_signal);
    signal(SIGPIPE, SIG_IGN);
    modbus_mapping_t *map = mapping_make();
    if (count > 3 && strcmp(arguments[2], "lockstep") == 0) {
        clock_of.step_ns = atoll(arguments[3]);
        clock_of.reads = clock_of.left = count > 4 ? atoi(arguments[4]) : 0;
        clock_of.time = INT64_C(1700000000000000000);
        clock_of.step = 1;
        map->tab_registers[0] = map->tab_registers[1] = 0xFFFF;
        clock_show(map);
    }
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", atoi(arguments[1]));
    int listener = modbus ? modbus_tcp_listen(modbus, 16) : -1;
    if (listener < 0) {
        perror("modbus_oracle_device");
        return 1;
    }
    printf("%d\n", listening_port(listener));
    fflush(stdout);
    run(modbus, listener, map);
}
