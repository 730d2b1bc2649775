/* testing.h: what the plant's tests share. */
#ifndef PLANT_TESTING_H
#define PLANT_TESTING_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLOSE(found, expected, tolerance) plant_close(found, expected, tolerance, #found, __FILE__, __LINE__)
#define BETWEEN(found, low, high) plant_between(found, low, high, #found, __FILE__, __LINE__)

static inline void plant_close(double found, double expected, double tolerance, const char *what, const char *file,
                               int line) {
    if (fabs(found - expected) <= tolerance) return;
    print_error("%s: %.15g, expected %.15g within %g\n", what, found, expected, tolerance);
    _fail(file, line);
}

static inline void plant_between(double found, double low, double high, const char *what, const char *file, int line) {
    if (found >= low && found <= high) return;
    print_error("%s: %.9g, expected %g to %g\n", what, found, low, high);
    _fail(file, line);
}

#endif
