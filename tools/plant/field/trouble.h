/* trouble.h: what goes wrong with the PLC and the way to it, at the moment that it is asked for.
 *
 *     potline-plant --trouble /run/trouble &          a FIFO, made by the plant; each line is a fault and how long
 *     echo 'hang 5s' > /run/trouble
 *
 *     refuse FOR            nobody is let in, and those who are in are thrown out
 *     hang FOR              requests are taken and not answered; when it ends they are
 *     slow FOR DELAY        every answer comes DELAY later
 *     garble FOR [SHARE]    a bit of this share of the answers (1) is turned
 *     flood FOR             answers that nobody has asked for
 *     freeze FOR            writes are answered and change nothing, registers stay as they are
 *     restart               everybody is thrown out and the PLC forgets what was written
 *
 * By the machine's clock, not the plant's. A line that is not understood is told and changes nothing.
 */
#ifndef PLANT_TROUBLE_H
#define PLANT_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum plant_trouble_kind {
    PLANT_TROUBLE_REFUSE,
    PLANT_TROUBLE_HANG,
    PLANT_TROUBLE_SLOW,
    PLANT_TROUBLE_GARBLE,
    PLANT_TROUBLE_FLOOD,
    PLANT_TROUBLE_FREEZE,
    PLANT_TROUBLE_RESTART,
    PLANT_TROUBLE_KINDS
};

struct plant_trouble {
    int fd; /* of the FIFO; -1: none */
    char path[128];
    int64_t until[PLANT_TROUBLE_KINDS]; /* monotonic ns */
    int64_t delay;
    double share;
    uint64_t draws;
    bool restart;      /* asked for; whoever carries it out sets it back */
    uint64_t restarts; /* so far, for others who carry it out */
    char line[128];
    size_t used;
};

/* Makes the FIFO; false with what is wrong in `why`. */
bool plant_trouble_open(struct plant_trouble *trouble, const char *path, char *why, size_t size);
void plant_trouble_close(struct plant_trouble *trouble);

/* Takes the lines that are there. */
void plant_trouble_read(struct plant_trouble *trouble);
bool plant_trouble_take(struct plant_trouble *trouble, const char *line); /* one; false: not understood */

bool plant_trouble_now(const struct plant_trouble *trouble, enum plant_trouble_kind kind); /* NULL: never */

/* Until the next of them ends, ns; -1: there is none. */
int64_t plant_trouble_left(const struct plant_trouble *trouble);

/* Perhaps turns a bit of an answer. */
void plant_trouble_garble(struct plant_trouble *trouble, uint8_t *bytes, size_t size);

#endif
