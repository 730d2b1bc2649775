/* What a frame costs a recurrent network (operators/detect/forecaster.h): CPU time of one step, medians of seven
 * passes.
 *
 *     forecaster_bench             a line for each shape: kind, signals, units, layers, us a frame
 *
 * tests/bench/forecaster holds it against NumPy's time for the same equations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "forecaster.h"

enum { PASSES = 7 };

static const struct network_shape shapes[] = {
    {NETWORK_LSTM, 8, 32, 1, false},   {NETWORK_GRU, 8, 32, 1, false},   {NETWORK_LSTM, 30, 64, 1, false},
    {NETWORK_LSTM, 300, 64, 1, false}, {NETWORK_GRU, 300, 64, 1, false}, {NETWORK_LSTM, 300, 128, 2, false},
};

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(struct forecaster *forecaster, unsigned frames) {
    static float state[2048], frame[NETWORK_SIGNALS_MAX], next[NETWORK_SIGNALS_MAX];
    double pass[PASSES];
    for (unsigned p = 0; p < PASSES; p++) {
        const double begin = cpu_seconds();
        for (unsigned i = 0; i < frames; i++) {
            frame[i % forecaster->shape.signals] = (float)(i % 17) * 0.1f - 0.8f;
            forecaster_step(forecaster, state, frame, next);
        }
        pass[p] = (cpu_seconds() - begin) / frames;
    }
    qsort(pass, PASSES, sizeof *pass, by_size);
    return pass[PASSES / 2];
}

int main(void) {
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        struct network network;
        struct forecaster forecaster;
        if (!network_make(&network, &shapes[k])) return 1;
        network_seed(&network, 1);
        if (!forecaster_make(&forecaster, &network)) return 1;
        printf("%s %u %u %u %.2f\n", shapes[k].kind == NETWORK_LSTM ? "lstm" : "gru", shapes[k].signals,
               shapes[k].units, shapes[k].layers,
               measure(&forecaster, 1000000 / shapes[k].units / shapes[k].layers / 4) * 1e6);
        forecaster_free(&forecaster);
        network_free(&network);
    }
    return 0;
}
