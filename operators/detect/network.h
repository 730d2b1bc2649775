/* network.h: a recurrent network that forecasts the next frame of signals, and how it learns.
 *
 *     x(t) --> [layer 0] --> [layer 1] --> ... --> head --> forecast of x(t+1)
 *
 * Layers are LSTM or GRU as PyTorch defines them (torch.nn.LSTM, torch.nn.GRU): gates in the order i, f, g, o or
 * r, z, n, and two bias vectors. With `difference` the head gives x(t+1) - x(t), which suits signals that change
 * slowly.
 *
 * All parameters lie in one array. A matrix is kept transposed, [from][to]: adding one column after the other runs over
 * `to`, so it is done in vectors without changing the order of additions, and gives the same bits on every machine.
 */
#ifndef POTLINE_DETECT_NETWORK_H
#define POTLINE_DETECT_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum network_kind { NETWORK_LSTM, NETWORK_GRU };
enum { NETWORK_LAYERS_MAX = 4, NETWORK_SIGNALS_MAX = 1024, NETWORK_UNITS_MAX = 512 };

struct network_shape {
    enum network_kind kind;
    uint32_t signals; /* in and out */
    uint32_t units;   /* of each layer */
    uint32_t layers;
    bool difference;
};

/* Of one layer; `rows` is gates * units. */
struct network_layer {
    uint32_t inputs;
    double *input;       /* [inputs][rows] */
    double *hidden;      /* [units][rows] */
    double *input_bias;  /* [rows] */
    double *hidden_bias; /* [rows] */
};

struct network {
    struct network_shape shape;
    uint32_t rows;
    struct network_layer layer[NETWORK_LAYERS_MAX];
    double *head;      /* [units][signals] */
    double *head_bias; /* [signals] */
    double *parameters;
    size_t count;
};

/* All zero. False without memory. */
bool network_make(struct network *network, const struct network_shape *shape);
void network_free(struct network *network);

/* As PyTorch begins: even between -1/sqrt(units) and 1/sqrt(units); the same for the same seed on every machine. */
void network_seed(struct network *network, uint64_t seed);

/* Numbers of the state: hidden, then (LSTM) cell, of each layer. */
size_t network_state(const struct network_shape *shape);

/* ---- Learning: truncated backpropagation through time, Adam (Kingma and Ba 2015) ---- */

struct learner {
    struct network *network;
    struct network gradient; /* of the same shape */
    double *first, *second;  /* Adam's moments */
    uint64_t steps_taken;
    uint32_t steps; /* most in a chunk */
    double *scratch;
    struct learner_layer {
        double *gates;  /* [step][rows], behind their functions */
        double *sum;    /* [step][units]: GRU: what r multiplies */
        double *hidden; /* [step + 1][units] */
        double *cell;   /* [step + 1][units] */
        double *back;   /* [step][units]: derivative by what the layer gives */
    } layer[NETWORK_LAYERS_MAX];
};

/* For chunks of up to `steps` frames. False without memory. The network is borrowed. */
bool learner_make(struct learner *learner, struct network *network, uint32_t steps);
void learner_free(struct learner *learner);

/* Runs over frames 0 .. steps - 1 of [steps + 1][signals], from `state`, which goes on to the end. Returns the sum of
 * the squares of what the forecasts are off, half of it times `weight` being the loss whose gradient is added up. */
double learner_chunk(struct learner *learner, const double *frames, uint32_t steps, double *state, double weight);

/* One step of Adam down the gradient, which is clipped to length 1 and is zero afterwards. */
void learner_descend(struct learner *learner, double rate);

#endif
