#include "forecaster.h"

#include <potline/alloc.h>
#include <string.h>

bool forecaster_make(struct forecaster *forecaster, const struct network *network) {
    *forecaster = (struct forecaster){.shape = network->shape};
    forecaster->weights = pl_alloc(network->count * sizeof(float));
    forecaster->gates = pl_alloc(2 * (size_t)network->rows * sizeof(float));
    if (!forecaster->weights || !forecaster->gates) return false;
    for (size_t i = 0; i < network->count; i++)
        forecaster->weights[i] = (float)network->parameters[i];
    return true;
}

void forecaster_free(struct forecaster *forecaster) {
    pl_free(forecaster->weights);
    pl_free(forecaster->gates);
    *forecaster = (struct forecaster){0};
}

/* ---- The step; compiled twice, so all of it is inlined ---- */

#define INLINE static inline __attribute__((always_inline))

/* e^x by halving the range and a polynomial (Cephes, S. Moshier): within 2 units of the last place. */
INLINE float exponential(float x) {
    static const float nearest = 12582912; /* 1.5 * 2^23: adding it rounds to a whole number */
    x = x > -87 ? x : -87;                 /* what is no number, too: weights may be anything */
    x = x < 88 ? x : 88;
    const float whole = (x * 1.44269504f + nearest) - nearest;
    const float r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const int32_t bits = ((int32_t)whole + 127) * (1 << 23);
    float power;
    memcpy(&power, &bits, sizeof power);
    return (p * r * r + r + 1) * power;
}

INLINE float sigmoid(float x) {
    return 1 / (1 + exponential(-x));
}

INLINE float bend(float x) { /* tanh */
    return 2 / (1 + exponential(-2 * x)) - 1;
}

INLINE void multiply(float *restrict to, const float *restrict matrix, const float *restrict from, uint32_t rows,
                     uint32_t columns) {
    uint32_t j = 0;
    for (; j + 4 <= rows; j += 4) { /* four columns a pass: `to` is loaded and stored a quarter as often */
        const float *a = matrix + (size_t)j * columns, *b = a + columns, *c = b + columns, *d = c + columns;
        const float fa = from[j], fb = from[j + 1], fc = from[j + 2], fd = from[j + 3];
        for (uint32_t k = 0; k < columns; k++)
            to[k] = to[k] + fa * a[k] + fb * b[k] + fc * c[k] + fd * d[k];
    }
    for (; j < rows; j++)
        for (uint32_t k = 0; k < columns; k++)
            to[k] += from[j] * matrix[(size_t)j * columns + k];
}

INLINE void pass_lstm(const float *restrict a, const float *restrict b, float *restrict hidden, float *restrict cell,
                      uint32_t units) {
    for (uint32_t u = 0; u < units; u++) {
        const float i = sigmoid(a[u] + b[u]), f = sigmoid(a[units + u] + b[units + u]);
        const float g = bend(a[2 * units + u] + b[2 * units + u]), o = sigmoid(a[3 * units + u] + b[3 * units + u]);
        cell[u] = f * cell[u] + i * g;
        hidden[u] = o * bend(cell[u]);
    }
}

INLINE void pass_gru(const float *restrict a, const float *restrict b, float *restrict hidden, uint32_t units) {
    for (uint32_t u = 0; u < units; u++) {
        const float r = sigmoid(a[u] + b[u]), z = sigmoid(a[units + u] + b[units + u]);
        const float n = bend(a[2 * units + u] + r * b[2 * units + u]);
        hidden[u] = (1 - z) * n + z * hidden[u];
    }
}

INLINE void step(struct forecaster *f, float *state, const float *frame, float *next) {
    const struct network_shape shape = f->shape;
    const uint32_t units = shape.units, rows = (shape.kind == NETWORK_LSTM ? 4 : 3) * units;
    const float *at = f->weights, *input = frame;
    float *by_input = f->gates, *by_hidden = f->gates + rows;
    for (uint32_t l = 0; l < shape.layers; l++) {
        const uint32_t inputs = l ? units : shape.signals;
        const float *matrix = at, *hidden_matrix = matrix + (size_t)inputs * rows;
        const float *bias = hidden_matrix + (size_t)units * rows, *hidden_bias = bias + rows;
        float *hidden = state + (size_t)l * units, *cell = state + (size_t)(shape.layers + l) * units;
        memcpy(by_input, bias, rows * sizeof(float));
        multiply(by_input, matrix, input, inputs, rows);
        memcpy(by_hidden, hidden_bias, rows * sizeof(float));
        multiply(by_hidden, hidden_matrix, hidden, units, rows);
        if (shape.kind == NETWORK_LSTM)
            pass_lstm(by_input, by_hidden, hidden, cell, units);
        else
            pass_gru(by_input, by_hidden, hidden, units);
        at = hidden_bias + rows;
        input = hidden;
    }
    memcpy(next, at + (size_t)units * shape.signals, shape.signals * sizeof(float));
    multiply(next, at, input, units, shape.signals);
    for (uint32_t s = 0; shape.difference && s < shape.signals; s++)
        next[s] += frame[s];
}

static void step_plain(struct forecaster *f, float *state, const float *frame, float *next) {
    step(f, state, frame, next);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void step_avx2(struct forecaster *f, float *state, const float *frame,
                                                      float *next) {
    step(f, state, frame, next);
}
#endif

void forecaster_step(struct forecaster *forecaster, float *state, const float *frame, float *next) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        step_avx2(forecaster, state, frame, next);
        return;
    }
#endif
    step_plain(forecaster, state, frame, next);
}
