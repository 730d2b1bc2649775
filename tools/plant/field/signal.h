/* signal.h: what is measured, with the instrument's noise and resolution, and the names of it.
 *
 * A pot is `line1.pot07`, a line `line1`; a signal's tag is `line1.pot07.voltage`.
 */
#ifndef PLANT_SIGNAL_H
#define PLANT_SIGNAL_H

#include <stddef.h>

#include "../pot/plant.h"

enum { PLANT_NAME = 64 };

struct plant_signal {
    const char *name, *unit;
    double low, high; /* what can be, anode effects included */
    double noise;     /* deviation of the instrument */
    double resolution;
    double (*value)(const struct plant_line *line, const struct plant_pot *pot); /* pot NULL: of the line */
    const char *doc;
};

extern const struct plant_signal plant_pot_signals[];
extern const unsigned plant_pot_signal_count;
extern const struct plant_signal plant_line_signals[];
extern const unsigned plant_line_signal_count;

/* `pot` 0: of the line; `name` NULL: the asset itself. Numbers are padded to the widest of `pots`, at least two. */
void plant_name(char out[PLANT_NAME], unsigned line, unsigned pot, unsigned pots, const char *name);

#endif
