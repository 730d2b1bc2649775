/* hock_schittkowski.h: problems of W. Hock and K. Schittkowski, Test Examples for Nonlinear Programming Codes (Lecture
 * Notes in Economics and Mathematical Systems 187, Springer 1981), by their numbers, with the optima printed there.
 */
#ifndef OPTIMIZE_HOCK_SCHITTKOWSKI_H
#define OPTIMIZE_HOCK_SCHITTKOWSKI_H

enum { HS_VARIABLES_MAX = 10, HS_CONSTRAINTS_MAX = 12 };

struct hs_problem {
    int number, variables, inequalities, equalities;
    double start[HS_VARIABLES_MAX], low[HS_VARIABLES_MAX], high[HS_VARIABLES_MAX];
    double optimum;
    double (*objective)(const double *x);
    void (*constraints)(const double *x, double *c); /* the book's: inequalities >= 0, then equalities; may be NULL */
};

extern const struct hs_problem hs_problems[];
extern const unsigned hs_count;

#endif
