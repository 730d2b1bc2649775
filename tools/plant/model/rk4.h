/* rk4.h: the classical Runge-Kutta step, inlined into the model that uses it. */
#ifndef PLANT_RK4_H
#define PLANT_RK4_H

enum { PLANT_RK4_MAX = 16 };

/* `rates(context, y, dy)` fills dy; y[n] goes one step of h seconds ahead. */
static inline void plant_rk4(void (*rates)(const void *context, const double *y, double *dy), const void *context,
                             double *y, int n, double h) {
    double k[4][PLANT_RK4_MAX], at[PLANT_RK4_MAX];

    rates(context, y, k[0]);
    for (int i = 0; i < n; i++)
        at[i] = y[i] + h / 2 * k[0][i];
    rates(context, at, k[1]);
    for (int i = 0; i < n; i++)
        at[i] = y[i] + h / 2 * k[1][i];
    rates(context, at, k[2]);
    for (int i = 0; i < n; i++)
        at[i] = y[i] + h * k[2][i];
    rates(context, at, k[3]);
    for (int i = 0; i < n; i++)
        y[i] += h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
}

#endif
