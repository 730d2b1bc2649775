/* disturb.h: faults that change a pot itself: starving, a rolling metal pad, an anode effect by force. */
#ifndef PLANT_DISTURB_H
#define PLANT_DISTURB_H

#include "fault.h"
#include "signal.h"

/* Faults that fit no pot of the plant are refused by name: false, with why. */
bool plant_disturb_check(const struct plant_faults *faults, const struct plant *plant, char *why, size_t size);

/* Called before each step: applies what begins or ends now. */
void plant_disturb(const struct plant_faults *faults, struct plant *plant);

#endif
