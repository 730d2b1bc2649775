#include "plant_time.h"

void pl_plant_still(void *arg) {
    struct pl_plant_time *plant = arg;
    if (plant->state != PL_PLANT_WAITS || plant->pending) return;
    plant->state = PL_PLANT_ANSWERED;
    pl_ready(plant->source);
}

bool pl_plant_answered(struct pl_plant_time *plant, struct pl_runnable *source) {
    bool answered = plant->state == PL_PLANT_ANSWERED;
    plant->source = source;
    plant->state = answered ? PL_PLANT_GOES_ON : PL_PLANT_WAITS;
    return answered;
}
