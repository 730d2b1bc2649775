/* plc.h: the PLC of each line: its registers, what may be written, and who has the say.
 *
 * A pot's set points are local (the controller's and the crew's own) until somebody writes one; that one is then taken
 * over, until it is released (`remote` written 0), the watchdog is silent, or the crew takes the pot (`manual`). A set
 * point register reads as what is in force. Writes are all or nothing:
 *
 *     illegal address (2)   a register that cannot be written, or half of a float
 *     illegal value (3)     out of range, or no number
 *     busy (6)              the pot is in manual, or the watchdog is silent
 *
 * The watchdog is armed by its first write; after `watchdog_timeout` seconds of the plant's time without a new value
 * all set points of the line fall back to local, and none is taken until it is fed again.
 */
#ifndef PLANT_PLC_H
#define PLANT_PLC_H

#include "map.h"
#include "sensor.h"

enum plant_exception {
    PLANT_OK = 0,
    PLANT_ILLEGAL_FUNCTION = 1,
    PLANT_ILLEGAL_ADDRESS = 2,
    PLANT_ILLEGAL_VALUE = 3,
    PLANT_BUSY = 6,
    PLANT_NO_SUCH_UNIT = 11,
};

/* One value that a request wrote or wanted to write. */
struct plant_write {
    unsigned line, pot; /* the unit; pot 0: of the line */
    unsigned address;
    enum plant_exception outcome;      /* of the whole request */
    const struct plant_register *what; /* NULL: there is nothing to be written at the address */
    double value;
};

struct plant_plc_line {
    uint16_t *input, *holding; /* owned: images of the registers */
    unsigned inputs, holdings;
    uint32_t acknowledged;
    bool acknowledged_once;
    uint16_t watchdog, watchdog_timeout;
    double fed; /* s: when the watchdog was */
    bool armed, silent;
};

struct plant_plc {
    struct plant *plant;           /* borrowed */
    struct plant_sensors *sensors; /* borrowed */
    struct plant_plc_line *lines;
    bool ended;
    bool frozen; /* a fault: writes are taken and change nothing, registers stay as they are */
    /* Told of every write (may be NULL), and of the watchdog. */
    void (*on_write)(void *user, const struct plant_write *write);
    void (*on_watchdog)(void *user, unsigned line, bool silent);
    void *user;
};

bool plant_plc_init(struct plant_plc *plc, struct plant *plant, struct plant_sensors *sensors);
void plant_plc_fini(struct plant_plc *plc);

/* Before each step: lets watchdogs run out. */
void plant_plc_watch(struct plant_plc *plc);
/* After each step: new readings into the registers. */
void plant_plc_publish(struct plant_plc *plc);

/* The bits of a pot's status register (enum plant_status). */
uint16_t plant_status(const struct plant_pot *pot);

enum plant_exception plant_plc_read(const struct plant_plc *plc, unsigned unit, enum plant_table table,
                                    unsigned address, unsigned count, uint16_t *values);
enum plant_exception plant_plc_write(struct plant_plc *plc, unsigned unit, unsigned address, unsigned count,
                                     const uint16_t *values);

/* The PLC starts anew: set points are local, nothing is armed; switches stay as they are, for they are of the plant. */
void plant_plc_restart(struct plant_plc *plc);

/* Coils: the switches among the holding registers, at the same addresses. */
enum plant_exception plant_plc_read_coils(const struct plant_plc *plc, unsigned unit, unsigned address, unsigned count,
                                          bool *values);
enum plant_exception plant_plc_write_coil(struct plant_plc *plc, unsigned unit, unsigned address, bool value);

/* Lockstep: has the present step been acknowledged on unit 1, or (`all`) on every unit? */
bool plant_plc_acknowledged(const struct plant_plc *plc, bool all);

#endif
