/* effect.h: the anode effect: a gas film under the anodes that raises the voltage to 15..40 V within seconds.
 *
 * It begins where the current density of the bare anode reaches the critical one (ratio 1), or by force. It ends by
 * chance, the sooner the more alumina there is, and hardly without somebody moving the anodes.
 */
#ifndef PLANT_EFFECT_H
#define PLANT_EFFECT_H

#include <stdbool.h>
#include <stdint.h>

struct plant_effect {
    uint64_t key;
    bool on;
    bool force;     /* begin at the next step */
    uint64_t count; /* begun so far */
    double age;     /* s of the present one */
    double lasted;  /* s of all so far */
    double film;    /* 0..1 */
    double height;  /* V that the full film adds */
    double volts;   /* that it adds now */
};

void plant_effect_init(struct plant_effect *effect, uint64_t seed, unsigned line, unsigned pot);
void plant_effect_step(struct plant_effect *effect, uint64_t number, double ratio, bool anodes_move, double seconds);

#endif
