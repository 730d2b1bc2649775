/* network.c: the parameters of a recurrent network. */
#include "network.h"

#include <math.h>
#include <potline/alloc.h>

static uint32_t gates_of(enum network_kind kind) {
    return kind == NETWORK_LSTM ? 4 : 3;
}

/* Gives each array its place; with `base` NULL only counts. */
static size_t place(struct network *network, double *base) {
    const struct network_shape *shape = &network->shape;
    size_t used = 0;
#define TAKE(field, numbers) ((field) = base ? base + used : NULL, used += (size_t)(numbers))
    for (uint32_t l = 0; l < shape->layers; l++) {
        struct network_layer *layer = &network->layer[l];
        layer->inputs = l ? shape->units : shape->signals;
        TAKE(layer->input, (size_t)layer->inputs * network->rows);
        TAKE(layer->hidden, (size_t)shape->units * network->rows);
        TAKE(layer->input_bias, network->rows);
        TAKE(layer->hidden_bias, network->rows);
    }
    TAKE(network->head, (size_t)shape->units * shape->signals);
    TAKE(network->head_bias, shape->signals);
#undef TAKE
    return used;
}

bool network_make(struct network *network, const struct network_shape *shape) {
    *network = (struct network){.shape = *shape, .rows = gates_of(shape->kind) * shape->units};
    network->count = place(network, NULL);
    network->parameters = pl_alloc(network->count * sizeof(double));
    if (!network->parameters) return false;
    place(network, network->parameters);
    return true;
}

void network_free(struct network *network) {
    pl_free(network->parameters);
    *network = (struct network){0};
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void network_seed(struct network *network, uint64_t seed) {
    const double reach = 1 / sqrt(network->shape.units);
    for (size_t i = 0; i < network->count; i++)
        network->parameters[i] = reach * (2 * (double)(next_random(&seed) >> 11) / 9007199254740992.0 - 1);
}

size_t network_state(const struct network_shape *shape) {
    return (size_t)shape->layers * shape->units * (shape->kind == NETWORK_LSTM ? 2 : 1);
}
