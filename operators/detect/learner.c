/* learner.c: the gradient of a recurrent network over a stretch of frames, and a step down along it.
 *
 * A chunk is run forwards layer by layer, then backwards from the head to the first layer; what lies before the chunk
 * is taken as given (that is the truncation).
 */
#include <math.h>
#include <potline/alloc.h>
#include <string.h>

#include "network.h"

static const double fading_first = 0.9, fading_second = 0.999, least_second = 1e-8, longest = 1;

/* ---- Life ---- */

static double *take(double **at, size_t numbers) {
    double *taken = *at;
    *at += numbers;
    return taken;
}

static size_t scratch_numbers(const struct network *n, uint32_t steps) {
    const size_t units = n->shape.units, layer = (size_t)steps * (n->rows + 2 * units) + 2 * (steps + 1) * units;
    return n->shape.layers * layer + 2 * n->rows + 2 * units + n->shape.signals;
}

bool learner_make(struct learner *learner, struct network *network, uint32_t steps) {
    *learner = (struct learner){.network = network, .steps = steps};
    const size_t bytes = network->count * sizeof(double), scratch = scratch_numbers(network, steps) * sizeof(double);
    learner->first = pl_alloc(bytes);
    learner->second = pl_alloc(bytes);
    learner->scratch = pl_alloc(scratch);
    if (!network_make(&learner->gradient, &network->shape) || !learner->first || !learner->second || !learner->scratch)
        return false;
    double *at = learner->scratch;
    const size_t units = network->shape.units;
    for (uint32_t l = 0; l < network->shape.layers; l++) {
        struct learner_layer *layer = &learner->layer[l];
        layer->gates = take(&at, (size_t)steps * network->rows);
        layer->sum = take(&at, steps * units);
        layer->back = take(&at, steps * units);
        layer->hidden = take(&at, (steps + 1) * units);
        layer->cell = take(&at, (steps + 1) * units);
    }
    return true;
}

void learner_free(struct learner *learner) {
    network_free(&learner->gradient);
    pl_free(learner->first);
    pl_free(learner->second);
    pl_free(learner->scratch);
    *learner = (struct learner){0};
}

/* Behind the arrays of the layers. */
struct workspace {
    double *by_input, *by_hidden; /* [rows]: of the gates, as either product enters them */
    double *after, *cell_after;   /* [units]: derivatives by the state behind the step at hand */
    double *off;                  /* [signals] */
};

static struct workspace workspace_of(const struct learner *learner) {
    const struct network *n = learner->network;
    double *at = learner->layer[n->shape.layers - 1].cell + (size_t)(learner->steps + 1) * n->shape.units;
    struct workspace w;
    w.by_input = take(&at, n->rows);
    w.by_hidden = take(&at, n->rows);
    w.after = take(&at, n->shape.units);
    w.cell_after = take(&at, n->shape.units);
    w.off = take(&at, n->shape.signals);
    return w;
}

/* ---- Products with matrices [from][to] ---- */

static void multiply(double *to, const double *matrix, const double *from, uint32_t rows, uint32_t columns) {
    for (uint32_t j = 0; j < rows; j++)
        for (uint32_t k = 0; k < columns; k++)
            to[k] += from[j] * matrix[(size_t)j * columns + k];
}

/* By the transpose: eight sums side by side. */
static double product(const double *a, const double *b, uint32_t count) {
    double sum[8] = {0}, rest = 0;
    uint32_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (uint32_t k = 0; k < 8; k++)
            sum[k] += a[i + k] * b[i + k];
    for (; i < count; i++)
        rest += a[i] * b[i];
    for (uint32_t k = 0; k < 8; k++)
        rest += sum[k];
    return rest;
}

static void multiply_back(double *to, const double *matrix, const double *from, uint32_t rows, uint32_t columns) {
    for (uint32_t j = 0; j < rows; j++)
        to[j] += product(matrix + (size_t)j * columns, from, columns);
}

static void add_outer(double *matrix, const double *rows, const double *columns, uint32_t count, uint32_t width) {
    for (uint32_t j = 0; j < count; j++)
        for (uint32_t k = 0; k < width; k++)
            matrix[(size_t)j * width + k] += rows[j] * columns[k];
}

static void add(double *to, const double *from, uint32_t count) {
    for (uint32_t k = 0; k < count; k++)
        to[k] += from[k];
}

/* ---- Forwards ---- */

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void step_lstm(double *gates, const double *cell, double *hidden_after, double *cell_after, uint32_t units) {
    for (uint32_t u = 0; u < units; u++) {
        double *i = gates + u, *f = i + units, *g = f + units, *o = g + units;
        *i = sigmoid(*i);
        *f = sigmoid(*f);
        *g = tanh(*g);
        *o = sigmoid(*o);
        cell_after[u] = *f * cell[u] + *i * *g;
        hidden_after[u] = *o * tanh(cell_after[u]);
    }
}

static void step_gru(double *gates, const double *by_hidden, double *sum, const double *hidden, double *hidden_after,
                     uint32_t units) {
    for (uint32_t u = 0; u < units; u++) {
        double *r = gates + u, *z = r + units, *n = z + units;
        *r = sigmoid(*r + by_hidden[u]);
        *z = sigmoid(*z + by_hidden[units + u]);
        sum[u] = by_hidden[2 * units + u];
        *n = tanh(*n + *r * sum[u]);
        hidden_after[u] = (1 - *z) * *n + *z * hidden[u];
    }
}

static void run_layer(struct learner *learner, uint32_t l, const double *inputs, uint32_t steps) {
    const struct network *n = learner->network;
    const struct network_layer *of = &n->layer[l];
    const struct learner_layer *run = &learner->layer[l];
    const struct workspace w = workspace_of(learner);
    const uint32_t units = n->shape.units, rows = n->rows;
    for (uint32_t t = 0; t < steps; t++) {
        double *gates = run->gates + (size_t)t * rows;
        const double *hidden = run->hidden + (size_t)t * units;
        memcpy(gates, of->input_bias, rows * sizeof(double));
        multiply(gates, of->input, inputs + (size_t)t * of->inputs, of->inputs, rows);
        memcpy(w.by_hidden, of->hidden_bias, rows * sizeof(double));
        multiply(w.by_hidden, of->hidden, hidden, units, rows);
        double *hidden_after = run->hidden + (size_t)(t + 1) * units;
        if (n->shape.kind == NETWORK_LSTM) {
            add(gates, w.by_hidden, rows);
            step_lstm(gates, run->cell + (size_t)t * units, hidden_after, run->cell + (size_t)(t + 1) * units, units);
        } else {
            step_gru(gates, w.by_hidden, run->sum + (size_t)t * units, hidden, hidden_after, units);
        }
    }
}

/* The head, both ways: what the forecast is off, and its derivative by what the last layer gives. */
static double run_head(struct learner *learner, const double *frames, uint32_t steps, double weight) {
    const struct network *n = learner->network;
    const struct learner_layer *last = &learner->layer[n->shape.layers - 1];
    const struct workspace w = workspace_of(learner);
    const uint32_t signals = n->shape.signals, units = n->shape.units;
    double squares = 0;
    for (uint32_t t = 0; t < steps; t++) {
        const double *now = frames + (size_t)t * signals, *next = now + signals;
        const double *hidden = last->hidden + (size_t)(t + 1) * units;
        memcpy(w.off, n->head_bias, signals * sizeof(double));
        multiply(w.off, n->head, hidden, units, signals);
        for (uint32_t s = 0; s < signals; s++) {
            w.off[s] -= next[s] - (n->shape.difference ? now[s] : 0);
            squares += w.off[s] * w.off[s];
            w.off[s] *= weight;
        }
        add_outer(learner->gradient.head, hidden, w.off, units, signals);
        add(learner->gradient.head_bias, w.off, signals);
        double *back = last->back + (size_t)t * units;
        memset(back, 0, units * sizeof(double));
        multiply_back(back, n->head, w.off, units, signals);
    }
    return squares;
}

/* ---- Backwards ---- */

/* Derivatives by the sums in front of the gates' functions; w->after becomes that by the hidden state before, as far as
 * it does not go through the gates. */
static void back_lstm(const double *gates, const double *cell, const double *cell_now, struct workspace *w,
                      uint32_t units) {
    for (uint32_t u = 0; u < units; u++) {
        const double i = gates[u], f = gates[units + u], g = gates[2 * units + u], o = gates[3 * units + u];
        const double bent = tanh(cell_now[u]), by = w->after[u];
        const double by_cell = w->cell_after[u] + by * o * (1 - bent * bent);
        w->by_input[u] = by_cell * g * i * (1 - i);
        w->by_input[units + u] = by_cell * cell[u] * f * (1 - f);
        w->by_input[2 * units + u] = by_cell * i * (1 - g * g);
        w->by_input[3 * units + u] = by * bent * o * (1 - o);
        w->cell_after[u] = by_cell * f;
        w->after[u] = 0;
    }
    memcpy(w->by_hidden, w->by_input, 4 * units * sizeof(double));
}

static void back_gru(const double *gates, const double *sum, const double *hidden, struct workspace *w,
                     uint32_t units) {
    for (uint32_t u = 0; u < units; u++) {
        const double r = gates[u], z = gates[units + u], n = gates[2 * units + u], by = w->after[u];
        const double by_new = by * (1 - z) * (1 - n * n);
        w->by_input[u] = w->by_hidden[u] = by_new * sum[u] * r * (1 - r);
        w->by_input[units + u] = w->by_hidden[units + u] = by * (hidden[u] - n) * z * (1 - z);
        w->by_input[2 * units + u] = by_new;
        w->by_hidden[2 * units + u] = by_new * r;
        w->after[u] = by * z;
    }
}

/* Adds the layer's gradient; `below` gets the derivative by its inputs, NULL for the first layer. */
static void back_layer(struct learner *learner, uint32_t l, const double *inputs, uint32_t steps, double *below) {
    const struct network *n = learner->network;
    const struct network_layer *of = &n->layer[l];
    struct network_layer *gradient = &learner->gradient.layer[l];
    const struct learner_layer *run = &learner->layer[l];
    struct workspace w = workspace_of(learner);
    const uint32_t units = n->shape.units, rows = n->rows;
    memset(w.after, 0, units * sizeof(double));
    memset(w.cell_after, 0, units * sizeof(double));
    for (uint32_t t = steps; t-- > 0;) {
        const double *gates = run->gates + (size_t)t * rows, *hidden = run->hidden + (size_t)t * units;
        const double *cell = run->cell + (size_t)t * units, *input = inputs + (size_t)t * of->inputs;
        add(w.after, run->back + (size_t)t * units, units);
        if (n->shape.kind == NETWORK_LSTM)
            back_lstm(gates, cell, cell + units, &w, units);
        else
            back_gru(gates, run->sum + (size_t)t * units, hidden, &w, units);
        add_outer(gradient->input, input, w.by_input, of->inputs, rows);
        add_outer(gradient->hidden, hidden, w.by_hidden, units, rows);
        add(gradient->input_bias, w.by_input, rows);
        add(gradient->hidden_bias, w.by_hidden, rows);
        multiply_back(w.after, of->hidden, w.by_hidden, units, rows);
        if (below) multiply_back(below + (size_t)t * of->inputs, of->input, w.by_input, of->inputs, rows);
    }
}

/* ---- A chunk ---- */

/* Between the state as it is kept and the first (or last) step of each layer. */
static void move_state(struct learner *learner, double *state, uint32_t step, bool out) {
    const struct network_shape *shape = &learner->network->shape;
    const size_t units = shape->units, bytes = units * sizeof(double);
    for (uint32_t l = 0; l < shape->layers; l++) {
        double *hidden = learner->layer[l].hidden + step * units, *cell = learner->layer[l].cell + step * units;
        double *kept = state + l * units, *kept_cell = state + (shape->layers + l) * units;
        memcpy(out ? kept : hidden, out ? hidden : kept, bytes);
        if (shape->kind == NETWORK_LSTM) memcpy(out ? kept_cell : cell, out ? cell : kept_cell, bytes);
    }
}

double learner_chunk(struct learner *learner, const double *frames, uint32_t steps, double *state, double weight) {
    const struct network_shape *shape = &learner->network->shape;
    move_state(learner, state, 0, false);
    for (uint32_t l = 0; l < shape->layers; l++)
        run_layer(learner, l, l ? learner->layer[l - 1].hidden + shape->units : frames, steps);
    const double squares = run_head(learner, frames, steps, weight);
    for (uint32_t l = shape->layers; l-- > 0;) {
        double *below = l ? learner->layer[l - 1].back : NULL;
        if (below) memset(below, 0, (size_t)steps * shape->units * sizeof(double));
        back_layer(learner, l, l ? learner->layer[l - 1].hidden + shape->units : frames, steps, below);
    }
    move_state(learner, state, steps, true);
    return squares;
}

void learner_descend(struct learner *learner, double rate) {
    const size_t count = learner->network->count;
    double *gradient = learner->gradient.parameters, squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += gradient[i] * gradient[i];
    const double length = sqrt(squares), scale = length > longest ? longest / length : 1;
    const double steps = (double)++learner->steps_taken;
    const double first_scale = 1 / (1 - pow(fading_first, steps)), second_scale = 1 / (1 - pow(fading_second, steps));
    for (size_t i = 0; i < count; i++) {
        const double slope = gradient[i] * scale;
        learner->first[i] += (1 - fading_first) * (slope - learner->first[i]);
        learner->second[i] += (1 - fading_second) * (slope * slope - learner->second[i]);
        learner->network->parameters[i] -=
            rate * learner->first[i] * first_scale / (sqrt(learner->second[i] * second_scale) + least_second);
        gradient[i] = 0;
    }
}
