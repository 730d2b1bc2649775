/* cell_follow.c: a CellModel that follows a cell: told what was measured of its inputs before a step, corrected behind
 * it.
 */
#include <math.h>
#include <string.h>

#include "cell_model.h"
#include "models.h"

struct cell *twin_cell_of(void *self) {
    return &((struct cell_instance *)self)->cell;
}

const double *twin_cell_values(void *self) {
    return ((struct cell_instance *)self)->p;
}

int twin_cell_row(const char *parameter) {
    for (int i = 0; cell_parameters[i].name; i++)
        if (strcmp(cell_parameters[i].name, parameter) == 0) return i;
    return -1;
}

double twin_cell_distance(void *self) {
    const struct cell *c = twin_cell_of(self);
    return c->set.distance + c->set.drift * (solver_time(c->solver) - c->since);
}

double twin_cell_cold(void *self) {
    const struct cell *c = twin_cell_of(self);
    return c->set.cold * cell_still_cold(c, solver_time(c->solver));
}

static double within(int row, double value) {
    return fmin(fmax(value, cell_parameters[row].low), cell_parameters[row].high);
}

enum pl_code twin_cell_feed(void *self, const struct cell_inputs *inputs, struct pl_error **error) {
    struct cell_instance *i = self;
    struct cell *c = &i->cell;
    cell_settle(c);
    double *p = i->p;
    p[CURRENT] = within(CURRENT, inputs->current);
    p[DISTANCE] = within(DISTANCE, inputs->distance / 100);
    p[DRIFT] = within(DRIFT, inputs->drift / 100);
    p[FEED] = within(FEED, inputs->feed);
    p[FLUORIDE_FEED] = within(FLUORIDE_FEED, inputs->fluoride);
    p[TAPPING] = within(TAPPING, inputs->tapped);
    p[EFFICIENCY] = within(EFFICIENCY, inputs->efficiency);
    p[TOP] = within(TOP, inputs->top);
    p[COLD_ANODES] = within(COLD_ANODES, inputs->cold);
    c->set.distance = p[DISTANCE] * 100;
    c->set.cold = p[COLD_ANODES];
    cell_put_inputs(i);
    return cell_restart(c, error);
}

void twin_cell_correct(void *self, const struct cell_correction *correction) {
    struct cell *c = &((struct cell_instance *)self)->cell;
    double *y = solver_state(c->solver), t = cell_temperature(c, y) + correction->temperature, before = y[CELL_HEAT];
    double mixed = y[CELL_ALUMINA] + y[CELL_FLUORIDE] + y[CELL_CRYOLITE],
           more = fmax(1 + correction->bath / mixed, 0.5);
    double alumina = y[CELL_ALUMINA] + y[CELL_UNDISSOLVED];
    y[CELL_ALUMINA] = fmax(y[CELL_ALUMINA] * more + correction->alumina, 1);
    y[CELL_UNDISSOLVED] = fmax(y[CELL_UNDISSOLVED] + correction->undissolved, 0);
    y[CELL_FLUORIDE] *= more;
    y[CELL_CRYOLITE] *= more;
    double metal = fmax(y[CELL_METAL] + correction->metal, 100);
    c->begun_metal += metal - y[CELL_METAL];
    y[CELL_METAL] = metal;
    c->set.distance = fmax(c->set.distance + correction->distance, 0.1);
    c->set.cold += correction->cold / cell_still_cold(c, solver_time(c->solver));
    c->begun_alumina += y[CELL_ALUMINA] + y[CELL_UNDISSOLVED] - alumina; /* what it came to */
    y[CELL_HEAT] = (t - c->zero) * cell_capacity(c, y) * 1e-6;
    y[c->net] -= y[CELL_HEAT] - before; /* it came from nowhere */
}
